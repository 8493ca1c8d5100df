// PromQL cut into words, strings, operators and brackets: enough to know where one stands while typing. The server parses.

export interface Piece {
  text: string
  at: number
  kind: 'word' | 'string' | 'number' | 'sign'
}

const pattern =
  /(?<comment>#[^\n]*)|(?<string>"(?:\\.|[^"\\])*(?:"|$)|'(?:\\.|[^'\\])*(?:'|$)|`[^`]*(?:`|$))|(?<word>[a-zA-Z_:][\w:.]*)|(?<number>\d[\w.]*)|(?<sign>=~|!~|==|!=|>=|<=|\S)/gs

/** A string that is not closed reaches to the end. */
export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = []
  for (const match of text.matchAll(pattern)) {
    const kind = (['word', 'string', 'number', 'sign'] as const).find((name) => match.groups?.[name] !== undefined)
    if (kind) pieces.push({ text: match[0], at: match.index, kind })
  }
  return pieces
}
