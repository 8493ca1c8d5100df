// The picture of a brief as PNG, drawn by resvg. Its texts are outlines, so no font of the machine has a say: equal figures
// are equal bytes everywhere.
import { createRequire } from 'node:module'
import type { Brief } from './brief.ts'
import { briefCard } from './card.ts'

export function briefPng(brief: Brief): Buffer {
  // Loaded when it is needed: it is a native module, and most starts make no picture.
  const { Resvg } = createRequire(import.meta.url)('@resvg/resvg-js') as typeof import('@resvg/resvg-js')
  return new Resvg(briefCard(brief), { font: { loadSystemFonts: false } }).render().asPng()
}
