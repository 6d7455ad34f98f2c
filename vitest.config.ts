import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Folders whose files start real servers of their own, slowest last. */
const LATE = ['sandbox', 'ledger', 'sources', 'contract', 'runtime', 'workflows', 'activities', 'cli', 'docs', 'platforms', 'bench', 'chaos', 'e2e'];

function lateness(spec: TestSpecification): number {
  const folder = /[\\/]test[\\/]([^\\/]+)[\\/]/.exec(spec.moduleId)?.[1] ?? '';
  return LATE.indexOf(folder);
}

/** Fast tests first: a mistake shows within seconds. */
class FastFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return [...files].sort((a, b) => lateness(a) - lateness(b) || a.moduleId.localeCompare(b.moduleId));
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global.ts'],
    pool: 'forks',
    isolate: false,
    // One more than the cores it is meant for: many tests wait for gaps, leases and time-outs to pass.
    maxWorkers: 3,
    // They only bound what hangs. The first worker of a process bundles the workflows within the time of some test.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 15_000 } },
    teardownTimeout: 30_000,
    sequence: { sequencer: FastFirst },
  },
});
