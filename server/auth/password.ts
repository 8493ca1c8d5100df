// Passwords: argon2id with the parameters OWASP names as its minimum (19 MiB, 2 passes, 1 lane), kept as a PHC string.
// https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify(argon2)
const memoryKib = 19_456
const passes = 2
const lanes = 1
const tagBytes = 32
const phc = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

/** Each takes 19 MiB and a core for some 30 ms: two at a time, whoever asks. */
const concurrencyMax = 2
let running = 0
const waiting: (() => void)[] = []

export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(16)
  const tag = await run(password, nonce, memoryKib, passes, lanes, tagBytes)
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$${encode(nonce)}$${encode(tag)}`
}

export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  const match = phc.exec(hash)
  if (!match) return false
  const [, memory, time, parallelism, nonce, tag] = match as unknown as [string, string, string, string, string, string]
  const expected = Buffer.from(tag, 'base64')
  const actual = await run(password, Buffer.from(nonce, 'base64'), +memory, +time, +parallelism, expected.length)
  return timingSafeEqual(actual, expected)
}

/** What a sign-in with an unknown name is compared with, so that it takes as long as one with a known name. */
export const nobodysHash = hashPassword(randomBytes(16).toString('hex'))

async function run(password: string, nonce: Buffer, memory: number, time: number, lanesCount: number, bytes: number) {
  if (running >= concurrencyMax) await new Promise<void>((resolve) => waiting.push(resolve))
  running++
  try {
    return await derive('argon2id', {
      message: password.normalize('NFKC'),
      nonce,
      memory,
      passes: time,
      parallelism: lanesCount,
      tagLength: bytes,
    })
  } finally {
    running--
    waiting.shift()?.()
  }
}

function encode(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
