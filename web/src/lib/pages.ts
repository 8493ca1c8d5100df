import Activity from '@lucide/svelte/icons/activity'
import Bell from '@lucide/svelte/icons/bell'
import BellRing from '@lucide/svelte/icons/bell-ring'
import ChartLine from '@lucide/svelte/icons/chart-line'
import ClipboardCheck from '@lucide/svelte/icons/clipboard-check'
import FileLock from '@lucide/svelte/icons/file-lock'
import Gauge from '@lucide/svelte/icons/gauge'
import Inbox from '@lucide/svelte/icons/inbox'
import MessagesSquare from '@lucide/svelte/icons/messages-square'
import Newspaper from '@lucide/svelte/icons/newspaper'
import Radar from '@lucide/svelte/icons/radar'
import ScanSearch from '@lucide/svelte/icons/scan-search'
import ScrollText from '@lucide/svelte/icons/scroll-text'
import Server from '@lucide/svelte/icons/server'
import Settings from '@lucide/svelte/icons/settings'
import Shield from '@lucide/svelte/icons/shield'
import ShieldCheck from '@lucide/svelte/icons/shield-check'
import ShieldQuestionMark from '@lucide/svelte/icons/shield-question-mark'
import Siren from '@lucide/svelte/icons/siren'
import Stamp from '@lucide/svelte/icons/stamp'
import Triangle from '@lucide/svelte/icons/triangle'
import type { Key } from './i18n/index.svelte.ts'

/** In the order of the rail. A section appears when it works. */
export const sections: { key: Key; pages: { path: string; key: Key; icon: typeof Bell }[] }[] = [
  {
    key: 'nav.now',
    pages: [
      { path: '/', key: 'nav.overview', icon: Activity },
      { path: '/alerts', key: 'nav.alerts', icon: Bell },
    ],
  },
  {
    key: 'nav.explore',
    pages: [
      { path: '/events', key: 'nav.events', icon: ScrollText },
      { path: '/explore/metrics', key: 'nav.metrics', icon: ChartLine },
      { path: '/explore/rules', key: 'nav.metricRules', icon: BellRing },
    ],
  },
  { key: 'nav.estate', pages: [{ path: '/sources', key: 'nav.sources', icon: Inbox }] },
  {
    key: 'nav.security',
    pages: [
      { path: '/security', key: 'nav.securityOverview', icon: Shield },
      { path: '/security/findings', key: 'nav.findings', icon: Radar },
      { path: '/security/incidents', key: 'nav.securityIncidents', icon: Siren },
      { path: '/security/entities', key: 'nav.securityEntities', icon: Server },
      { path: '/security/rules', key: 'nav.securityRules', icon: ScanSearch },
      { path: '/security/sensitive', key: 'nav.sensitive', icon: FileLock },
      { path: '/security/posture', key: 'nav.posture', icon: ShieldCheck },
    ],
  },
  {
    key: 'nav.performance',
    pages: [
      { path: '/scorecard', key: 'nav.scorecard', icon: Gauge },
      { path: '/performance/briefs', key: 'nav.briefs', icon: Newspaper },
      { path: '/performance/integrity', key: 'nav.integrity', icon: ShieldQuestionMark },
      { path: '/performance/three-sources', key: 'nav.threeSources', icon: Triangle },
      { path: '/performance/questions', key: 'nav.questions', icon: MessagesSquare },
      { path: '/performance/coverage', key: 'nav.coverage', icon: ClipboardCheck },
      { path: '/performance/ledger', key: 'nav.ledger', icon: Stamp },
    ],
  },
]
/** On a phone these are in reach of the thumb; the rest is a step away. */
export const phonePaths: readonly string[] = ['/', '/alerts', '/security/incidents', '/scorecard', '/events']
export const settingsPage = { path: '/settings', key: 'nav.settings', icon: Settings } as const
export const pages = [...sections.flatMap((section) => section.pages), settingsPage]
