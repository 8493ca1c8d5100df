import { describe, expect, it } from 'vitest'
import type { Event } from '#core/event.ts'
import { createSensitiveView } from './sensitive.ts'

const event = (fields: Record<string, Event[string]>): Event => ({
  '@timestamp': 1,
  'event.id': 'a',
  'event.ingested': 1,
  'observer.name': 'test',
  'event.dataset': 'app',
  message: '',
  ...fields,
})

describe('events as people see them', () => {
  it('hide sensitive values, by the name of their field as well', () => {
    const { event: show } = createSensitiveView(true)
    const shown = show(
      event({ message: 'mail wei@example.com', 'user.phone': '13812345678', 'x.list': ['a@example.com'] }),
    )
    expect(shown).toMatchObject({ message: 'mail w***@example.com', 'user.phone': '138****5678' })
    expect(shown['x.list']).toEqual(['a***@example.com'])
    expect(show(event({ phone: 13_812_345_678, bytes: 13_812_345_678 }))).toMatchObject({
      ...{ phone: '138****5678', bytes: 13_812_345_678 },
    })
  })

  it('stay the same object when there is nothing to hide, or when masking is off', () => {
    const plain = event({ message: 'Failed password for root from 203.0.113.9 port 40000 ssh2' })
    expect(createSensitiveView(true).event(plain)).toBe(plain)
    const secret = event({ message: 'password=hunter2hunter2' })
    expect(createSensitiveView(true).event(secret).message).toBe('password=***')
    expect(createSensitiveView(false).event(secret)).toBe(secret)
  })
})
