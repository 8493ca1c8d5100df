// What of ATT&CK the rules in force would see: a rule whose log source never arrives sees nothing, however good it is.

export interface CoverageRule {
  id: string
  logsource: string
  tags: readonly string[]
  enabled: boolean
  /** Whether events of its log source have come lately. */
  fed: boolean
}

export interface TacticCoverage {
  tactic: string
  /** In force. */
  rules: number
  /** … and their log source arrives. */
  fed: number
  techniques: { id: string; rules: number; fed: number }[]
}

export interface MissingSource {
  logsource: string
  /** Rules in force that wait for it. */
  rules: number
}

const techniqueTag = /^attack\.(t\d{4}(?:\.\d{3})?)$/i

export function attackCoverage(
  rules: readonly CoverageRule[],
  tactics: readonly string[],
): { tactics: TacticCoverage[]; missing: MissingSource[] } {
  const enabled = rules.filter((rule) => rule.enabled)
  const missing = new Map<string, number>()
  for (const { fed, logsource } of enabled) if (!fed) missing.set(logsource, (missing.get(logsource) ?? 0) + 1)
  return {
    tactics: tactics.map((tactic) => {
      const own = enabled.filter(({ tags }) => tags.some((tag) => tacticOf(tag) === tactic))
      const techniques = new Map<string, { id: string; rules: number; fed: number }>()
      for (const { tags, fed } of own)
        for (const tag of tags) {
          const id = techniqueTag.exec(tag)?.[1]?.toUpperCase()
          if (id === undefined) continue
          const found = techniques.get(id) ?? { id, rules: 0, fed: 0 }
          found.rules++
          if (fed) found.fed++
          techniques.set(id, found)
        }
      return {
        ...{ tactic, rules: own.length, fed: own.filter(({ fed }) => fed).length },
        techniques: [...techniques.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
      }
    }),
    missing: [...missing]
      .map(([logsource, count]) => ({ logsource, rules: count }))
      .sort((a, b) => b.rules - a.rules || (a.logsource < b.logsource ? -1 : 1)),
  }
}

function tacticOf(tag: string): string {
  return tag.replace('attack.', '').replaceAll('_', '-')
}
