// An entity whose surprises add up to more than the budget lets pass.
import type { Finding } from '#core/finding.ts'
import type { BehaviourReport } from './behaviour.ts'
import type { Detector } from './profile.ts'
import { sayReason } from './words.ts'

const resolveAfterMs = 24 * 3_600_000
const toldMax = 8
const bytesMax = 2000

/** Field by which the events of an entity are found. */
const fieldOf: Record<string, string> = { user: 'user.name', host: 'host.name' }
const tactics: Partial<Record<Detector, string>> = { firstSeen: 'initial-access', volume: 'collection' }

export function behaviourFinding({ profile, score, threshold, reasons }: BehaviourReport, card: string): Finding {
  const { entity } = profile
  const [kind = '', name = ''] = [entity.slice(0, entity.indexOf(':')), entity.slice(entity.indexOf(':') + 1)]
  const told = reasons.slice(0, toldMax)
  const say = (language: 'en' | 'zh'): string =>
    told
      .map((one) => sayReason(profile, one, language))
      .join('\n')
      .slice(0, bytesMax)
  // The most surprising, up to its comparison.
  const shortly = (language: 'en' | 'zh'): string => {
    const first = sayReason(profile, told[0]!, language).replace(/(?:; |；).*$/s, '')
    const more = reasons.length - 1
    if (more === 0) return first
    return language === 'en'
      ? `${first}, and ${more} more surprise${more > 1 ? 's' : ''}`
      : `${first}，另有 ${more} 项意外`
  }
  const times = reasons.map(({ atMs }) => atMs)
  const tactic = tactics[told[0]?.detector ?? 'time']
  return {
    rule: `behaviour/${kind}`,
    title: shortly('en'),
    description: say('en'),
    severity: score >= 2 * threshold ? 'high' : 'medium',
    state: 'active',
    labels: { [fieldOf[kind] ?? 'entity']: name },
    annotations: {
      category: 'security',
      ...(tactic ? { tactics: tactic } : {}),
      'title.zh': shortly('zh'),
      'description.zh': say('zh'),
      'model.id': 'behaviour',
      'model.card': card,
      'model.reasons': told.map(({ detector, bits }) => `${detector} ${bits.toFixed(1)} bit`).join(' · '),
    },
    atMs: profile.lastMs,
    forMs: 0,
    resolveAfterMs,
    entities: [entity],
    evidence: {
      query: `${fieldOf[kind]}: ${JSON.stringify(name)}`,
      language: 'kql',
      fromMs: Math.min(...times) - 1000,
      toMs: Math.max(...times) + 1000,
      eventIds: told.map(({ eventId }) => eventId),
      value: Math.round(score * 10) / 10,
      threshold,
    },
  }
}
