// Most lines end with their message. Of `event.original` only what comes before it is stored then, one column compresses
// what two would hold: `=` + beginning, or `!` + the whole line.

const wordEnd = /[0-9A-Za-z_\u00c0-\u024f]$/

export function packOriginal(original: string, message: string): string {
  if (!original.endsWith(message)) return `!${original}`
  const beginning = original.slice(0, original.length - message.length)
  // Not in the middle of a word: a search for one word may then look at the beginning alone.
  return wordEnd.test(beginning) ? `!${original}` : `=${beginning}`
}

export function unpackOriginal(packed: string, message: string): string {
  return packed.startsWith('=') ? packed.slice(1) + message : packed.slice(1)
}
