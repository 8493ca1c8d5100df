// Runs the samples of every parser file through the real normaliser: for `guanlan check`, and for the tests.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ManualClock } from '#core/clock.ts'
import { seededRandom } from '#core/random.ts'
import { readYaml, type SourceProblem } from '#core/yaml-source.ts'
import { Inventory } from '../enrich/inventory.ts'
import { createIds } from '../normalise/event-id.ts'
import { createNormalise } from '../normalise/normalise.ts'
import { parserSchema } from './contract.ts'
import { ParserSet, parserFiles } from './parser-set.ts'

export interface ParserCheck {
  files: number
  samples: number
  problems: SourceProblem[]
}

/** Samples are read as if they had arrived then. */
export const sampleNowMs = Date.UTC(2026, 10, 24, 8)

export function checkParsers(directory: string): ParserCheck {
  const set = new ParserSet(directory)
  const problems = [...set.reload()]
  const clock = new ManualClock(sampleNowMs)
  const normalise = createNormalise({
    clock,
    parsers: set,
    inventory: new Inventory(),
    nextId: createIds(seededRandom(1)),
    timestampLimits: { pastMsMax: 3650 * 86_400_000, futureMsMax: 86_400_000 },
    adjusted: () => {},
  })
  let samples = 0
  const files = parserFiles(directory)
  for (const name of files) {
    const file = join(directory, name)
    const source = readYaml(file, readFileSync(file, 'utf8'), parserSchema)
    source.value?.samples.forEach((sample, i) => {
      samples++
      const raw = {
        ...(sample.line !== '' && { original: sample.line }),
        fields: sample.fields,
        ...(sample.dataset && { dataset: sample.dataset }),
      }
      const { event } = normalise(raw, { receiver: 'check', source: name }, sampleNowMs)
      const expected = { 'event.dataset': source.value!.dataset, ...sample.expect }
      for (const [field, value] of Object.entries(expected)) {
        const got = field === '@timestamp' ? new Date(event['@timestamp']).toISOString() : (event[field] ?? null)
        if (JSON.stringify(got) === JSON.stringify(value)) continue
        const path = ['samples', i, ...(field in sample.expect ? ['expect', field] : [])]
        const cause = `sample ${i + 1}: ${field} is ${JSON.stringify(got)}, expected ${JSON.stringify(value)}`
        problems.push({ file, line: source.lineOf(path), cause, hint: '' })
      }
    })
  }
  return { files: files.length, samples, problems }
}
