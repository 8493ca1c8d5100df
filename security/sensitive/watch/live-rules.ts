// The rules while they are edited: read again shortly after the file changed. What is wrong is named, and what was in
// force stays.
import { join } from 'node:path'
import { CodedError } from '#core/errors.ts'
import { watchDirectory } from '#core/watch-directory.ts'
import type { SourceProblem } from '#core/yaml-source.ts'
import { parseWatchRules, readWatchRules, type WatchRules } from './rules.ts'

export interface LiveWatchRules {
  readonly current: WatchRules
  reload(): SourceProblem[]
  watch(changed: (problems: readonly SourceProblem[]) => void): void
  close(): void
}

/** @throws CodedError `rule.invalid` naming file and line, when there is none to begin with */
export function openWatchRules(directory: string, kinds: readonly string[]): LiveWatchRules {
  const file = join(directory, 'watch.yml')
  let current = readWatchRules(file, kinds)
  let unwatch = (): void => {}
  const reload = (): SourceProblem[] => {
    try {
      const { value, problems } = parseWatchRules(file, kinds)
      if (value) current = value
      return problems
    } catch (error) {
      // Being written anew, or gone.
      const cause = error instanceof CodedError ? error.message : String(error)
      return [{ file, line: 0, cause, hint: '' }]
    }
  }
  return {
    get current() {
      return current
    },
    reload,
    watch: (changed) => {
      unwatch = watchDirectory(directory, () => changed(reload()))
    },
    close: () => unwatch(),
  }
}
