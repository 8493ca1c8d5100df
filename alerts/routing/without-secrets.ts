// An Alertmanager file as its API shows it: whole, so that amtool can walk the routes, with `<secret>` where secrets were,
// as Alertmanager itself writes them. amtool reads what is shown as a file again, and before 0.26 took no `<secret>` for the
// address of a webhook.
import { parse, stringify } from 'yaml'

const secretKey = /(?:password|secret|credentials|token|_key)$/
/** Addresses that are secrets by themselves, because whoever knows them may post there; by the list that they stand in. */
const secretUrls: Record<string, readonly string[]> = { webhook_configs: ['url'], slack_configs: ['api_url'] }
const secretUrlKey = /^(?:slack_api_url|webhook_url)$/
/** RFC 6761: never somebody's. */
const hiddenUrl = 'https://secret.invalid/'

export function withoutSecrets(text: string): string {
  return stringify(hidden(parse(text), ''))
}

function hidden(value: unknown, list: string): unknown {
  if (Array.isArray(value)) return value.map((one) => hidden(one, list))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([key, own]) => {
      if (typeof own !== 'string') return [key, hidden(own, Array.isArray(own) ? key : list)]
      const isUrl = secretUrlKey.test(key) || secretUrls[list]?.includes(key)
      return [key, isUrl ? hiddenUrl : secretKey.test(key) ? '<secret>' : own]
    }),
  )
}
