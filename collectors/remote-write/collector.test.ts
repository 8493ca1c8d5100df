import { Writer } from 'protobufjs'
// @ts-expect-error: it has no declarations.
import { compress as untyped } from 'snappyjs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRecorder, type Recorder } from '../recorder.ts'
import { serveRoutes } from '../serve-routes.ts'
import { createRemoteWrite } from './collector.ts'
import { remoteWriteConfigSchema } from './config.ts'
import { convertRequest } from './convert.ts'
import { uncompressSnappy } from './snappy.ts'

const compress: (bytes: Uint8Array) => Buffer = untyped

type Label = [name: string, value: string]

function v1(series: [Label[], [number, number][]][]): Uint8Array {
  const writer = Writer.create()
  for (const [labels, samples] of series) {
    writer.uint32(0x0a).fork()
    for (const [name, value] of labels)
      writer.uint32(0x0a).fork().uint32(0x0a).string(name).uint32(0x12).string(value).ldelim()
    for (const [timestampMs, value] of samples)
      writer.uint32(0x12).fork().uint32(0x09).double(value).uint32(0x10).int64(timestampMs).ldelim()
    writer.ldelim()
  }
  return writer.finish()
}

function v2(timestampMs: number): Uint8Array {
  const writer = Writer.create()
  for (const symbol of ['', '__name__', 'up', 'job', 'a']) writer.uint32(0x22).string(symbol)
  writer.uint32(0x2a).fork().uint32(0x0a).fork()
  for (const ref of [1, 2, 3, 4]) writer.uint32(ref)
  writer.ldelim().uint32(0x12).fork().uint32(0x09).double(1).uint32(0x10).int64(timestampMs).ldelim().ldelim()
  return writer.finish()
}

describe('remote write', () => {
  let recorder: Recorder
  let server: Awaited<ReturnType<typeof serveRoutes>>
  const nowMs = Date.now()
  const limits = {
    ...{ bytesMax: 1e6, seriesMax: 10, samplesMax: 10, earliestMs: 0, latestMs: nowMs },
    ...{ labelsMax: 64, labelNameBytesMax: 1024, labelValueBytesMax: 8192 },
  }
  const post = (body: Uint8Array, headers: Record<string, string> = {}) =>
    fetch(`${server.url}/api/v1/write`, { method: 'POST', body: Buffer.from(body), headers })
  const up: Label[] = [
    ['__name__', 'up'],
    ['job', 'a'],
  ]

  beforeEach(async () => {
    recorder = createRecorder()
    server = await serveRoutes(createRemoteWrite(remoteWriteConfigSchema.parse({}), recorder.deps))
  })
  afterEach(() => server.close())

  it('passes a request of 1.0 on as it came', async () => {
    const request = v1([[up, [[nowMs, 1]]]])
    const response = await post(compress(request), {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
    })
    expect(response.status).toBe(204)
    expect(response.headers.get('x-prometheus-remote-write-samples-written')).toBe('1')
    expect(Buffer.from(recorder.writeRequests[0]!)).toEqual(Buffer.from(request))
  })

  it('turns 2.0 into the same bytes as 1.0', async () => {
    expect(Buffer.from(convertRequest(v2(nowMs), limits).bytes)).toEqual(Buffer.from(v1([[up, [[nowMs, 1]]]])))
    const type = 'application/x-protobuf;proto=io.prometheus.write.v2.Request'
    expect((await post(compress(v2(nowMs)), { 'content-type': type })).status).toBe(204)
    expect((await post(compress(v2(nowMs)), { 'content-type': 'application/x-protobuf;proto=x' })).status).toBe(415)
  })

  it('keeps what is right beside what is wrong, and says what was', async () => {
    const name: Label = ['__name__', 'm']
    const wrong: [Label[], string][] = [
      [[['job', 'a'], name], 'label-order'],
      [[name, ['a', '1'], ['a', '2']], 'label-duplicate'],
      [[name, ['a', '']], 'label-empty'],
      [[name, ['a', 'x'.repeat(9000)]], 'label-length'],
      [[['a', '1']], 'no-name'],
    ]
    const response = await post(
      compress(
        v1([
          ...wrong.map(([labels]): [Label[], [number, number][]] => [labels, [[nowMs, 1]]]),
          [
            up,
            [
              [nowMs, 1],
              [nowMs + 1, 2],
            ],
          ],
          [up, [[1e15, 1]]],
        ]),
      ),
    )
    expect(response.status).toBe(400)
    expect(response.headers.get('x-prometheus-remote-write-samples-written')).toBe('2')
    expect(recorder.counts.accepted).toBe(2)
    expect(recorder.counts.rejected).toEqual({
      ...Object.fromEntries(wrong.map(([, reason]) => [reason, 1])),
      'too-far-ahead': 1,
    })
  })

  it('refuses a snappy header that claims gigabytes before it allocates, and every truncation', async () => {
    expect((await post(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f))).status).toBe(413)
    const request = v1([[up, [[nowMs, 1]]]])
    for (let length = 1; length < request.length; length++)
      expect((await post(compress(request.subarray(0, length)))).status).toBe(400)
    expect(recorder.writeRequests).toEqual([])
  })

  it('unpacks what snappy packed', () => {
    const text = Buffer.from('observatory '.repeat(5000) + Array.from({ length: 3000 }, (_, i) => i).join())
    expect(uncompressSnappy(compress(text), 1e6)).toEqual(text)
  })
})
