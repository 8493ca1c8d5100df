import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { silentLogger } from '#core/logger.ts'
import type { BodyPart } from '#core/sensitive.ts'
import { readDictionary } from '../dictionary.ts'
import { synthetic } from '../testing.ts'
import { createValueHash } from '../value-hash.ts'
import { createInspection } from './inspect.ts'
import { createInspector } from './inspector.ts'

const make = synthetic(11)
const key = Buffer.alloc(32, 7)
const config = {
  ...{ dictionary: readDictionary('rules/dlp/kinds.yml'), key, expandedBytesMax: 8 * 1024 * 1024 },
  expected: [
    { direction: 'request' as const, kinds: ['password'], paths: [] },
    { direction: 'any' as const, kinds: ['jwt', 'password'], paths: ['/oauth'] },
  ],
}
const inspect = createInspection(config)
const part = (body: string | Uint8Array, contentType: string, more: Partial<BodyPart> = {}): BodyPart => ({
  ...{ direction: 'response', url: '/x', contentType, contentEncoding: '', isPartial: false },
  bytes: typeof body === 'string' ? Buffer.from(body) : body,
  ...more,
})
const spotsOf = async (one: BodyPart): Promise<[string, string, number][]> =>
  ((await inspect(one)).report?.spots ?? []).map(({ kind, where, count }) => [kind, where, count])
/** GB18030, which the platform reads and does not write: the word 手机 and ASCII. */
const gb = (text: string): Buffer =>
  Buffer.concat(
    [...text].map((one) =>
      one === '手' ? Buffer.from([0xca, 0xd6]) : one === '机' ? Buffer.from([0xbb, 0xfa]) : Buffer.from(one),
    ),
  )

describe('a mirrored body', () => {
  it('names the place in JSON without positions, and counts different values', async () => {
    const [a, b] = [make.residentId(), make.residentId()]
    const list = [a, b, a].map((idCard, i) => ({ no: i, idCard, contact: { phones: [make.mobile()] } }))
    const { report } = await inspect(part(JSON.stringify({ data: { list } }), 'application/json; charset=utf-8'))
    expect(report).toMatchObject({ values: { 'resident-id': 2, mobile: 3 }, count: 6, level: 3 })
    expect(report!.spots.map(({ where, count }) => [where, count])).toEqual([
      ['data.list[].idCard', 3],
      ['data.list[].contact.phones[]', 3],
    ])
    expect(JSON.stringify(report)).not.toContain(a.slice(6))
    expect(report!.hashes).toContain(createValueHash(key)(a))
  })

  it('reads escapes, a cut end, lines of JSON, and JSON inside a call', async () => {
    const id = make.residentId()
    const escaped = `{"\\u59d3\\u540d":"\\u5f20\\u4e09${make.mobile()}"}`
    expect(await spotsOf(part(escaped, 'application/json'))).toEqual([['mobile', '姓名', 1]])
    expect(await spotsOf(part(`{"a":[{"id":"${id}"},{"id":"12`, 'application/json'))).toEqual([
      ['resident-id', 'a[].id', 1],
    ])
    expect(await spotsOf(part(`{"id":"${id}"}\n{"id":"${make.residentId()}"}`, 'application/x-ndjson'))).toEqual([
      ['resident-id', 'id', 2],
    ])
    expect(await spotsOf(part(`cb({"id":"${id}"})`, 'application/json'))).toEqual([['resident-id', 'id', 1]])
  })

  it('takes the name of one record for no word about the next', async () => {
    const number = make.mobile()
    expect(await spotsOf(part(`[{"phone":"none"},{"n":"${number}"}]`, 'application/json'))).toEqual([])
    expect(await spotsOf(part(`[{"phone":"${number}"}]`, 'application/json'))).toEqual([['mobile', '[].phone', 1]])
  })

  it('reads forms, uploads, tables, pages and plain text', async () => {
    const id = make.residentId()
    expect(await spotsOf(part(`a=1&idCard=${id}&m=wei%40example.com`, 'application/x-www-form-urlencoded'))).toEqual([
      ['resident-id', 'idCard', 1],
      ['email', 'm', 1],
    ])
    const upload = `--b\r\nContent-Disposition: form-data; name="who"\r\n\r\n${id}\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\nname,phone\r\nx,${make.mobile()}\r\n--b--\r\n`
    expect(await spotsOf(part(upload, 'multipart/form-data; boundary=b'))).toEqual([
      ['resident-id', 'who', 1],
      ['mobile', 'phone', 1],
    ])
    const table = `姓名,手机,备注\r\n张三,${make.mobile()},"a, ""b"""\r\n李四,${make.mobile()},\r\n`
    expect(await spotsOf(part(`\uFEFF${table}`, 'application/octet-stream'))).toEqual([['mobile', '手机', 2]])
    expect(
      await spotsOf(part(`<table><tr><td>&#25163;&#26426;</td>\n<td>${make.mobile()}</td></table>`, 'text/html')),
    ).toEqual([['mobile', 'line 2', 1]])
    expect(await spotsOf(part(`a\nb ${id}`, ''))).toEqual([['resident-id', 'line 2', 1]])
  })

  it('reads GB18030, said or not, in text and in escapes, and UTF-16', async () => {
    const number = make.mobile()
    const json = gb(`{"手机":"${number}"}`)
    for (const type of ['application/json; charset=gbk', 'application/json'])
      expect(await spotsOf(part(json, type))).toEqual([['mobile', '手机', 1]])
    expect(await spotsOf(part(`q=%CA%D6%BB%FA${number}`, 'application/x-www-form-urlencoded'))).toEqual([
      ['mobile', 'q', 1],
    ])
    const wide = Buffer.from(`\uFEFF手机 ${number}`, 'utf16le')
    expect(await spotsOf(part(wide, 'text/plain'))).toEqual([['mobile', 'line 1', 1]])
  })

  it('undoes every content coding, also of a body that was cut', async () => {
    const id = make.residentId()
    const body = Buffer.from(`{"id":"${id}","x":"${'y'.repeat(2000)}"}`)
    const coded: [string, Uint8Array][] = [
      ['gzip', gzipSync(body)],
      ['deflate', deflateSync(body)],
      ['deflate', deflateRawSync(body)],
      ['br', brotliCompressSync(body)],
      ['zstd', zstdCompressSync(body)],
      ['deflate, gzip', gzipSync(deflateSync(body))],
    ]
    for (const [contentEncoding, bytes] of coded)
      expect([contentEncoding, await spotsOf(part(bytes, 'application/json', { contentEncoding }))]).toEqual([
        contentEncoding,
        [['resident-id', 'id', 1]],
      ])
    const many = Buffer.from(Array.from({ length: 3000 }, () => `{"id":"${make.residentId()}"}`).join('\n'))
    const cut = gzipSync(many).subarray(0, 20_000)
    const { report } = await inspect(part(cut, 'application/x-ndjson', { contentEncoding: 'gzip', isPartial: true }))
    expect(report!.values['resident-id']).toBeGreaterThan(500)
  })

  it('leaves alone what is no text, what is a bomb, and codings it does not know', async () => {
    const skipped = async (one: BodyPart) => (await inspect(one)).skipped
    expect(await skipped(part(Buffer.from([0x89, 80, 78, 71, 0, 0, 1]), 'image/png'))).toBe('binary')
    expect(await skipped(part(Buffer.from([80, 75, 3, 4, 0, 0, 1, 2]), 'application/octet-stream'))).toBe('binary')
    expect(
      await skipped(part(gzipSync(Buffer.alloc(64 * 1024 * 1024)), 'text/plain', { contentEncoding: 'gzip' })),
    ).toBe('expands')
    expect(await skipped(part('x', 'text/plain', { contentEncoding: 'compress' }))).toBe('encoding')
    expect(await skipped(part('not gzip', 'text/plain', { contentEncoding: 'gzip' }))).toBe('invalid')
  })

  it('looks at the address of a request, and masks it', async () => {
    const id = make.residentId()
    const found = await inspect(part('', '', { direction: 'request', url: `/people/${id}?phone=${make.mobile()}&n=1` }))
    expect(found.report!.spots.map(({ kind, where }) => [kind, where])).toEqual([
      ['resident-id', 'path'],
      ['mobile', '?phone'],
    ])
    expect(found.url).toMatch(/^\/people\/\d{6}\*{12}\?phone=13\d\*{4}\d{4}&n=1$/)
  })

  it('finds nothing where it is expected: passwords on their way in, tokens from the place that gives them', async () => {
    const body = '{"user":"wei","password":"hunter2hunter2"}'
    expect(await spotsOf(part(body, 'application/json', { direction: 'request' }))).toEqual([])
    expect(await spotsOf(part(body, 'application/json'))).toEqual([['password', 'password', 1]])
    const token = `{"access_token":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"}`
    expect(await spotsOf(part(token, 'application/json', { url: '/oauth/token' }))).toEqual([])
    expect(await spotsOf(part(token, 'application/json'))).toHaveLength(1)
  })

  it('ends on whatever comes', async () => {
    const types = [
      'application/json',
      'application/x-www-form-urlencoded',
      'text/csv',
      'multipart/form-data; boundary=b',
      'text/html',
      '',
    ]
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(...types),
        fc.string(),
        async (bytes, type, url) => {
          await inspect(part(bytes, type, { direction: 'request', url }))
        },
      ),
      { numRuns: 300 },
    )
    const deep = `${'[{"a":'.repeat(200_000)}"${make.residentId()}"`
    expect((await inspect(part(deep, 'application/json'))).report!.values).toEqual({ 'resident-id': 1 })
  })
})

describe('the thread that looks into bodies', () => {
  const inspector = createInspector({ ...config, inspectMsMax: 5000 }, { logger: silentLogger })
  afterAll(() => inspector.close())

  it('answers in turn', async () => {
    const ids = Array.from({ length: 20 }, make.residentId)
    const answers = await Promise.all(ids.map((id) => inspector.inspect(part(`{"id":"${id}"}`, 'application/json'))))
    const hash = createValueHash(key)
    expect(answers.map(({ report }) => report!.hashes)).toEqual(ids.map((id) => [hash(id)]))
  })

  it('ends a body that takes too long, and goes on with the next', async () => {
    const hasty = createInspector({ ...config, inspectMsMax: 1 }, { logger: silentLogger })
    // The first also waits for the thread to be there.
    await hasty.inspect(part('{}', 'application/json'))
    const heavy = `[${Array.from({ length: 100_000 }, (_, i) => `"${i}@example.com"`).join(',')}]`
    expect((await hasty.inspect(part(heavy, 'application/json'))).skipped).toBe('slow')
    expect((await hasty.inspect(part(`{"id":"${make.residentId()}"}`, 'application/json'))).report?.count).toBe(1)
    await hasty.close()
  })
})
