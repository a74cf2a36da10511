import { defineConfig, type TestProjectConfiguration } from 'vitest/config'

/**
 * A part of the suite; what other packages have built is loaded as Node loads it. The time limit only ends what hangs:
 * a property test takes ten times as long on a busy machine.
 */
function part(name: string, include: string, testTimeout = 20_000): TestProjectConfiguration {
  const server = { deps: { external: [/\/(?:sdk|kernel|plugins\/[^/]+)\/dist\//] } }
  return { test: { name, include: [include], testTimeout, server, setupFiles: './test/property-seed.ts' } }
}

export default defineConfig({
  test: {
    // With two cores the default would be one file at a time.
    maxWorkers: 2,
    reporters: ['default', './test/line-reporter.ts'],
    globalSetup: './test/fresh-build.ts',
    projects: [
      part('sdk', 'sdk/src/**/*.test.ts'),
      part('kernel', 'kernel/{src,test}/**/*.test.ts'),
      part('plugins', 'plugins/*/src/**/*.test.ts'),
      part('repository', 'test/**/*.test.ts', 60_000),
    ],
  },
})
