// What a rule says in Chinese. It stands under a key of our own, which other tools pass over as the specification asks:
//
//   guanlan:
//     title.zh: 请求中出现路径穿越
//     description.zh: 请求试图……
//     falsepositives.zh: 自有漏洞扫描
//
// A text that cannot be taken is named and left out; the rule is in force all the same.
import { suggest } from '#core/yaml-source.ts'

export const ownKey = 'guanlan'

/** Each '' where the rule does not say it. */
export interface Chinese {
  readonly title: string
  readonly description: string
  readonly falsepositives: string
}

/** Together they stay below what an alert keeps of an annotation. */
const charsMax = { title: 200, description: 2000, falsepositives: 1000 } as const
const parts = Object.keys(charsMax) as (keyof Chinese)[]
const keys = parts.map((part) => `${part}.zh`)
const nothing: Chinese = { title: '', description: '', falsepositives: '' }

type Refuse = (cause: string, path: readonly string[], hint: string) => void

/** @param refuse is told of each text that cannot be taken */
export function chineseOf(data: unknown, refuse: Refuse): Chinese {
  if (data === undefined || data === null) return nothing
  if (typeof data !== 'object' || Array.isArray(data)) {
    refuse(`${ownKey} is not a map`, [ownKey], `Keys: ${keys.join(', ')}`)
    return nothing
  }
  const found: Record<keyof Chinese, string> = { ...nothing }
  for (const [key, value] of Object.entries(data)) {
    const part = parts[keys.indexOf(key)]
    if (!part) {
      // One says enough: thousands, given to each document of a file by `action: global`, would be millions of problems.
      const name = key.slice(0, 100)
      refuse(`${ownKey} has no key "${name}"`, [ownKey, key], suggest(name, keys) || `Keys: ${keys.join(', ')}`)
      return found
    }
    if (typeof value !== 'string' || value.trim() === '' || value.length > charsMax[part])
      refuse(`${key} is not a text of 1 to ${charsMax[part]} characters`, [ownKey, key], 'It is left out.')
    else found[part] = value.trim()
  }
  return found
}
