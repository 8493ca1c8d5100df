// What to do, step by step, for a kind of incident. Steps say what a person does; nothing runs by itself.
import { z } from 'zod'

const text = z.string().min(1).max(1000)
const both = z.strictObject({ zh: text, en: text })
const id = z.string().regex(/^[a-z0-9-]{1,60}$/)
const phases = ['triage', 'contain', 'eradicate', 'recover', 'review'] as const

export const playbookSchema = z
  .strictObject({
    ...{ id, title: both, about: both },
    for: z.strictObject({
      kinds: z.array(id).default([]),
      techniques: z.array(z.string()).default([]),
      tactics: z.array(z.string()).default([]),
    }),
    steps: z
      .array(
        z.strictObject({
          ...{ id, phase: z.enum(phases), role: both },
          /** How long it usually takes. */
          minutes: z.int().min(1).max(100_000),
          do: both,
          /** How one sees that it is done. */
          verify: both,
          /** What to write down. */
          record: both,
        }),
      )
      .min(1)
      .max(60),
  })
  .superRefine(({ steps }, context) => {
    steps.forEach((step, i) => {
      if (steps.findIndex((other) => other.id === step.id) !== i)
        context.addIssue({ code: 'custom', path: ['steps', i, 'id'], message: `two steps are called "${step.id}"` })
    })
  })
export type Playbook = z.output<typeof playbookSchema>

/** Best first; those that nothing speaks for are left out. A kind that a person chose decides. */
export function matching(
  playbooks: readonly Playbook[],
  seen: { kinds: readonly string[]; techniques: readonly string[]; tactics: readonly string[] },
): Playbook[] {
  return playbooks
    .map((playbook) => {
      const { kinds, techniques, tactics } = playbook.for
      const place = seen.kinds.findIndex((kind) => kinds.includes(kind))
      const covered = techniques.filter((one) =>
        seen.techniques.some((other) => other === one || other.startsWith(`${one}.`)),
      ).length
      const sum =
        (place < 0 ? 0 : 100 - place) + 10 * covered + tactics.filter((tactic) => seen.tactics.includes(tactic)).length
      return { playbook, sum }
    })
    .filter(({ sum }) => sum > 0)
    .sort((a, b) => b.sum - a.sum)
    .map(({ playbook }) => playbook)
}
