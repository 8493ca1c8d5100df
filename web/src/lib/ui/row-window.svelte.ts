// Which rows of a long list are drawn: those in sight, and a screen above and below. Rows have one height, which is read
// off the first. Short lists are drawn whole, so that the browser's own search finds everything.

const drawnWholeMax = 200

export interface RowSlice {
  first: number
  /** Exclusive. */
  last: number
  /** Pixels that stand for the rows not drawn. */
  above: number
  below: number
}

export function sliceOf(count: number, at: { scrollTop: number; viewHeight: number; rowHeight: number }): RowSlice {
  if (count <= drawnWholeMax || at.rowHeight <= 0) return { first: 0, last: count, above: 0, below: 0 }
  const inSight = Math.ceil(at.viewHeight / at.rowHeight)
  // In steps of a screen: a small scroll changes nothing in the page.
  const screen = Math.floor(at.scrollTop / at.rowHeight / Math.max(1, inSight)) * inSight
  const first = Math.min(Math.max(0, screen - inSight), Math.max(0, count - 1))
  const last = Math.min(count, screen + 3 * inSight)
  return { first, last, above: first * at.rowHeight, below: (count - last) * at.rowHeight }
}

export class RowWindow {
  #at = $state({ scrollTop: 0, viewHeight: 0, rowHeight: 0 })
  #element: HTMLElement | undefined

  /** @param rowHeight expected, in pixels, until a row is there to be read */
  constructor(rowHeight: number) {
    this.#at.rowHeight = rowHeight
  }

  /** For the element that scrolls: `{@attach rows.attach}`. */
  attach = (element: HTMLElement): (() => void) => {
    this.#element = element
    const read = (): void => {
      const rowHeight = element.querySelector('tr[data-row]')?.getBoundingClientRect().height ?? this.#at.rowHeight
      this.#at = { scrollTop: element.scrollTop, viewHeight: element.clientHeight, rowHeight }
    }
    const resized = new ResizeObserver(read)
    resized.observe(element)
    element.addEventListener('scroll', read, { passive: true })
    return () => {
      this.#element = undefined
      resized.disconnect()
      element.removeEventListener('scroll', read)
    }
  }

  slice(count: number): RowSlice {
    return sliceOf(count, this.#at)
  }

  /** Scrolls as little as shows the row. */
  reveal(index: number): void {
    const element = this.#element
    const { rowHeight } = this.#at
    if (!element) return
    const top = index * rowHeight
    if (top < element.scrollTop) element.scrollTop = top
    else if (top + rowHeight > element.scrollTop + element.clientHeight)
      element.scrollTop = top + rowHeight - element.clientHeight
  }
}
