// Run by another body than the one that runs the log: it needs nothing but this command, a directory and the log's keys.
import { createServer } from 'node:http'
import { join } from 'node:path'
import { systemClock } from '#core/clock.ts'
import { followOnce } from '#kpi/ledger/follow.ts'
import { loadKeys, loadOrMakeKeys } from '#kpi/ledger/key-file.ts'
import { formatKey, parseKey, publicOf } from '#kpi/ledger/keys.ts'
import { Witness, type WitnessAnswer } from '#kpi/ledger/witness.ts'
import { type Command, type CommandInput, misuse, print } from './command.ts'

const everySecondsDefault = 60

export const witness: Command = {
  usage: `guanlan witness init DIR --name NAME
       guanlan witness follow DIR --log URL --key KEY[,KEY] [--json]
       guanlan witness serve DIR --log URL --key KEY[,KEY] [--listen ADDRESS:PORT] [--every SECONDS]`,
  describe:
    "Follows a ledger, cosigns what continues what it saw before, and refuses a rewritten one; 'serve' hands out the last cosigned checkpoint",
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
    if ((verb !== 'follow' && verb !== 'serve') || typeof options['log'] !== 'string') return misuse(witness)
    const given = typeof options['key'] === 'string' ? options['key'].split(',') : []
    const logKeys = given.flatMap((text) => parseKey(text) ?? [])
    if (logKeys.length === 0 || logKeys.length < given.length) {
      console.error('--key: give the public keys of the log as NAME+ID+BASE64, with commas between')
      return 2
    }
    const one = new Witness({ directory, logKeys, keys: loadKeys(keyFile) }, { clock: systemClock })
    const follow = () => followOnce(options['log'] as string, one, logKeys)
    if (verb === 'follow') {
      const answer = await follow()
      print(json, answer, tell(answer))
      return answer.state === 'cosigned' ? 0 : 1
    }
    return serve(input, one, follow)
  },
}

const tell = (answer: WitnessAnswer): string =>
  answer.state === 'cosigned'
    ? `cosigned at ${answer.size} leaves`
    : `REFUSED (${answer.reason}), staying at ${answer.size} leaves: ${answer.cause}`

async function serve({ options }: CommandInput, one: Witness, follow: () => Promise<WitnessAnswer>): Promise<number> {
  const listen = typeof options['listen'] === 'string' ? options['listen'] : '127.0.0.1:7710'
  const every = Number(options['every'] ?? everySecondsDefault)
  const at = listen.lastIndexOf(':')
  if (at < 0 || !(every >= 1)) return misuse(witness)
  let told = ''
  const turn = async (): Promise<void> => {
    const line = await follow().then(tell, (error: Error) => `the log cannot be read: ${error.message}`)
    if (line !== told) console.log(line)
    told = line
  }
  const server = createServer((request, response) => {
    const note = request.method === 'GET' && request.url === '/checkpoint' ? one.last()?.note : undefined
    response.writeHead(note ? 200 : 404, { 'content-type': 'text/plain; charset=utf-8' }).end(note ?? 'not found\n')
  })
  server.listen(Number(listen.slice(at + 1)), listen.slice(0, at).replace(/^\[|\]$/g, ''))
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve)
    server.once('error', reject)
  })
  console.log(`listening at ${listen}`)
  await turn()
  const timer = setInterval(() => void turn(), every * 1000)
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
  clearInterval(timer)
  server.close()
  server.closeAllConnections()
  return 0
}
