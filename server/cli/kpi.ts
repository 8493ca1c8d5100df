// `guanlan kpi <verb>`: one file per verb, loaded when it is asked for.
import { type Command, type CommandInput, misuse } from './command.ts'

type Verb = (input: CommandInput) => Promise<number>
const verbs: Record<string, () => Promise<Verb>> = {
  brief: async () => (await import('./kpi/brief.ts')).brief,
  compute: async () => (await import('./kpi/compute.ts')).compute,
  demo: async () => (await import('./kpi/demo.ts')).demo,
  export: async () => (await import('./kpi/export.ts')).exportBundle,
  import: async () => (await import('./kpi/import.ts')).importFiles,
  integrity: async () => (await import('./kpi/integrity.ts')).integrity,
  oracle: async () => (await import('./kpi/compute.ts')).oracle,
  pull: async () => (await import('./kpi/pull.ts')).pull,
  verify: async () => (await import('./kpi/verify.ts')).verify,
}

export const kpi: Command = {
  usage: `guanlan kpi ${Object.keys(verbs).join('|')} --cases FILE [--known TIME] --mapping FILE [--items FILE --items-mapping FILE] [--adjudications FILE] --definition ID|FILE [--switch name=value] [--by field,field] [--only field=value] [--period 2026-10] [--as-of TIME] [--known-at TIME] [--json] · guanlan kpi demo [--seed 1] [--count 40000] · guanlan kpi import --cases FILE --mapping FILE [--known TIME] [--source NAME] [--dry-run] · guanlan kpi integrity --cases FILE [--known TIME] --mapping FILE [--traces FILE] [--checks FILE | --by department] [--zone NAME] [--calendar cn|weekends] · guanlan kpi integrity --strata FILE [--margin 0.05] · guanlan kpi brief --period 2026-10|2026-W41 [--out DIR] [--format pdf,xlsx,png,html] [--language zh-Hans|zh-Hant|en] [--brief NAME [--issue]] [--as-of TIME] [--known-at TIME] · guanlan kpi pull list|check|run|accept [ID] · guanlan kpi export --out DIR --definition ID [--period P] [--only name=value] [--switch name=value] [--checkpoint FILE] · guanlan kpi verify DIR [--key FILE] [--checkpoint FILE]`,
  describe: 'Works out a KPI from files; the oracle does the same with an implementation of its own',
  options: [
    'adjudications',
    'brief',
    'language',
    'definition',
    'by',
    'period',
    'as-of',
    'known-at',
    'rules',
    'out',
    'format',
    'items',
    'items-mapping',
    'seed',
    'source',
    'count',
    'calendar',
    'checks',
    'strata',
    'margin',
    'zone',
  ],
  flags: ['dry-run', 'issue'],
  lists: ['cases', 'mapping', 'known', 'traces', 'switch', 'only', 'key', 'checkpoint'],
  run: async (input) => {
    const [verb = '', ...positionals] = input.positionals
    if (!Object.hasOwn(verbs, verb)) return misuse(kpi)
    return (await verbs[verb]!())({ ...input, positionals })
  },
}
