// Excel workbooks as other programs write them, part by part: what no library of ours would write.
import JSZip from 'jszip'

export interface MadeSheet {
  name: string
  rows: string
  /** Of the file; numbers of files, sheets and relations need not agree. */
  file?: string
  state?: string
  merges?: string[]
}

export interface MadeBook {
  sheets: MadeSheet[]
  strings?: string
  styles?: string
  from1904?: boolean
  /** Targets from the root (openpyxl), and a prefix before every tag (Open XML SDK). */
  absolute?: boolean
  prefix?: string
  /** Sheets before the parts that they refer to. */
  sheetsFirst?: boolean
  compression?: 'DEFLATE'
}

const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
const relations = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const packages = 'http://schemas.openxmlformats.org/package/2006/relationships'
const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'

export async function workbook(given: MadeBook): Promise<Buffer> {
  const { sheets, strings, styles, absolute, from1904, prefix = '' } = given
  const colon = prefix === '' ? '' : `${prefix}:`
  const tagged = (xml: string): string => xml.replace(/<(\/?)(?=[a-zA-Z])/g, `<$1${colon}`)
  const space = prefix === '' ? `xmlns="${main}"` : `xmlns:${prefix}="${main}"`
  const fileOf = (sheet: MadeSheet, i: number): string => sheet.file ?? `sheet${i + 1}.xml`
  const root = (name: string, inside: string): string =>
    `${declaration}<${colon}${name} ${space} xmlns:r="${relations}">${tagged(inside)}</${colon}${name}>`
  const link = (id: string, type: string, path: string): string =>
    `<Relationship Id="${id}" Type="${relations}/${type}" Target="${absolute ? '/xl/' : ''}${path}"/>`
  const parts: [string, string][] = [
    [
      '_rels/.rels',
      `${declaration}<Relationships xmlns="${packages}"><Relationship Id="rId1" Type="${relations}/officeDocument" Target="${absolute ? '/' : ''}xl/workbook.xml"/></Relationships>`,
    ],
    [
      'xl/workbook.xml',
      root(
        'workbook',
        `${from1904 ? '<workbookPr date1904="1"/>' : ''}<sheets>${sheets
          .map(
            ({ name, state }, i) =>
              `<sheet name="${name}" sheetId="${(i + 1) * 7}" r:id="rel${i}"${state ? ` state="${state}"` : ''}/>`,
          )
          .join('')}</sheets>`,
      ),
    ],
    [
      'xl/_rels/workbook.xml.rels',
      `${declaration}<Relationships xmlns="${packages}">${sheets
        .map((sheet, i) => link(`rel${i}`, 'worksheet', `worksheets/${fileOf(sheet, i)}`))
        .join(
          '',
        )}${link('strings', 'sharedStrings', 'sharedStrings.xml')}${link('styles', 'styles', 'styles.xml')}</Relationships>`,
    ],
  ]
  if (strings !== undefined) parts.push(['xl/sharedStrings.xml', root('sst', strings)])
  if (styles !== undefined) parts.push(['xl/styles.xml', root('styleSheet', styles)])
  const own = sheets.map((sheet, i): [string, string] => [
    `xl/worksheets/${fileOf(sheet, i)}`,
    root(
      'worksheet',
      `<sheetData>${sheet.rows}</sheetData>${sheet.merges ? `<mergeCells>${sheet.merges.map((ref) => `<mergeCell ref="${ref}"/>`).join('')}</mergeCells>` : ''}`,
    ),
  ])
  const zip = new JSZip()
  for (const [name, text] of given.sheetsFirst ? [...own, ...parts] : [...parts, ...own]) zip.file(name, text)
  return zip.generateAsync({ type: 'nodebuffer', compression: given.compression ?? 'STORE' })
}

/** Cells of text, one after another. */
export function textRow(number: number, ...texts: string[]): string {
  return `<row r="${number}">${texts.map((text) => `<c t="inlineStr"><is><t>${text}</t></is></c>`).join('')}</row>`
}
