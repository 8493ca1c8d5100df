// A province that does not exist, under the names of one that does: departments, items, systems and cases are made up, and
// every record says so. The same seed makes the same province.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import type { Random } from '#core/random.ts'
import type { Fact, FactKind } from '../contract.ts'
import type { ObservedCase } from '../integrity/observed-case.ts'
import { type Calendar, compileCalendar, readCalendars } from '../time/calendar.ts'
import { demoCases, type ProvinceItem } from './province-cases.ts'

const divisionsSchema = z.object({
  cities: z.array(z.object({ code: z.string(), name: z.string() })),
  counties: z.array(z.object({ code: z.string(), name: z.string(), city: z.string() })),
})

export interface DemoProvince {
  facts: Fact[]
  /** In the order in which they became known; about as many as asked for. */
  cases(count: number): ObservedCase[]
}

const mark = '合成示例'
const departmentNames = [
  '人力资源和社会保障局',
  '市场监督管理局',
  '公安局',
  '自然资源局',
  '住房和城乡建设局',
  '卫生健康局',
  '教育局',
  '税务局',
] as const
const itemNames = ['设立登记', '变更登记', '注销登记', '资格认定', '许可核发', '年度备案'] as const
const kinds = ['行政许可', '公共服务', '行政确认'] as const

export function demoProvince(rules: string, random: Random, nowMs: number): DemoProvince {
  const divisions = divisionsSchema.parse(JSON.parse(readFileSync(join(rules, 'divisions/guangdong.json'), 'utf8')))
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random.next() * list.length)]!
  const whole = (from: number, to: number): number => from + Math.floor(random.next() * (to - from + 1))
  const fact = (kind: FactKind, id: string, fields: Fact['fields']): Fact => ({
    ...{ kind, id, version: 1, validFromMs: -8.64e15, validToMs: null, knownMs: nowMs },
    fields: { ...fields, id, note: mark },
  })
  const facts: Fact[] = []
  const items: ProvinceItem[] = []
  for (const city of divisions.cities) {
    // How good a city is: drawn once, so that ranking and heat map show something.
    const skill = 0.35 + random.next() * 0.6
    const counties = divisions.counties.filter((one) => one.city === city.code)
    departmentNames.forEach((name, d) => {
      const department = `${city.code}-${String(d + 1).padStart(2, '0')}`
      const where = { department, departmentName: `${city.name}${name}`, region: city.code }
      facts.push(
        fact('certificate', `cert-${department}`, {
          ...where,
          name: `${city.name}${name}证照（${mark}）`,
          electronic: random.next() < skill,
        }),
      )
      facts.push(
        fact('system', `sys-${department}`, {
          ...where,
          name: `${city.name}${name}业务系统（${mark}）`,
          onCloud: random.next() < skill,
          onNetwork: random.next() < 0.9,
          live: true,
          classified: random.next() < 0.05,
          retired: false,
          cloud: pick(['province', 'city']),
          virtualMachines: String(whole(2, 60)),
          yearlyCostFen: String(whole(50, 900) * 1_000_000),
        }),
      )
      for (let r = 1; r <= 4; r++) {
        const registered = random.next() < skill + 0.1
        facts.push(
          fact('resource', `res-${department}-${r}`, {
            ...where,
            name: `${name}数据资源${r}（${mark}）`,
            required: random.next() < 0.9,
            registered,
            mounted: registered && random.next() < 0.9,
            callable: registered && random.next() < 0.85,
            fresh: registered && random.next() < 0.7,
            refused: String(random.next() < 0.1 ? 1 : 0),
            fieldCount: '20',
            providedFieldCount: String(registered ? whole(8, 20) : 0),
          }),
        )
      }
      itemNames.forEach((title, i) => {
        const code = `${department}-${String(i + 1).padStart(3, '0')}`
        const legal = pick([20, 20, 30, 45, 60])
        const promised = Math.max(0, Math.round(legal * (1 - skill * (0.4 + random.next() * 0.5))))
        const category = pick(kinds)
        const region = pick(counties)?.code ?? city.code
        items.push({ code, department, region, category, promised, skill })
        facts.push(
          fact('item', code, {
            department,
            region: city.code,
            name: `${name}${title}（${mark}）`,
            kind: category,
            category,
            'legal.amount': String(legal),
            'legal.unit': 'working-day',
            'promised.amount': String(promised),
            'promised.unit': i === 5 ? 'calendar-day' : 'working-day',
            online: random.next() < 0.6 + skill * 0.4,
            mobile: random.next() < skill,
            visitsMax: String(random.next() < skill ? whole(0, 1) : 2),
            frequent: i < 2,
            issues: i < 4 ? `cert-${department}` : null,
            issuesElectronic: i < 4 && random.next() < skill,
            volume: String(whole(10, 900)),
            level: 'city',
            attribution: 'single',
            itemCode: code,
          }),
        )
        facts.push(
          fact('business', `biz-${code}`, {
            department,
            region: city.code,
            name: `${name}${title}`,
            grain: 'item',
            kind: category,
            system: random.next() < skill + 0.2 ? 'live' : pick(['partial', 'none']),
            transactions: String(random.next() < skill ? whole(1, 5000) : 0),
            idleDays: String(whole(0, 200)),
            vertical: random.next() < 0.1,
          }),
        )
      })
    })
  }
  return { facts, cases: (count) => demoCases(items, count, calendarOf(rules), random, nowMs) }
}

function calendarOf(rules: string): Calendar {
  const [first] = readCalendars(join(rules, 'calendars')).calendars
  if (!first) throw new CodedError('not-found', { what: 'A calendar of working days' })
  return compileCalendar(first)
}
