#!/usr/bin/env node
// Starts the command line under the Node that the project brings (TypeScript runs natively there), whatever Node called it.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

const root = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../..')
const own = resolve(root, 'node_modules/node/bin/node')
const node = Number(process.versions.node.split('.')[0]) >= 24 || !existsSync(own) ? process.execPath : own
const flags = ['--disable-warning=ExperimentalWarning']
// People and senders ask from the first minute on, when V8 would still interpret most of what answers them: plain machine
// code of a function at its first call costs 8 MiB and halves what a query takes until it is optimised.
if (process.argv[2] === 'serve') flags.push('--always-sparkplug')
// Searches and files wait in libuv's threads; the sync before an acknowledgement must not wait behind them.
process.env.UV_THREADPOOL_SIZE ??= '16'
// Beside what is installed, so that nobody else can write there. Known before it begins, it holds the first file too, and
// what takes types out of a file is loaded by none of its threads.
process.env.NODE_COMPILE_CACHE ??= resolve(root, 'node_modules/.cache/guanlan')
const child = spawn(node, [...flags, resolve(root, 'server/cli/main.ts'), ...process.argv.slice(2)], {
  stdio: 'inherit',
})
// Ctrl-C reaches both by the terminal; what a service manager sends reaches only this process.
process.on('SIGTERM', () => child.kill('SIGTERM'))
process.on('SIGHUP', () => child.kill('SIGHUP'))
process.on('SIGINT', () => {})
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)))
