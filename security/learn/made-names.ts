// Names to learn from, all made here: harmless ones as people and services choose them, and others as programs draw them.
import type { Random } from '#core/random.ts'

const words =
  `about access account active adult agency air alpha and art asia auto baby bank bar beach beauty best beta big bike black blog blue board
  body book box boy bridge bright budget build business buy cafe camp car card care cart cash cell center central chat cheap china church city class clean click
  clinic cloud club code coffee college color comic company connect cook cool corner country craft creative credit crew cross data date day deal deep dental
  design desk diet digital direct discount doctor dog domain dream drive earth east easy eco edge edu energy english event express eye face family farm fashion fast
  fight file film finance find fire first fish fit flash fly food foot forum free fresh fun future gallery game garden gear girl global gold golf good great green
  group guide guitar hair hand happy health heart help high home host hotel house idea image india info inn invest island japan job journal juice jump just key kid
  king kitchen lab lady land language law lead learn legal library life light like line link list little live local logic london love lucky luxury magazine mail
  map market master max media medical meet men metal micro mind mini mobile model modern money moon mother motor mountain movie music name nation nature net network
  news next night north note nova ocean office oil online open orange order outdoor page paint paper park part party pay people perfect pet phone photo pic
  pink place plan planet play plus point pop port post power press price prime print pro project property pub punk pure quick radio rain real recipe red rent
  report resort review rich ride river road rock room royal run safe sale school science sea search secret secure seed sell server share shoe shop show silver simple
  site sky sleep smart snow social soft solar song sound south space speed sport spot spring star start station stock stone store story street studio style
  sugar sun super support surf swim system table talk team tech test text theater ticket tiger time tip today tool top total touch tour town toy track trade travel
  tree trend true tube tutor union unit urban value video view village vision voice walk wall watch water wave way wear weather web wedding week west white
  wild win wind wine wiki winter woman wood word work world yes yoga young zone`.split(/\s+/)
const endings = [
  'com',
  'com',
  'com',
  'net',
  'org',
  'info',
  'cn',
  'com.cn',
  'gov.cn',
  'de',
  'ru',
  'co.uk',
  'io',
  'biz',
  'fr',
]
const services = [
  'cdn',
  'static',
  'img',
  'api',
  'edge',
  'telemetry',
  'metrics',
  'push',
  'assets',
  'mail',
  'ns1',
  'update',
]
const starts = 'b c d f g h j k l m n p r s t v w z ch sh th tr st br gr pl kr'.split(' ')
const vowels = 'a e i o u a e i o ai ou ee ia'.split(' ')

/** A maker of one name of one style. */
type Style = (random: Random) => string

const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random.next() * from.length)]!
const between = (random: Random, low: number, high: number): number =>
  low + Math.floor(random.next() * (high - low + 1))
const draw = (random: Random, alphabet: string, low: number, high: number): string =>
  Array.from({ length: between(random, low, high) }, () => pick(random, [...alphabet])).join('')
const join = (random: Random, count: number, glue = ''): string =>
  Array.from({ length: count }, () => pick(random, words)).join(glue)
const syllables = (random: Random, count: number): string =>
  Array.from({ length: count }, () => pick(random, starts) + pick(random, vowels)).join('') +
  pick(random, ['', '', 'n', 'r', 's', 'x'])
const letters = 'abcdefghijklmnopqrstuvwxyz'

export const harmlessStyles: readonly Style[] = [
  (random) => join(random, between(random, 1, 2)),
  (random) => join(random, 2, pick(random, ['', '', '-'])),
  (random) => pick(random, words) + draw(random, '0123456789', 1, 3),
  (random) => syllables(random, between(random, 1, 3)),
  (random) => syllables(random, between(random, 1, 2)) + pick(random, words),
  (random) => draw(random, letters, 2, 5),
  (random) => draw(random, letters, 1, 3) + pick(random, words),
]

export const generatedStyles: readonly Style[] = [
  (random) => draw(random, letters, 8, 24),
  (random) => draw(random, `${letters}0123456789`, 8, 30),
  (random) => draw(random, '0123456789abcdef', 10, 32),
  (random) => draw(random, 'bcdfghjklmnpqrstvwxz', 7, 16),
  (random) => syllables(random, between(random, 5, 8)),
  (random) => join(random, between(random, 3, 5)),
]

export const named = (random: Random, style: Style): string => `${style(random)}.${pick(random, endings)}`
export const serviceName = (random: Random): string =>
  `${pick(random, services)}${between(random, 1, 40)}.${named(random, pick(random, harmlessStyles))}`
