import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Logger as PinoLogger, pino } from 'pino'
import { systemClock } from '#core/clock.ts'
import type { Logger } from '#core/logger.ts'
import { systemRandom } from '#core/random.ts'
import { loadConfig } from '../config.ts'
import { createObservatory } from '../observatory.ts'
import { collectByHeap } from './collect-by-heap.ts'
import type { Command } from './command.ts'

export const version: string = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')).version

export const serve: Command = {
  usage: 'guanlan serve [--config FILE]',
  describe: 'Runs the observatory until it is told to stop (SIGINT, SIGTERM); SIGHUP reads rules and routing again',
  options: ['config'],
  run: async ({ options }) => {
    collectByHeap()
    const { config, file } = loadConfig(
      process.env,
      typeof options['config'] === 'string' ? options['config'] : undefined,
    )
    const logger = createLogger(config.logLevel)
    const observatory = createObservatory(config, { clock: systemClock, random: systemRandom, logger, version })
    const stopped = stopSignal(logger)
    await observatory.start()
    console.log(`\n  Guanlan ${version} watches this machine: ${observatory.url}`)
    console.log(`  data      ${config.data}\n  settings  ${file || 'defaults (no guanlan.yaml)'}`)
    if (observatory.setupLink)
      console.log(`\n  Open this once, within a day, to make your account:\n  ${observatory.setupLink}\n`)
    const reload = (): void => void observatory.parts.reload()
    process.on('SIGHUP', reload)
    await stopped
    process.off('SIGHUP', reload)
    await observatory.stop()
    logger.info({}, 'stopped; everything received is on disk')
    return 0
  },
}

export function createLogger(level: string): Logger {
  const logger: PinoLogger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2))
  return logger as unknown as Logger
}

/** One signal often comes twice at once: to the group by a service manager, and passed on by the launcher. */
const sameSignalMs = 1000

/** The first signal stops in order, a later one at once. */
function stopSignal(logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    let askedMs: number | undefined
    const ask = (signal: NodeJS.Signals): void => {
      const nowMs = systemClock.monotonicMs()
      if (askedMs !== undefined && nowMs - askedMs > sameSignalMs) process.exit(1)
      if (askedMs !== undefined) return
      askedMs = nowMs
      logger.info({ signal }, 'stopping; once more to end at once')
      resolve()
    }
    process.on('SIGINT', ask)
    process.on('SIGTERM', ask)
  })
}
