// Where something stands in a file of several documents. It reads the file anew, once, when first asked.
import { isMap, isNode, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml'

/** 1-based line of a path in the document with this index, or of its nearest ancestor. */
export type LineOf = (index: number, path: readonly (string | number)[]) => number

export function linesOf(text: string): LineOf {
  const lines = new LineCounter()
  let documents: ReturnType<typeof parseAllDocuments> | undefined
  return (index, path) => {
    documents ??= parseAllDocuments(text, { lineCounter: lines, uniqueKeys: false })
    const document = Array.isArray(documents) ? documents[index] : undefined
    return lines.linePos(positionOf(document?.contents, path)).line
  }
}

function positionOf(root: unknown, path: readonly (string | number)[]): number {
  let node = root
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
  return position
}
