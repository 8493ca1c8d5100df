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
    testTimeout: 30_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
  },
})
