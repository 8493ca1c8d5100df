#!/usr/bin/env node
// Starts the command line under the Node that the project brings (TypeScript runs natively there), whatever Node called it.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

const root = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../..')
const own = resolve(root, 'node_modules/node/bin/node')
const node = Number(process.versions.node.split('.')[0]) >= 24 || !existsSync(own) ? process.execPath : own
const result = spawnSync(node, [resolve(root, 'server/cli/main.ts'), ...process.argv.slice(2)], { stdio: 'inherit' })
process.exit(result.status ?? 1)
