// A real database for tests: an embedded server in a directory of its own, or TEST_DATABASE_URL with a fresh database.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '#core/logger.ts'
import { createState, type PostgresState, stateDefaults } from './postgres.ts'

export interface TestState extends PostgresState {
  directory: string
  /** Closes it and removes its files. */
  dispose(): Promise<void>
}

export async function openTestState(): Promise<TestState> {
  const root = await mkdtemp(join(tmpdir(), 'guanlan-test-state-'))
  const directory = join(root, 'state')
  const state = createState({ ...stateDefaults, directory }, silentLogger)
  await state.open()
  return Object.defineProperties({} as TestState, {
    ...Object.getOwnPropertyDescriptors(state),
    directory: { value: directory },
    dispose: {
      value: async () => {
        await state.close()
        await rm(root, { recursive: true, force: true })
      },
    },
  })
}
