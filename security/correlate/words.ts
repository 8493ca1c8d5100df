// The words of a story, in both languages.
import { formatDuration } from '#core/duration.ts'
import { type Tactic, tactics } from './alert.ts'

export type Language = 'en' | 'zh'

export interface ChapterFacts {
  name: string
  place: string
  count: number
  lastsMs: number
  seenBefore: number
  tactic: string | undefined
}

interface Words {
  title(places: readonly string[], strongest: string, course: readonly string[]): string
  chapter(facts: ChapterFacts): string
  tactic(tactic: string): string
}

const tacticZh: Record<Tactic, string> = {
  reconnaissance: '侦察',
  'resource-development': '资源准备',
  'initial-access': '初始访问',
  execution: '执行',
  persistence: '持久化',
  'privilege-escalation': '权限提升',
  'defense-evasion': '防御规避',
  'credential-access': '凭据获取',
  discovery: '发现',
  'lateral-movement': '横向移动',
  collection: '收集',
  'command-and-control': '命令与控制',
  exfiltration: '数据外泄',
  impact: '影响',
}

const bare = (entity: string): string => entity.slice(entity.indexOf(':') + 1)
/** Whether a title says already where: it need not be said twice. */
const names = (title: string, place: string): boolean => title.includes(bare(place))
/** Names that end in a full stop go on in the sentence. */
const open = (name: string): string => name.replace(/[.。]+$/, '')
const zhTactic = (tactic: string): string =>
  (tactics as readonly string[]).includes(tactic) ? tacticZh[tactic as Tactic] : tactic
const enTactic = (tactic: string): string => tactic.replaceAll('-', ' ')

export const words: Record<Language, Words> = {
  en: {
    tactic: enTactic,
    title: (places, strongest, course) => {
      const where = places.length === 1 ? bare(places[0]!) : `${bare(places[0]!)} and ${places.length - 1} more`
      return course.length > 1
        ? `From ${enTactic(course[0]!)} to ${enTactic(course[course.length - 1]!)} on ${where}`
        : names(strongest, places[0]!)
          ? `${open(strongest).slice(0, 120)}${places.length === 1 ? '' : ` and ${places.length - 1} more`}`
          : `${open(strongest).slice(0, 120)} on ${where}`
    },
    chapter: ({ name, place, count, lastsMs, seenBefore, tactic }) => {
      const times = count > 1 ? `, ${count} times${lastsMs >= 1000 ? ` within ${spell(lastsMs)}` : ''}` : ''
      const before =
        seenBefore === 0
          ? 'never seen there before'
          : `seen there ${seenBefore === 1 ? 'once' : `${seenBefore} times`} before`
      return `${names(name, place) ? '' : `${bare(place)}: `}${open(name)}${times}; ${before}${tactic ? ` (${enTactic(tactic)})` : ''}`
    },
  },
  zh: {
    tactic: zhTactic,
    title: (places, strongest, course) => {
      const where = places.length === 1 ? bare(places[0]!) : `${bare(places[0]!)} 等 ${places.length} 个对象`
      return course.length > 1
        ? `${where}：从${zhTactic(course[0]!)}到${zhTactic(course[course.length - 1]!)}`
        : names(strongest, places[0]!)
          ? `${open(strongest).slice(0, 120)}${places.length === 1 ? '' : ` 等 ${places.length} 个对象`}`
          : `${where}：${open(strongest).slice(0, 120)}`
    },
    chapter: ({ name, place, count, lastsMs, seenBefore, tactic }) => {
      const times = count > 1 ? `，${lastsMs >= 1000 ? `${spell(lastsMs)} 内` : ''}共 ${count} 次` : ''
      const before = seenBefore === 0 ? '此前从未出现' : `此前出现过 ${seenBefore} 次`
      return `${names(name, place) ? '' : `${bare(place)}：`}${open(name)}${times}；${before}${tactic ? `（${zhTactic(tactic)}）` : ''}`
    },
  },
}

/** Whole seconds, or whole minutes from an hour on. */
function spell(durationMs: number): string {
  const unitMs = durationMs >= 3_600_000 ? 60_000 : 1000
  return formatDuration(Math.round(durationMs / unitMs) * unitMs)
}
