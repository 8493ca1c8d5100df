// What a classifier is worth: both error rates with their counts, and the order of its scores.
export interface Scored {
  score: number
  isAttack: boolean
}

export interface Measured {
  attacks: number
  benign: number
  accuracy: number
  recall: number
  falsePositiveRate: number
  auc: number
}

export function measureScores(rows: readonly Scored[], threshold: number): Measured {
  const attacks = rows.filter(({ isAttack }) => isAttack)
  const benign = rows.filter(({ isAttack }) => !isAttack)
  const caught = attacks.filter(({ score }) => score >= threshold).length
  const alarms = benign.filter(({ score }) => score >= threshold).length
  return {
    attacks: attacks.length,
    benign: benign.length,
    accuracy: share(caught + benign.length - alarms, rows.length),
    recall: share(caught, attacks.length),
    falsePositiveRate: share(alarms, benign.length),
    auc: areaUnderCurve(rows),
  }
}

/** The chance that an attack scores above a harmless one; ties count half. */
export function areaUnderCurve(rows: readonly Scored[]): number {
  const sorted = [...rows].sort((a, b) => a.score - b.score)
  const attacks = rows.filter(({ isAttack }) => isAttack).length
  let wins = 0
  let benignBelow = 0
  for (let start = 0; start < sorted.length; ) {
    let end = start
    let tiedAttacks = 0
    for (; end < sorted.length && sorted[end]!.score === sorted[start]!.score; end++)
      if (sorted[end]!.isAttack) tiedAttacks++
    const tiedBenign = end - start - tiedAttacks
    wins += tiedAttacks * (benignBelow + tiedBenign / 2)
    benignBelow += tiedBenign
    start = end
  }
  return share(wins, attacks * (rows.length - attacks))
}

/** The area under precision over recall, by steps; rows of one score are taken together. By chance: the share of attacks. */
export function averagePrecision(rows: readonly Scored[]): number {
  const sorted = [...rows].sort((a, b) => b.score - a.score)
  let area = 0
  let attacks = 0
  for (let start = 0; start < sorted.length; ) {
    let end = start
    let more = 0
    for (; end < sorted.length && sorted[end]!.score === sorted[start]!.score; end++) if (sorted[end]!.isAttack) more++
    attacks += more
    area += (more * attacks) / end
    start = end
  }
  return share(area, attacks)
}

/** Recall at the lowest threshold that keeps the false alarms of this very test within the share: for comparing, never for choosing. */
export function recallAt(rows: readonly Scored[], falsePositiveRate: number): number {
  const benign = rows
    .filter(({ isAttack }) => !isAttack)
    .map(({ score }) => score)
    .sort((a, b) => b - a)
  const floor = benign[Math.floor(benign.length * falsePositiveRate)] ?? 0
  const attacks = rows.filter(({ isAttack }) => isAttack)
  return attacks.length === 0 ? 0 : attacks.filter(({ score }) => score > floor).length / attacks.length
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)
