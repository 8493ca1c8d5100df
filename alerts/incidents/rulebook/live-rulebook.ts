// The rulebook while it is edited: read again shortly after a file changed. What is wrong is named, and what was in force
// stays. Who holds the rulebook sees the new one at the next question; one answer never mixes two.
import { watchDirectory } from '#core/watch-directory.ts'
import type { SourceProblem } from '#core/yaml-source.ts'
import { problemOf, type Rulebook, readRulebook } from './rulebook.ts'

export interface LiveRulebook {
  readonly current: Rulebook
  /** Of the last reading; empty when it is in force. */
  readonly problems: readonly SourceProblem[]
  reload(): readonly SourceProblem[]
  watch(changed: (problems: readonly SourceProblem[]) => void): void
  close(): void
}

/**
 * @param check throws when a rulebook cannot serve here
 * @throws CodedError `rule.invalid` naming file and line, when there is none to begin with
 */
export function openRulebook(
  directories: { incidents: string; playbooks: string },
  check: (rulebook: Rulebook) => void,
): LiveRulebook {
  const read = (): Rulebook => {
    const rulebook = readRulebook(directories)
    check(rulebook)
    return rulebook
  }
  let current = read()
  let problems: readonly SourceProblem[] = []
  let unwatch: (() => void)[] = []
  const reload = (): readonly SourceProblem[] => {
    try {
      current = read()
      problems = []
    } catch (error) {
      problems = [problemOf(error, directories.incidents)]
    }
    return problems
  }
  return {
    get current() {
      return current
    },
    get problems() {
      return problems
    },
    reload,
    watch: (changed) => {
      unwatch = [directories.incidents, directories.playbooks].map((path) =>
        watchDirectory(path, () => changed(reload())),
      )
    },
    close: () => {
      for (const end of unwatch.splice(0)) end()
    },
  }
}
