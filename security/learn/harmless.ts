// Harmless values that a list of form fields lacks: paths, programs' names, prose, JSON. All synthetic.
import type { Random } from '#core/random.ts'

const words =
  `account union order select group table script list the and or not like is between in having from where office permit
  city notice report update delete when case user version image form style link value set east river school health tax water road
  apply query result detail index home login service public news data window document alert body java java's O'Brien it's`.split(
    /\s+/,
  )
const marks = ['. ', ', ', ': ', ' - ', '! ', '? ', ' (', ') ', '; ', ' & ', ' / ', ' "', '" ']

export function harmlessValues(random: Random, count: number): string[] {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random.next() * from.length)]!
  const many = (most: number, make: () => string, between: string): string =>
    Array.from({ length: 1 + Math.floor(random.next() * most) }, make).join(between)
  const number = (): string => String(Math.floor(random.next() ** 3 * 100_000))
  const word = (): string => (random.next() < 0.3 ? capital(pick(words)) : pick(words))
  const styles: (() => string)[] = [
    () =>
      `/${many(4, () => (random.next() < 0.2 ? number() : pick(words)), '/')}${pick(['', '', '/', '.html', '.php', '.js', '.css', '.png'])}`,
    () => many(12, word, ' '),
    () => many(5, () => many(5, word, ' '), pick(marks)),
    () =>
      `${word()}/${number()}.${number()} (${many(4, word, '; ')} ${number()}_${number()}) ${word()}/${number()}.${number()}`,
    () =>
      `https://${many(3, () => pick(words), '.')}/${many(3, () => pick(words), '/')}?${pick(words)}=${number()}&${pick(words)}=${word()}`,
    () =>
      JSON.stringify({
        [pick(words)]: word(),
        [pick(words)]: Number(number()),
        [pick(words)]: [word(), many(4, word, ' ')],
      }),
    () => many(3, () => `${pick(words)}=${random.next() < 0.5 ? number() : word()}`, pick(['; ', '&', ', '])),
    () => many(2, () => `${number()}${pick(['-', '.', ':', '/', ' '])}${number()}`, pick([' ', 'T', ','])),
    () => `${word()}@${pick(words)}.${pick(words)}`,
    () => `${word()}${pick(['_', '-', '.', '[]', ''])}${pick(words)}${random.next() < 0.3 ? number() : ''}`,
  ]
  return Array.from({ length: count }, () => pick(styles)())
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)
