import { defineConfig } from 'vitest/config'

// Whole observatories, one after the other: each has its own PostgreSQL, threads and ports.
// What a page shows is polled for, with a patience that a slow machine needs and a quick one never uses.
export default defineConfig({
  test: {
    include: ['tests/e2e/**/*.test.ts'],
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 15_000, interval: 100 } },
  },
})
