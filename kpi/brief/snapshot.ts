// The scorecard as one file to take along: no script, nothing loaded from anywhere, readable from a disk without a
// network. Places unfold to departments, each indicator to its definition; at the end is what it can be verified by.
import { createHash } from 'node:crypto'
import type { KpiValue } from '../contract.ts'
import type { Definition } from '../definitions/definition.ts'
import { fromText, type Rational, subtract } from '../rational.ts'
import { departmentName, noteLines, partsText, restatedLines } from './beside.ts'
import type { Brief, BriefRow } from './brief.ts'
import { inLanguage } from './language.ts'
import { en, type SnapshotWords, zh } from './snapshot-words.ts'
import { convertedNote, decimalText, defaultTitle, periodText, statuses, timeText, wholeProvince } from './words.ts'

/** Beyond, departments are left out: the file is meant for mail and phones. */
export const snapshotBytesMax = 2 * 1024 * 1024

export type SnapshotLanguage = Brief['language'] | 'en'

const style = `
body{font:15px/1.6 "PingFang SC","Microsoft YaHei","Noto Sans CJK SC",system-ui,sans-serif;color:#16202c;background:#fff;max-width:980px;margin:0 auto;padding:24px}
h1{font-size:26px;margin:0}h2{font-size:19px;margin:34px 0 8px}h3{font-size:15px;margin:18px 0 4px}
p{margin:4px 0}.soft{color:#5b6673;font-size:13px}.warn{color:#9a3412}.mark{white-space:nowrap}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:5px 8px;border-bottom:1px solid #d5dbe2;vertical-align:top}
th{font-size:13px;background:#eef2f6}th:first-child,td:first-child,.words th,.words td{text-align:left}
details{margin:2px 0}summary{cursor:pointer;padding:3px 0}summary b{font-variant-numeric:tabular-nums}
details details{margin-left:18px}pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#eef2f6;padding:12px;font-size:12px}
a{color:#14508c}.scroll{overflow-x:auto}.scroll+.scroll{margin-top:12px}th:first-child,td:first-child{min-width:7em}
@media (prefers-color-scheme:dark){body{background:#12171d;color:#dde4ec}th,pre{background:#1d252e}th,td{border-color:#313c48}a{color:#7db4ee}.soft{color:#9aa7b5}.warn{color:#f0a35e}}
@media print{body{max-width:none;padding:0}section{break-inside:auto}h2{break-after:avoid}tr{break-inside:avoid}}
`

export function briefSnapshot(brief: Brief, language: SnapshotLanguage = brief.language): Buffer {
  const whole = page(brief, language, true)
  return whole.length <= snapshotBytesMax ? whole : page(brief, language, false)
}

function page(brief: Brief, language: SnapshotLanguage, withDepartments: boolean): Buffer {
  const words = language === 'en' ? en : zh
  const at: Reading = { brief, words, isEnglish: language === 'en', withDepartments }
  const { masthead, period, scope, checkpoint } = brief
  const { number, issuer, classification } = masthead
  const label = at.isEnglish ? period.label : periodText(period.label)
  // What the office calls it stays as it is; what we call it is said in the reader's language.
  const title = masthead.title === defaultTitle ? words.title : masthead.title
  const place = scope === wholeProvince ? words.wholeProvince : scope
  const has = brief.rows.some(({ departments }) => departments.length > 0)
  const facts = [
    `${words.asOf} ${timeText(brief.asOfMs)}`,
    `${words.knownAt} ${timeText(brief.knownMs)}`,
    ...(brief.catalogueVersion === null ? [] : [words.catalogue(brief.catalogueVersion)]),
    ...(brief.gradedMs === null ? [] : [words.graded(timeText(brief.gradedMs))]),
  ]
  const body = [
    classification === '' ? '' : `<p><b>${escaped(classification)}</b></p>`,
    `<h1>${escaped(title)}</h1>`,
    `<p>${escaped([number ? words.number(number.issue, number.total) : '', issuer].filter((part) => part !== '').join(' · '))}</p>`,
    `<p><b>${escaped(`${label} · ${place}`)}</b></p>`,
    `<p class="soft">${escaped(facts.join(' · '))}</p>`,
    brief.synthetic ? `<p class="warn">${escaped(words.synthetic)}</p>` : '',
    !withDepartments && has ? `<p class="warn">${escaped(words.cut)}</p>` : '',
    `<h2>${escaped(words.overview)}</h2>`,
    overview(at),
    ...besideOf(at),
    ...brief.rows.map((row) => indicator(at, row)),
    `<h2>${escaped(words.verify)}</h2>`,
    checkpoint
      ? `<p>${escaped(words.howTo)}</p><pre>npx guanlan kpi export --out evidence --definition ${escaped(brief.rows[0]?.definition.id ?? 'ID')} --period ${escaped(period.label)}\nnpx guanlan kpi verify evidence</pre><pre>${escaped(checkpoint.note)}</pre>`
      : `<p class="warn">${escaped(words.noCheckpoint)}</p>`,
    language === 'zh-Hant' ? `<p class="soft">${convertedNote}</p>` : '',
  ].join('\n')
  const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'`
  const lang = { en: 'en', 'zh-Hans': 'zh-CN', 'zh-Hant': 'zh-HK' }[language]
  const html = `<!doctype html>
<html lang="${lang}"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escaped(`${title} ${period.label}`)}</title><style>${style}</style></head>
<body>
${body}
</body></html>
`
  return Buffer.from(language === 'zh-Hant' ? inLanguage(html, language) : html)
}

interface Reading {
  brief: Brief
  words: SnapshotWords
  isEnglish: boolean
  withDepartments: boolean
}

function overview({ brief, words, isEnglish }: Reading): string {
  const { columns } = words
  const head = [columns.indicator, columns.value, columns.target, columns.status, columns.grade]
  return table(
    [...head, columns.before(brief.previous), columns.change],
    brief.rows.map((row) => [
      `<a href="#${row.definition.id}">${escaped(nameOf(row.definition, isEnglish))}</a>`,
      `<b>${escaped(figure(words, row.value, row.definition))}</b>`,
      escaped(targetOf(row.value, row.definition)),
      statusOf(words, row.value),
      escaped(row.value.grade ?? '—'),
      escaped(row.before ? figure(words, row.before, row.definition) : '—'),
      escaped(changeOf(words, row)),
    ]),
  )
}

/** What was said otherwise, and what happened. */
function besideOf({ brief, words, isEnglish }: Reading): string[] {
  const { beside } = words
  const language = isEnglish ? 'en' : 'zh'
  const joined = (parts: string[]): string => escaped(parts.filter((part) => part !== '').join(' · '))
  const restated = restatedLines(brief).map(({ restatement, unit, name, city, department }) => {
    const { release, before, after, cause, reason, exempt, proposedBy, approvedBy, knownMs, id } = restatement
    const about = { unit } as Definition
    return [
      `<b>${escaped(name[language])}</b><br><span class="soft">${joined([release, city, department])}</span>`,
      `${escaped(figure(words, before, about))}<br><span class="soft">${escaped(partsText(before))}</span>`,
      `<b>${escaped(figure(words, after, about))}</b><br><span class="soft">${escaped(partsText(after))}</span>`,
      `${escaped(`${words.causes[cause]}${exempt.length > 0 ? beside.exempt(exempt.length) : ''}${words.colon}${reason}`)}<br><span class="soft">${joined([timeText(knownMs), beside.people(proposedBy, approvedBy), id])}</span>`,
    ]
  })
  const notes = noteLines(brief).map(({ note, from, to, name, city, department }) => [
    escaped(from === to ? from : `${from} – ${to}`),
    escaped(words.noteKinds[note.kind]),
    joined([name?.[language] ?? beside.everyIndicator, city, department]),
    escaped(note.text),
  ])
  return [
    `<h2>${escaped(beside.title)}</h2>`,
    restated.length === 0 ? `<p>${escaped(beside.noRestated)}</p>` : table(beside.restatedHead, restated, 'words'),
    notes.length === 0 ? `<p>${escaped(beside.noNotes)}</p>` : table(beside.notesHead, notes, 'words'),
  ]
}

function indicator(at: Reading, row: BriefRow): string {
  const { words, isEnglish } = at
  const { definition, value, steps } = row
  const moved = steps.filter(({ change }) => change.numerator !== '0')
  return `<section><h2 id="${definition.id}">${escaped(nameOf(definition, isEnglish))}</h2>
<p>${escaped(isEnglish ? definition.question.en : definition.question.zh)}</p>
<p><b>${escaped(figure(words, value, definition))}</b> ${statusOf(words, value)} <span class="soft">${escaped(partsOf(words, value))}</span></p>
${moved.length === 0 ? '' : `<h3>${escaped(words.why)}</h3><p>${escaped(moved.map(({ kind, change }) => `${words.steps[kind]} ${signed(words, fromText(change), definition)}`).join(words.separator))}</p>`}
${places(at, row)}
${definitionOf(at, row)}</section>`
}

function places(at: Reading, { definition, cities, departments, ranking }: BriefRow): string {
  const { words, brief, withDepartments } = at
  if (cities.length === 0) return ''
  const ranks = new Map(ranking.map((one) => [one.value, one]))
  const byCity = Map.groupBy(withDepartments ? departments : [], ({ dimensions }) => dimensions['city'] ?? '')
  const lines = cities.map((value) => {
    const code = value.dimensions['city'] ?? ''
    const place = ranks.get(value)
    const rank = place?.rank == null ? '' : ` · ${words.columns.rank} ${place.rank}${place.tied ? words.tied : ''}`
    const line = `${escaped(brief.cityNames.get(code) ?? (code || words.unnamed))} <b>${escaped(figure(words, value, definition))}</b> ${statusOf(words, value)} <span class="soft">${escaped(`${partsOf(words, value)}${rank}`)}</span>`
    const below = byCity.get(code) ?? []
    if (below.length === 0) return `<p>${line}</p>`
    const { department, value: column, status, parts } = words.columns
    const rows = below.map((one) => [
      departmentOf(brief, one.dimensions['department'] ?? '', words.unnamed),
      escaped(figure(words, one, definition)),
      statusOf(words, one),
      escaped(partsOf(words, one)),
    ])
    return `<details><summary>${line}</summary>${table([department, column, status, parts], rows)}</details>`
  })
  return `<details><summary>${escaped(words.places(cities.length))}</summary>\n${lines.join('\n')}\n</details>`
}

/** By its name; the registered code stands beside it. */
function departmentOf(brief: Brief, id: string, unnamed: string): string {
  const name = departmentName(brief, id)
  return name === id ? escaped(id || unnamed) : `${escaped(name)} <span class="soft">${escaped(id)}</span>`
}

function definitionOf({ words, isEnglish }: Reading, { definition, value }: BriefRow): string {
  const choices = Object.entries(definition.switches).map(([id, { name, options }]) => {
    const chosen = value.switches[id] ?? ''
    const says = options[chosen]?.says
    return isEnglish ? `${name.en}: ${says?.en ?? chosen}` : `${name.zh}：${says?.zh ?? chosen}`
  })
  const { tests: _, ...data } = definition
  return `<details><summary>${escaped(words.definition)}</summary>
<p>${escaped(choices.join(words.separator))}</p>
<p class="soft">${escaped(`${definition.id} · ${words.version} ${value.definitionVersion} · ${words.calendar} ${value.calendarVersion} · ${words.targetSource} ${value.target.source}`)}</p>
<details><summary>${escaped(words.asData)}</summary><pre>${escaped(JSON.stringify(data, null, 1))}</pre></details></details>`
}

function table(head: readonly string[], rows: string[][], of: 'figures' | 'words' = 'figures'): string {
  const cells = (tag: string, list: readonly string[]): string =>
    `<tr>${list.map((one) => `<${tag}>${one}</${tag}>`).join('')}</tr>`
  return `<div class="scroll"><table${of === 'words' ? ' class="words"' : ''}>${cells('th', head.map(escaped))}${rows.map((row) => cells('td', row)).join('\n')}</table></div>`
}

const nameOf = ({ name }: Definition, isEnglish: boolean): string => (isEnglish ? name.en : name.zh)

function number(ratio: Rational, { unit }: Definition): string {
  return unit === 'ratio' ? `${decimalText(ratio, 100n)}%` : decimalText(ratio, 1n)
}

function figure(words: SnapshotWords, value: KpiValue, definition: Definition): string {
  if (!value.ratio) return words.states[value.state] || words.states.missing
  const said = value.state === 'provisional' || value.state === 'disputed' ? ` (${words.states[value.state]})` : ''
  return `${number(fromText(value.ratio), definition)}${said}`
}

function targetOf({ target }: KpiValue, definition: Definition): string {
  return target.ratio ? `${target.direction === 'up' ? '≥' : '≤'} ${number(fromText(target.ratio), definition)}` : '—'
}

function statusOf(words: SnapshotWords, { target: { status } }: KpiValue): string {
  return `<span class="mark">${statuses[status].mark} ${escaped(words.statuses[status])}</span>`
}

function signed(words: SnapshotWords, change: Rational, { unit }: Definition): string {
  const digits = decimalText(change, unit === 'ratio' ? 100n : 1n)
  if (digits === '0.00') return words.same
  return `${change.n > 0n ? '+' : ''}${digits}${unit === 'ratio' ? words.points : ''}`
}

function changeOf(words: SnapshotWords, { value, before, definition }: BriefRow): string {
  if (!value.ratio || !before?.ratio) return '—'
  return signed(words, subtract(fromText(value.ratio), fromText(before.ratio)), definition)
}

function partsOf(words: SnapshotWords, value: KpiValue): string {
  const { columns, separator } = words
  const out = Object.entries(value.exclusions).map(([reason, count]) => `${words.reason(reason)} ${count}`)
  const parts = value.numerator === null ? [] : [`${value.numerator} / ${value.denominator ?? '—'}`]
  const excluded = out.length === 0 ? [] : [`${columns.excluded} ${out.join(separator)}`]
  return [...parts, `${columns.count} ${value.count}`, ...excluded].join(' · ')
}

function escaped(content: string): string {
  return content.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
