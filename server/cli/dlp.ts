import { createReadStream, readFileSync } from 'node:fs'
import { readDictionary } from '#security/sensitive/dictionary.ts'
import { maskOne } from '#security/sensitive/mask.ts'
import { createScanner } from '#security/sensitive/scan.ts'
import { findRules } from '../config.ts'
import { type Command, misuse } from './command.ts'
import { trace } from './dlp-trace.ts'

const inputBytesMax = 1024 * 1024 * 1024

export const dlp: Command = {
  usage: 'guanlan dlp scan FILE…|- [--json] | dlp trace FILE [--config FILE] [--json]',
  describe:
    'Finds personal data and secrets in files or standard input, and prints them masked, or names the downloads that a file came from; exits 1 when it found any',
  options: ['config'],
  async run({ positionals: [verb, ...files], options, json }) {
    const [file] = files
    if (verb === 'trace' && file && files.length === 1)
      return trace(file, typeof options['config'] === 'string' ? options['config'] : undefined, json)
    if (verb !== 'scan' || files.length === 0) return misuse(this)
    const dictionary = readDictionary(findRules('rules/dlp/kinds.yml'))
    const scan = createScanner(dictionary)
    const kinds = new Map(dictionary.map((one) => [one.kind, one]))
    let total = 0
    for (const file of files) {
      const bytes = file === '-' ? await readInput() : readFileSync(file)
      const { found, more } = scan(bytes)
      total += found.length + more
      const lines = lineCounter(bytes)
      for (const one of [...found].sort((a, b) => a.start - b.start)) {
        const line = lines(one.start)
        const { level = 1, category = '', en = one.kind, zh = one.kind } = kinds.get(one.kind) ?? {}
        const masked = maskOne(one, bytes.toString('utf8', one.start, one.end))
        if (json)
          console.log(JSON.stringify({ file, line, offset: one.start, kind: one.kind, level, category, masked }))
        else console.log(`${file}:${line}: ${en} ${zh} (level ${level}): ${masked}`)
      }
      if (more > 0) console.error(`${file}: ${more} more, not listed`)
    }
    if (!json) console.log(`${total} found`)
    return total > 0 ? 1 : 0
  },
}

async function readInput(): Promise<Buffer> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of createReadStream('', { fd: 0 }) as AsyncIterable<Buffer>) {
    size += part.length
    if (size > inputBytesMax) throw new Error(`more than ${inputBytesMax} bytes on standard input`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** Offsets must come in ascending order. */
function lineCounter(bytes: Buffer): (offset: number) => number {
  let line = 1
  let from = 0
  return (offset) => {
    for (let next = bytes.indexOf(10, from); next >= 0 && next < offset; next = bytes.indexOf(10, from)) {
      line++
      from = next + 1
    }
    return line
  }
}
