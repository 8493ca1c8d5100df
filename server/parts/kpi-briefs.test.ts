// Briefs that come by themselves, with a real database, a real mail server and real webhooks.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { eq } from 'drizzle-orm'
import { SMTPServer } from 'smtp-server'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { seededRandom } from '#core/random.ts'
import { briefFormats } from '#kpi/brief/settings.ts'
import { timeText } from '#kpi/brief/words.ts'
import { calendarAt, compileCalendar, readCalendars } from '#kpi/time/calendar.ts'
import { systemActor } from '#stores/state/audit.ts'
import { kpiBriefDeliveries, kpiBriefFiles, kpiBriefIssues } from '#stores/state/schema/kpi-briefs.ts'
import { openTestState, type TestState } from '#stores/state/testing.ts'
import { endProcess } from '#tests/end-process.ts'
import { configSchema } from '../config.ts'
import { createKpiPart, type KpiPart } from './kpi.ts'
import { briefFile, makeBrief } from './kpi-brief.ts'
import { type BriefsPart, createBriefsPart } from './kpi-briefs.ts'
import { fillProvince } from './kpi-demo.ts'
import { openLedger } from './ledger.ts'

const rules = resolve('rules/kpi')
const china = (text: string): number => Date.parse(`${text}+08:00`)
/** Tuesday; the week of 9 November is due on Monday the 16th. */
const startMs = china('2026-11-10T12:00:00')
const secret = `whsec_${Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')}`
const directory = mkdtempSync(join(tmpdir(), 'guanlan-briefs-'))
const clock = new ManualClock(startMs)
const ledger = await openLedger(configSchema.parse({}).ledger, directory, clock)
let state: TestState
let kpi: KpiPart
let http: Server
let mail: SMTPServer
const requests: { path: string; headers: Record<string, string>; body: string }[] = []
const mails: string[] = []
let status = 200

const receivers = () => {
  const at = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const smtp = (mail.server.address() as AddressInfo).port
  return [
    { kind: 'webhook', name: 'office', url: `${at}/office`, secret, allowPrivate: true, alerts: false },
    { kind: 'wecom', name: 'group', url: `${at}/group`, allowPrivate: true, alerts: false },
    {
      ...{ kind: 'email', name: 'leaders', to: ['leader@example.gov.cn'], from: 'brief@example.gov.cn' },
      ...{ host: '127.0.0.1', port: smtp, security: 'none', alerts: false },
    },
  ]
}
const partOf = (series: object, seed: number): BriefsPart =>
  createBriefsPart(configSchema.parse({ kpi: { briefs: [series] }, alerts: { receivers: receivers() } }), {
    ...{ database: state.database, kpi, ledger, clock, random: seededRandom(seed), logger: silentLogger },
    ...{ checkpoint: () => ledger.checkpoint(), publicUrl: 'https://ops.example.gov.cn' },
    calendar: () => calendarAt(calendars, 'cn', clock.nowMs())!,
  })
const calendars = readCalendars(join(rules, 'calendars')).calendars.map(compileCalendar)
const turn = async ({ turns }: BriefsPart): Promise<void> => {
  for (const { work } of turns) await work()
}

beforeAll(async () => {
  state = await openTestState()
  http = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const headers = request.headers as Record<string, string>
    requests.push({ path: request.url!, headers, body: Buffer.concat(parts).toString() })
    response.statusCode = status
    response.end(JSON.stringify({ errcode: 0 }))
  })
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done))
  mail = new SMTPServer({
    ...{ authOptional: true, disabledCommands: ['STARTTLS'] },
    onData: (stream, _session, done) => {
      const parts: Buffer[] = []
      stream.on('data', (part: Buffer) => parts.push(part))
      stream.on('end', () => {
        mails.push(Buffer.concat(parts).toString())
        done()
      })
    },
  })
  await new Promise<void>((done) => mail.listen(0, '127.0.0.1', done))
  const places = { directory: join(directory, 'cases'), cubes: join(directory, 'cubes') }
  kpi = createKpiPart(rules, {
    ...{ ...places, database: state.database, clock, random: seededRandom(1), logger: silentLogger },
  })
  await kpi.component.start()
  await fillProvince(kpi, { rules, seed: 1, count: 600, nowMs: startMs })
  await kpi.refresh()
})
afterAll(async () => {
  await kpi.component.stop()
  await ledger.close()
  await state.dispose()
  http.close()
  await new Promise<void>((done) => mail.close(() => done()))
  rmSync(directory, { recursive: true })
})
beforeEach(() => {
  requests.length = 0
  mails.length = 0
  status = 200
})

test('an issue is made when it is due, once by however many processes, and each receiver is told once', async () => {
  const series = {
    ...{ name: 'weekly', every: 'week', receivers: ['office', 'group', 'leaders'], attach: ['pdf', 'png'] },
    ...{ firstIssue: 45, firstTotal: 126, issuer: '省政务服务数据管理局', classification: '内部资料' },
  }
  const [one, other] = [partOf(series, 2), partOf(series, 3)]
  await turn(one)
  expect((await one.issues.list(10)).length).toBe(0)
  expect(one.next(one.series[0]!)).toEqual({ period: '2026-W46', dueMs: china('2026-11-16T08:30:00') })

  clock.advance(china('2026-11-16T08:31:00') - clock.nowMs())
  await Promise.all([turn(one), turn(other)])
  await Promise.all([turn(one), turn(other)])
  const [made, ...rest] = await one.issues.list(10)
  expect(rest).toEqual([])
  expect(made!.issue).toMatchObject({
    ...{ id: 'weekly/2026-W46', state: 'issued', year: 2026, issue: 45, total: 126 },
    // As it would have been known in time, whenever it is made.
    ...{ asOfMs: china('2026-11-16T08:30:00'), knownMs: china('2026-11-16T08:30:00') },
  })
  expect(made!.issue.leafIndex).not.toBeNull()
  expect(made!.files.map(({ format }) => format).sort()).toEqual([...briefFormats].sort())
  expect(made!.deliveries.map(({ receiver, part, state: at, attempts }) => [receiver, part, at, attempts])).toEqual([
    ['group', 'image', 'delivered', 1],
    ['group', 'message', 'delivered', 1],
    ['leaders', 'message', 'delivered', 1],
    ['office', 'message', 'delivered', 1],
  ])
  const fileOf = async (format: string) => (await one.issues.file('weekly/2026-W46', format))!
  const pdf = await fileOf('pdf')

  const [office] = requests.filter(({ path }) => path === '/office')
  const told = new Webhook(secret.slice('whsec_'.length))
  // The signature is over the time of the test, which the verifier would take for old: it is made again here.
  expect(told.sign(office!.headers['webhook-id']!, new Date(clock.nowMs()), office!.body)).toBe(
    office!.headers['webhook-signature'],
  )
  const { type, data } = JSON.parse(office!.body)
  expect([type, data.title]).toEqual(['brief.issued', '数字政府绩效简报第45期（总第126期）'])
  expect(data.url).toBe('https://ops.example.gov.cn/performance/briefs?issue=weekly%2F2026-W46')
  expect(Buffer.from(data.attachments[0].content, 'base64').equals(pdf.content)).toBe(true)
  expect(createHash('sm3').update(pdf.content).digest('hex')).toBe(data.attachments[0].sm3)

  const group = requests.filter(({ path }) => path === '/group').map(({ body }) => JSON.parse(body))
  expect(group.map(({ msgtype }) => msgtype).sort()).toEqual(['image', 'markdown'])
  const { image } = group.find(({ msgtype }) => msgtype === 'image')
  const picture = Buffer.from(image.base64, 'base64')
  expect(picture.equals((await fileOf('png')).content)).toBe(true)
  expect(createHash('md5').update(picture).digest('hex')).toBe(image.md5)

  expect(mails).toHaveLength(1)
  expect(mails[0]).toContain('Content-Type: application/pdf')
  expect(mails[0]!.replace(/\s/g, '')).toContain(pdf.content.toString('base64').slice(0, 400))
})

test('the same moment gives the same bytes in every format, and the database lets nobody change them', async () => {
  const [row] = await state.database.select().from(kpiBriefIssues).where(eq(kpiBriefIssues.id, 'weekly/2026-W46'))
  const atMs = row!.knownMs!
  const masthead = {
    ...{ title: row!.title, issuer: '省政务服务数据管理局', classification: '内部资料' },
    ...{ number: { issue: row!.issue!, total: row!.total! }, dateMs: row!.madeMs },
  }
  const around = {
    rules,
    database: state.database,
    note: row!.checkpoint!.note,
    masthead,
    language: 'zh-Hans',
  } as const
  const request = {
    period: row!.period,
    only: {},
    nowMs: clock.nowMs(),
    asOfMs: atMs,
    knownMs: atMs,
    departments: true,
  }
  const again = await makeBrief(kpi, around, request)
  for (const format of briefFormats) {
    const [kept] = await state.database.select().from(kpiBriefFiles).where(eq(kpiBriefFiles.format, format))
    expect([format, (await briefFile(again, format)).content.equals(kept!.content)]).toEqual([format, true])
  }
  await expect(state.database.update(kpiBriefFiles).set({ bytes: 1 })).rejects.toThrow()
})

test('what was missed is made up for as it would have been in time; what is too old is shown as missed', async () => {
  const part = partOf({ name: 'late', every: 'week', catchUpDays: 10 }, 4)
  await turn(part)
  clock.advance(china('2026-12-09T10:00:00') - clock.nowMs())
  await turn(part)
  const issues = (await part.issues.list(50)).filter(({ issue }) => issue.series === 'late')
  expect(issues.map(({ issue: { period, state: at, total, asOfMs } }) => [period, at, total, asOfMs])).toEqual([
    ['2026-W49', 'issued', 2, china('2026-12-07T08:30:00')],
    ['2026-W48', 'issued', 1, china('2026-11-30T08:30:00')],
    ['2026-W47', 'missed', null, null],
  ])
  expect(issues[2]!.issue.cause).toContain('10 days')
  // The one of a time that is over can be issued by hand, under the next number; twice it cannot.
  await part.issueNow(systemActor, part.series[0]!, '2026-W47')
  expect((await part.issues.find('late/2026-W47'))?.total).toBe(3)
  for (const period of ['2026-W47', '2026-W53', '2026-10'])
    await expect(part.issueNow(systemActor, part.series[0]!, period)).rejects.toMatchObject({ code: 'kpi.brief-there' })
})

test('an issue that is made up for has grades as well, and says by which run of the checks', async () => {
  const part = partOf({ name: 'graded', every: 'week', catchUpDays: 60 }, 8)
  await turn(part)
  clock.advance(8 * 86_400_000)
  const run = await kpi.integrity!.run('2026')
  await turn(part)
  const [made] = (await part.issues.list(50)).filter(({ issue }) => issue.series === 'graded')
  expect(made!.issue.knownMs!).toBeLessThan(run.endedMs)
  const html = (await part.issues.file(made!.issue.id, 'html'))!.content.toString()
  expect(html).toContain(`证据等级依 ${timeText(run.endedMs)} 的核验`)
  const graded = [...html.matchAll(/<tr><td><a href="#[a-z-]+">.*?<\/tr>/g)].filter(([row]) =>
    /<td>[A-E]<\/td>/.test(row),
  )
  expect(graded.length).toBeGreaterThan(3)
}, 120_000)

test('numbers within a year begin anew with the year, those of all go on', async () => {
  const part = partOf({ name: 'yearly', every: 'month' }, 5)
  await part.issueNow(systemActor, part.series[0]!, '2026-10')
  clock.advance(china('2027-01-10T10:00:00') - clock.nowMs())
  await part.issueNow(systemActor, part.series[0]!, '2026-11')
  expect(await part.issues.find('yearly/2026-11')).toMatchObject({ year: 2027, issue: 1, total: 2 })
})

test('a refusal is tried again under the same id; a receiver that is gone is given up', async () => {
  const part = partOf({ name: 'refused', every: 'month', receivers: ['office'] }, 6)
  status = 503
  await part.issueNow(systemActor, part.series[0]!, '2026-10')
  await part.deliveries.work()
  const rowOf = async () =>
    (await state.database.select().from(kpiBriefDeliveries).where(eq(kpiBriefDeliveries.issue, 'refused/2026-10')))[0]!
  expect(await rowOf()).toMatchObject({ state: 'pending', attempts: 1, lastError: expect.stringContaining('503') })
  await part.deliveries.work()
  expect(requests).toHaveLength(1)
  await expect(
    part.sendAgain(systemActor, (await part.issues.find('refused/2026-10'))!, 'office', 'message'),
  ).rejects.toMatchObject({ code: 'kpi.brief-sending' })
  status = 200
  clock.advance(60_000)
  await part.deliveries.work()
  expect(await rowOf()).toMatchObject({ state: 'delivered', attempts: 2 })
  expect(new Set(requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
})

test('a process that is killed while it sends leaves an outcome that nobody knows, and nothing is sent twice', async () => {
  const part = partOf({ name: 'killed', every: 'month', receivers: ['office'] }, 7)
  await part.issueNow(systemActor, part.series[0]!, '2026-10')
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/killed`
  const script = join(import.meta.dirname, 'testdata/dies-while-sending.ts')
  const child = spawn(process.execPath, [script, state.directory, url, String(clock.nowMs())], { stdio: 'inherit' })
  await expect.poll(() => requests.length).toBe(1)
  await endProcess(child, 'SIGKILL')
  await part.deliveries.work()
  clock.advance(3_600_000)
  await part.deliveries.work()
  await part.deliveries.work()
  expect(requests).toHaveLength(1)
  const [found] = (await part.issues.list(50)).filter(({ issue }) => issue.series === 'killed')
  expect(found!.deliveries.map(({ state: at, attempts }) => [at, attempts])).toEqual([['uncertain', 1]])
  // A person who has looked may have it sent again.
  await part.sendAgain(systemActor, found!.issue, 'office', 'message')
  await part.deliveries.work()
  expect(requests.map(({ path }) => path)).toEqual(['/killed', '/office'])
})

test('a receiver that does not exist, or takes no documents, is a mistake of the settings', () => {
  const brief = (name: string) => ({ kpi: { briefs: [{ name: 'w', every: 'week', receivers: [name] }] } })
  const messages = (given: object): string[] =>
    configSchema.safeParse(given).error?.issues.map((one) => one.message) ?? []
  expect(messages(brief('nobody'))[0]).toContain('there is no receiver "nobody"')
  const log = { kind: 'cef', name: 'log', host: '127.0.0.1' }
  expect(messages({ ...brief('log'), alerts: { receivers: [log] } })[0]).toContain('takes no documents')
  expect(messages({ ...brief('office'), alerts: { receivers: receivers() } })).toEqual([])
})
