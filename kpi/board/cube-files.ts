// Where the cubes rest: their sealed months, the texts behind the codes, and up to which case they were counted. One
// manifest names them all and is replaced at once, so that a start finds the cubes of one moment or counts anew.
import { closeSync, mkdirSync, openSync, readFileSync, readSync } from 'node:fs'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { z } from 'zod'
import { type Cells, Names } from '../engine/cells.ts'
import { type CellsHeader, decodeBlock, encodeCells, readCellsHeader } from '../engine/cells-file.ts'
import type { Cube, SealedCells } from '../engine/cube.ts'

const manifestSchema = z.strictObject({
  format: z.literal(4),
  /** What the figures depend on besides the cases; others mean counting anew. */
  basis: z.string(),
  generation: z.int(),
  sequence: z.int(),
  validMs: z.number(),
  /** Of the catalogue: publications that were counted with, and what they said. */
  publications: z.record(z.string(), z.string()),
  names: z.string(),
  /** By version of a definition, cohort and month: a file for each grain. */
  cubes: z.record(z.string(), z.record(z.string(), z.record(z.string(), z.array(z.string())))),
})
type Manifest = z.output<typeof manifestSchema>

export type Position = Pick<Manifest, 'sequence' | 'validMs' | 'publications'>

export interface CubeFiles {
  /** Texts of a dimension, shared by all cubes. */
  namesOf(dimension: string): Names
  sealedOf(definition: string): SealedCells
  readonly position: Position | undefined
  /** Writes what was counted since, all cubes at once. */
  save(cubes: ReadonlyMap<string, Cube>, position: Position & { basis: string }): Promise<void>
  /** Forgets everything: the cubes are counted anew. */
  clear(): Promise<void>
}

/** Bytes of opened blocks that are kept. */
const keptBytesMax = 256 * 1024 * 1024

/** @throws Error when the files are there and cannot be read; `clear` and counting anew helps */
export function openCubeFiles(directory: string, basis: string): CubeFiles {
  mkdirSync(directory, { recursive: true })
  let manifest = readManifest(directory, basis)
  /** What is in files now; ahead of the manifest while one is being saved. */
  let sealed: Manifest['cubes'] = manifest?.cubes ?? {}
  const names = new Map<string, Names>()
  if (manifest) {
    const texts = JSON.parse(zstdDecompressSync(readFileSync(join(directory, manifest.names))).toString()) as Record<
      string,
      string[]
    >
    for (const [dimension, list] of Object.entries(texts)) {
      const of = new Names()
      for (const text of list) of.code(text)
      names.set(dimension, of)
    }
  }
  const namesOf = (dimension: string): Names => {
    let found = names.get(dimension)
    if (!found) {
      found = new Names()
      names.set(dimension, found)
    }
    return found
  }
  const headers = new Map<string, { header: CellsHeader; start: number }>()
  const kept = new Map<string, Cells>()
  let keptBytes = 0

  const headerOf = (file: string): { header: CellsHeader; start: number } => {
    let found = headers.get(file)
    if (!found) {
      found = withFile(join(directory, file), (read) => readCellsHeader(read))
      headers.set(file, found)
    }
    return found
  }
  const blockOf = (file: string, index: number): Cells => {
    const key = `${file} ${index}`
    const before = kept.get(key)
    if (before) {
      kept.delete(key)
      kept.set(key, before)
      return before
    }
    const { header, start } = headerOf(file)
    const block = header.blocks[index]!
    const bytes = withFile(join(directory, file), (read) => read(start + block.offset, block.bytes))
    // Which texts the codes stand for is for the cube to know.
    const cells = decodeBlock(bytes, block, header, new Array<Names>(header.dimensions).fill(noNames))
    const size = cells.keys.byteLength + cells.counts.byteLength + cells.sums.byteLength
    kept.set(key, cells)
    keptBytes += size
    for (const [oldest, old] of kept) {
      if (keptBytes <= keptBytesMax) break
      kept.delete(oldest)
      keptBytes -= old.keys.byteLength + old.counts.byteLength + old.sums.byteLength
    }
    return cells
  }

  return {
    namesOf,
    sealedOf: (definition) => ({
      months: (cohort) => Object.keys(sealed[definition]?.[cohort] ?? {}),
      *blocks({ cohort, month, grain }, mayHold) {
        const file = sealed[definition]?.[cohort]?.[month]?.[grain]
        if (file === undefined) return
        for (const [index, { min, max }] of headerOf(file).header.blocks.entries())
          if (mayHold(min, max)) yield blockOf(file, index)
      },
    }),
    get position() {
      if (!manifest) return undefined
      const { sequence, validMs, publications } = manifest
      return { sequence, validMs, publications }
    },
    save: async (cubes, position) => {
      const generation = (manifest?.generation ?? 0) + 1
      // A department's rows stand together: most questions are about one.
      const department = namesOf('department')
      for (const [definition, cube] of cubes) {
        await mkdir(join(directory, definition), { recursive: true })
        for await (const { cohort, month, grains } of cube.toSeal()) {
          const files: string[] = []
          for (const [grain, cells] of grains.entries()) {
            const file = `${definition}/${cohort}-${month}-${grain}-${generation}`
            await writeSynced(
              join(directory, file),
              await encodeCells(cells, Math.max(0, cells.names.indexOf(department))),
            )
            files.push(file)
          }
          // Memory and file change places in one step: who asks in between sees neither both nor none. The sum of the
          // year is old from here on, until it is written as well.
          const { [month.slice(0, 4)]: _, ...others } = sealed[definition]?.[cohort] ?? {}
          sealed = { ...sealed, [definition]: { ...sealed[definition], [cohort]: { ...others, [month]: files } } }
          cube.sealed(cohort, month)
        }
      }
      const next: Manifest = { format: 4, generation, ...position, names: `names-${generation}.zst`, cubes: sealed }
      const texts = Object.fromEntries([...names].map(([dimension, of]) => [dimension, of.texts]))
      await writeSynced(join(directory, next.names), zstdCompressSync(Buffer.from(JSON.stringify(texts))))
      await writeSynced(join(directory, 'manifest.json.part'), Buffer.from(JSON.stringify(next)))
      await rename(join(directory, 'manifest.json.part'), join(directory, 'manifest.json'))
      manifest = next
      await sweep(directory, next)
    },
    clear: async () => {
      manifest = undefined
      sealed = {}
      names.clear()
      headers.clear()
      kept.clear()
      keptBytes = 0
      await rm(directory, { recursive: true, force: true })
      await mkdir(directory, { recursive: true })
    },
  }
}

const noNames = new Names()

function readManifest(directory: string, basis: string): Manifest | undefined {
  let text: string
  try {
    text = readFileSync(join(directory, 'manifest.json'), 'utf8')
  } catch {
    return undefined
  }
  const read = manifestSchema.safeParse(JSON.parse(text))
  return read.success && read.data.basis === basis ? read.data : undefined
}

function withFile<T>(path: string, work: (read: (offset: number, bytes: number) => Buffer) => T): T {
  const file = openSync(path, 'r')
  try {
    return work((offset, bytes) => {
      const buffer = Buffer.alloc(bytes)
      return buffer.subarray(0, readSync(file, buffer, 0, bytes, offset))
    })
  } finally {
    closeSync(file)
  }
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'w')
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Files of generations that no manifest names any more. */
async function sweep(directory: string, manifest: Manifest): Promise<void> {
  const named = new Set([manifest.names, 'manifest.json'])
  for (const cohorts of Object.values(manifest.cubes))
    for (const months of Object.values(cohorts))
      for (const files of Object.values(months)) for (const file of files) named.add(file)
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    if (!named.has(path.slice(directory.length + 1))) await rm(path, { force: true })
  }
}
