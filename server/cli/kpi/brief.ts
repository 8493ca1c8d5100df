// Writes the brief of a period from the data directory. The server must not run meanwhile; ask it over HTTP instead.
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { lockData } from '#core/data-lock.ts'
import { CodedError } from '#core/errors.ts'
import { silentLogger } from '#core/logger.ts'
import { systemRandom } from '#core/random.ts'
import { createState, stateDefaults } from '#stores/state/postgres.ts'
import { loadConfig } from '../../config.ts'
import { createKpiPart } from '../../parts/kpi.ts'
import { type BriefFormat, briefFile, briefFormats, makeBrief } from '../../parts/kpi-brief.ts'
import type { CommandInput } from '../command.ts'
import { timeOf } from './files.ts'

export async function brief({ options }: CommandInput): Promise<number> {
  const { config } = loadConfig(process.env)
  const clock = systemClock
  const nowMs = clock.nowMs()
  const period = String(options['period'] ?? '')
  if (period === '') throw new CodedError('command.invalid', { cause: '--period is missing, e.g. --period 2026-10' })
  const formats = formatsOf(String(options['format'] ?? briefFormats.join(',')))
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
    const deps = { ...stores, database: state.database, clock, random: systemRandom, logger: silentLogger }
    const kpi = createKpiPart(rules, deps)
    await kpi.component.start()
    try {
      await kpi.refresh()
      const made = await makeBrief(
        kpi,
        { rules, note: newestCheckpoint(config.data) },
        {
          ...{ period, only: {}, nowMs },
          ...(asOfMs === undefined ? {} : { asOfMs }),
          ...(knownMs === undefined ? {} : { knownMs }),
        },
      )
      await mkdir(out, { recursive: true })
      for (const format of formats) {
        const { name, bytes } = await briefFile(made, format)
        await writeFile(join(out, name), bytes)
        console.log(join(out, name))
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

function formatsOf(text: string): BriefFormat[] {
  return text.split(',').map((one) => {
    const format = briefFormats.find((known) => known === one.trim())
    if (!format) throw new CodedError('command.invalid', { cause: `--format ${one.slice(0, 20)} is not pdf or xlsx` })
    return format
  })
}

/** As the server signed it last: the command line signs none. */
function newestCheckpoint(data: string): string | undefined {
  const file = join(data, 'ledger', 'checkpoint')
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}
