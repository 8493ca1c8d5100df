import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runUnitTests } from './unit-test.ts'

const directory = 'rules/metrics'

it.each(readdirSync(directory).filter((name) => name.endsWith('_test.yml')))(
  'the shipped rules pass %s',
  async (name) => {
    const { checks, failures } = await runUnitTests(join(directory, name))
    expect(failures).toEqual([])
    expect(checks).toBeGreaterThan(0)
  },
)
