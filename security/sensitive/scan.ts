// Finds sensitive data in bytes, in one pass: a table says which bytes may begin something, everything else is stepped
// over; only a candidate is looked at closely. Works on UTF-8 and GB18030 alike, for neither is decoded on the way.
import {
  cardIssuerAt,
  creditCodeAt,
  datedRegionAt,
  luhnAt,
  mobileAt,
  organisationCodeAt,
  residentIdAt,
} from './checks.ts'
import { type Context, createContext, type Dictionary, wall } from './dictionary.ts'

export interface Found {
  kind: string
  /** Byte offsets. */
  start: number
  end: number
}

export interface ScanResult {
  found: Found[]
  /** Matches beyond `foundMax`. */
  more: number
}

const digit = 1
const letter = 2
const at = 4
const dash = 8
const assign = 16
const han = 32
const wide = 64
const percent = 128

const classes = new Uint8Array(256)
for (let i = 48; i < 58; i++) classes[i] = digit
for (let i = 65; i < 91; i++) classes[i] = classes[i + 32] = letter
classes[64] = at
classes[45] = dash
classes[61] = assign
classes[58] = assign
classes[37] = percent
for (let i = 0x81; i < 0xff; i++) classes[i] = han
classes[0xef] = han | wide
classes[0xa3] = han | wide

const isWord = (byte: number | undefined): boolean =>
  byte !== undefined && ((classes[byte]! & (digit | letter)) !== 0 || byte === 95)
const tokenCharsMax = 40
const localCharsMax = 64

/** Told of a number that was right in all but its check digit: a column of counters is known by how many there are. */
export type OnMiss = (kind: string, start: number) => void

export function createScanner(
  dictionary: Dictionary,
  foundMax = 10_000,
  onMiss: OnMiss = () => {},
): (bytes: Uint8Array) => ScanResult {
  const context = createContext(dictionary)
  const near: Near = { ...context, miss: onMiss }
  const { plateStart } = context
  const jwtFailed: JwtFailed = { before: 0 }

  return (bytes) => {
    const found: Found[] = []
    let more = 0
    context.begin(bytes)
    jwtFailed.before = 0
    const add = (kind: string, start: number, end: number): number => {
      if (found.length < foundMax) found.push({ kind, start, end })
      else more++
      return end
    }
    const length = bytes.length
    let i = 0
    let word = -1
    while (i < length) {
      const kind = classes[bytes[i]!]!
      if (kind === 0) {
        i++
        word = -1
        continue
      }
      if ((kind & (digit | letter)) !== 0) {
        if (word < 0) word = i
        let end = i + 1
        let digits = kind & digit
        while (end < length) {
          const next = classes[bytes[end]!]! & (digit | letter)
          if (next === 0) break
          digits += next & digit
          end++
        }
        const next = token(bytes, i, end, digits, add, near, jwtFailed)
        word = -1
        i = next
        continue
      }
      if (kind === at) i = email(bytes, i, 1, add)
      else if (kind === percent && bytes[i + 1] === 52 && bytes[i + 2] === 48) i = email(bytes, i, 3, add)
      else if (kind === dash) i = privateKey(bytes, i, add)
      else if (kind === assign) i = assignment(bytes, i, add)
      else if ((kind & wide) !== 0 && wideDigit(bytes, i) >= 0) i = number(bytes, i, add, near)
      else if ((kind & han) !== 0) {
        const after = plateStart(bytes, i)
        i = after > 0 ? plate(bytes, i, after, add) : i + 1
      } else i++
    }
    return { found, more }
  }
}

type Add = (kind: string, start: number, end: number) => number
type Near = Pick<Context, 'near' | 'denied'> & { miss: OnMiss }
/** No token begins before: it was walked over already, and a text of nothing but beginnings costs no square. */
interface JwtFailed {
  before: number
}

/** A run of letters and digits: numbers begin with a digit, keys with their issuer's letters. */
function token(
  bytes: Uint8Array,
  start: number,
  end: number,
  digits: number,
  add: Add,
  near: Near,
  jwtFailed: JwtFailed,
): number {
  const size = end - start
  if (bytes[start - 1] === 95 || bytes[end] === 95) return end
  const first = bytes[start]!
  if ((classes[first]! & digit) !== 0) {
    if (digits < size) {
      if (size !== 18) return end
      const last = bytes[end - 1]! | 32
      if (digits === 17 && last === 120) {
        if (residentIdAt(bytes, start)) return add('resident-id', start, end)
        if (datedRegionAt(bytes, start)) near.miss('resident-id', start)
      }
      return creditCodeAt(bytes, start, true) ? add('credit-code', start, end) : end
    }
    if (size > 19) return end
    const next = bytes[end]
    // Full width, or the next group: looked at as a whole.
    if (next === 0xef || next === 0xa3 || ((next === 32 || next === 45) && numeric(bytes, end + 1)))
      return mayMatter(size, next) ? number(bytes, start, add, near) : end
    const kind = size === 8 || size === 11 || size >= 13 ? plainKind(bytes, start, end, near) : undefined
    return kind === undefined ? end : add(kind, start, end)
  }
  // "eyJ" is {" in base64.
  if (first === 101 && bytes[start + 1] === 121 && bytes[start + 2] === 74)
    return jwt(bytes, start, end, add, jwtFailed)
  if (size === 20 && first === 65 && /^(AKIA|ASIA)[A-Z2-7]{16}$/.test(ascii(bytes, start, end)))
    return add('cloud-key', start, end)
  if ((size === 24 || size === 20) && first === 76 && /^LTAI[0-9A-Za-z]+$/.test(ascii(bytes, start, end)))
    return add('cloud-key', start, end)
  if (size === 36 && first === 65 && /^AKID[0-9A-Za-z]{32}$/.test(ascii(bytes, start, end)))
    return add('cloud-key', start, end)
  if (size === 18 && digits >= 8 && creditCodeAt(bytes, start, false)) return add('credit-code', start, end)
  if (size === 9 && digits === 8 && near.near('passport', start)) return add('passport', start, end)
  if (size === 9 && digits >= 7 && /^E[A-HJ-NP-Z]\d{7}$/.test(ascii(bytes, start, end)) && near.near('passport', start))
    return add('passport', start, end)
  if ((size === 9 || size === 11) && digits === size - 1 && /^[CHM]/.test(ascii(bytes, start, start + 1)))
    if (near.near('travel-permit', start)) return add('travel-permit', start, end)
  return end
}

/** Most numbers of a log are short: groups begin with two, three, four or six digits. */
function mayMatter(size: number, next: number): boolean {
  if (next === 0xef || next === 0xa3) return true
  return size === 2 || size === 3 || size === 4 || size === 6 || size === 8 || size === 11 || size === 13 || size >= 15
}

/** ASCII digits that stand alone: nearly all numbers, decided where they stand. */
function plainKind(bytes: Uint8Array, start: number, end: number, near: Near): string | undefined {
  const before = bytes[start - 1]
  // Part of a decimal fraction, of a path of numbers.
  if (before === 45 || (before === 46 && isWord(bytes[start - 2]))) return undefined
  if (bytes[end] === 46 && numeric(bytes, end + 1)) return undefined
  return wholeKind(bytes, start, end, bytes, start, near)
}

/** @param digits where they stand, or copied from groups and full width; `at`: where the number begins in the text */
function wholeKind(
  digits: Uint8Array,
  start: number,
  end: number,
  bytes: Uint8Array,
  at: number,
  near: Near,
): string | undefined {
  const size = end - start
  if (size === 18) {
    if (residentIdAt(digits, start)) return 'resident-id'
    if (datedRegionAt(digits, start)) near.miss('resident-id', at)
    // One in a thousand of plain numbers passes one check: then a word near it or the organisation's own digit decides.
    if (
      digits[end - 1] !== 88 &&
      creditCodeAt(digits, start, false) &&
      (organisationCodeAt(digits, start + 8) || near.near('credit-code', at))
    )
      return 'credit-code'
  }
  if (size >= 15 && size <= 19) {
    const issuer = cardIssuerAt(digits, start, size)
    if (issuer) {
      const isAlone = issuer === 'unionpay' && (size === 16 || size === 19)
      if (luhnAt(digits, start, end)) {
        if (near.near('bank-card', at) || (isAlone && !near.denied('bank-card', at))) return 'bank-card'
      } else if (isAlone) near.miss('bank-card', at)
    }
  }
  if (size === 11) return mobileAt(digits, start) && isMobile(bytes, at, near) ? 'mobile' : undefined
  if (size === 13)
    return bytes[at - 1] === 43 && digits[start] === 56 && digits[start + 1] === 54 && mobileAt(digits, start + 2)
      ? 'mobile'
      : undefined
  return size === 8 && near.near('travel-permit', at) ? 'travel-permit' : undefined
}

/** A word says so, or it stands beside a character and no word says that it is something else. */
const isMobile = (bytes: Uint8Array, at: number, near: Near): boolean =>
  near.near('mobile', at) || (bytes[at - 1]! >= 0x80 && !near.denied('mobile', at))

/** Digits of either width in groups, parted by single spaces or hyphens. */
function number(bytes: Uint8Array, start: number, add: Add, near: Near): number {
  let text = ''
  let i = start
  let end = start
  const groups: number[] = []
  let group = 0
  let firstGroupEnd = start
  while (i < bytes.length && text.length < tokenCharsMax) {
    const byte = bytes[i]!
    if ((classes[byte]! & digit) !== 0) {
      text += String.fromCharCode(byte)
      i++
    } else {
      const value = wideDigit(bytes, i)
      if (value >= 0) {
        text += value
        i += byte === 0xa3 ? 2 : 3
      } else if ((byte === 88 || byte === 120) && text.length === 17 && !isWord(bytes[i + 1])) {
        text += 'X'
        i++
      } else if ((byte === 32 || byte === 45) && group > 0 && numeric(bytes, i + 1)) {
        groups.push(group)
        if (groups.length === 1) firstGroupEnd = i
        group = 0
        i++
        continue
      } else break
    }
    group++
    end = i
  }
  groups.push(group)
  if (groups.length === 1) firstGroupEnd = end
  const before = bytes[start - 1]
  const after = bytes[end]
  // Part of a word, of a decimal fraction, of a path of numbers.
  if (isWord(before) || isWord(after) || (before === 46 && isWord(bytes[start - 2])) || before === 45)
    return firstGroupEnd
  if (after === 46 && numeric(bytes, end + 1)) return end
  // The end of a row of numbers is no number in groups.
  if (groups.length > 1 && before === 32 && start > 1 && (classes[bytes[start - 2]!]! & digit) !== 0)
    return firstGroupEnd
  const known = numberKind(text, groups, bytes, start, near)
  if (known) return add(known, start, end)
  // Several numbers in a row: each may stand alone.
  if (groups.length > 1) {
    const alone = numberKind(text.slice(0, groups[0]), [groups[0]!], bytes, start, near)
    if (alone && bytes[firstGroupEnd] === 32) return add(alone, start, firstGroupEnd)
  }
  return firstGroupEnd
}

function numberKind(text: string, groups: number[], bytes: Uint8Array, start: number, near: Near): string | undefined {
  const digits = Buffer.from(text, 'latin1')
  const size = digits.length
  if (groups.length === 1) return wholeKind(digits, 0, size, bytes, start, near)
  const shape = groups.join('-')
  if (shape === '6-8-4') return residentIdAt(digits, 0) ? 'resident-id' : undefined
  if (size >= 15 && size <= 19 && /^4-4-4-[1-4](-[1-3])?$/.test(shape))
    return cardIssuerAt(digits, 0, size) && luhnAt(digits, 0, size) ? 'bank-card' : undefined
  // Parted by hyphens it is written as one; by spaces it may be three columns.
  if (shape === '3-4-4')
    return mobileAt(digits, 0) && (bytes[start + 3] === 45 || isMobile(bytes, start, near)) ? 'mobile' : undefined
  if (shape === '2-11' || shape === '2-3-4-4')
    return text.startsWith('86') && mobileAt(digits, 2) ? 'mobile' : undefined
  // The country code, and the number in groups after a plus sign: +86 138-1234-5678 came above.
  if (size === 13 && text.startsWith('86') && bytes[start - 1] === 43) return mobileAt(digits, 2) ? 'mobile' : undefined
  if (size === 11 && mobileAt(digits, 0) && isMobile(bytes, start, near)) return 'mobile'
  if (/^(3-8|4-7|4-8)$/.test(shape) && /^0(10|2\d|[3-9]\d{2})[2-8]/.test(text) && bytes[start + groups[0]!] === 45)
    return (shape === '3-8') === /^0(10|2\d)/.test(text) ? 'landline' : undefined
  return undefined
}

const numeric = (bytes: Uint8Array, i: number): boolean =>
  i < bytes.length && ((classes[bytes[i]!]! & digit) !== 0 || wideDigit(bytes, i) >= 0)

/** U+FF10 to U+FF19, in UTF-8 (EF BC 90) or GB18030 (A3 B0). */
function wideDigit(bytes: Uint8Array, i: number): number {
  const byte = bytes[i]!
  if (byte === 0xef && bytes[i + 1] === 0xbc) {
    const value = (bytes[i + 2] ?? 0) - 0x90
    return value >= 0 && value <= 9 ? value : -1
  }
  // The second byte of a character in UTF-8 is A3 as well: then what follows is no B0 to B9 pair of a digit.
  if (byte === 0xa3 && (bytes[i - 1] ?? 0) < 0xe0) {
    const value = (bytes[i + 1] ?? 0) - 0xb0
    return value >= 0 && value <= 9 ? value : -1
  }
  return -1
}

function email(bytes: Uint8Array, atSign: number, size: number, add: Add): number {
  const host = atSign + size
  if (size === 1) {
    const authority = authorityAt(bytes, atSign)
    if (authority >= 0) {
      // `scheme://user:password@host`: the password is what is sensitive, and a user of a host is no address.
      const colon = bytes.indexOf(colonByte, authority)
      if (colon >= authority && colon < atSign - 1 && !isHidden(ascii(bytes, colon + 1, atSign)))
        add('password', colon + 1, atSign)
      return host
    }
  }
  let start = atSign
  while (start > 0 && atSign - start < localCharsMax && isLocal(bytes[start - 1]!)) start--
  // `email%3Dwei%40…`: the two digits belong to the escape before.
  if (bytes[start - 1] === percentByte && isHex(bytes[start]) && isHex(bytes[start + 1])) start += 2
  while (start < atSign && !isWord(bytes[start])) start++
  let end = atSign + size
  let lastDot = -1
  while (end < bytes.length && end - atSign < 255) {
    const byte = bytes[end]!
    if (byte === 46) lastDot = end
    else if ((classes[byte]! & (digit | letter | dash)) === 0) break
    end++
  }
  while (end > atSign && !isWord(bytes[end - 1])) end--
  if (lastDot >= end) lastDot = bytes.lastIndexOf(46, end - 1)
  const top = end - lastDot - 1
  if (atSign - start < 1 || lastDot <= host || top < 2 || top > 24) return host
  for (let i = lastDot + 1; i < end; i++) if ((classes[bytes[i]!]! & letter) === 0) return host
  if (noTopDomain.has(ascii(bytes, lastDot + 1, end).toLowerCase())) return host
  // `git@host:path` names a repository.
  if (bytes[end] === colonByte && /^(git|hg|svn)$/.test(ascii(bytes, start, atSign))) return host
  return add('email', start, end)
}

const colonByte = 58
const percentByte = 37
const authorityBytesMax = 128

/** Of `@` in an address with a scheme: where what comes after `://` begins; else -1. */
function authorityAt(bytes: Uint8Array, atSign: number): number {
  for (let i = atSign - 1; i >= 2 && atSign - i <= authorityBytesMax; i--) {
    const byte = bytes[i]!
    if (byte === 47) return bytes[i - 1] === 47 && bytes[i - 2] === colonByte ? i + 1 : -1
    if (byte <= 32 || byte === 34 || byte === 39 || byte === 60 || byte === 62 || byte === 64) return -1
  }
  return -1
}

const isHex = (byte: number | undefined): boolean =>
  byte !== undefined && ((byte >= 48 && byte <= 57) || ((byte | 32) >= 97 && (byte | 32) <= 102))

/** Units of systemd (`user@1000.service`) and files (`icon@2x.png`, `left-pad@1.3.0.tgz`): none of these is a domain. */
const noTopDomain = new Set(
  'service socket timer scope slice mount automount swap target device path png jpg jpeg gif webp svg ico css js mjs cjs ts map json xml html htm txt log conf cfg ini yml yaml gz tgz tar bz2 xz jar war dll exe php java class'.split(
    ' ',
  ),
)

const isLocal = (byte: number): boolean => isWord(byte) || byte === 46 || byte === 45 || byte === 43

const begin = Buffer.from('-----BEGIN ')
const ending = Buffer.from('-----END ')

function privateKey(bytes: Uint8Array, start: number, add: Add): number {
  for (let i = 0; i < begin.length; i++) if (bytes[start + i] !== begin[i]) return start + 1
  if (!/^-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY/.test(ascii(bytes, start, Math.min(bytes.length, start + 64))))
    return start + 1
  let view = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, start + 16_384))
  // One without an end goes as far as its record, not into the next.
  const record = view.indexOf(wall, start)
  if (record >= 0) view = view.subarray(0, record)
  const close = view.indexOf(ending, start + begin.length)
  const end = close < 0 ? view.length : close
  const last = close < 0 ? end : view.indexOf('-----', end + ending.length)
  return add('private-key', start, last < 0 ? end : Math.min(bytes.length, close < 0 ? end : last + 5))
}

function jwt(bytes: Uint8Array, start: number, first: number, add: Add, failed: JwtFailed): number {
  if (start < failed.before) return first
  let dots = 0
  let end = start
  let firstDot = -1
  while (end < bytes.length && end - start < 8192 && dots < 3) {
    const byte = bytes[end]!
    if (byte === 46) {
      if (dots++ === 0) firstDot = end
    } else if (!isWord(byte) && byte !== 45) break
    end++
  }
  const isToken =
    dots === 2 && end - start >= 40 && /^eyJ[\w-]{10,}\.eyJ[\w-]{2,}\.[\w-]{8,}$/.test(ascii(bytes, start, end))
  if (isToken) return add('jwt', start, end)
  // What begins later in the same first part is shorter and ends alike.
  failed.before = firstDot < 0 ? end : firstDot
  return first
}

const secretName =
  /(passw(or)?d|passwd|pwd|secret|api_?key|access_?key|private_?key|auth_?token|access_?token|口令|密码)["']?\s*$/i

/** By two bytes: rd, wd, et, ey and en end all the Latin names; 令 (E4 BB A4) and 码 (E7 A0 81) the Chinese ones. */
function endsSecretName(bytes: Uint8Array, at: number): boolean {
  if (at < 1) return false
  const last = bytes[at]!
  const before = bytes[at - 1]!
  if (last >= 0x80) return (last === 0xa4 && before === 0xbb) || (last === 0x81 && before === 0xa0)
  const pair = ((before | 32) << 8) | last | 32
  return pair === 0x7264 || pair === 0x7764 || pair === 0x6574 || pair === 0x6579 || pair === 0x656e
}

/** `password=…`, `"secret": "…"`: the value is what is sensitive. */
function assignment(bytes: Uint8Array, sign: number, add: Add): number {
  let named = sign - 1
  while (named >= 0 && (bytes[named] === 34 || bytes[named] === 32 || bytes[named] === 39)) named--
  if (!endsSecretName(bytes, named)) return sign + 1
  const name = secretName.exec(Buffer.from(bytes.subarray(Math.max(0, sign - 32), sign)).toString('utf8'))?.[1]
  if (name === undefined) return sign + 1
  let start = sign + 1
  while (
    start < bytes.length &&
    start - sign < 4 &&
    (bytes[start] === 32 || bytes[start] === 34 || bytes[start] === 39)
  )
    start++
  let end = start
  while (end < bytes.length && end - start < 512 && !endsValue(bytes[end]!)) end++
  const value = ascii(bytes, start, end)
  if (value.length < 4 || isHidden(value) || value.startsWith(':')) return sign + 1
  // `PWD=/home/wei` of sudo and of every dumped environment is a directory.
  if (/^pwd$/i.test(name) && /^([/~]|[a-z]:\\)/i.test(value)) return sign + 1
  if (bytes[sign] === colonByte && bytes[sign + 1] === 32 && isProse(value, bytes, end)) return sign + 1
  return add('password', start, end)
}

/** Masked already, or a placeholder. */
const isHidden = (value: string): boolean =>
  /^(\*+|x+|null|none|true|false|undefined|\$\{?.*|<.*|%s|[[({]?(filtered|redacted|masked|hidden|protected|removed|omitted|secret|password)[\])}]?)$/i.test(
    value,
  )

const stateWords =
  /^(incorrect|invalid|required|expired|changed|accepted|failed|reset|missing|empty|unknown|correct|wrong|rejected|updated|disabled|enabled|authentication)[.!]?$/i

/** `password: must not be empty`, `Password: incorrect`: a word in a sentence, not a value. */
function isProse(value: string, bytes: Uint8Array, end: number): boolean {
  if (!/^[A-Za-z]+[.!]?$/.test(value)) return false
  return stateWords.test(value) || (bytes[end] === 32 && (classes[bytes[end + 1] ?? 0]! & letter) !== 0)
}

const endsValue = (byte: number): boolean =>
  byte <= 32 || byte === 34 || byte === 39 || byte === 38 || byte === 44 || byte === 59 || byte === 125

/** Province, letter, then five letters or digits, six for new energy; a dot may stand after the letter. */
function plate(bytes: Uint8Array, start: number, after: number, add: Add): number {
  const text = Buffer.from(bytes.subarray(after, after + 12)).toString('utf8')
  const match = /^([A-HJ-NP-Z])(·|\.| )?([A-HJ-NP-Z0-9]{5,6})(?![A-Za-z0-9])/.exec(text)
  if (!match) return start + 1
  const serial = match[3]!
  const digits = serial.replaceAll(/\D/g, '').length
  if (serial.length === 6 ? !/^([A-HJK]\d{5}|[A-HJK][A-Z]\d{4}|\d{5}[A-HJK])$/.test(serial) : digits < 3)
    return start + 1
  return add('plate', start, after + Buffer.byteLength(match[0]))
}

function ascii(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!)
  return text
}
