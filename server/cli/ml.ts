import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parse as parseCsv } from 'csv-parse/sync'
import { parse as parseYaml } from 'yaml'
import { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import { openGeneratedName, trainGeneratedName } from '#security/learn/generated-name.ts'
import { ModelFile } from '#security/learn/linear.ts'
import { measureScores, recallAt, type Scored } from '#security/learn/measure.ts'
import { requestValues } from '#security/learn/request-values.ts'
import { openWebRequest, trainWebRequest } from '#security/learn/web-request.ts'
import { type Command, misuse } from './command.ts'
import { type EvalRow, evalBehaviour, evalSequence, printEval } from './ml-behaviour.ts'
import { evalFlow } from './ml-flow.ts'

const models = ['web-request', 'generated-name', 'behaviour', 'sequence', 'flow']
const shipped = (name: string): string => new URL(`../../security/learn/models/${name}.json`, import.meta.url).pathname
const bytesMax = 64 * 1024 * 1024

export const ml: Command = {
  usage:
    'guanlan ml list|train|eval [web-request|generated-name|behaviour|sequence|flow] [--data DIR] [--out FILE] [--model FILE] [--seed N] [--json]',
  describe: 'Trains a learning detector on one source and measures it on another (docs/models says what DIR holds)',
  options: ['data', 'out', 'model', 'seed'],
  async run({ positionals: [verb = '', name = 'web-request'], options, json }) {
    if (!['list', 'train', 'eval'].includes(verb) || !models.includes(name)) return misuse(this)
    if (evals[name]) return verb === 'eval' ? evalUnsupervised(name, options['data'], json) : misuse(this)
    const data =
      typeof options['data'] === 'string'
        ? options['data']
        : `../shared/data/attacks/${name === 'web-request' ? 'http' : 'dga'}`
    const file = typeof options['model'] === 'string' ? options['model'] : shipped(name)
    if (verb === 'train') {
      const seed = Number(options['seed'] ?? 1)
      if (!Number.isSafeInteger(seed)) return misuse(this)
      const model = name === 'web-request' ? trainFromPayloads(data, seed) : trainGeneratedName(seed)
      const out = typeof options['out'] === 'string' ? options['out'] : shipped(name)
      mkdirSync(dirname(out), { recursive: true })
      writeFileSync(out, `${JSON.stringify(model, null, 2)}\n`)
      console.log(json ? JSON.stringify({ out, threshold: model.threshold }) : `${out}: threshold ${model.threshold}`)
      return 0
    }
    const model = ModelFile.parse(JSON.parse(readBounded(file)))
    if (verb === 'list') {
      const { weights: _, ...card } = model
      console.log(json ? JSON.stringify(card) : `${card.name}  threshold ${card.threshold}  ${card.trainedOn}`)
      return 0
    }
    const groups = measureGroups(
      name === 'web-request' ? scoreRequests(model, join(data, 'crs')) : scoreNames(model, data),
      model.threshold,
    )
    if (json) console.log(JSON.stringify({ name, threshold: model.threshold, groups }))
    else {
      console.log(
        `${name}: trained on ${model.trainedOn}; tested on another source; threshold ${model.threshold.toFixed(4)}`,
      )
      for (const [group, { all, recallAtOnePercent }] of Object.entries(groups)) {
        const constant = all.attacks / Math.max(1, all.attacks + all.benign)
        console.log(
          `${group.padEnd(44)} attacks ${all.attacks} benign ${all.benign}  accuracy ${three(all.accuracy)} recall ${three(all.recall)} FPR ${three(all.falsePositiveRate)} AUC ${three(all.auc)}  recall at FPR <= 1 % ${three(recallAtOnePercent)}  (always "attack": accuracy ${three(constant)}, AUC 0.500)`,
        )
      }
    }
    return 0
  },
}

/** What learns from a site alone: no file of weights, nothing to train beforehand. */
const evals: Record<string, { folder: string; rows: (folder: string) => EvalRow[] }> = {
  behaviour: { folder: '../shared/data/attacks/alerts', rows: evalBehaviour },
  flow: { folder: '../shared/data/attacks/flows', rows: evalFlow },
  sequence: { folder: '../shared/data/logs/sequences', rows: evalSequence },
}

function evalUnsupervised(name: string, data: unknown, json: boolean): number {
  const { folder, rows } = evals[name]!
  const found = rows(typeof data === 'string' ? data : folder)
  if (json)
    console.log(
      JSON.stringify(
        found.map(({ rows: scored, ...row }) => ({ ...row, ...measureScores(scored, row.threshold ?? 0) })),
      ),
    )
  else printEval(found)
  return found.length > 0 ? 0 : 1
}

function trainFromPayloads(data: string, seed: number): ModelFile {
  const rows = z
    .array(z.object({ payload: z.string(), attack_type: z.string() }))
    .parse(parseCsv(readBounded(join(data, 'payload_train.csv')), { columns: true }))
  return trainWebRequest(
    rows.map(({ payload, attack_type: kind }) => ({ value: payload, kind })),
    seed,
    `HttpParamsDataset payload_train.csv, ${rows.length} values, and half as many synthetic harmless ones`,
    'Trained on HttpParamsDataset, Copyright (c) 2016 Morzeux, MIT License',
  )
}

const RuleTests = z.object({
  tests: z.array(
    z.object({
      stages: z.array(
        z.object({
          input: z.object({
            uri: z.string().optional(),
            data: z.unknown().optional(),
            headers: z.record(z.string(), z.unknown()).optional(),
          }),
          output: z.object({
            log: z
              .object({ expect_ids: z.array(z.number()).optional(), no_expect_ids: z.array(z.number()).optional() })
              .optional(),
          }),
        }),
      ),
    }),
  ),
})

type Groups = Record<string, Scored[]>

function scoreRequests(model: ModelFile, folder: string): Groups {
  const score = openWebRequest(model)
  const groups: Record<string, Scored[]> = {}
  for (const group of readdirSync(folder).filter((name) => statSync(join(folder, name)).isDirectory())) {
    const rows: Scored[] = []
    for (const name of readdirSync(join(folder, group)).filter((one) => one.endsWith('.yaml')))
      for (const { stages } of RuleTests.parse(parseYaml(readBounded(join(folder, group, name)))).tests)
        for (const { input, output } of stages) {
          const isAttack = (output.log?.expect_ids?.length ?? 0) > 0
          if (!isAttack && !output.log?.no_expect_ids?.length) continue
          const headers = Object.fromEntries(
            Object.entries(input.headers ?? {}).map(([key, value]) => [key, String(value)]),
          )
          const body = typeof input.data === 'string' ? input.data : ''
          rows.push({ isAttack, score: score(requestValues({ uri: input.uri ?? '', body, headers })) })
        }
    groups[group] = rows
  }
  groups['all'] = Object.values(groups).flat()
  return groups
}

/** Each family of generated names against all harmless ones; columns class, family, name without a heading. */
function scoreNames(model: ModelFile, folder: string): Groups {
  const score = openGeneratedName(model)
  const rows = z
    .array(z.tuple([z.string(), z.string(), z.string()]))
    .parse(parseCsv(readBounded(join(folder, 'dga_domains_sample.csv'))))
    .map(([kind, family, domain]) => ({ isAttack: kind === 'dga', family, score: score(domain) }))
  const families = [...new Set(rows.filter(({ isAttack }) => isAttack).map(({ family }) => family))].sort()
  const groups = families.map((name) => [name, rows.filter((row) => !row.isAttack || row.family === name)] as const)
  return { ...Object.fromEntries(groups), all: rows }
}

function measureGroups(groups: Groups, threshold: number) {
  return Object.fromEntries(
    Object.entries(groups).map(([group, rows]) => [
      group,
      { all: measureScores(rows, threshold), recallAtOnePercent: recallAt(rows, 0.01) },
    ]),
  )
}

function readBounded(file: string): string {
  if (statSync(file).size > bytesMax) throw new CodedError('body.too-large', { limit: bytesMax })
  return readFileSync(file, 'utf8')
}

const three = (value: number): string => value.toFixed(3)
