import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runScript } from './promqltest.ts'

const folder = resolve(import.meta.dirname, '../../../../shared/data/promql')

/** Files that use neither native histograms nor annotations, and so must pass whole. */
const whole = ['at_modifier', 'literals', 'selectors', 'staleness', 'trig_functions']

describe("Prometheus's own PromQL scripts", () => {
  it.skipIf(!existsSync(folder)).each(whole)('%s.test passes whole', async (name) => {
    const result = await runScript(readFileSync(join(folder, `${name}.test`), 'utf8'))
    expect(result.failures).toEqual([])
    expect(result.passed).toBeGreaterThan(15)
  })

  it.skipIf(!existsSync(folder))(
    'at least as many evals pass as were passing when this was written',
    async () => {
      let passed = 0
      for (const name of readdirSync(folder).filter((file) => file.endsWith('.test'))) {
        passed += (await runScript(readFileSync(join(folder, name), 'utf8'))).passed
      }
      console.log(
        `promqltest: ${passed} of 1340 evals pass (the rest needs native histograms, annotations or experimental syntax)`,
      )
      expect(passed).toBeGreaterThanOrEqual(890)
    },
    60_000,
  )

  it('a script that expects something wrong fails', async () => {
    const result = await runScript('load 1m\n  m 1 2 3\neval instant at 1m m\n  m 3\neval instant at 1m m\n  m 2\n')
    expect(result).toMatchObject({ passed: 1, failures: [{ line: 3 }] })
  })

  it('refuses nesting and expressions beyond the limits with a position', async () => {
    const result = await runScript(
      `eval_fail instant at 0 ${'('.repeat(1000)}1${')'.repeat(1000)}\neval_fail instant at 0 m{a=~"(a+)+\\\\1"}\n`,
    )
    expect(result.failures).toEqual([])
  })
})
