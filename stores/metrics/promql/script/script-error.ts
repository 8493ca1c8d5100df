import type { ScriptLine } from './commands.ts'

/** Something that cannot be read, at its own line of the script. */
export class ScriptError extends Error {
  readonly line: number
  constructor(line: number, cause: unknown) {
    super((cause as Error).message, { cause })
    this.line = line
  }
}

/** Reads a line; what is wrong with it names the line. */
export function readAt<Result>({ line, text }: Readonly<ScriptLine>, read: (text: string) => Result): Result {
  try {
    return read(text)
  } catch (error) {
    throw error instanceof ScriptError ? error : new ScriptError(line, error)
  }
}
