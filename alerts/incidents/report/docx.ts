// The report as a Word document, for those who must send it on their own letterhead: three parts of OOXML (ECMA-376).
import JSZip from 'jszip'
import type { ReportDocument } from './document.ts'

const ns = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
const officeTypes = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const font = '<w:rFonts w:ascii="Arial" w:hAnsi="Arial" w:eastAsia="仿宋"/>'

export async function reportDocx(document: ReportDocument): Promise<Buffer> {
  const zip = new JSZip()
  // One time, so that equal content is equal bytes. ZIP knows no time before 1980, and even seconds only.
  const date = new Date(document.madeMs)
  const put = (name: string, text: string): void => void zip.file(name, text, { date, createFolders: false })
  put(
    '[Content_Types].xml',
    `${head}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`,
  )
  put(
    '_rels/.rels',
    `${head}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="${officeTypes}/officeDocument" Target="word/document.xml"/></Relationships>`,
  )
  put('word/document.xml', body(document))
  return zip.generateAsync({ type: 'nodebuffer', compression: 'DEFLATE', platform: 'UNIX' })
}

const head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'

function body({ title, head: lines, fields, basis, sm3, isDraft }: ReportDocument): string {
  const rows = fields.map(({ label, item, value, isMissing }) =>
    row(
      [paragraph(label, { bold: true }), paragraph(item, { size: 16 })].join(''),
      (isMissing ? '（必填，尚未填写）' : value === '' ? '（待补报）' : value)
        .split('\n')
        .map((line) => paragraph(line))
        .join(''),
    ),
  )
  const border = ['top', 'left', 'bottom', 'right', 'insideH', 'insideV']
    .map((side) => `<w:${side} w:val="single" w:sz="4" w:space="0" w:color="808080"/>`)
    .join('')
  return [
    `${head}<w:document ${ns}><w:body>`,
    paragraph(`${title}${isDraft ? '（草稿）' : ''}`, { bold: true, size: 40, center: true }),
    ...lines.map(([label, value]) => paragraph(`${label}：${value}`, { size: 20 })),
    `<w:tbl><w:tblPr><w:tblW w:w="5000" w:type="pct"/><w:tblBorders>${border}</w:tblBorders></w:tblPr><w:tblGrid><w:gridCol w:w="2600"/><w:gridCol w:w="6400"/></w:tblGrid>`,
    ...rows,
    '</w:tbl>',
    paragraph(basis, { size: 16 }),
    paragraph(`内容 SM3 ${sm3}`, { size: 14 }),
    '<w:sectPr><w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="1440" w:right="1440" w:bottom="1440" w:left="1440" w:header="720" w:footer="720" w:gutter="0"/></w:sectPr>',
    '</w:body></w:document>',
  ].join('')
}

function row(left: string, right: string): string {
  const cell = (width: number, content: string): string =>
    `<w:tc><w:tcPr><w:tcW w:w="${width}" w:type="dxa"/></w:tcPr>${content}</w:tc>`
  return `<w:tr>${cell(2600, left)}${cell(6400, right)}</w:tr>`
}

/** `size` in half points. */
function paragraph(text: string, { bold = false, size = 21, center = false } = {}): string {
  const look = `<w:rPr>${font}${bold ? '<w:b/>' : ''}<w:sz w:val="${size}"/></w:rPr>`
  return `<w:p>${center ? '<w:pPr><w:jc w:val="center"/></w:pPr>' : ''}<w:r>${look}<w:t xml:space="preserve">${escaped(text)}</w:t></w:r></w:p>`
}

/** XML 1.0 has no control characters but three. */
function escaped(text: string): string {
  return (
    text
      .toWellFormed()
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go.
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
      .replace(/[&<>"]/g, (one) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[one]!)
  )
}
