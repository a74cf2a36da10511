import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    reporters: ['default', './test/line-reporter.ts'],
    projects: [
      { test: { name: 'sdk', include: ['sdk/src/**/*.test.ts'] } },
      { test: { name: 'kernel', include: ['kernel/{src,test}/**/*.test.ts'], testTimeout: 20_000 } },
      { test: { name: 'plugins', include: ['plugins/*/src/**/*.test.ts'] } },
      { test: { name: 'repository', include: ['test/**/*.test.ts'], testTimeout: 60_000 } },
    ],
  },
})
