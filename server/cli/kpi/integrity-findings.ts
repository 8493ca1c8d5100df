// Findings as lines, by rule.
import type { IntegrityFinding } from '#kpi/integrity/finding.ts'

const shown = 20

export function tellFindings(findings: readonly IntegrityFinding[]): void {
  const byRule = new Map<string, IntegrityFinding[]>()
  for (const one of findings) {
    const key = `${one.check}  ${one.rule}`
    byRule.set(key, [...(byRule.get(key) ?? []), one])
  }
  for (const [name, list] of [...byRule].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const sum = list.reduce((all, one) => all + (one.seen ?? 1), 0)
    console.log(`${name}: ${list.length} asked${sum === list.length ? '' : `, ${sum} seen`}`)
    for (const one of list.slice(0, shown))
      console.log(
        `   ${one.unit}: ${one.question.en}${one.pValue === null ? '' : ` (p ${one.pValue.toExponential(1)}; ${one.seen} of ${one.count}, expected ${one.expected?.toFixed(1)})`}`,
      )
    if (list.length > shown) console.log(`   … and ${list.length - shown} more`)
  }
  if (findings.length === 0) console.log('nothing to ask')
}
