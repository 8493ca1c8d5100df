import { defineConfig } from 'vitest/config'

// Whole observatories, one after the other: each has its own PostgreSQL, threads and ports.
// What a page shows is polled for, with a patience that a slow machine needs and a quick one never uses.
export default defineConfig({
  test: {
    include: ['tests/e2e/**/*.test.ts'],
    maxWorkers: 1,
    testTimeout: 180_000,
    hookTimeout: 240_000,
    // Real servers beside us on a machine we do not know: one more try, and the report names who needed it.
    retry: 1,
    expect: { poll: { timeout: 30_000, interval: 100 } },
  },
})
