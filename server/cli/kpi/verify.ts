// Checks a bundle, offline: no server, no data directory, nothing but the files that are named.
import { resolve } from 'node:path'
import { CodedError } from '#core/errors.ts'
import { type BundleReport, verifyBundle } from '#kpi/bundle/verify.ts'
import { type CommandInput, print } from '../command.ts'
import { readFile } from './files.ts'

export async function verify({ positionals, lists, json }: CommandInput): Promise<number> {
  const [directory] = positionals
  if (directory === undefined) throw new CodedError('command.invalid', { cause: 'name the directory of the bundle' })
  const keys = lists['key'] ?? []
  const report = verifyBundle(resolve(directory), {
    ...(keys.length > 0 ? { keys: keys.map((path) => readFile(path, '--key')).join('\n') } : {}),
    checkpoints: (lists['checkpoint'] ?? []).map((path) => readFile(path, '--checkpoint')),
  })
  const { fault, records, size, cosigned, figure, grade } = report
  if (fault) {
    print(
      json,
      report,
      `WRONG ${fault.where}${fault.id === '' ? '' : ` (${fault.id})`}${fault.leaf === undefined ? '' : `, leaf ${fault.leaf} of the ledger`}: ${fault.cause}`,
    )
    return 1
  }
  const { ratio, numerator, denominator } = figure as Record<string, unknown>
  const shown = ratio === null ? 'no figure' : `${numerator} / ${denominator}`
  const trusted =
    keys.length > 0 ? '' : '\nThe keys are the bundle’s own: compare them with keys you got elsewhere (--key).'
  const seen = cosigned.length > 0 ? `, seen by ${cosigned.map(({ name }) => name).join(', ')}` : ''
  print(
    json,
    report,
    `OK ${records} records in a ledger of ${size} leaves${seen}; the figure follows: ${shown}${gradeText(grade)}${trusted}`,
  )
  return 0
}

/** The grade is signed as it was exported; it stands on cases of other figures too, which a bundle does not hold. */
function gradeText(grade: BundleReport['grade']): string {
  if (grade === undefined) return ''
  if (grade === null) return '\nEvidence grade: none was given'
  const { run, cells } = grade
  const because = grade.because.map(({ condition, needed, is }) => `${condition} ${needed}, is ${is.toFixed(3)}`)
  const better = because.length > 0 ? `; for a better one: ${because.join(', ')}` : ''
  const departments = cells.map(({ department, grade: own }) => `${department} ${own}`).join(', ')
  const at = new Date(run.endedMs).toISOString()
  return [
    `\nEvidence grade ${grade.grade} as exported, by the checks of ${at} over ${run.period} (rules ${run.gradeRulesVersion}, ${run.traceRulesVersion})${better}`,
    ...(departments === '' ? [] : [`  by department: ${departments}`]),
  ].join('\n')
}
