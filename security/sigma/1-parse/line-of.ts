// Where something stands in a file of several documents. Only asked when something is wrong: it reads the file anew.
import { isMap, isNode, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml'

/** 1-based line of a path in the document with this index, or of its nearest ancestor. */
export function lineOf(text: string, index: number, path: readonly (string | number)[]): number {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: false })
  const document = Array.isArray(documents) ? documents[index] : undefined
  let node: unknown = document?.contents
  let position = (node as Node | null | undefined)?.range?.[0] ?? 0
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String((key as { value?: unknown } | null)?.value) === String(part))
      if (!pair) break
      if (isNode(pair.key) && pair.key.range) position = pair.key.range[0]
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(part)]
      if (isNode(node) && node.range) position = node.range[0]
    } else break
  }
  return lines.linePos(position).line
}
