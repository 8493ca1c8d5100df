import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface MergeJob {
  /** A `copy … to …`. */
  statement: string
  memoryBytesMax: number
}

const script = fileURLToPath(new URL('./merge-process.ts', import.meta.url))
const complaintMax = 2000

/** Runs one statement in a process of its own. @throws Error with what DuckDB said; AbortError when told to stop */
export function runMerge(job: MergeJob, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script], {
      stdio: ['pipe', 'ignore', 'pipe'],
      signal,
    })
    let complaint = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (complaint.length < complaintMax) complaint += text
    })
    child.on('error', reject)
    child.on('close', (code, killed) => {
      if (code === 0) resolve()
      else reject(new Error(complaint || `the merging process ended with ${killed ?? code}`))
    })
    child.stdin.on('error', () => {})
    child.stdin.write(`${JSON.stringify(job)}\n`)
  })
}
