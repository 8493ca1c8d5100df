// What every command is: its words, its options, and one way to print.
export interface CommandInput {
  positionals: string[]
  /** `--role admin` and `--role=admin` are text, `--json` is true. */
  options: Record<string, string | boolean | undefined>
  /** Options that may be given more than once. */
  lists: Record<string, readonly string[]>
  json: boolean
}

export interface Command {
  usage: string
  describe: string
  /** Names of options that take a value. */
  options?: readonly string[]
  /** Names of options that take a value and may be given more than once. */
  lists?: readonly string[]
  /** Names of options that take none, beside `--json`. */
  flags?: readonly string[]
  /** @returns the exit code */
  run(input: CommandInput): Promise<number>
}

export function misuse(command: Command): number {
  console.error(`usage: ${command.usage}`)
  return 2
}

export function print(json: boolean, value: unknown, text: string): void {
  console.log(json ? JSON.stringify(value) : text)
}
