/** As people read it: 5.00 GB. */
export function sayBytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let [at, rest] = [0, value]
  while (rest >= 1000 && at < units.length - 1) {
    rest /= 1000
    at++
  }
  return `${at === 0 ? rest : rest.toPrecision(3)} ${units[at]}`
}
