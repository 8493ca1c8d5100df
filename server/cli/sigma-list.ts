import type { CommandInput } from './command.ts'

interface Rule {
  id: string
  title: string
  level: string
  author: string
  license: string
  logsource: string
  enabled: boolean
  matches: number
  lastMatchMs: number | null
}

/** The rules of a running server; `--noisy`: those that matched, most often first. */
export async function listRules({ options, json }: CommandInput): Promise<number> {
  const given = typeof options['url'] === 'string' ? options['url'] : undefined
  const url = `${(given ?? process.env['GUANLAN_URL'] ?? 'http://127.0.0.1:7700').replace(/\/$/, '')}/api/security/rules`
  const token = process.env['GUANLAN_TOKEN']
  const response = await fetch(url, { headers: token ? { authorization: `Bearer ${token}` } : {} })
  if (!response.ok) {
    console.error(`${response.status} ${await response.text()}`)
    return 1
  }
  const { rules } = (await response.json()) as { rules: Rule[] }
  const shown =
    options['noisy'] === true
      ? rules.filter(({ matches }) => matches > 0).sort((a, b) => b.matches - a.matches)
      : rules.toSorted((a, b) => (a.title < b.title ? -1 : 1))
  const all = rules.reduce((sum, { matches }) => sum + matches, 0)
  for (const rule of shown) {
    const share = all === 0 ? 0 : (100 * rule.matches) / all
    if (json) console.log(JSON.stringify({ ...rule, share: share / 100 }))
    else
      console.log(
        `${String(rule.matches).padStart(9)} ${share.toFixed(1).padStart(5)} %  ${rule.level.padEnd(13)} ${rule.enabled ? '   ' : 'off'}  ${rule.title}  (${rule.author}${rule.license ? `, ${rule.license}` : ''})  ${rule.id}`,
      )
  }
  if (!json) console.error(`${shown.length} of ${rules.length} rules, ${all} matches since they are counted`)
  return 0
}
