import { defineConfig } from 'vitest/config'

const setupFiles = './test/property-seed.ts'

export default defineConfig({
  test: {
    // With two cores the default would be one file at a time.
    maxWorkers: 2,
    reporters: ['default', './test/line-reporter.ts'],
    projects: [
      { test: { setupFiles, name: 'sdk', include: ['sdk/src/**/*.test.ts'] } },
      { test: { setupFiles, name: 'kernel', include: ['kernel/{src,test}/**/*.test.ts'], testTimeout: 20_000 } },
      { test: { setupFiles, name: 'plugins', include: ['plugins/*/src/**/*.test.ts'] } },
      { test: { setupFiles, name: 'repository', include: ['test/**/*.test.ts'], testTimeout: 60_000 } },
    ],
  },
})
