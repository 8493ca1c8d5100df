import { join } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { formatProblem } from '#core/yaml-source.ts'
import { applyImport, type PackDiff, planImport } from '#security/sigma/pack-import.ts'
import { readPlaceholders } from '#security/sigma/placeholders.ts'
import { loadConfig } from '../config.ts'
import type { CommandInput } from './command.ts'

/** Where the server looks for it, below the data directory. */
export const packBase = 'sigma'

/** Says what would change; changes it with --apply. Exit code 1 when a rule is refused; the others are taken. */
export async function importPack(source: string, { options, json }: CommandInput): Promise<number> {
  const { config } = loadConfig(process.env, typeof options['config'] === 'string' ? options['config'] : undefined)
  const base = join(config.data, packBase)
  const { placeholders } = config.security.sigma
  const plan = await planImport(base, source, readPlaceholders(placeholders === '' ? undefined : placeholders))
  const apply = options['apply'] === true
  if (apply) await applyImport(base, source, plan, systemClock.nowMs())
  if (json) console.log(JSON.stringify({ applied: apply, rules: plan.rules, ...plan.diff }))
  else console.log(describe(plan.diff, plan.rules, apply))
  return plan.diff.problems.length > 0 ? 1 : 0
}

function describe(diff: PackDiff, rules: number, applied: boolean): string {
  const lines = diff.problems.map((problem) => `refused  ${formatProblem(problem)}`)
  for (const kind of ['new', 'changed', 'gone'] as const)
    for (const { title, author, file } of diff[kind]) lines.push(`${kind.padEnd(8)} ${title} (${author}) ${file}`)
  for (const { title, file } of diff.kept) lines.push(`kept     ${title} as it was imported before ${file}`)
  const counts = `${diff.new.length} new, ${diff.changed.length} changed, ${diff.gone.length} gone, ${diff.unchanged} unchanged, ${diff.problems.length} problems`
  lines.push(`${counts}; ${rules} rules`)
  lines.push(
    applied
      ? 'Imported under the Detection Rule License 1.1; a running server takes them over by itself. Rules that were switched off stay off, filters stay.'
      : 'Nothing was changed. Import with --apply.',
  )
  return lines.join('\n')
}
