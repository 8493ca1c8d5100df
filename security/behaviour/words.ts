// What was seen, in sentences, in both languages.
import { sayBytes } from './bytes.ts'
import type { Profile, Reason } from './profile.ts'

export type Language = 'en' | 'zh'

const nameOf = ({ entity }: Pick<Profile, 'entity'>): string => entity.slice(entity.indexOf(':') + 1)
const isUser = ({ entity }: Pick<Profile, 'entity'>): boolean => entity.startsWith('user:')

export function sayReason(profile: Pick<Profile, 'entity'>, reason: Reason, language: Language): string {
  const said = { firstSeen, rare, volume, time, sequence }[reason.detector](profile, reason.values, language)
  return said
}

type Values = Reason['values']

const firstSeenSaid: Record<string, Record<Language, string>> = {
  host: { en: '{name} used {value} for the first time', zh: '{name} 首次使用 {value}' },
  network: { en: '{name} came from {value} for the first time', zh: '{name} 首次从 {value} 登录或访问' },
  country: {
    en: '{name} came from {value} (country) for the first time',
    zh: '{name} 首次从 {value}（国家或地区）登录或访问',
  },
  agent: { en: '{name} used the program “{value}” for the first time', zh: '{name} 首次使用客户端“{value}”' },
  process: { en: '{value} ran on {name} for the first time', zh: '{name} 上首次运行 {value}' },
  user: { en: '{value} was active on {name} for the first time', zh: '{value} 首次在 {name} 上活动' },
}

function firstSeen(profile: Pick<Profile, 'entity'>, values: Values, language: Language): string {
  const { relation, peers, of, days, department } = values
  const what = fill(firstSeenSaid[String(relation)]![language], { name: nameOf(profile), value: values['value']! })
  if (of === 0) return language === 'en' ? `${what}; there is nobody to compare with.` : `${what}；没有可比较的同类。`
  if (language === 'zh') {
    const whom = isUser(profile)
      ? department
        ? `${department}的 ${of} 名同事`
        : `其他 ${of} 个账号`
      : `其他 ${of} 台主机`
    return `${what}；近 ${days} 天内${whom}中有 ${peers} 个如此。`
  }
  const whom = isUser(profile) ? (department ? `colleagues of ${department}` : 'other accounts') : 'other hosts'
  return `${what}; ${peers} of ${of} ${whom} did in ${days} days.`
}

function rare(profile: Pick<Profile, 'entity'>, { active, of, hours }: Values, language: Language): string {
  const [one, many, zh] = hours === 24 ? ['day', 'days', '天'] : ['period', 'periods', '个时段']
  const name = nameOf(profile)
  return language === 'en'
    ? `${name} is seldom active: on ${active} of the ${of} ${of === 1 ? one : many} since it was first seen.`
    : `${name} 很少活动：自首次出现以来的 ${of} ${zh}中仅 ${active} ${zh}有活动。`
}

function volume(profile: Pick<Profile, 'entity'>, values: Values, language: Language): string {
  const { measure } = values
  const show = (name: 'value' | 'usual' | 'most'): string =>
    measure === 'bytes' ? sayBytes(Number(values[name])) : String(values[name])
  const what = {
    failed: { en: 'failed sign-ins', zh: '次登录失败' },
    bytes: { en: 'moved', zh: '的数据传输' },
    events: { en: 'events', zh: '条事件' },
  }[String(measure) as 'failed' | 'bytes' | 'events'][language]
  return language === 'en'
    ? `${nameOf(profile)}: ${show('value')} ${what} within an hour; usually ${show('usual')}, at most ${show('most')} in the ${values['hours']} active hours before.`
    : `${nameOf(profile)} 一小时内有 ${show('value')} ${what}；此前 ${values['hours']} 个活动小时中通常为 ${show('usual')}，最多 ${show('most')}。`
}

function time(profile: Pick<Profile, 'entity'>, { hour, weekend, share }: Values, language: Language): string {
  const at = `${String(hour).padStart(2, '0')}:00`
  return language === 'en'
    ? `${nameOf(profile)} was active at ${at} on a ${weekend ? 'weekend' : 'working day'}; ${share} % of its active hours before lay there.`
    : `${nameOf(profile)} 在${weekend ? '周末' : '工作日'} ${at} 有活动；此前仅 ${share} % 的活动时段在此。`
}

function sequence(profile: Pick<Profile, 'entity'>, { from, action, times, of }: Values, language: Language): string {
  const before = from === '' ? { en: 'at the beginning of a session', zh: '会话开始时' }[language] : ''
  if (language === 'en')
    return `“${action}” ${before || `after “${from}”`}: new for ${nameOf(profile)}; among all it came ${times} of ${of} times.`
  return `${nameOf(profile)} 首次${before || `在“${from}”之后`}出现“${action}”；全体之中 ${of} 次有 ${times} 次如此。`
}

const fill = (text: string, values: Values): string =>
  text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]))
