// A file that somebody found may be anything: it is read on a thread of its own, with memory of its own.
import { parentPort, workerData } from 'node:worker_threads'
import { rowsOfFile } from './fragment.ts'
import { createTracer } from './trace.ts'

const { bytes, key } = workerData as { bytes: Uint8Array; key: Uint8Array }
const lines: (readonly string[])[] = []
for await (const row of rowsOfFile(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))) lines.push(row)
parentPort!.postMessage(createTracer(key).read(lines))
