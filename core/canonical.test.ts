import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { canonicalJson, recordHash } from './canonical.ts'

it('hashes a text of any length as if it were written at once', () => {
  const whole = (text: string): string => createHash('sm3').update(canonicalJson(text)).digest('hex')
  // Signs of two halves lie across every border between pieces, whichever way they fall.
  for (const text of [
    '',
    'a"\\\n',
    `${'𠮷'.repeat(1_200_000)}`,
    `x${'𠮷'.repeat(1_200_000)}`,
    `${'é"'.repeat(800_000)}\uD842`,
  ])
    expect(recordHash(text)).toBe(whole(text))
})
