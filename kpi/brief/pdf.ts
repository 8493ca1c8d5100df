// The brief as PDF: A4, fonts embedded, and the same bytes for the same figures.
import pdfmake from 'pdfmake'
import type { Content, TableCell, TDocumentDefinitions } from 'pdfmake/interfaces.js'
import { fromText } from '../rational.ts'
import type { Brief, BriefRow } from './brief.ts'
import { fontFiles } from './font.ts'
import * as words from './words.ts'

const ink = { text: '#16202c', soft: '#5b6673', rule: '#c9d1da', head: '#eef2f6', accent: '#14508c', warn: '#9a3412' }
const groupsShown = 3

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
  const label = words.periodText(brief.period.label)
  return {
    pageSize: 'A4',
    pageMargins: [40, 44, 40, 52],
    info: {
      title: `${words.title} ${brief.period.label}`,
      author: 'Guanlan 观澜',
      creator: 'Guanlan 观澜',
      producer: 'Guanlan 观澜',
      creationDate: made,
      modDate: made,
    },
    language: 'zh-CN',
    defaultStyle: { font: 'Noto', fontSize: 9, lineHeight: 1.15, color: ink.text },
    styles: {
      title: { fontSize: 20, bold: true, color: ink.accent },
      section: { fontSize: 12, bold: true, color: ink.accent, margin: [0, 14, 0, 5] },
      head: { bold: true, fontSize: 8.5, fillColor: ink.head },
      note: { fontSize: 8, color: ink.soft },
    },
    ...(brief.synthetic
      ? {
          watermark: {
            text: words.syntheticMark,
            font: 'Noto',
            bold: true,
            fontSize: 72,
            color: ink.soft,
            opacity: 0.07,
          },
        }
      : {}),
    footer: (page, pages) => footerOf(brief, page, pages),
    content: [
      {
        columns: [
          { text: words.title, style: 'title' },
          brief.synthetic
            ? { text: words.syntheticMark, bold: true, color: ink.warn, alignment: 'right', margin: [0, 9, 0, 0] }
            : { text: '' },
        ],
      },
      { text: `${label} · ${brief.scope}`, fontSize: 12, margin: [0, 2, 0, 2] },
      {
        text: `数据时点 ${words.timeText(brief.asOfMs)} · 知悉时点 ${words.timeText(brief.knownMs)}${brief.catalogueVersion === null ? '' : ` · 目录第 ${brief.catalogueVersion} 版`}`,
        style: 'note',
      },
      brief.synthetic
        ? { text: '本期含合成办件，仅供演示，不代表任何政府部门的实际绩效。', style: 'note', color: ink.warn }
        : { text: '' },
      ...indicators(brief),
      ...movements(brief),
      ...exclusions(brief),
      ...ranking(brief),
      ...definitions(brief),
    ],
  }
}

function footerOf({ checkpoint }: Brief, page: number, pages: number): Content {
  const stamp = checkpoint
    ? `账本检查点 ${checkpoint.origin} · ${checkpoint.size} 条 · 根 ${checkpoint.root}`
    : '账本尚无检查点：本简报未经账本固定'
  return {
    margin: [40, 14, 40, 0],
    columns: [
      { text: stamp, fontSize: 7, color: ink.soft, width: '*' },
      { text: `第 ${page} 页，共 ${pages} 页`, fontSize: 7, color: ink.soft, width: 70, alignment: 'right' },
    ],
  }
}

function table(widths: (string | number)[], head: string[], rows: TableCell[][], numbersFrom = 1): Content {
  const top = head.map((text, i): TableCell => ({ text, style: 'head', alignment: i < numbersFrom ? 'left' : 'right' }))
  return {
    table: { headerRows: 1, dontBreakRows: true, widths, body: [top, ...rows] },
    layout: {
      hLineWidth: (i, node) => (i === 0 || i === node.table.body.length ? 0.8 : 0.4),
      vLineWidth: () => 0,
      hLineColor: () => ink.rule,
      paddingLeft: () => 4,
      paddingRight: () => 4,
      paddingTop: () => 2.5,
      paddingBottom: () => 2.5,
    },
  }
}

const right = (text: string, color = ink.text): TableCell => ({ text, alignment: 'right', color })

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
    { text: '一、六项核心指标', style: 'section' },
    table(['*', 60, 60, 74, 30, 60, 84], ['指标', '本期', '目标', '状态', '证据', `上期 ${previous}`, '较上期'], body),
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
        text: [
          words.figureText(value, definition.unit),
          { text: rank === null ? '' : `  ${rank}${tied ? '并' : ''}`, color: ink.soft, fontSize: 7.5 },
        ],
      }
    }),
  ])
  return [
    { text: '四、各市指标与名次', style: 'section', pageBreak: 'before' },
    {
      text: '数值后为名次；“并”表示并列：与同名次首位的 95% 置信区间重叠，不能区分先后。',
      style: 'note',
      margin: [0, 0, 0, 4],
    },
    table([52, ...rows.map(() => '*')], ['城市', ...rows.map(({ definition }) => definition.name.zh)], body),
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
      : table(['*', 76, 48, 76, 218], ['指标', '较上期', '来自', '贡献', '影响最大的市（百分点）'], lines),
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
    { text: '三、统计范围与排除', style: 'section' },
    table([92, 90, 110, '*'], ['指标', '总体', '分子 / 分母', '排除（原因与数量）'], body),
  ]
}

function definitions({ rows }: Brief): Content[] {
  return [
    { text: '五、口径与版本', style: 'section' },
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
