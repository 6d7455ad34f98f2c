import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { createWorker } from '../../src/runtime/index.js';
import { createDatabase, suiteRuntime } from '../support/runtime.js';

test('a worker runs workflows that set our search attributes, and ends when told', async () => {
  const database = await createDatabase();
  const runtime = await suiteRuntime(database.url);
  try {
    const workflowsPath = fileURLToPath(new URL('./fixtures/twice.ts', import.meta.url));
    const bundle = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') });
    const worker = await createWorker({ runtime, bundle, activities: { double: async (number: number) => 2 * number }, identity: 'test' });
    const running = worker.runUntil(runtime.client.workflow.execute('twice', { taskQueue: runtime.taskQueue, workflowId: runtime.taskQueue, args: [21] }));
    expect(await running).toBe(42);
  } finally {
    await runtime.close();
    await database.drop();
  }
});
