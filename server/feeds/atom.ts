// Alerts as an Atom feed (RFC 4287): an entry for each, whose text changes with its state.
import type { Alert } from '#alerts/alert.ts'
import { type Language, said, timeText, wordsOf } from '#alerts/notify/words.ts'

export interface AtomSource {
  organisation: string
  /** The ops centre, for links. */
  publicUrl: string
  version: string
  language: Language
}

/** @param self the path and query under which it was asked for */
export function atomFeed(alerts: readonly Alert[], self: string, source: AtomSource): string {
  const { organisation, publicUrl, version } = source
  const updatedMs = Math.max(0, ...alerts.map(updatedOf))
  const lines = [
    '<?xml version="1.0" encoding="utf-8"?>',
    `<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="${source.language === 'zh' ? 'zh-CN' : 'en'}">`,
    `<id>urn:x-guanlan:alerts:${encodeURIComponent(new URL(publicUrl).host)}</id>`,
    `<title>${text(`${organisation} – ${wordsOf(source.language).feed}`)}</title>`,
    `<updated>${time(updatedMs)}</updated>`,
    `<author><name>${text(organisation)}</name></author>`,
    `<generator uri="${attribute(publicUrl)}" version="${attribute(version)}">Guanlan</generator>`,
    `<link rel="self" type="application/atom+xml" href="${attribute(publicUrl + self)}"/>`,
    `<link rel="alternate" type="text/html" href="${attribute(`${publicUrl}/alerts`)}"/>`,
    ...alerts.map((alert) => entry(alert, source)),
    '</feed>',
  ]
  return `${lines.join('\n')}\n`
}

function entry(alert: Alert, { publicUrl, language }: AtomSource): string {
  const words = wordsOf(language)
  const state = alert.state === 'pending' ? words.pending : words.events[alert.state]
  const colon = language === 'zh' ? '：' : ': '
  const { title, description } = said(alert, language)
  const summary = [
    description,
    `${words.severity}${colon}${words.severities[alert.severity]}`,
    `${words.started}${colon}${timeText(alert.startedMs, language)}`,
    ...(alert.resolvedMs === null ? [] : [`${words.ended}${colon}${timeText(alert.resolvedMs, language)}`]),
    ...(alert.entities.length === 0 ? [] : [`${words.entities}${colon}${alert.entities.join(', ')}`]),
  ]
  return [
    '<entry>',
    `<id>urn:x-guanlan:alert:${encodeURIComponent(alert.id)}</id>`,
    `<title>${text(`[${state}] ${title}`)}</title>`,
    `<updated>${time(updatedOf(alert))}</updated>`,
    `<published>${time(alert.startedMs)}</published>`,
    `<link rel="alternate" type="text/html" href="${attribute(`${publicUrl}/alerts/${encodeURIComponent(alert.id)}`)}"/>`,
    `<category term="${alert.state}" scheme="urn:x-guanlan:state" label="${attribute(state)}"/>`,
    `<category term="${alert.severity}" scheme="urn:x-guanlan:severity" label="${attribute(words.severities[alert.severity])}"/>`,
    `<category term="${attribute(alert.rule)}" scheme="urn:x-guanlan:rule"/>`,
    `<summary>${text(summary.filter((line) => line !== '').join('\n'))}</summary>`,
    '</entry>',
  ].join('\n')
}

/** When its state changed last: a reader shows it anew then, and not at each finding. */
function updatedOf({ startedMs, firedMs, resolvedMs, acknowledged }: Alert): number {
  return Math.max(startedMs, firedMs ?? 0, resolvedMs ?? 0, acknowledged?.atMs ?? 0)
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}

/** XML 1.0 has no place for most control characters, nor for halves of surrogate pairs. */
function text(value: string): string {
  return value
    .toWellFormed()
    .replace(/[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
}

function attribute(value: string): string {
  return text(value)
    .replaceAll('"', '&quot;')
    .replace(/[\t\n\r]/g, ' ')
}
