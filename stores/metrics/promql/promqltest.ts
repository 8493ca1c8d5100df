// Runs Prometheus's PromQL test scripts (promql/promqltest): load, clear, eval instant, eval range. Each instant eval is
// also run as a range query, and with every selector pinned by `@`, as Prometheus does.
import { CodedError } from '#core/errors.ts'
import { type Call, children, type Expr } from './ast.ts'
import { Engine, type EngineConfig, engineDefaults, type StepSeries } from './engine.ts'
import { labelsKey, labelsText } from './eval/labels.ts'
import { parse } from './parse.ts'
import { printExpr } from './print.ts'
import { type Command, commandsOf } from './script/commands.ts'
import { compareAnnotations, compareInstant, compareRange, differs, sampleAt } from './script/compare.ts'
import { type Expectation, expectations, timeMs } from './script/expectation.ts'
import { readAt, ScriptError } from './script/script-error.ts'
import { ScriptStore } from './script/script-store.ts'
import { parseSeries } from './script/series-notation.ts'

export interface ScriptResult {
  passed: number
  /** Evals that could not be tried. None is left out without being counted here. */
  skipped: { line: number; query: string; why: string }[]
  failures: { line: number; query: string; why: string }[]
  /** Evals run a second time as a range query, and with `@`; the rest depends on the time or the range it is run at. */
  rangeChecks: number
  pinnedChecks: number
}

export interface ScriptOptions {
  /** Run instant evals as range queries and pinned by `@` too. Default true. */
  rangeCheck?: boolean
}

const scriptEngine: EngineConfig = {
  ...engineDefaults,
  ...{ experimental: true, unquotedNames: true, delayedNameRemoval: true },
}

export async function runScript(text: string, options: ScriptOptions = {}): Promise<ScriptResult> {
  const result: ScriptResult = { passed: 0, skipped: [], failures: [], rangeChecks: 0, pinnedChecks: 0 }
  let store = new ScriptStore()
  for (const command of commandsOf(text)) {
    const fail = (why: string, line = command.line) => result.failures.push({ line, query: command.text, why })
    if (command.kind === 'clear') store = new ScriptStore()
    else if (command.kind === 'load') {
      try {
        load(command, store)
      } catch (error) {
        fail(`not loaded: ${(error as Error).message}`, lineOf(error))
      }
    } else if (command.kind === 'eval') {
      try {
        const why = await evaluate(command, store, options.rangeCheck ?? true, result)
        if (why === undefined) result.passed++
        else fail(why)
      } catch (error) {
        fail(
          error instanceof CodedError || error instanceof ScriptError ? error.message : stackOf(error),
          lineOf(error),
        )
      }
    } else fail('no command: a line is `load`, `clear`, `eval`, or stands right under one of them')
  }
  return result
}

function load({ text, body }: Command, store: ScriptStore): void {
  const [, custom, interval] = /^load(_with_nhcb)?\s+(\S+)$/.exec(text) ?? []
  if (interval === undefined) throw new Error('a load line is `load INTERVAL` or `load_with_nhcb INTERVAL`')
  const intervalMs = timeMs(interval)
  if (intervalMs <= 0) throw new Error(`the interval must be more than 0, not ${interval}`)
  store.load(
    body.map((one) => readAt(one, parseSeries)),
    intervalMs,
    custom !== undefined,
  )
}

const stackOf = (error: unknown): string => (error as Error).stack ?? String(error)
const lineOf = (error: unknown): number | undefined => (error instanceof ScriptError ? error.line : undefined)

async function evaluate(
  command: Command,
  store: ScriptStore,
  rangeCheck: boolean,
  counts: ScriptResult,
): Promise<string | undefined> {
  const match =
    /^eval(?:_(?<mode>fail|warn|info|ordered))?\s+(?:instant\s+(?:at\s+(?<at>\S+)\s+)?|range\s+from\s+(?<from>\S+)\s+to\s+(?<to>\S+)\s+step\s+(?<step>\S+)\s+)(?<query>.+)$/.exec(
      command.text,
    )
  if (!match?.groups)
    return 'an eval line is `eval instant at TIME QUERY` or `eval range from TIME to TIME step DURATION QUERY`'
  const { mode, at, from, to, step, query } = match.groups as Record<string, string | undefined>
  const wanted = readAt(command, () => expectations(command.body, mode))
  const time = (text: string): number => readAt({ line: command.line, text }, timeMs)
  const engine = new Engine(store, scriptEngine)
  if (from !== undefined) {
    if (wanted.ordered) return 'the result of a range query has no order to expect'
    const range = { startMs: time(from), endMs: time(to!), stepMs: time(step!) }
    if (range.endMs < range.startMs) return `the end (${to}) is before the start (${from})`
    return attempt(wanted, async () => {
      const result = await engine.range(query!, range)
      return () => compareAnnotations(result, wanted) ?? compareRange(result, wanted)
    })
  }
  const atMs = at === undefined ? 0 : time(at)
  const instant = (text: string, ms: number) =>
    attempt(wanted, async () => {
      const result = await engine.instant(text, ms)
      return () => compareAnnotations(result, wanted) ?? compareInstant(result, wanted)
    })
  const why = await instant(query!, atMs)
  if (why !== undefined || !rangeCheck) return why
  const expr = parsed(query!)
  if (!expr) return undefined
  if (!dependsOnTime(expr)) {
    const pinned = printExpr(pin(expr, atMs))
    counts.pinnedChecks++
    for (const ms of atMs === 0 ? [-1000, 0, 1000] : [-10 * atMs, 0, Math.trunc(atMs / 5), atMs, 10 * atMs]) {
      const different = await instant(pinned, ms)
      if (different !== undefined) return `as ${pinned} at ${ms} ms: ${different}`
    }
  }
  if (wanted.fail || wanted.ordered || dependsOnRange(expr)) return undefined
  return asRange(engine, query!, atMs, wanted, counts)
}

/** Runs it, and judges a failure by what is expected. */
async function attempt(wanted: Expectation, run: () => Promise<() => string | undefined>): Promise<string | undefined> {
  let judge: () => string | undefined
  try {
    judge = await run()
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    if (!wanted.fail) return `failed: ${error.message}`
    const cause = String(error.values['cause'] ?? error.message)
    const missed = wanted.fail.find((test) => !test.holds(cause))
    return missed && `expected to fail with ${missed.wanted}, but: ${cause}`
  }
  return wanted.fail ? 'expected to fail' : judge()
}

/** A range query around the time must have the same values in its middle. */
async function asRange(
  engine: Engine,
  query: string,
  atMs: number,
  wanted: Expectation,
  counts: ScriptResult,
): Promise<string | undefined> {
  let series: StepSeries[]
  try {
    const result = await engine.range(query, { startMs: atMs - 60_000, endMs: atMs + 60_000, stepMs: 60_000 })
    if (result.type !== 'matrix') return `as a range query: got a ${result.type}`
    series = result.series
  } catch (error) {
    // Range vectors and strings have no range query.
    if (error instanceof CodedError && String(error.values['cause']).startsWith('invalid expression type'))
      return undefined
    throw error
  }
  counts.rangeChecks++
  if (wanted.scalar !== undefined) {
    const why = differs(series[0] && sampleAt(series[0], 1), wanted.scalar, false)
    return why && `as a range query: ${why}`
  }
  const found = new Map(series.filter((one) => one.present[1] !== 0).map((one) => [labelsKey(one.labels), one]))
  for (const { labels, points } of wanted.series) {
    const one = found.get(labelsKey(labels))
    if (!one) return `as a range query: missing ${labelsText(labels)}`
    const why = differs(sampleAt(one, 1), points[0], false)
    if (why) return `as a range query: ${labelsText(labels)}: ${why}`
    found.delete(labelsKey(labels))
  }
  const [extra] = found.values()
  return extra && `as a range query: unexpected ${labelsText(extra.labels)}`
}

function parsed(query: string): Expr | undefined {
  try {
    return parse(query, scriptEngine)
  } catch (error) {
    if (error instanceof CodedError) return undefined
    throw error
  }
}

const ofTime = new Set(
  'days_in_month day_of_month day_of_week day_of_year hour minute month year predict_linear time timestamp start end step range'.split(
    ' ',
  ),
)
const ofRange = new Set(['start', 'end', 'step', 'range'])

const calls = (expr: Expr): Call[] => [...(expr.kind === 'call' ? [expr] : []), ...children(expr).flatMap(calls)]
const dependsOnTime = (expr: Expr): boolean => calls(expr).some(({ name }) => ofTime.has(name))

function dependsOnRange(expr: Expr): boolean {
  const text = printExpr(expr)
  return calls(expr).some(({ name }) => ofRange.has(name)) || /\b(step|range)\(\)/.test(text)
}

/** Every selector outside a subquery, and every subquery, gets `@` unless something around it has one. */
function pin(expr: Expr, atMs: number): Expr {
  switch (expr.kind) {
    case 'selector':
      return expr.at ? expr : { ...expr, at: { atMs } }
    case 'matrix':
      return { ...expr, selector: pin(expr.selector, atMs) as typeof expr.selector }
    case 'subquery':
      return expr.at ? expr : { ...expr, at: { atMs } }
    case 'paren':
    case 'unary':
      return { ...expr, expr: pin(expr.expr, atMs) }
    case 'binary':
      return { ...expr, left: pin(expr.left, atMs), right: pin(expr.right, atMs) }
    case 'aggregate':
      return { ...expr, expr: pin(expr.expr, atMs), param: expr.param && pin(expr.param, atMs) }
    case 'call':
      return expr.name === 'info'
        ? { ...expr, args: [pin(expr.args[0]!, atMs), ...expr.args.slice(1)] }
        : { ...expr, args: expr.args.map((arg) => pin(arg, atMs)) }
    default:
      return expr
  }
}
