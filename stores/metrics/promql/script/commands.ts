// A test script taken apart into its commands: `load`, `clear` and `eval`, each with the lines under it.

export interface ScriptLine {
  /** From 1. */
  line: number
  text: string
}

export interface Command extends ScriptLine {
  kind: 'load' | 'clear' | 'eval'
  body: ScriptLine[]
}

/** A line that is no command and stands under none. */
export interface Stray extends ScriptLine {
  kind: 'stray'
}

/** As Prometheus reads scripts: an empty line ends a command's lines; comments stand anywhere. */
export function commandsOf(script: string): (Command | Stray)[] {
  const found: (Command | Stray)[] = []
  let open: Command | Stray | undefined
  for (const [i, raw] of script.split('\n').entries()) {
    const text = raw.trim()
    if (text.startsWith('#')) continue
    if (text === '') {
      open = undefined
      continue
    }
    const here = { line: i + 1, text }
    const kind = kindOf(text)
    if (kind) {
      open = { ...here, kind, body: [] }
      found.push(open)
      if (kind === 'clear') open = undefined
    } else if (!open) {
      // What stands right under it belongs to it.
      open = { ...here, kind: 'stray' }
      found.push(open)
    } else if (open.kind !== 'stray') open.body.push(here)
  }
  return found
}

function kindOf(text: string): Command['kind'] | undefined {
  const match = /^(load|clear|eval)(?:_\w*)?(?:\s|$)/i.exec(text)
  return match ? (match[1]!.toLowerCase() as Command['kind']) : undefined
}
