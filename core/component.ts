// Anything that runs. The constructor is inert: it opens no file and no socket; `start` does.

export type HealthState = 'ok' | 'degraded' | 'failed'

export interface Health {
  state: HealthState
  /** One sentence for a person: what is wrong and what to do. Empty when ok. */
  detail: string
}

export interface Component {
  /** Stable, kebab-case; appears in logs, `/health` and metrics. */
  readonly name: string
  /** Resolves when the component serves. Rejects with a `CodedError` naming cause and remedy. */
  start(): Promise<void>
  /** Finishes what was accepted, then releases everything. Safe to call twice and after a failed start. */
  stop(): Promise<void>
  health(): Health
}

/** Starts in order; if one fails, stops those already started in reverse and rethrows. */
export async function startAll(components: readonly Component[]): Promise<void> {
  const started: Component[] = []
  for (const component of components) {
    try {
      await component.start()
      started.push(component)
    } catch (error) {
      await stopAll([...started, component])
      throw error
    }
  }
}

/** Stops in reverse order; every component gets its chance, the first error is rethrown at the end. */
export async function stopAll(components: readonly Component[]): Promise<void> {
  let firstError: unknown
  for (const component of [...components].reverse()) {
    try {
      await component.stop()
    } catch (error) {
      firstError ??= error
    }
  }
  if (firstError) throw firstError
}
