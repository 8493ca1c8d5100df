// Valid numbers and random tokens from a seed. Synthetic: the numbers pass their checks and belong to nobody known.
const regions = ['110101', '310115', '440305', '510104', '330106', '650102']
const idWeights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
const creditAlphabet = '0123456789ABCDEFGHJKLMNPQRTUWXY'
const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

export function synthetic(seed: number) {
  let state = seed >>> 0
  const random = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(random() * limit)
  const digits = (count: number): string => Array.from({ length: count }, () => below(10)).join('')
  const from = (alphabet: string, count: number): string =>
    Array.from({ length: count }, () => alphabet[below(alphabet.length)]).join('')
  const two = (n: number): string => String(n).padStart(2, '0')
  const residentId = (): string => {
    const body = `${regions[below(regions.length)]}${1940 + below(75)}${two(1 + below(12))}${two(1 + below(28))}${digits(3)}`
    let sum = 0
    for (let i = 0; i < 17; i++) sum += Number(body[i]) * idWeights[i]!
    return body + '10X98765432'[sum % 11]
  }
  const creditCode = (): string => {
    const body = `91${regions[below(regions.length)]}${from(creditAlphabet, 9)}`
    let sum = 0
    for (let i = 0, weight = 1; i < 17; i++, weight = (weight * 3) % 31)
      sum += creditAlphabet.indexOf(body[i]!) * weight
    return body + creditAlphabet[(31 - (sum % 31)) % 31]
  }
  const bankCard = (prefix = '622202', size = 19): string => {
    const body = prefix + digits(size - prefix.length - 1)
    let sum = 0
    for (let i = body.length - 1, double = true; i >= 0; i--, double = !double) {
      const value = Number(body[i]) * (double ? 2 : 1)
      sum += value > 9 ? value - 9 : value
    }
    return body + ((10 - (sum % 10)) % 10)
  }
  const mobile = (): string => `13${digits(9)}`
  const wide = (text: string): string => text.replaceAll(/\d/g, (one) => String.fromCharCode(0xff10 + Number(one)))
  const uuid = (): string => {
    const hex = from('0123456789abcdef', 32)
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
  }
  return {
    residentId,
    creditCode,
    bankCard,
    mobile,
    noise: (): Record<string, () => string> => ({
      'digits, 6 to 32': () => digits(6 + below(27)),
      'digits, 11': () => digits(11),
      'digits, 16 to 19': () => digits(16 + below(4)),
      'digits, 18': () => digits(18),
      'hex, 32': () => from('0123456789abcdef', 32),
      'hex, 18': () => from('0123456789ABCDEF', 18),
      uuid,
      base64: () => Buffer.from(from(base62, 30)).toString('base64'),
      'letters and digits, 8 to 40': () => from(base62, 8 + below(33)),
      'time in ms': () => String(1_600_000_000_000 + below(400_000_000_000)),
      'time in ns': () => String(1_600_000_000 + below(400_000_000)) + digits(9),
      'date and counter': () => `2026${two(1 + below(12))}${two(1 + below(28))}${digits(10)}`,
      'decimal fraction': () => `${digits(2)}.${digits(16)}`,
      address: () => `${below(256)}.${below(256)}.${below(256)}.${below(256)}:${below(65_536)}`,
    }),
    valid: (): Record<string, { kind: string; next: () => string }> => ({
      'resident ID': { kind: 'resident-id', next: () => `id=${residentId()};` },
      'resident ID between Chinese': { kind: 'resident-id', next: () => `身份证${residentId()}，` },
      'resident ID, full width': { kind: 'resident-id', next: () => `证件 ${wide(residentId())} ` },
      'resident ID in groups': {
        kind: 'resident-id',
        next: () => residentId().replace(/^(.{6})(.{8})/, '$1 $2 '),
      },
      'credit code': { kind: 'credit-code', next: () => `代码：${creditCode()}` },
      'UnionPay card': { kind: 'bank-card', next: () => `pay ${bankCard()} ok` },
      'card in groups': { kind: 'bank-card', next: () => bankCard('4111', 16).replaceAll(/(.{4})(?=.)/g, '$1 ') },
      'card with context': { kind: 'bank-card', next: () => `银行卡号 ${bankCard('4111', 16)}` },
      'mobile with context': { kind: 'mobile', next: () => `{"phone":"${mobile()}"}` },
      'mobile beside a name': { kind: 'mobile', next: () => `张三${mobile()}` },
      'mobile in groups': { kind: 'mobile', next: () => mobile().replace(/^(.{3})(.{4})/, '$1-$2-') },
      landline: { kind: 'landline', next: () => `0571-8${digits(7)}` },
      passport: { kind: 'passport', next: () => `护照：E${digits(8)}` },
      plate: { kind: 'plate', next: () => `车牌浙A${digits(5)}入场` },
      'plate, new energy': { kind: 'plate', next: () => `沪AD${digits(5)}` },
      'e-mail': { kind: 'email', next: () => `to ${from('abcdefgh', 6)}.${from('xyz', 3)}@example.com.cn,` },
      'e-mail in a URL': { kind: 'email', next: () => `?m=${from('abcdefgh', 6)}%40example.org&x=1` },
      JWT: { kind: 'jwt', next: () => `eyJ${from(base62, 20)}.eyJ${from(base62, 40)}.${from(base62, 43)}` },
      'cloud key': { kind: 'cloud-key', next: () => `AKIA${from('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 16)}` },
      password: { kind: 'password', next: () => `user=a&password=${from(base62, 12)}&x` },
    }),
  }
}
