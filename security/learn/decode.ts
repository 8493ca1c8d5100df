// What a browser or a server would read after its own decoding: attackers encode in layers, so the layers come off.
const named: Record<string, string> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
  lpar: '(',
  rpar: ')',
  colon: ':',
  tab: '\t',
  newline: '\n',
}
const lengthMax = 4096
const layersMax = 4

/** URL escapes, HTML entities and JavaScript escapes, at most four layers, at most 4,096 characters. */
export function decodeLayers(value: string): string {
  let text = value.slice(0, lengthMax)
  for (let layer = 0; layer < layersMax; layer++) {
    const next = decodeOnce(text)
    if (next === text) break
    text = next
  }
  return text
}

function decodeOnce(text: string): string {
  let out = text
  if (out.includes('%'))
    out = out
      .replace(/%u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
      .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  if (out.includes('&'))
    out = out
      .replace(/&#x0{0,8}([0-9a-f]{1,6});?/gi, (_, hex: string) => character(Number.parseInt(hex, 16)))
      .replace(/&#0{0,8}([0-9]{1,7});?/g, (_, digits: string) => character(Number(digits)))
      .replace(/&([a-z]{2,7});/gi, (whole, name: string) => named[name.toLowerCase()] ?? whole)
  if (out.includes('\\'))
    out = out
      .replace(/\\x([0-9a-f]{2})/gi, (_, hex: string) => character(Number.parseInt(hex, 16)))
      .replace(/\\u([0-9a-f]{4})/gi, (_, hex: string) => character(Number.parseInt(hex, 16)))
  return out
}

const character = (code: number): string => (code <= 0x10ffff ? String.fromCodePoint(code) : '')
