// A download from the outside: guarded address at every hop, bounded size and time, no connection kept.
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { createGunzip } from 'node:zlib'
import { checkLiteral, guardedLookup } from '#alerts/notify/address-guard.ts'
import type { Fetch, FetchRequest } from '#security/intel/fetch-feed.ts'

const redirectsMax = 3

/** Every hop is checked: a public address may redirect to a private one. */
export const guardedFetch: Fetch = async (request) => {
  let url = request.url
  for (let hop = 0; hop <= redirectsMax; hop++) {
    const answer = await once({ ...request, url })
    if (answer.location === undefined) return { text: answer.text, headers: answer.headers }
    const next = new URL(answer.location, url)
    if (!/^https?:$/.test(next.protocol)) throw new Error(`it redirects to ${next.protocol}`)
    // What was meant for one host is not told to another.
    if (next.host !== new URL(url).host) request = { ...request, headers: {} }
    url = next.href
  }
  throw new Error(`it redirects more than ${redirectsMax} times`)
}

interface Answer {
  text: string
  headers: Record<string, string>
  location: string | undefined
}

function once({ url: address, headers, bytesMax, allowPrivate, timeoutMs }: FetchRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const url = new URL(address)
    if (!allowPrivate) checkLiteral(url.hostname)
    const timeout = AbortSignal.timeout(timeoutMs)
    // "The operation was aborted" tells an operator nothing.
    const fail = (error: Error): void =>
      reject(timeout.aborted ? new Error(`no whole answer within ${timeoutMs / 1000} s`) : error)
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(
      url,
      {
        headers: { 'user-agent': 'guanlan', 'accept-encoding': 'gzip', ...headers },
        signal: timeout,
        // A kept connection would be an address checked long ago.
        agent: false,
        ...(allowPrivate ? {} : { lookup: guardedLookup }),
      },
      (response) => {
        const status = response.statusCode ?? 0
        const told = Object.fromEntries(
          Object.entries(response.headers).map(([name, value]) => [
            name,
            Array.isArray(value) ? value.join(', ') : (value ?? ''),
          ]),
        )
        if (status >= 300 && status < 400 && told['location']) {
          response.destroy()
          resolve({ text: '', headers: told, location: told['location'] })
          return
        }
        if (status !== 200) {
          response.destroy()
          reject(new Error(`status ${status}`))
          return
        }
        const body = told['content-encoding'] === 'gzip' ? response.pipe(createGunzip()) : response
        const parts: Buffer[] = []
        let bytes = 0
        body.on('data', (part: Buffer) => {
          bytes += part.length
          if (bytes > bytesMax) {
            // Gigabytes are not read to find out how many they are.
            reject(new Error(`it is larger than ${bytesMax} bytes`))
            body.destroy()
            request.destroy()
            return
          }
          parts.push(part)
        })
        body.on('end', () =>
          resolve({ text: Buffer.concat(parts).toString('utf8'), headers: told, location: undefined }),
        )
        body.on('error', fail)
        response.on('error', fail)
      },
    )
    request.on('error', fail)
    request.end()
  })
}
