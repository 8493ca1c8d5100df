import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { lineDeeperThan } from './yaml-depth.ts'
import { formatProblem, readYaml } from './yaml-source.ts'

describe('the depth of YAML', () => {
  it.each([
    ['brackets', `a: 1\nb: ${'['.repeat(50_000)}`, 2],
    ['braces', `a: 1\n\nb: ${'{b: '.repeat(5_000)}`, 3],
    ['brackets over lines', `b:\n  ${'[\n  '.repeat(5_000)}`, 101],
    ['dashes in a line', `a:\n  ${'- '.repeat(5_000)}x`, 2],
    ['indentation', Array.from({ length: 1_000 }, (_, i) => `${' '.repeat(i)}b:\n`).join(''), 101],
    ['brackets within blocks', `a:\n  b:\n    - ${'['.repeat(200)}${']'.repeat(200)}\n`, 3],
  ])('is bounded for %s, with the line', (_, text, line) => {
    expect(lineDeeperThan(text, 100)).toBe(line)
    const { problems } = readYaml('rules/deep.yml', text, z.unknown())
    expect(problems.map(formatProblem)).toEqual([
      expect.stringMatching(`^rules/deep.yml:${line}: nested deeper than 100 levels`),
    ])
  })

  it.each([
    ['many lists beside one another', `a: [${'[1], '.repeat(5_000)}]`],
    ['many maps below one another', 'a:\n  b: [x, { y: z }]\n'.repeat(2_000)],
    [
      'brackets in texts',
      `a: '${'['.repeat(500)}'\nb: "${'{'.repeat(500)}"\nc: x${'['.repeat(500)}\nd: |\n  ${'['.repeat(500)}\n`,
    ],
    ['deep columns of a text', `a: |\n${Array.from({ length: 300 }, (_, i) => `  ${' '.repeat(i)}x\n`).join('')}`],
    ['values in many columns', Array.from({ length: 300 }, (_, i) => `${'k'.repeat(i + 1)}: v\n`).join('')],
  ])('is none for %s', (_, text) => {
    expect(lineDeeperThan(text, 100)).toBeUndefined()
  })
})
