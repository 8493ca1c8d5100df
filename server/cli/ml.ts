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
import { evalVolume } from './ml-volume.ts'

const models = ['web-request', 'generated-name', 'behaviour', 'volume', 'sequence', 'flow']
const shipped = (name: string): string => new URL(`../../security/learn/models/${name}.json`, import.meta.url).pathname
const bytesMax = 64 * 1024 * 1024

export const ml: Command = {
  usage:
    'guanlan ml list|train|eval [web-request|generated-name|behaviour|volume|sequence|flow] [--data DIR] [--out FILE] [--model FILE] [--seed N] [--json]',
  describe: 'Trains a learning detector on one source and measures it on another (docs/models says what DIR holds)',
  options: ['data', 'out', 'model', 'seed'],
  async run({ positionals: [verb = '', name], options, json }) {
    if (!['list', 'train', 'eval'].includes(verb) || (name !== undefined && !models.includes(name))) return misuse(this)
    if (verb === 'train') return train(name ?? 'web-request', options, json) ?? misuse(this)
    const chosen = name === undefined ? models : [name]
    let status = 0
    for (const one of chosen) {
      if (verb === 'list') list(one, options, json)
      else if (evals[one]) status = Math.max(status, evalUnsupervised(one, options['data'], json))
      else evalClassifier(one, options, json)
    }
    return status
  },
}

type Options = Parameters<Command['run']>[0]['options']

const text = (options: Options, name: string, otherwise: string): string => {
  const value = options[name]
  return typeof value === 'string' ? value : otherwise
}
const dataOf = (name: string): string => `../shared/data/attacks/${name === 'web-request' ? 'http' : 'dga'}`
const readModel = (name: string, options: Options): ModelFile =>
  ModelFile.parse(JSON.parse(readBounded(text(options, 'model', shipped(name)))))

/** @returns undefined for what cannot be trained beforehand, or a seed that is no number */
function train(name: string, options: Options, json: boolean): number | undefined {
  const seed = Number(options['seed'] ?? 1)
  if (evals[name] || !Number.isSafeInteger(seed)) return undefined
  const model =
    name === 'web-request' ? trainFromPayloads(text(options, 'data', dataOf(name)), seed) : trainGeneratedName(seed)
  const out = text(options, 'out', shipped(name))
  mkdirSync(dirname(out), { recursive: true })
  writeFileSync(out, `${JSON.stringify(model, null, 2)}\n`)
  console.log(json ? JSON.stringify({ out, threshold: model.threshold }) : `${out}: threshold ${model.threshold}`)
  return 0
}

function list(name: string, options: Options, json: boolean): void {
  if (evals[name]) {
    console.log(json ? JSON.stringify({ name, trainedOn: 'the site itself' }) : `${name}  learns from the site itself`)
    return
  }
  const { weights: _, ...card } = readModel(name, options)
  console.log(json ? JSON.stringify(card) : `${card.name}  threshold ${card.threshold}  ${card.trainedOn}`)
}

function evalClassifier(name: string, options: Options, json: boolean): void {
  const model = readModel(name, options)
  const data = text(options, 'data', dataOf(name))
  const groups = measureGroups(
    name === 'web-request' ? scoreRequests(model, join(data, 'crs')) : scoreNames(model, data),
    model.threshold,
  )
  if (json) {
    console.log(JSON.stringify({ name, threshold: model.threshold, groups }))
    return
  }
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

/** What learns from a site alone: no file of weights, nothing to train beforehand. */
const evals: Record<string, { folder: string; rows: (folder: string) => EvalRow[] }> = {
  behaviour: { folder: '../shared/data/attacks/alerts', rows: evalBehaviour },
  flow: { folder: '../shared/data/attacks/flows', rows: evalFlow },
  volume: { folder: '../shared/data/anomaly/nab', rows: evalVolume },
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
  else {
    console.log(`${name}: learns from the site itself; nothing of it is shipped`)
    printEval(found)
  }
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
