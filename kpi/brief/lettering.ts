// Text as outlines: a picture of paths needs no font where it is drawn, and its widths are those of the font itself.
import { createRequire } from 'node:module'
import { type FontFiles, fontFiles } from './font.ts'

interface Glyph {
  advanceWidth: number
  path: { toSVG(): string }
}
/** As much of fontkit as is used here; it has no types of its own. */
interface Font {
  unitsPerEm: number
  layout(text: string): { glyphs: Glyph[]; positions: { xAdvance: number }[] }
}

export interface Lettering {
  widthOf(text: string, size: number, bold: boolean): number
  /** One path, its left end at x, its base line at y. */
  outline(text: string, x: number, y: number, size: number, bold: boolean, fill: string): string
}

/** @throws CodedError `not-found` without the font */
export function createLettering(): Lettering {
  const { openSync } = createRequire(import.meta.url)('fontkit') as { openSync(file: string): Font }
  const files = fontFiles()
  const fonts = new Map<keyof FontFiles, Font>()
  const fontOf = (bold: boolean): Font => {
    const name = bold ? 'bold' : 'normal'
    const font = fonts.get(name) ?? openSync(files[name])
    fonts.set(name, font)
    return font
  }
  return {
    widthOf: (text, size, bold) => {
      const font = fontOf(bold)
      const units = font.layout(text).positions.reduce((sum, { xAdvance }) => sum + xAdvance, 0)
      return (units * size) / font.unitsPerEm
    },
    outline: (text, x, y, size, bold, fill) => {
      const font = fontOf(bold)
      const { glyphs, positions } = font.layout(text)
      const scale = size / font.unitsPerEm
      let at = 0
      const parts = glyphs.map((glyph, i) => {
        const d = glyph.path.toSVG()
        const moved = d === '' ? '' : `<path transform="translate(${at} 0)" d="${d}"/>`
        at += positions[i]!.xAdvance
        return moved
      })
      // The font's y goes up.
      return `<g fill="${fill}" transform="translate(${round(x)} ${round(y)}) scale(${scale} ${-scale})">${parts.join('')}</g>`
    },
  }
}

const round = (value: number): number => Math.round(value * 100) / 100
