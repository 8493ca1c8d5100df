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

/** Those that do not need one another, all at once; if one fails, all are stopped and the first error is rethrown. */
export async function startTogether(components: readonly Component[]): Promise<void> {
  const results = await Promise.allSettled(components.map((component) => component.start()))
  const failed = results.find((result) => result.status === 'rejected')
  if (!failed) return
  await stopAll(components).catch(() => {})
  throw failed.reason
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
