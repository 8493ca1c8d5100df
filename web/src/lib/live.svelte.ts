// The alert feed, followed once for all pages: counts for the rail, a beat for lists, and whether the server is there.
import { get } from './api.ts'
import type { AlertChange, Overview } from './types.ts'

class LiveAlerts {
  firing = $state(0)
  offline = $state(false)
  /** Grows with each change; lists read again when it moves. */
  beat = $state(0)
  #source: EventSource | undefined

  start(): () => void {
    void this.#count()
    const source = new EventSource('/feeds/alerts')
    this.#source = source
    source.addEventListener('open', () => {
      this.offline = false
      this.beat++
      void this.#count()
    })
    source.addEventListener('error', () => {
      this.offline = true
      // The browser gives up after a refusal; the server may only be starting.
      if (source.readyState === EventSource.CLOSED && this.#source === source)
        setTimeout(() => {
          if (this.#source === source) this.start()
        }, 3000)
    })
    let waiting = false
    source.addEventListener('alert', (message) => {
      const { alert } = JSON.parse((message as MessageEvent<string>).data) as AlertChange
      if (alert.rule === 'watchdog/self' || waiting) return
      // At most four updates a second, however many alerts change.
      waiting = true
      setTimeout(() => {
        waiting = false
        this.beat++
        void this.#count()
      }, 250)
    })
    return () => {
      if (this.#source === source) this.#source = undefined
      source.close()
    }
  }

  async #count(): Promise<void> {
    try {
      this.firing = (await get<Overview>('/api/overview')).alerts.firing
    } catch {
      // The banner says it.
    }
  }
}

export const liveAlerts = new LiveAlerts()
