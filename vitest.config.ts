import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: [
      '{core,collectors,pipeline,stores,analytics,security,kpi,alerts,server,tests}/**/*.test.ts',
      'web/src/**/*.test.ts',
    ],
    exclude: ['node_modules', 'tests/e2e/**', 'tests/crash/**'],
    setupFiles: ['tests/property-seed.ts'],
    // Real servers and disks are in the tests; two cores.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 180_000,
    // Real servers beside us on a machine we do not know: one more try, and the report names who needed it.
    retry: 1,
    expect: { poll: { timeout: 30_000 } },
  },
})
