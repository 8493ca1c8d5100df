import { defineConfig } from 'vitest/config'

// Whole observatories, one after the other: each has its own PostgreSQL, threads and ports.
export default defineConfig({
  test: { include: ['tests/e2e/**/*.test.ts'], maxWorkers: 1, testTimeout: 30_000, hookTimeout: 90_000 },
})
