// Does a network earn its place for connections? An autoencoder (tensorflow.js, wasm backend, in a worker) beside the
// counted model, fitted on the same earlier usual connections and tested on the same later ones and unseen attack types.
// node bench/flow-autoencoder.bench.ts [folder]
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { FlowOutliers } from '#security/flows/outlier.ts'
import { measureScores, recallAt, type Scored } from '#security/learn/measure.ts'
import { type Connection, readConnections, splitConnections } from '#server/cli/ml-flow.ts'

const file = join(process.argv[2] ?? '../shared/data/attacks/flows', 'KDDTrain+_20Percent.txt.gz')
const epochs = 30
const narrow = 6

/** Logarithms to the unit interval, shares as they are, and one place for each frequent service and state. */
function vectors(rows: readonly Connection[], words: readonly string[]): number[][] {
  return rows.map((row) => [
    ...[row.bytesOut, row.bytesIn, row.durationMs, row.repeats].map((one) => Math.log1p(Math.max(0, one)) / 20),
    ...[row.failedShare, row.otherPortShare, row.otherHostShare],
    ...words.map((word) => (word === row.service || word === row.state ? 1 : 0)),
  ])
}

async function train(): Promise<void> {
  const { fit, test } = workerData as { fit: number[][]; test: number[][] }
  const tf = await import('@tensorflow/tfjs')
  const wasm = await import('@tensorflow/tfjs-backend-wasm')
  wasm.setWasmPaths(`${dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'))}/`)
  await tf.setBackend('wasm')
  const size = fit[0]!.length
  const seed = (n: number) => tf.initializers.glorotUniform({ seed: n })
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ inputShape: [size], units: 16, activation: 'tanh', kernelInitializer: seed(1) }),
      tf.layers.dense({ units: narrow, activation: 'tanh', kernelInitializer: seed(2) }),
      tf.layers.dense({ units: 16, activation: 'tanh', kernelInitializer: seed(3) }),
      tf.layers.dense({ units: size, kernelInitializer: seed(4) }),
    ],
  })
  model.compile({ optimizer: tf.train.adam(0.003), loss: 'meanSquaredError' })
  const from = process.cpuUsage()
  const given = tf.tensor2d(fit)
  await model.fit(given, given, { epochs, batchSize: 64, shuffle: false, verbose: 0 })
  const { user, system } = process.cpuUsage(from)
  const errors = async (rows: number[][]): Promise<number[]> => {
    const input = tf.tensor2d(rows)
    const output = model.predict(input) as typeof input
    return Array.from(await output.sub(input).square().mean(1).data())
  }
  parentPort!.postMessage({
    fit: await errors(fit),
    test: await errors(test),
    seconds: (user + system) / 1e6,
    backend: tf.getBackend(),
  })
}

async function main(): Promise<void> {
  if (!existsSync(file)) {
    console.log(`skipped: ${file} is not there`)
    return
  }
  const { fit, usual, attacks } = splitConnections(readConnections(file))
  const counted = new Map<string, number>()
  for (const row of fit) for (const word of [row.service, row.state]) counted.set(word, (counted.get(word) ?? 0) + 1)
  const words = [...counted]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 30)
    .map(([word]) => word)
  const tested = [...usual, ...attacks]
  const answer = await new Promise<{ fit: number[]; test: number[]; seconds: number; backend: string }>(
    (resolve, reject) => {
      const worker = new Worker(fileURLToPath(import.meta.url), {
        workerData: { fit: vectors(fit, words), test: vectors(tested, words) },
      })
      worker.on('message', resolve)
      worker.on('error', reject)
    },
  )
  const outliers = new FlowOutliers()
  const from = process.cpuUsage()
  for (const row of fit) outliers.learn(row)
  const { user, system } = process.cpuUsage(from)
  console.log(
    '| model | fitted in s of CPU | AUC | recall at FPR ≤ 1 % | recall, FPR at the 99.9th percentile of what it was fitted on |',
  )
  console.log('| --- | ---: | ---: | ---: | --- |')
  const print = (name: string, seconds: number, own: number[], scores: number[]): void => {
    const rows: Scored[] = scores.map((score, i) => ({ score, isAttack: i >= usual.length }))
    const threshold = own.toSorted((a, b) => b - a)[Math.floor(own.length / 1000)]!
    const all = measureScores(rows, threshold)
    console.log(
      `| ${name} | ${seconds.toFixed(2)} | ${all.auc.toFixed(3)} | ${recallAt(rows, 0.01).toFixed(3)} | ${all.recall.toFixed(3)}, ${all.falsePositiveRate.toFixed(3)} |`,
    )
  }
  print(
    `autoencoder (${words.length + 7}-16-${narrow}-16, ${epochs} epochs, ${answer.backend})`,
    answer.seconds,
    answer.fit,
    answer.test,
  )
  print(
    'counted features',
    (user + system) / 1e6,
    fit.map((row) => outliers.score(row)),
    tested.map((row) => outliers.score(row)),
  )
}

await (isMainThread ? main() : train())
