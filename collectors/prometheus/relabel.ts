// Relabelling as Prometheus does it (model/relabel/relabel.go).
import { createHash } from 'node:crypto'
import { compileRegex } from '#core/regex.ts'
import type { Labels } from '#core/sample.ts'
import type { RelabelConfig } from './config.ts'

/** @returns the labels after all rules, or undefined when a rule dropped them. The input is not changed. */
export type Relabel = (labels: Labels) => Labels | undefined

type Step = (labels: Labels) => boolean

export function createRelabel(rules: readonly RelabelConfig[]): Relabel {
  const steps = rules.map(createStep)
  return (labels) => {
    const result = { ...labels }
    for (const step of steps) if (!step(result)) return undefined
    return result
  }
}

function createStep(rule: RelabelConfig): Step {
  const match = createMatch(rule.regex)
  const { source_labels: sources, target_label: target, replacement, separator } = rule
  const joined = (labels: Labels): string => sources.map((name) => labels[name] ?? '').join(separator)
  switch (rule.action) {
    case 'keep':
      return (labels) => match(joined(labels)) !== null
    case 'drop':
      return (labels) => match(joined(labels)) === null
    case 'keepequal':
      return (labels) => joined(labels) === (labels[target] ?? '')
    case 'dropequal':
      return (labels) => joined(labels) !== (labels[target] ?? '')
    case 'lowercase':
      return (labels) => set(labels, target, joined(labels).toLowerCase())
    case 'uppercase':
      return (labels) => set(labels, target, joined(labels).toUpperCase())
    case 'hashmod':
      return (labels) => set(labels, target, String(hashOf(joined(labels)) % BigInt(rule.modulus!)))
    case 'labelmap':
      return (labels) => {
        for (const [name, value] of Object.entries(labels)) {
          const groups = match(name)
          if (groups) set(labels, expand(replacement, groups), value)
        }
        return true
      }
    case 'labeldrop':
      return (labels) => removeNames(labels, (name) => match(name) !== null)
    case 'labelkeep':
      return (labels) => removeNames(labels, (name) => match(name) === null)
    case 'replace':
      return (labels) => {
        const groups = match(joined(labels))
        if (!groups) return true
        const name = expand(target, groups)
        // What is no label name is left alone, as in Prometheus.
        return name === '' || name === '__proto__' ? true : set(labels, name, expand(replacement, groups))
      }
  }
}

function set(labels: Labels, name: string, value: string): true {
  if (value === '') delete labels[name]
  else labels[name] = value
  return true
}

function removeNames(labels: Labels, isRemoved: (name: string) => boolean): true {
  for (const name of Object.keys(labels)) if (isRemoved(name)) delete labels[name]
  return true
}

/** The last eight bytes of the MD5, big-endian. */
function hashOf(text: string): bigint {
  return createHash('md5').update(text).digest().readBigUInt64BE(8)
}

/** `$1`, `${1}` and `${name}`; `$$` is a dollar sign; groups that are absent are empty (Go's regexp.Expand). */
function expand(template: string, groups: Record<string, string>): string {
  if (!template.includes('$')) return template
  return template.replace(/\$(?:\$|(\w+)|\{(\w+)\})/g, (whole, plain?: string, braced?: string) => {
    const name = plain ?? braced
    if (name === undefined) return whole === '$$' ? '$' : ''
    return groups[/^\d+$/.test(name) ? `g${name}` : name] ?? ''
  })
}

/** The whole text must match. Groups are given under `g` and their number, named ones under their name as well. */
function createMatch(pattern: string): (text: string) => Record<string, string> | null {
  if (pattern === '(.*)') return (text) => ({ g0: text, g1: text })
  const { source, names } = nameGroups(pattern)
  const regex = compileRegex(source, { anchored: true, dotAll: true })
  return (text) => {
    const groups = regex.groups(text)
    if (!groups) return null
    const all: Record<string, string> = { g0: text, ...groups }
    for (const [number, name] of names) all[`g${number}`] = groups[name] ?? ''
    return all
  }
}

/** The regular expressions of core give named groups only: each group without a name gets one. */
function nameGroups(pattern: string): { source: string; names: [number: number, name: string][] } {
  const names: [number, string][] = []
  let source = ''
  let isInClass = false
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]!
    source += character
    if (character === '\\') source += pattern[++at] ?? ''
    else if (isInClass) isInClass = character !== ']' || pattern[at - 1] === '['
    else if (character === '[') isInClass = true
    else if (character === '(') {
      const named = /^\?P?<([^>]+)>/.exec(pattern.slice(at + 1))
      if (named) {
        names.push([names.length + 1, named[1]!])
        source += `?<${named[1]}>`
        at += named[0].length
      } else if (pattern[at + 1] !== '?') {
        names.push([names.length + 1, `g${names.length + 1}`])
        source += `?<g${names.length}>`
      }
    }
  }
  return { source, names }
}
