// The brief as one picture for chat groups: what it says in a glance, wide enough for a phone. An SVG of our own, of
// outlines and rectangles alone.
import { fromText, toNumber } from '../rational.ts'
import type { Brief, BriefRow } from './brief.ts'
import { inLanguage } from './language.ts'
import { createLettering, type Lettering } from './lettering.ts'
import * as words from './words.ts'

const ink = { text: '#16202c', soft: '#5b6673', rule: '#d5dbe2', red: '#c8102e', warn: '#9a3412', track: '#e6ebf0' }
export const cardWidth = 1080
const edge = 56
const right = cardWidth - edge
const rowHeight = 128
const bar = { left: edge + 300, width: 330, height: 14 }

interface Style {
  size: number
  bold?: boolean
  colour?: string
  anchor?: 'start' | 'middle' | 'end'
  /** Cut beyond. */
  width?: number
}

/** As high as it has to be. */
export function briefCard(brief: Brief): string {
  const { masthead, period, scope, synthetic, rows, language } = brief
  const lettering = createLettering()
  const parts: string[] = []
  const put: Put = (
    x,
    y,
    content,
    { size, bold = false, colour = ink.text, anchor = 'start', width = right - edge },
  ) => {
    if (content === '') return
    const text = fitted(lettering, inLanguage(plain(content), language), width, size, bold)
    const from = { start: 0, middle: 0.5, end: 1 }[anchor] * lettering.widthOf(text, size, bold)
    parts.push(lettering.outline(text, x - from, y, size, bold, colour))
  }
  put(edge, 60, masthead.classification, { size: 28, bold: true })
  if (synthetic) put(right, 60, words.syntheticMark, { size: 28, bold: true, colour: ink.warn, anchor: 'end' })
  put(cardWidth / 2, 134, masthead.title, {
    ...{ size: 60, bold: true, colour: ink.red, anchor: 'middle' },
  })
  put(cardWidth / 2, 186, words.numberText(masthead), { size: 30, anchor: 'middle' })
  put(edge, 232, masthead.issuer, { size: 26, width: 640 })
  put(right, 232, masthead.dateMs === null ? '' : words.dateText(masthead.dateMs), { size: 26, anchor: 'end' })
  parts.push(rectangle(edge, 250, right - edge, 3, ink.red))
  put(cardWidth / 2, 310, `${words.periodText(period.label)} · ${scope}`, {
    ...{ size: 34, bold: true, anchor: 'middle' },
  })
  put(cardWidth / 2, 350, `数据时点 ${words.timeText(brief.asOfMs)} · 知悉时点 ${words.timeText(brief.knownMs)}`, {
    ...{ size: 20, colour: ink.soft, anchor: 'middle' },
  })
  let y = 380
  for (const row of rows) {
    parts.push(rectangle(edge, y, right - edge, 1, ink.rule))
    rowOf(row, y, put, parts)
    y += rowHeight
  }
  parts.push(rectangle(edge, y, right - edge, 1, ink.rule))
  y += 44
  const beside = [words.restatedText(brief), words.gradesText(brief)].filter((part) => part !== '').join(' · ')
  if (beside !== '') {
    put(edge, y, beside, { size: 24 })
    y += 40
  }
  for (const part of lines(lettering, words.stampText(brief), right - edge, 20)) {
    put(edge, y, part, { size: 20, colour: ink.soft })
    y += 30
  }
  if (synthetic) {
    put(edge, y, words.syntheticNote, { size: 20, colour: ink.warn })
    y += 30
  }
  const height = y + 20
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${cardWidth}" height="${height}" viewBox="0 0 ${cardWidth} ${height}">${rectangle(0, 0, cardWidth, height, '#ffffff')}${parts.join('')}</svg>`
}

type Put = (x: number, y: number, content: string, style: Style) => void

function rowOf({ definition, value, before }: BriefRow, y: number, put: Put, parts: string[]): void {
  const { mark, word, colour } = words.statuses[value.target.status]
  const { unit } = definition
  put(edge, y + 52, definition.name.zh, { size: 34, bold: true, width: bar.left - edge - 12 })
  put(edge, y + 96, `较上期 ${words.changeText(value, before, unit)}`, { size: 24, colour: ink.soft })
  if (value.grade !== null) put(bar.left, y + 52, `证据 ${value.grade}`, { size: 24, colour: ink.soft })
  put(right, y + 58, words.figureText(value, unit), { size: 46, bold: true, anchor: 'end' })
  const target = words.targetText(value, unit)
  put(right, y + 98, `${mark} ${word}${target === '—' ? '' : ` · 目标 ${target}`}`, { size: 24, colour, anchor: 'end' })
  if (unit !== 'ratio' || !value.ratio) return
  const share = (ratio: { numerator: string; denominator: string }): number =>
    Math.min(1, Math.max(0, toNumber(fromText(ratio))))
  const top = y + 82
  parts.push(rectangle(bar.left, top, bar.width, bar.height, ink.track))
  parts.push(rectangle(bar.left, top, bar.width * share(value.ratio), bar.height, colour))
  if (value.target.ratio)
    parts.push(rectangle(bar.left + bar.width * share(value.target.ratio) - 1.5, top - 6, 3, bar.height + 12, ink.text))
}

function rectangle(x: number, y: number, width: number, height: number, fill: string): string {
  return `<rect x="${round(x)}" y="${y}" width="${round(width)}" height="${height}" fill="${fill}"/>`
}

/** Control characters have no outline. */
const plain = (content: string): string => content.replace(/\p{C}/gu, ' ')

const round = (value: number): number => Math.round(value * 100) / 100

function fitted({ widthOf }: Lettering, content: string, width: number, size: number, bold: boolean): string {
  if (widthOf(content, size, bold) <= width) return content
  const signs = [...content]
  while (signs.length > 0 && widthOf(`${signs.join('')}…`, size, bold) > width) signs.pop()
  return `${signs.join('')}…`
}

function lines({ widthOf }: Lettering, content: string, width: number, size: number): string[] {
  const found: string[] = ['']
  for (const sign of content) {
    if (widthOf(found.at(-1) + sign, size, false) > width) found.push('')
    found[found.length - 1] += sign
  }
  return found
}
