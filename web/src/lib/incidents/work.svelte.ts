// One incident that somebody works on: read again while it changes, and changed by verbs that say which version was seen.
import { ApiError, get, send } from '#lib/api.ts'
import type { IncidentRulebook, WorkedDetail } from '#lib/types.ts'

class IncidentWork {
  detail = $state.raw<WorkedDetail | undefined>()
  rulebook = $state.raw<IncidentRulebook | undefined>()
  error = $state<unknown>()
  busy = $state(false)
  /** Grows with each change of ours; the queue reads again. */
  beat = $state(0)
  /** What was asked for: an id, or the key of a story. */
  wanted = $state('')

  async open(id: string): Promise<void> {
    const isOther = this.wanted !== id
    this.wanted = id
    if (isOther) {
      this.detail = undefined
      this.error = undefined
    }
    if (isOther || !this.rulebook) await this.readRulebook()
    if (id === '') return
    try {
      const detail = await get<WorkedDetail>(`/api/incidents/${encodeURIComponent(id)}`)
      if (this.wanted === id) this.detail = detail
    } catch (error) {
      if (this.wanted !== id) return
      this.error = error
      if (error instanceof ApiError && error.status === 404) this.detail = undefined
    }
  }

  /** It may have been edited since. */
  async readRulebook(): Promise<void> {
    try {
      this.rulebook = await get<IncidentRulebook>('/api/incidents/rulebook')
    } catch (error) {
      this.error = error
    }
  }

  /** @returns whether it was done; what went wrong is in `error` */
  async act(verb: string, body: Record<string, unknown> = {}): Promise<boolean> {
    const { detail } = this
    if (!detail || this.busy) return false
    this.busy = true
    const { id, version } = detail.incident
    try {
      this.detail = await send<WorkedDetail>('POST', `/api/incidents/${id}/${verb}`, { version, ...body })
      this.error = undefined
      this.beat++
      return true
    } catch (error) {
      // Who was second sees what the first one did, and what they wrote themselves is still in its field.
      if (error instanceof ApiError && error.status === 409) await this.open(this.wanted)
      this.error = error
      return false
    } finally {
      this.busy = false
    }
  }

  async addFile(file: File, csrfToken: string): Promise<void> {
    const { detail } = this
    if (!detail || this.busy) return
    this.busy = true
    try {
      const { id } = detail.incident
      const answer = await fetch(`/api/incidents/${id}/evidence?name=${encodeURIComponent(file.name)}`, {
        ...{ method: 'POST', body: file },
        headers: { 'content-type': file.type || 'application/octet-stream', 'x-csrf-token': csrfToken },
      })
      const body = (await answer.json()) as WorkedDetail & { error?: { code: string; message: string; hint: string } }
      if (body.error) throw new ApiError(answer.status, body.error.code, body.error.message, body.error.hint)
      this.detail = body
      this.error = undefined
    } catch (error) {
      this.error = error
    } finally {
      this.busy = false
    }
  }
}

export const work = new IncidentWork()
