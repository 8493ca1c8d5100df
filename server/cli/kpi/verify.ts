// Checks a bundle, offline: no server, no data directory, nothing but the files that are named.
import { resolve } from 'node:path'
import { CodedError } from '#core/errors.ts'
import { verifyBundle } from '#kpi/bundle/verify.ts'
import { type CommandInput, print } from '../command.ts'
import { readFile } from './files.ts'

export async function verify({ positionals, lists, json }: CommandInput): Promise<number> {
  const [directory] = positionals
  if (directory === undefined) throw new CodedError('body.invalid', { cause: 'name the directory of the bundle' })
  const keys = lists['key'] ?? []
  const report = verifyBundle(resolve(directory), {
    ...(keys.length > 0 ? { keys: keys.map((path) => readFile(path, '--key')).join('\n') } : {}),
    checkpoints: (lists['checkpoint'] ?? []).map((path) => readFile(path, '--checkpoint')),
  })
  const { fault, records, size, cosigned, figure } = report
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
    `OK ${records} records in a ledger of ${size} leaves${seen}; the figure follows: ${shown}${trusted}`,
  )
  return 0
}
