// The brief as PDF, and the same bytes for the same figures. The page is that of official documents (GB/T 9704-2012): a
// type area of 156 × 225 mm, page numbers outside between two dashes, classification top left, a red line below the head,
// who printed it and when at the end. Its typefaces are proprietary: what is set is Noto Sans, and tables are smaller.
import pdfmake from 'pdfmake'
import type { Content, TableCell, TDocumentDefinitions } from 'pdfmake/interfaces.js'
import { fromText } from '../rational.ts'
import { noteLines, partsText, restatedLines } from './beside.ts'
import type { Brief, BriefRow } from './brief.ts'
import { fontFiles } from './font.ts'
import { treeInLanguage } from './language.ts'
import * as words from './words.ts'

const ink = { text: '#16202c', soft: '#5b6673', rule: '#c9d1da', head: '#eef2f6', red: '#c8102e', warn: '#9a3412' }
/** Rows that stay on one page with their heading. */
const keptTogether = 8
/** As many as stand in a line. */
const groupsShown = 2
const mm = (length: number): number => (length * 72) / 25.4
/** Section 5.2: 37 mm above, 28 mm at the fold, and what 156 × 225 mm leave of A4. */
const page = { left: mm(28), top: mm(37), right: mm(26), bottom: mm(35), width: mm(156) }
/** Section 7.5: the dash is 7 mm below the type area. */
const pageNumberMm = 7
/** Sizes after their names in print: 三号, 四号. */
const size = { three: 16, four: 14 }

export async function briefPdf(brief: Brief): Promise<Buffer> {
  const { normal, bold } = fontFiles()
  pdfmake.setFonts({ Noto: { normal, bold, italics: normal, bolditalics: bold } })
  // Nothing is fetched, and no file is read but the two of the font.
  pdfmake.setUrlAccessPolicy(() => false)
  pdfmake.setLocalAccessPolicy((path) => path === normal || path === bold)
  return pdfmake.createPdf(documentOf(brief)).getBuffer()
}

function documentOf(brief: Brief): TDocumentDefinitions {
  const made = new Date(brief.period.toMs)
  const { masthead, language, period } = brief
  return {
    pageSize: 'A4',
    pageMargins: [page.left, page.top, page.right, page.bottom],
    info: {
      ...treeInLanguage(
        { title: `${masthead.title} ${period.label}`, author: masthead.issuer || 'Guanlan 观澜' },
        language,
      ),
      creator: 'Guanlan 观澜',
      producer: 'Guanlan 观澜',
      creationDate: made,
      modDate: made,
    },
    language: language === 'zh-Hant' ? 'zh-HK' : 'zh-CN',
    defaultStyle: { font: 'Noto', fontSize: 9, lineHeight: 1.15, color: ink.text },
    styles: {
      title: { fontSize: 28, bold: true, color: ink.red, characterSpacing: 2 },
      section: { fontSize: 12, bold: true, margin: [0, 13, 0, 5] },
      head: { bold: true, fontSize: 8, fillColor: ink.head },
      note: { fontSize: 8, color: ink.soft },
    },
    ...(brief.synthetic
      ? {
          watermark: {
            ...treeInLanguage({ text: words.syntheticMark }, language),
            font: 'Noto',
            bold: true,
            fontSize: 72,
            color: ink.soft,
            opacity: 0.07,
          },
        }
      : {}),
    footer: (number) => treeInLanguage(footerOf(brief, number), language),
    content: treeInLanguage(
      [
        ...headOf(brief),
        ...indicators(brief),
        ...movements(brief),
        ...beside(brief),
        ...exclusions(brief),
        ...ranking(brief),
        ...definitions(brief),
        imprint(brief),
      ],
      language,
    ),
  }
}

/** The head of a brief (报头): classification, name, number, who and when, and the red line as wide as the type area. */
function headOf(brief: Brief): Content[] {
  const { masthead, period, scope, synthetic } = brief
  const number = words.numberText(masthead)
  const date = masthead.dateMs === null ? '' : words.dateText(masthead.dateMs)
  return [
    {
      columns: [
        { text: masthead.classification, bold: true, fontSize: size.three },
        synthetic ? { text: words.syntheticMark, bold: true, color: ink.warn, alignment: 'right' } : { text: '' },
      ],
    },
    { text: masthead.title, style: 'title', alignment: 'center', margin: [0, 6, 0, 4] },
    ...(number === '' ? [] : [{ text: number, fontSize: size.four, alignment: 'center' as const }]),
    {
      columns: [
        { text: masthead.issuer, fontSize: 12 },
        { text: date, fontSize: 12, alignment: 'right', width: 130 },
      ],
      margin: [0, 8, 0, 4],
    },
    line(1.2, ink.red),
    {
      text: `${words.periodText(period.label)} · ${scope}`,
      fontSize: size.four,
      bold: true,
      alignment: 'center',
      margin: [0, 12, 0, 2],
    },
    { text: timesText(brief), style: 'note', alignment: 'center' },
    ...(brief.gradedMs === null
      ? []
      : [{ text: words.gradesText(brief), style: 'note', alignment: 'center' as const }]),
    ...(synthetic ? [{ text: words.syntheticNote, style: 'note', color: ink.warn, alignment: 'center' as const }] : []),
  ]
}

function timesText({ asOfMs, knownMs, catalogueVersion }: Brief): string {
  const catalogue = catalogueVersion === null ? '' : ` · 目录第 ${catalogueVersion} 版`
  return `数据时点 ${words.timeText(asOfMs)} · 知悉时点 ${words.timeText(knownMs)}${catalogue}`
}

function line(lineWidth: number, lineColor: string): Content {
  return { canvas: [{ type: 'line', x1: 0, y1: 0, x2: page.width, y2: 0, lineWidth, lineColor }] }
}

/** On odd pages one character from the right edge of the type area, on even ones from the left. */
function footerOf(brief: Brief, number: number): Content {
  return {
    margin: [page.left, mm(pageNumberMm) - size.four / 2, page.right, 0],
    stack: [
      {
        text: `— ${number} —`,
        fontSize: size.four,
        alignment: number % 2 === 1 ? 'right' : 'left',
        margin: [size.four, 0, size.four, 6],
      },
      { text: words.stampText(brief), fontSize: 6.5, color: ink.soft, alignment: 'center' },
    ],
  }
}

/** The imprint (版记) between two lines. */
function imprint({ masthead, language }: Brief): Content {
  const printed = masthead.dateMs === null ? '' : `${words.dateText(masthead.dateMs)}印发`
  const note =
    language === 'zh-Hant'
      ? [{ text: words.convertedNote, style: 'note', margin: [0, 0, 0, 6] as [number, number, number, number] }]
      : []
  if (masthead.issuer === '' && printed === '') return { stack: note }
  return {
    unbreakable: true,
    margin: [0, 18, 0, 0],
    stack: [
      ...note,
      line(1, ink.text),
      {
        columns: [
          { text: masthead.issuer === '' ? '' : `编印：${masthead.issuer}`, fontSize: 11 },
          { text: printed, fontSize: 11, alignment: 'right', width: 150 },
        ],
        margin: [size.four, 4, size.four, 4],
      },
      line(1, ink.text),
    ],
  }
}

function table(
  widths: (string | number)[],
  head: string[],
  rows: TableCell[][],
  padding = 4,
  last: 'left' | 'right' = 'right',
): Content {
  // Words stand left, numbers right; a table of words ends in them.
  const isLeft = (i: number): boolean =>
    i === 0 || (last === 'left' && (i === head.length - 1 || head[i] === '类型' || head[i] === '涉及'))
  const top = head.map((text, i): TableCell => ({ text, style: 'head', alignment: isLeft(i) ? 'left' : 'right' }))
  return {
    table: { headerRows: 1, keepWithHeaderRows: 1, dontBreakRows: true, widths, body: [top, ...rows] },
    layout: {
      hLineWidth: (i, node) => (i === 0 || i === node.table.body.length ? 0.8 : 0.4),
      vLineWidth: () => 0,
      hLineColor: () => ink.rule,
      paddingLeft: () => padding,
      paddingRight: () => padding,
      paddingTop: () => 2.5,
      paddingBottom: () => 2.5,
    },
  }
}

const right = (text: string, color: string = ink.text): TableCell => ({ text, alignment: 'right', color })

function indicators({ rows, previous }: Brief): Content[] {
  const body = rows.map(({ definition, value, before }): TableCell[] => {
    const { mark, word, colour } = words.statuses[value.target.status]
    return [
      { text: definition.name.zh, bold: true },
      { ...(right(words.figureText(value, definition.unit)) as object), bold: true } as TableCell,
      right(words.targetText(value, definition.unit)),
      right(`${mark} ${word}`, colour),
      right(value.grade ?? '—', value.grade === null ? ink.soft : ink.text),
      right(words.figureText(before, definition.unit), ink.soft),
      right(words.changeText(value, before, definition.unit)),
    ]
  })
  return [
    { text: '一、核心指标', style: 'section' },
    table(
      ['*', 54, 54, 62, 24, 64, 74],
      ['指标', '本期', '目标', '状态', '证据', `上期 ${previous}`, '较上期'],
      body,
      3,
    ),
  ]
}

function ranking({ rows, cityNames }: Brief): Content[] {
  const codes = [
    ...new Set(rows.flatMap(({ ranking: list }) => list.map(({ value }) => value.dimensions['city']!))),
  ].sort()
  if (codes.length === 0) return []
  const byCode = rows.map((row) => new Map(row.ranking.map((one) => [one.value.dimensions['city'], one])))
  const body = codes.map((code): TableCell[] => [
    cityNames.get(code) ?? code,
    ...rows.map(({ definition }, i): TableCell => {
      const found = byCode[i]!.get(code)
      if (!found) return right('—', ink.soft)
      const { value, rank, tied } = found
      return {
        alignment: 'right',
        fontSize: 8,
        text: [
          words.figureText(value, definition.unit),
          // The space does not break: a rank stays beside its figure.
          { text: rank === null ? '' : `\u00a0${rank}${tied ? '并' : ''}`, color: ink.soft, fontSize: 6.5 },
        ],
      }
    }),
  ])
  return [
    { text: '五、各市指标与名次', style: 'section', pageBreak: 'before' },
    {
      text: '数值后为名次；“并”表示并列：与同名次首位的 95% 置信区间重叠，不能区分先后。',
      style: 'note',
      margin: [0, 0, 0, 4],
    },
    table([42, ...rows.map(() => '*')], ['城市', ...rows.map(({ definition }) => definition.name.zh)], body, 2),
  ]
}

function movements({ rows, cityNames, previous }: Brief): Content[] {
  const lines = rows.flatMap((row): TableCell[][] =>
    row.steps
      .filter(({ change }) => change.numerator !== '0')
      .map(({ kind, change, groups }, i) => [
        i === 0 ? { text: row.definition.name.zh, bold: true } : '',
        i === 0 ? right(words.changeText(row.value, row.before, row.definition.unit)) : '',
        { text: words.steps[kind], alignment: 'right' },
        right(words.signedText(fromText(change), row.definition.unit)),
        right(largest(groups, cityNames), ink.soft),
      ]),
  )
  const still = rows.filter(({ steps }) => steps.length === 0)
  return [
    { text: `二、变动原因（较 ${previous}）`, style: 'section' },
    lines.length === 0
      ? { text: '没有可分解的变动。' }
      : table(['*', 66, 40, 66, 152], ['指标', '较上期', '来自', '贡献', '影响最大的市（百分点）'], lines),
    still.length === 0
      ? { text: '' }
      : {
          text: `未分解的指标，${stillText(still)}。`,
          style: 'note',
          margin: [0, 4, 0, 0],
        },
  ]
}

function stillText(rows: BriefRow[]): string {
  const byReason = Map.groupBy(rows, reasonStill)
  return [...byReason]
    .map(([reason, some]) => `${reason}：${some.map(({ definition }) => definition.name.zh).join('、')}`)
    .join('；')
}

function reasonStill({ value, before }: BriefRow): string {
  if (!value.ratio) return '本期无数值'
  if (!before?.ratio) return '上期无数值'
  const same = value.ratio.numerator === before.ratio.numerator && value.ratio.denominator === before.ratio.denominator
  return same ? '与上期相同' : '按事项平均，不能按市相加'
}

function largest(groups: BriefRow['steps'][number]['groups'], names: ReadonlyMap<string, string>): string {
  return groups
    .slice(0, groupsShown)
    .map(({ name, change }) => {
      const points = (Math.abs(change) * 100).toFixed(2)
      return `${names.get(name) ?? (name || '未标明')} ${change < 0 ? '−' : '+'}${points}`
    })
    .join('，')
}

function beside(brief: Brief): Content[] {
  const restated = restatedLines(brief).map((line): TableCell[] => {
    const { restatement, unit, name, city, department } = line
    const { release, before, after, cause, reason, exempt, proposedBy, approvedBy, knownMs, id } = restatement
    const left = exempt.length > 0 ? `，剔除 ${exempt.length} 件` : ''
    return [
      {
        stack: [
          { text: name.zh, bold: true },
          { text: [release, city, department].filter((part) => part !== '').join(' · '), style: 'note' },
        ],
      },
      {
        stack: [
          right(words.figureText(before, unit), ink.soft) as Content,
          { text: partsText(before), style: 'note', alignment: 'right' },
        ],
      },
      {
        stack: [
          { ...(right(words.figureText(after, unit)) as object), bold: true } as Content,
          { text: partsText(after), style: 'note', alignment: 'right' },
        ],
      },
      {
        stack: [
          { text: `${words.causes[cause]}${left}：${reason}` },
          {
            text: `${words.dateText(knownMs)}生效 · 提请 ${proposedBy} · 批准 ${approvedBy.join('、')} · ${id}`,
            style: 'note',
          },
        ],
      },
    ]
  })
  const notes = noteLines(brief).map(({ note, from, to, name, city, department }): TableCell[] => [
    { text: from === to ? from : `${from} 至 ${to}` },
    { text: words.noteKinds[note.kind], alignment: 'left' },
    { text: [name?.zh ?? '各项指标', city, department].filter((part) => part !== '').join(' · ') },
    { text: note.text },
  ])
  const more = Math.max(0, brief.restated.length - restated.length) + Math.max(0, brief.notes.length - notes.length)
  return [
    {
      // A heading does not stand alone at the end of a page; what is longer than one breaks where it must.
      unbreakable: restated.length <= keptTogether,
      stack: [
        { text: '三、数据更正与备注', style: 'section' },
        restated.length === 0
          ? { text: '本期和上期没有数据更正。' }
          : table([112, 66, 66, '*'], ['指标', '原数值', '现数值', '原因与批准'], restated, 4, 'left'),
      ],
    },
    notes.length === 0
      ? { text: '没有备注。', margin: [0, 2, 0, 0] }
      : {
          stack: [table([92, 52, 120, '*'], ['时间', '类型', '涉及', '备注'], notes, 4, 'left')],
          margin: [0, 6, 0, 0],
        },
    more === 0 ? { text: '' } : { text: `另有 ${more} 条，见系统。`, style: 'note' },
  ]
}

function exclusions({ rows }: Brief): Content[] {
  const body = rows.map(({ definition, value }): TableCell[] => {
    const parts = Object.entries(value.exclusions).map(([reason, count]) => `${words.reasonText(reason)} ${count}`)
    const above = value.groups
      ? `${value.groups.counted} / ${value.groups.count} 项平均`
      : `${value.numerator ?? '—'} / ${value.denominator ?? '—'}`
    return [
      { text: definition.name.zh, bold: true },
      right(`${value.count} ${words.factText(definition.fact)}`),
      right(above),
      { text: parts.length === 0 ? '无' : parts.join('；'), alignment: 'right' },
    ]
  })
  return [
    {
      unbreakable: true,
      stack: [
        { text: '四、统计范围与排除', style: 'section' },
        table([84, 72, 84, '*'], ['指标', '总体', '分子 / 分母', '排除（原因与数量）'], body),
      ],
    },
  ]
}

function definitions({ rows }: Brief): Content[] {
  return [
    { text: '六、口径与版本', style: 'section' },
    ...rows.map(
      ({ definition, value }): Content => ({
        unbreakable: true,
        margin: [0, 0, 0, 6],
        stack: [
          {
            text: [
              { text: definition.name.zh, bold: true },
              {
                text: `  ${definition.id} ${value.definitionVersion} · 日历 ${value.calendarVersion}`,
                color: ink.soft,
              },
            ],
          },
          { text: definition.question.zh },
          { text: words.switchesText(definition, value.switches).join('；'), style: 'note' },
          { text: `目标依据：${value.target.source}`, style: 'note' },
        ],
      }),
    ),
  ]
}
