// What a model saw, in words: how many, how unusual, which parts weighed most, and what is known of the model.
import type { Finding, Severity } from '#core/finding.ts'
import type { Use } from './config.ts'
import type { ModelFile } from './linear.ts'
import type { DriftReport, Level, SourceReport } from './score-watch.ts'

/** What differs between the models, in both languages. `{n}` above of `{of}`, from `{source}`. */
export interface Words {
  title: { en: string; zh: string }
  what: { en: string; zh: string }
  tactics: string
  /** Finds the values in the event store again. */
  query(source: string, destination: string): string
}

const severityOf: Record<Level, Severity> = { low: 'low', medium: 'medium', high: 'high' }
const resolveAfterMs = 60 * 60_000

export const wordsOf: Record<string, Words> = {
  'web-request': {
    title: {
      en: '{n} of {of} different requests from {source} look like code',
      zh: '{source} 的 {of} 个不同请求中有 {n} 个疑似携带代码',
    },
    what: {
      en: 'Requests carry what reads like SQL, script or commands. Look at the answers of the server: a 200 with an unusual size is worth more than a 403.',
      zh: '请求中含有类似 SQL、脚本或命令的内容。请查看服务器的应答：状态码为 200 且大小异常的应答，比 403 更值得关注。',
    },
    tactics: 'initial-access',
    query: (source, destination) =>
      [
        ...(source === '' ? [] : [`source.ip: ${quoted(source)}`]),
        ...(destination === '' ? [] : [`host.name: ${quoted(destination)}`]),
        'url.original: *',
      ].join(' and '),
  },
  'generated-name': {
    title: {
      en: '{source} asks for {n} of {of} different names that look drawn by a program',
      zh: '{source} 查询的 {of} 个不同域名中有 {n} 个疑似由程序生成',
    },
    what: {
      en: 'Programs that look for their controller try many generated names. Look at which process asks, and how many names have no answer.',
      zh: '寻找控制端的恶意程序会尝试大量生成的域名。请查看是哪个进程在查询，以及有多少域名没有应答。',
    },
    tactics: 'command-and-control',
    query: (source) => `(source.ip: ${quoted(source)} or host.name: ${quoted(source)}) and dns.question.name: *`,
  },
}

const quoted = (text: string): string => JSON.stringify(text)

/** Not sure enough to ask for anybody's time: it counts for the risk of what it is about, and is no alert. */
export const isContext = ({ annotations }: Pick<Finding, 'annotations'>): boolean =>
  annotations['model.use'] === 'context'

/** @param alone what a single value is, whatever else its source did */
export function sourceFinding(model: ModelFile, report: SourceReport, alone: Use): Finding {
  const words = wordsOf[model.name]!
  const { window, best, source, destination, level } = report
  const isMany = source === ''
  const values: Record<string, string | number> = {
    ...{ n: window.above, of: window.values },
    source: isMany ? `many sources to ${destination || 'one place'}` : source,
  }
  const fill = (text: string, more: typeof values = values): string =>
    text.replace(/\{(\w+)\}/g, (_, name: string) => String(more[name]))
  const zhValues = { ...values, source: isMany ? `多个来源（至 ${destination || '同一处'}）` : source }
  const odds = {
    en: `${percent(report.usualShare)} of values are usually above the threshold here; that so many are by chance is one in 2^${Math.floor(report.bits)}.`,
    zh: `此处平时有 ${percent(report.usualShare)} 的值超过阈值；如此之多纯属偶然的概率不超过 2^-${Math.floor(report.bits)}。`,
  }
  const single = {
    en: 'A single value is told because it is higher than nearly all seen here.',
    zh: '仅凭单个值告警，是因为其分数高于此处几乎所有已见的值。',
  }
  const why = (language: 'en' | 'zh'): string => (level === 'low' ? single[language] : odds[language])
  return {
    rule: `ml/${model.name}`,
    title: fill(words.title.en),
    description: `${words.what.en} ${why('en')}`,
    severity: severityOf[level],
    state: 'active',
    labels: isMany ? { destination } : { source },
    annotations: {
      ...{ category: 'security', tactics: words.tactics },
      ...(level === 'low' && alone === 'context' ? { 'model.use': 'context' } : {}),
      'title.zh': fill(words.title.zh, zhValues),
      'description.zh': `${words.what.zh}${why('zh')}`,
      'model.id': model.name,
      'model.version': `${model.version} (seed ${model.seed})`,
      'model.card': `docs/models/${model.name}.md`,
      'model.score': best.score.toFixed(4),
      'model.threshold': report.threshold.toFixed(4),
      'model.value': best.value,
      'model.tokens': best.reasons.map(({ text, weight }) => `${text} (+${weight.toFixed(2)})`).join(' · '),
      ...(window.destinations.length > 0 ? { destinations: window.destinations.filter(Boolean).join(', ') } : {}),
    },
    atMs: window.lastMs,
    forMs: 0,
    resolveAfterMs,
    entities: window.destinations.filter((one) => one !== '').map((one) => `host:${one}`),
    evidence: {
      query: words.query(source, isMany ? destination : ''),
      language: 'kql',
      fromMs: window.startedMs,
      toMs: window.lastMs + 1,
      eventIds: [...window.eventIds],
      value: best.score,
      threshold: report.threshold,
    },
  }
}

/** Only when it changes: drifted, or as before again. */
export function driftFinding(model: ModelFile, report: DriftReport, atMs: number, driftPsi: number): Finding {
  const { against, score, length } = report
  const worst = Math.max(score, length)
  const what = score >= length ? 'scores' : 'lengths'
  const text = {
    card: {
      en: `The values of this site are spread otherwise than those that ${model.name} was measured on (population stability index of ${what} ${worst.toFixed(2)}). The rates of its card do not hold here: label some of your own and run \`guanlan ml eval ${model.name}\`.`,
      zh: `本站点数据的分布与 ${model.name} 测评时不同（群体稳定性指数 ${worst.toFixed(2)}）。模型卡片中的误报率在此不适用：请标注部分自有数据并运行 guanlan ml eval ${model.name}。`,
    },
    site: {
      en: `The values that ${model.name} scores are spread otherwise than when it began here (population stability index of ${what} ${worst.toFixed(2)}). Another application, another parser or an attack may be behind it; look at the newest findings, then train or measure it again.`,
      zh: `${model.name} 评分的数据分布与其在此开始运行时不同（群体稳定性指数 ${worst.toFixed(2)}）。原因可能是新应用、新解析器或攻击：请查看最新发现，再重新训练或测评。`,
    },
  }[against]
  return {
    rule: 'ml/drift',
    title:
      against === 'card' ? `${model.name}: this site is unlike its card` : `${model.name}: what it sees has changed`,
    description: text.en,
    severity: against === 'card' ? 'info' : 'low',
    state: report.isDrifted ? 'active' : 'over',
    labels: { model: model.name, against },
    annotations: {
      ...{ category: 'security', 'model.id': model.name, 'model.card': `docs/models/${model.name}.md` },
      'title.zh': against === 'card' ? `${model.name}：本站点与模型卡片不符` : `${model.name}：所见数据已发生变化`,
      'description.zh': text.zh,
      'psi.score': score.toFixed(3),
      'psi.length': length.toFixed(3),
    },
    ...{ atMs, forMs: 0, resolveAfterMs: 0 },
    entities: [],
    evidence: {
      ...{ query: `guanlan_ml_drift_psi{model="${model.name}"}`, language: 'promql', fromMs: atMs - 3_600_000 },
      ...{ toMs: atMs + 1, eventIds: [], value: worst, threshold: driftPsi },
    },
  }
}

const percent = (share: number): string => `${(100 * share).toPrecision(2)} %`
