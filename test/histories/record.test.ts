import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createWorld, type World } from '../support/world.js';
import { isRecorded, keepHistory } from './files.js';
import { SCENARIOS } from './scenarios.js';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };

/** `npm run histories`: real runs, whose histories are kept for every version after this one. */
describe.runIf(process.env['SYNCLINE_RECORD'] === '1')('recording', () => {
  for (const scenario of SCENARIOS.filter(({ makes }) => !makes.every((name) => isRecorded(version, name)))) {
    test(scenario.makes.join(', '), async () => {
      const world = await createWorld(scenario.world);
      try {
        await keepAll(world, await scenario.run(world));
        expect(scenario.makes.filter((name) => !isRecorded(version, name))).toEqual([]);
      } finally {
        await world.close();
      }
    });
  }
});

/** @param names by workflow id, or `ID RUN` where one id had several workflows */
async function keepAll({ runtime: { client, taskQueue } }: World, names: Readonly<Record<string, string>>): Promise<void> {
  for (const [which, name] of Object.entries(names)) {
    const [workflowId = '', only] = which.split(' ');
    const executions = [];
    for await (const execution of client.workflow.list({ query: `TaskQueue = '${taskQueue}' AND WorkflowId = '${workflowId}'` })) {
      if (only === undefined || execution.runId === only) executions.push(execution);
    }
    executions.sort((a, b) => a.startTime.getTime() - b.startTime.getTime());
    for (const [index, { runId, type }] of executions.entries()) {
      const last = index === executions.length - 1;
      if (index > 0 && !last) continue;
      keepHistory(version, index === 0 ? name : `${name}-last`, { workflowType: type, workflowId, history: await client.workflow.getHandle(workflowId, runId).fetchHistory() });
    }
  }
}
