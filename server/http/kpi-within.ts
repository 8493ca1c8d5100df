// What a person asks for, cut to what they answer for.
import { CodedError } from '#core/errors.ts'
import { isEverywhere, type Jurisdiction, regionStem } from '#core/jurisdiction.ts'
import { within } from '#kpi/engine/compute.ts'

/** `a=b,c=d`. @throws CodedError `body.invalid` */
export function pairsOf(text: string): Record<string, string> {
  const pairs: Record<string, string> = {}
  for (const one of text.split(',')) {
    if (one === '') continue
    const at = one.indexOf('=')
    if (at < 1) throw new CodedError('body.invalid', { cause: `"${one.slice(0, 60)}" is not name=value` })
    pairs[one.slice(0, at)] = one.slice(at + 1)
  }
  return pairs
}

/** @returns undefined when nothing of what is asked for is theirs */
export function onlyWithin(given: Record<string, string>, bounds: Jurisdiction): Record<string, string> | undefined {
  const { region } = given
  // 440300 is all of 4403.
  const only = region === undefined ? given : { ...given, region: region.split('|').map(regionStem).join('|') }
  if (isEverywhere(bounds)) return only
  const cut = { ...only }
  const sides = [
    ['region', bounds.regions.map(regionStem)],
    ['department', bounds.departments],
  ] as const
  for (const [name, theirs] of sides) {
    if (theirs.length === 0) continue
    const asked = cut[name]?.split('|')
    const allowed = asked
      ? [
          ...asked.filter((one) => theirs.some((outer) => within(one, outer, name))),
          ...theirs.filter((one) => asked.some((outer) => outer !== one && within(one, outer, name))),
        ]
      : theirs
    if (allowed.length === 0) return undefined
    cut[name] = allowed.join('|')
  }
  return cut
}
