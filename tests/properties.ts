// Runs every test that has properties, each round with another seed: `npm run test:properties -- 10`. It ends at the
// first round that fails and names its seed, which GUANLAN_PROPERTY_SEED gives back to the suite.
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { systemRandom } from '#core/random.ts'

const rounds = Number(process.argv[2] ?? 10)
if (!Number.isSafeInteger(rounds) || rounds < 1) throw new Error(`Rounds are a whole number from 1: ${process.argv[2]}`)
const layers = '{core,collectors,pipeline,stores,analytics,security,kpi,alerts,server,tests,web/src}'
const files = globSync(`${layers}/**/*.test.ts`).filter((path) =>
  readFileSync(path, 'utf8').includes("from 'fast-check'"),
)
for (let round = 1; round <= rounds; round++) {
  const seed = Math.floor(systemRandom.next() * 2 ** 31)
  console.log(`round ${round} of ${rounds}: GUANLAN_PROPERTY_SEED=${seed}`)
  const { status } = spawnSync('npx', ['vitest', 'run', ...files], {
    stdio: 'inherit',
    env: { ...process.env, GUANLAN_PROPERTY_SEED: String(seed) },
  })
  if (status !== 0) process.exit(1)
}
