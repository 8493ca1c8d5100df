// The values of a request in which an attacker can write: path, parameters, body, headers and cookies.
const partsMax = 256

export interface RequestParts {
  uri?: string
  body?: string
  headers?: Record<string, string>
}

/** Headers that say how to talk and hold no free text. */
const plain = new Set([
  'host',
  'accept',
  'content-type',
  'content-length',
  'connection',
  'accept-encoding',
  'accept-language',
])

export function requestValues({ uri = '', body = '', headers = {} }: RequestParts): string[] {
  const [path = '', ...query] = uri.split('?')
  const values = [...pairs(query.join('?')), ...pairs(body)]
  if (path.length > 1) values.push(path)
  for (const [name, value] of Object.entries(headers)) {
    if (name.toLowerCase() === 'cookie') values.push(...value.split(';').flatMap((one) => pairs(one.trim())))
    else if (!plain.has(name.toLowerCase())) values.push(value)
  }
  return values.filter((value) => value !== '').slice(0, partsMax)
}

/** Names of parameters are values too: some frameworks pass them on. */
function pairs(text: string): string[] {
  if (text === '') return []
  if (!text.includes('=') || /^\s*[<{[]/.test(text)) return [text]
  return text.split('&').flatMap((pair) => {
    const at = pair.indexOf('=')
    return at < 0 ? [pair] : [pair.slice(0, at), pair.slice(at + 1)]
  })
}
