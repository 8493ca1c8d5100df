// What can stand where the cursor is: a metric or function, a label's name, or a value of a label.
import { piecesOf } from './pieces.ts'

export interface Place {
  kind: 'expression' | 'label' | 'value'
  /** What has been typed of it, and where that begins. */
  typed: string
  from: number
  /** Of the selector one is in, when it is named. */
  metric: string | undefined
  /** Whose value is wanted. */
  label: string | undefined
}

const grouping = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right'])

/** undefined where nothing can be proposed: in a number, in a range. */
export function placeAt(text: string, cursor: number): Place | undefined {
  const pieces = piecesOf(text.slice(0, cursor))
  const last = pieces.at(-1)
  const open: { sign: string; before: string | undefined; index: number }[] = []
  for (const [index, piece] of pieces.entries()) {
    if (piece.kind !== 'sign') continue
    if ('([{'.includes(piece.text)) open.push({ sign: piece.text, before: pieces[index - 1]?.text, index })
    else if (')]}'.includes(piece.text)) open.pop()
  }
  const within = open.at(-1)
  const touches = last !== undefined && last.at + last.text.length === cursor
  const typed = touches && last.kind === 'word' ? last.text : ''
  const before = typed === '' ? last : pieces.at(-2)
  const place = { typed, from: cursor - typed.length, metric: undefined, label: undefined }
  if (within?.sign === '[') return undefined
  if (within?.sign === '{') return inSelector(text, cursor, pieces, within, place)
  if (touches && (last.kind === 'number' || last.kind === 'string')) return undefined
  if (within?.sign === '(' && grouping.has(within.before?.toLowerCase() ?? ''))
    return before?.text === '(' || before?.text === ',' ? { ...place, kind: 'label' } : undefined
  return before && (before.kind !== 'sign' || ')]}'.includes(before.text)) && typed === ''
    ? undefined
    : { ...place, kind: 'expression' }
}

function inSelector(
  text: string,
  cursor: number,
  pieces: ReturnType<typeof piecesOf>,
  within: { before: string | undefined; index: number },
  place: Omit<Place, 'kind'>,
): Place | undefined {
  const metric = /^[a-zA-Z_:]/.test(within.before ?? '') ? within.before : undefined
  const last = pieces.at(-1)
  if (last?.kind === 'string' && last.at > pieces[within.index]!.at) {
    const closed = last.text.length > 1 && last.text.endsWith(last.text[0]!)
    const label = pieces.at(-3)?.text
    if (closed || label === undefined || !/^(=|!=|=~|!~)$/.test(pieces.at(-2)?.text ?? '')) return undefined
    return { kind: 'value', typed: text.slice(last.at + 1, cursor), from: last.at + 1, metric, label }
  }
  const before = place.typed === '' ? last : pieces.at(-2)
  return before?.text === '{' || before?.text === ',' ? { ...place, kind: 'label', metric } : undefined
}

/** Those that begin with what was typed first, then those that hold it; what is typed in full is no proposal. */
export function proposals(names: readonly string[], typed: string, max: number): string[] {
  const wanted = typed.toLowerCase()
  const begins: string[] = []
  const holds: string[] = []
  for (const name of names) {
    const at = name.toLowerCase().indexOf(wanted)
    if (name === typed || at < 0) continue
    if (at === 0) begins.push(name)
    else holds.push(name)
  }
  return [...begins, ...holds].slice(0, max)
}
