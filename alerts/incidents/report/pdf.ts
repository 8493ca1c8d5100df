// The report on paper: A4, fonts embedded, and the same bytes for the same report.
import pdfmake from 'pdfmake'
import type { Content, TableCell, TDocumentDefinitions } from 'pdfmake/interfaces.js'
import type { ReportDocument } from './document.ts'

export interface Fonts {
  normal: string
  bold: string
}

const ink = { text: '#16202c', soft: '#5b6673', rule: '#aab4bf', head: '#eef2f6', warn: '#9a3412' }

export function reportPdf(document: ReportDocument, { normal, bold }: Fonts): Promise<Buffer> {
  pdfmake.setFonts({ Noto: { normal, bold, italics: normal, bolditalics: bold } })
  // Nothing is fetched, and no file is read but the two of the font.
  pdfmake.setUrlAccessPolicy(() => false)
  pdfmake.setLocalAccessPolicy((path) => path === normal || path === bold)
  return pdfmake.createPdf(definition(document)).getBuffer()
}

function definition(document: ReportDocument): TDocumentDefinitions {
  const made = new Date(document.madeMs)
  const { title, number, head, fields, basis, sm3, isDraft } = document
  return {
    pageSize: 'A4',
    pageMargins: [56, 60, 56, 60],
    info: {
      title: `${title} #${number}`,
      author: 'Guanlan 观澜',
      creator: 'Guanlan 观澜',
      producer: 'Guanlan 观澜',
      creationDate: made,
      modDate: made,
    },
    language: 'zh-CN',
    defaultStyle: { font: 'Noto', fontSize: 10, lineHeight: 1.3, color: ink.text },
    ...(isDraft
      ? { watermark: { text: '草稿', font: 'Noto', bold: true, fontSize: 96, color: ink.soft, opacity: 0.08 } }
      : {}),
    footer: (page, pages): Content => ({
      margin: [56, 16, 56, 0],
      columns: [
        { text: `内容 SM3 ${sm3}`, fontSize: 7, color: ink.soft, width: '*' },
        { text: `第 ${page} 页，共 ${pages} 页`, fontSize: 8, color: ink.soft, width: 80, alignment: 'right' },
      ],
    }),
    content: [
      { text: title, fontSize: 20, bold: true, alignment: 'center', margin: [0, 0, 0, 12] },
      {
        columns: [0, 1].map((side) => ({
          stack: head
            .filter((_, i) => i % 2 === side)
            .map(([label, value]) => ({ text: [{ text: `${label}  `, color: ink.soft }, value], fontSize: 9 })),
        })),
        margin: [0, 0, 0, 10],
      },
      {
        table: {
          widths: [132, '*'],
          headerRows: 1,
          dontBreakRows: true,
          body: [
            [
              { text: '事项', bold: true, fillColor: ink.head },
              { text: '内容', bold: true, fillColor: ink.head },
            ],
            ...fields.map(({ label, item, value, isMissing }): TableCell[] => [
              {
                stack: [
                  { text: label, bold: true },
                  { text: item, fontSize: 7.5, color: ink.soft },
                ],
              },
              isMissing
                ? { text: '（必填，尚未填写）', color: ink.warn }
                : { text: value === '' ? '（待补报）' : value, ...(value === '' ? { color: ink.soft } : {}) },
            ]),
          ],
        },
        layout: {
          hLineWidth: () => 0.5,
          vLineWidth: () => 0.5,
          hLineColor: () => ink.rule,
          vLineColor: () => ink.rule,
          paddingTop: () => 5,
          paddingBottom: () => 5,
          paddingLeft: () => 6,
          paddingRight: () => 6,
        },
      },
      { text: basis, fontSize: 8, color: ink.soft, margin: [0, 10, 0, 0] },
    ],
  }
}
