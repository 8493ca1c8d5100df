// Writes the brief of a period from the data directory: as a file without a number, or as an issue that is kept. The
// server must not run meanwhile; ask it over HTTP instead.
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { extname, join, resolve } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { lockData } from '#core/data-lock.ts'
import { CodedError } from '#core/errors.ts'
import { silentLogger } from '#core/logger.ts'
import { systemRandom } from '#core/random.ts'
import { briefLanguages } from '#kpi/brief/language.ts'
import { type BriefFormat, type BriefSeries, briefFormats } from '#kpi/brief/settings.ts'
import type { SnapshotLanguage } from '#kpi/brief/snapshot.ts'
import { calendarAt, compileCalendar, readCalendars } from '#kpi/time/calendar.ts'
import { systemActor } from '#stores/state/audit.ts'
import { createState, stateDefaults } from '#stores/state/postgres.ts'
import { type Config, loadConfig } from '../../config.ts'
import { createKpiPart, type KpiPart } from '../../parts/kpi.ts'
import { briefFile, briefOnly, makeBrief, mastheadOf } from '../../parts/kpi-brief.ts'
import { createBriefsPart } from '../../parts/kpi-briefs.ts'
import { openLedger } from '../../parts/ledger.ts'
import type { CommandInput } from '../command.ts'
import { recorded } from '../recorded-files.ts'
import { timeOf } from './files.ts'

export async function brief({ options }: CommandInput): Promise<number> {
  const { config } = loadConfig(process.env)
  const clock = systemClock
  const nowMs = clock.nowMs()
  const period = String(options['period'] ?? '')
  if (period === '') throw new CodedError('command.invalid', { cause: '--period is missing, e.g. --period 2026-10' })
  const series = seriesOf(config, options['brief'])
  const isIssue = options['issue'] === true
  if (isIssue && !series) throw new CodedError('command.invalid', { cause: '--issue needs --brief NAME of kpi.briefs' })
  const formats = formatsOf(String(options['format'] ?? briefFormats.join(',')))
  const language = languageOf(String(options['language'] ?? series?.language ?? 'zh-Hans'), formats)
  const out = resolve(String(options['out'] ?? '.'))
  const given = (name: string) =>
    options[name] === undefined ? undefined : timeOf(String(options[name]), `--${name}`, nowMs)
  const [asOfMs, knownMs] = [given('as-of'), given('known-at')]
  const rules = resolve(config.rules.kpi)
  const lock = await lockData(config.data)
  const state = createState(
    { ...stateDefaults, databaseUrl: config.database.url, directory: join(config.data, 'state') },
    silentLogger,
  )
  try {
    await state.open()
    const stores = { directory: join(config.data, 'cases'), cubes: join(config.data, 'cubes') }
    const kpi = createKpiPart(rules, {
      ...{ ...stores, database: state.database, clock, random: systemRandom, logger: silentLogger },
    })
    await kpi.component.start()
    try {
      await kpi.refresh()
      await mkdir(out, { recursive: true })
      const deps = { data: config.data, database: state.database }
      const asked = ['kpi brief', period, series?.name ?? ''].filter(Boolean).join(' ')
      const write = async (name: string, content: Buffer): Promise<void> => {
        const path = join(out, name)
        const format = extname(name).slice(1)
        await recorded(deps, [{ path, subject: 'kpi.brief', format, query: asked }], () => writeFile(path, content))
        console.log(path)
      }
      if (isIssue) {
        await issueNow(config, { database: state.database, kpi, series: series!, period, formats }, write)
        return 0
      }
      const masthead = mastheadOf(series, config.organisation)
      const made = await makeBrief(
        kpi,
        {
          rules,
          database: state.database,
          note: newestCheckpoint(config.data),
          masthead,
          language: language === 'en' ? 'zh-Hans' : language,
        },
        {
          ...{ period, only: series ? briefOnly(series) : {}, nowMs, departments: formats.includes('html') },
          ...(asOfMs === undefined ? {} : { asOfMs }),
          ...(knownMs === undefined ? {} : { knownMs }),
        },
      )
      for (const format of formats) {
        const { name, content } = await briefFile(made, format, language)
        await write(name, content)
      }
      return 0
    } finally {
      await kpi.component.stop()
    }
  } finally {
    await state.close()
    await lock.release()
  }
}

/** Numbered and kept like one that came by itself; the server sends it when it runs again. */
async function issueNow(
  config: Config,
  order: {
    database: ReturnType<typeof createState>['database']
    kpi: KpiPart
    series: BriefSeries
    period: string
    formats: readonly BriefFormat[]
  },
  write: (name: string, content: Buffer) => Promise<void>,
): Promise<void> {
  const { database, kpi, series, period, formats } = order
  const ledger = await openLedger(config.ledger, config.data, systemClock)
  try {
    const calendars = readCalendars(join(resolve(config.rules.kpi), 'calendars')).calendars.map(compileCalendar)
    const briefs = createBriefsPart(config, {
      ...{ database, kpi, ledger, clock: systemClock, random: systemRandom, logger: silentLogger, publicUrl: '' },
      checkpoint: () => ledger.checkpoint(),
      calendar: () => calendarAt(calendars, 'cn', systemClock.nowMs()) ?? calendars[0]!,
    })
    const { id, issue, total } = await briefs.issueNow(systemActor, series, period)
    console.log(`${id}: 第${issue}期（总第${total}期）`)
    for (const format of formats) {
      const file = await briefs.issues.file(id, format)
      if (file) await write(file.name, file.content)
    }
  } finally {
    await ledger.close()
  }
}

function seriesOf(config: Config, name: unknown): BriefSeries | undefined {
  if (name === undefined) return undefined
  const series = config.kpi.briefs.find((one) => one.name === name)
  if (series) return series
  const known = config.kpi.briefs.map((one) => one.name).join(', ') || 'none'
  throw new CodedError('command.invalid', {
    cause: `--brief ${String(name).slice(0, 40)} is not in kpi.briefs (${known})`,
  })
}

function languageOf(text: string, formats: readonly BriefFormat[]): SnapshotLanguage {
  const language = [...briefLanguages, 'en' as const].find((one) => one === text)
  if (!language)
    throw new CodedError('command.invalid', { cause: `--language ${text.slice(0, 20)} is not zh-Hans, zh-Hant or en` })
  if (language === 'en' && formats.some((format) => format !== 'html'))
    throw new CodedError('command.invalid', { cause: '--language en is for --format html alone' })
  return language
}

function formatsOf(text: string): BriefFormat[] {
  return text.split(',').map((one) => {
    const format = briefFormats.find((known) => known === one.trim())
    if (!format)
      throw new CodedError('command.invalid', { cause: `--format ${one.slice(0, 20)} is not pdf, xlsx, png or html` })
    return format
  })
}

/** As the server signed it last: the command line signs none. */
function newestCheckpoint(data: string): string | undefined {
  const file = join(data, 'ledger', 'checkpoint')
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}
