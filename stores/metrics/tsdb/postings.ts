// Sorted lists of series numbers, and what matchers make of them.

/** A list that grows. Most values belong to one series: those have no array at all. */
export class Postings {
  #one: number
  #list: Uint32Array | undefined
  length = 1

  constructor(first: number) {
    this.#one = first
  }

  /** Numbers come in ascending order. */
  push(series: number): void {
    this.#list ??= Uint32Array.of(this.#one, 0)
    if (this.length === this.#list.length) {
      const larger = new Uint32Array(this.length + (this.length >> 1) + 2)
      larger.set(this.#list)
      this.#list = larger
    }
    this.#list[this.length++] = series
  }

  /** Not a copy: valid until the next push. */
  list(): Uint32Array {
    return this.#list?.subarray(0, this.length) ?? Uint32Array.of(this.#one)
  }
}

export function everySeries(count: number): Uint32Array {
  const all = new Uint32Array(count)
  for (let i = 0; i < count; i++) all[i] = i
  return all
}

/** A series has one value of a name, so lists of one name never share a series. */
export function union(lists: readonly Uint32Array[]): Uint32Array {
  if (lists.length === 1) return lists[0]!
  const all = new Uint32Array(lists.reduce((sum, list) => sum + list.length, 0))
  let at = 0
  for (const list of lists) {
    all.set(list, at)
    at += list.length
  }
  return all.sort()
}

export function intersect(a: Uint32Array, b: Uint32Array): Uint32Array {
  if (a.length > b.length) return intersect(b, a)
  const result = new Uint32Array(a.length)
  let kept = 0
  // A short list against a long one: look each up rather than walk both.
  const isLopsided = a.length * 16 < b.length
  for (let i = 0, k = 0; i < a.length && k < b.length; i++) {
    const wanted = a[i]!
    if (isLopsided) k = lowerBound(b, wanted, k)
    else while (k < b.length && b[k]! < wanted) k++
    if (b[k] === wanted) result[kept++] = wanted
  }
  return result.subarray(0, kept)
}

export function subtract(a: Uint32Array, b: Uint32Array): Uint32Array {
  if (b.length === 0) return a
  const result = new Uint32Array(a.length)
  let kept = 0
  for (let i = 0, k = 0; i < a.length; i++) {
    const one = a[i]!
    while (k < b.length && b[k]! < one) k++
    if (b[k] !== one) result[kept++] = one
  }
  return result.subarray(0, kept)
}

function lowerBound(list: Uint32Array, wanted: number, from: number): number {
  let low = from
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (list[middle]! < wanted) low = middle + 1
    else high = middle
  }
  return low
}
