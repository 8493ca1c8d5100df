// Label sets as keys, and their parts.
import type { Labels } from '#core/sample.ts'

/** What Prometheus drops with the name, and leaves out where labels are compared. */
export const metadataLabels = new Set(['__name__', '__type__', '__unit__'])

/** Equal for equal sets, whatever the order of insertion. */
export function labelsKey(labels: Labels): string {
  let key = ''
  for (const name of sortedNames(labels)) key += `${name}\u0000${labels[name]}\u0001`
  return key
}

/** Names in byte order; most sets have them so already. */
export function sortedNames(labels: Labels): string[] {
  const names = Object.keys(labels)
  for (let i = 1; i < names.length; i++) if (names[i]! < names[i - 1]!) return names.sort()
  return names
}

export function without(labels: Labels, names: ReadonlySet<string>): Labels {
  const rest: Labels = {}
  for (const name in labels) if (!names.has(name)) rest[name] = labels[name]!
  return rest
}

export function only(labels: Labels, names: readonly string[]): Labels {
  const kept: Labels = {}
  for (const name of names) if (labels[name] !== undefined) kept[name] = labels[name]
  return kept
}

export function dropMetadata(labels: Labels): Labels {
  return labels['__name__'] === undefined && labels['__type__'] === undefined && labels['__unit__'] === undefined
    ? labels
    : without(labels, metadataLabels)
}

/** Sets of one name stay distinct when the name goes. */
export function shareName(sets: readonly Labels[]): boolean {
  const [first] = sets
  if (!first) return true
  for (const labels of sets)
    if (
      labels['__name__'] !== first['__name__'] ||
      labels['__type__'] !== first['__type__'] ||
      labels['__unit__'] !== first['__unit__']
    )
      return false
  return true
}

/** A function from labels to a key of those that count: listed names, or all but them and the metadata. */
export function signatureOf(on: boolean, names: readonly string[]): (labels: Labels) => string {
  if (on) {
    if (names.length === 0) return () => ''
    if (names.length === 1) {
      const [name] = names as [string]
      return (labels) => labels[name] ?? ''
    }
    return (labels) => {
      let key = ''
      for (const name of names) key += `${labels[name] ?? ''}\u0001`
      return key
    }
  }
  const left = new Set([...names, ...metadataLabels])
  return (labels) => {
    let key = ''
    for (const name of sortedNames(labels)) if (!left.has(name)) key += `${name}\u0000${labels[name]}\u0001`
    return key
  }
}

/** Prometheus's order: by name, then value, then length. */
export function compareLabels(a: Labels, b: Labels): number {
  const left = sortedNames(a)
  const right = sortedNames(b)
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    if (left[i] !== right[i]) return left[i]! < right[i]! ? -1 : 1
    const [x, y] = [a[left[i]!]!, b[right[i]!]!]
    if (x !== y) return x < y ? -1 : 1
  }
  return left.length - right.length
}

/** `{a="b", c="d"}` as Prometheus prints a label set. */
export function labelsText(labels: Labels): string {
  return `{${sortedNames(labels)
    .map((name) => `${name}="${labels[name]!.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`)
    .join(', ')}}`
}
