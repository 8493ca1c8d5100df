import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lockData } from './data-lock.ts'

describe('the lock of a data directory', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'guanlan-lock-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  it('refuses a second holder and names the first', async () => {
    const lock = await lockData(directory)
    await expect(lockData(directory)).rejects.toMatchObject({
      code: 'data.locked',
      message: expect.stringContaining(String(process.pid)),
    })
    await lock.release()
    await (await lockData(directory)).release()
  })

  it('is taken over from a process that died', async () => {
    const child = spawn('sleep', ['60'])
    await lockData(directory, child.pid)
    await expect(lockData(directory)).rejects.toMatchObject({ values: { pid: child.pid } })
    child.kill('SIGKILL')
    await once(child, 'exit')
    await (await lockData(directory)).release()
  })

  it('is taken over when the PID now belongs to another process, and when the file is torn', async () => {
    await writeFile(join(directory, 'lock'), JSON.stringify({ pid: 1, started: 'long ago' }))
    await (await lockData(directory)).release()
    await writeFile(join(directory, 'lock'), '{"pi')
    await (await lockData(directory)).release()
  })
})
