// One feed's content as one text: a file, a response, the pages of a TAXII collection, the events of a MISP feed.
import { readFile, stat } from 'node:fs/promises'
import type { IntelConfig, IntelFeedConfig } from './config.ts'

export interface FetchRequest {
  url: string
  headers: Record<string, string>
  /** After decompression; a longer response is an error. */
  bytesMax: number
  allowPrivate: boolean
  timeoutMs: number
}

/** Bounded, guarded against addresses that only this machine can reach, redirects checked again. */
export type Fetch = (request: FetchRequest) => Promise<{ text: string; headers: Record<string, string> }>

const taxiiType = 'application/taxii+json;version=2.1'
const pagesMax = 1000
const mispEventsMax = 2000

export async function fetchFeed(feed: IntelFeedConfig, limits: IntelConfig, fetch: Fetch): Promise<string> {
  if (feed.path !== undefined) {
    const { size } = await stat(feed.path)
    if (size > limits.bytesMax) throw new Error(`it is larger than ${limits.bytesMax} bytes`)
    return readFile(feed.path, 'utf8')
  }
  let left = limits.bytesMax
  const get = async (url: string, headers: Record<string, string> = {}): Promise<string> => {
    const { text } = await fetch({
      ...{ url, headers: { ...headers, ...feed.headers }, bytesMax: left, allowPrivate: feed.allowPrivate },
      timeoutMs: limits.timeoutSeconds * 1000,
    })
    // The pages of one feed share its limit.
    left -= Buffer.byteLength(text)
    return text
  }
  if (feed.kind === 'taxii') return taxiiObjects(feed.url!, get)
  if (feed.kind === 'misp' && feed.url!.endsWith('/manifest.json')) return mispEvents(feed.url!, get)
  return get(feed.url!)
}

type Get = (url: string, headers?: Record<string, string>) => Promise<string>

async function taxiiObjects(collection: string, get: Get): Promise<string> {
  const base = collection.replace(/\/(objects\/?)?$/, '')
  const objects: unknown[] = []
  let next: string | undefined
  for (let page = 0; page < pagesMax; page++) {
    const url = new URL(`${base}/objects/`)
    url.searchParams.set('match[type]', 'indicator')
    if (next !== undefined) url.searchParams.set('next', next)
    const envelope = json<{ objects?: unknown[]; more?: boolean; next?: string }>(
      await get(url.href, { accept: taxiiType }),
      'the objects of a TAXII 2.1 collection',
    )
    objects.push(...(envelope.objects ?? []))
    if (!envelope.more || envelope.next === undefined || envelope.next === next) return JSON.stringify({ objects })
    next = envelope.next
  }
  throw new Error(`it goes on after ${pagesMax} pages`)
}

async function mispEvents(manifest: string, get: Get): Promise<string> {
  const listed = json<Record<string, { timestamp?: string }>>(await get(manifest), 'the manifest of a MISP feed')
  const newest = Object.entries(listed)
    .filter(([uuid]) => /^[0-9a-f-]{36}$/i.test(uuid))
    .sort(([, a], [, b]) => Number(b.timestamp ?? 0) - Number(a.timestamp ?? 0))
    .slice(0, mispEventsMax)
  const events: unknown[] = []
  for (const [uuid] of newest)
    events.push(json(await get(new URL(`${uuid}.json`, manifest).href), `the MISP event ${uuid}`))
  return JSON.stringify(events)
}

/** @throws Error that says what was expected, for an operator who gave the wrong address or kind */
function json<T extends object>(text: string, what: string): T {
  try {
    const read: unknown = JSON.parse(text)
    if (typeof read === 'object' && read !== null) return read as T
  } catch {}
  throw new Error(`it answers something else than ${what}: check its address and kind`)
}
