// Run by another body than the one that runs the log: it needs nothing but this command, a directory and the log's keys.
import { existsSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { addCheckpointBytesMax, answerAddCheckpoint } from '#kpi/ledger/add-checkpoint.ts'
import { followOnce } from '#kpi/ledger/follow.ts'
import { loadKeys, loadOrMakeKeys } from '#kpi/ledger/key-file.ts'
import { formatKey, type PublicKey, parseKey, publicOf } from '#kpi/ledger/keys.ts'
import { Witness, type WitnessAnswer } from '#kpi/ledger/witness.ts'
import { type Command, type CommandInput, misuse, print } from './command.ts'

const everySecondsDefault = 60
const requestTimeoutMs = 10_000

export const witness: Command = {
  usage: `guanlan witness init DIR --name NAME
       guanlan witness follow DIR --log URL --key KEY[,KEY] [--json]
       guanlan witness serve DIR --key KEY[,KEY] [--log URL] [--listen ADDRESS:PORT] [--every SECONDS]`,
  describe:
    "Follows a ledger, cosigns what continues what it saw before, and refuses a rewritten one; 'serve' answers add-checkpoint (C2SP tlog-witness) and hands out the last cosigned checkpoint",
  options: ['name', 'log', 'key', 'listen', 'every'],
  run: async (input) => {
    const [verb, directory] = input.positionals
    const { options, json } = input
    if (!directory) return misuse(witness)
    const keyFile = join(directory, 'keys.json')
    if (verb === 'init' && typeof options['name'] === 'string') {
      const keys = loadOrMakeKeys(keyFile, options['name'], ['cosign-ed25519', 'cosign-sm2'])
      const lines = keys.map((key) => formatKey(publicOf(key)))
      print(json, { keys: lines }, lines.join('\n'))
      return 0
    }
    const log = typeof options['log'] === 'string' ? options['log'] : undefined
    if (verb !== 'serve' && (verb !== 'follow' || log === undefined)) return misuse(witness)
    const given = typeof options['key'] === 'string' ? options['key'].split(',') : []
    const logKeys = given.flatMap((text) => parseKey(text) ?? [])
    if (logKeys.length === 0 || logKeys.length < given.length) {
      console.error('--key: give the public keys of the log as NAME+ID+BASE64, with commas between')
      return 2
    }
    if (!existsSync(keyFile)) {
      console.error(
        `${directory} holds no keys of a witness; "guanlan witness init ${directory} --name NAME" makes them`,
      )
      return 2
    }
    const one = new Witness({ directory, logKeys, keys: loadKeys(keyFile) }, { clock: systemClock })
    if (verb === 'follow') {
      const answer = await followOnce(log!, one, logKeys)
      print(json, answer, tell(answer))
      return answer.state === 'cosigned' ? 0 : 1
    }
    return serve(input, one, logKeys, log === undefined ? undefined : () => followOnce(log, one, logKeys))
  },
}

const tell = (answer: WitnessAnswer): string =>
  answer.state === 'cosigned'
    ? `cosigned at ${answer.size} leaves`
    : `REFUSED (${answer.reason}), staying at ${answer.size} leaves: ${answer.cause}`

async function serve(
  { options }: CommandInput,
  one: Witness,
  logKeys: readonly PublicKey[],
  follow: (() => Promise<WitnessAnswer>) | undefined,
): Promise<number> {
  const listen = typeof options['listen'] === 'string' ? options['listen'] : '127.0.0.1:7710'
  const every = Number(options['every'] ?? everySecondsDefault)
  const at = listen.lastIndexOf(':')
  if (at < 0 || !(every >= 1)) return misuse(witness)
  let told = ''
  const turn = async (): Promise<void> => {
    const line = await follow!().then(tell, (error: Error) => `the log cannot be read: ${error.message}`)
    if (line !== told) console.log(line)
    told = line
  }
  const server = createServer((request, response) => {
    const end = (status: number, type: string, body: string): void =>
      void response.writeHead(status, { 'content-type': type }).end(body)
    if (request.method === 'POST' && request.url === '/add-checkpoint') {
      void readBody(request).then(
        (body) => {
          const { status, type, body: answer } = answerAddCheckpoint(one, logKeys, body)
          const line = `add-checkpoint: ${status}${status === 200 ? `, cosigned at ${one.last()?.opened.size} leaves` : ''}`
          if (line !== told) console.log(line)
          told = line
          end(status, type, answer)
        },
        () => end(413, 'text/plain', 'too large\n'),
      )
      return
    }
    const note = request.method === 'GET' && request.url === '/checkpoint' ? one.last()?.note : undefined
    end(note ? 200 : 404, 'text/plain; charset=utf-8', note ?? 'not found\n')
  })
  server.requestTimeout = requestTimeoutMs
  server.listen(Number(listen.slice(at + 1)), listen.slice(0, at).replace(/^\[|\]$/g, ''))
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve)
    server.once('error', reject)
  })
  console.log(`listening at ${listen}`)
  // Without the address of a log it waits to be asked.
  const timer = follow && setInterval(() => void turn(), every * 1000)
  if (follow) await turn()
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
  clearInterval(timer)
  server.close()
  server.closeAllConnections()
  return 0
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > addCheckpointBytesMax) throw new RangeError('too large')
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}
