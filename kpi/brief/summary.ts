// What a brief says in a message: a line for each indicator, and what fixes it.
import type { Brief } from './brief.ts'
import { changeText, figureText, periodText, restatedText, stampText, statuses, syntheticNote } from './words.ts'

export function summaryOf(brief: Brief): string[] {
  const lines = brief.rows.map(({ definition, value, before }) => {
    const { mark, word } = statuses[value.target.status]
    const change = changeText(value, before, definition.unit)
    return `${definition.name.zh} ${figureText(value, definition.unit)}，${change === '—' ? '' : `较上期 ${change}，`}${mark} ${word}`
  })
  return [
    `${periodText(brief.period.label)} · ${brief.scope}`,
    ...(brief.synthetic ? [syntheticNote] : []),
    ...lines,
    ...(brief.restated.length > 0 ? [restatedText(brief)] : []),
    stampText(brief),
  ]
}
