import os from 'node:os';
import { Worker } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { workflowBundle } from '../../src/runtime/index.js';
import * as workflows from '../../workflows/index.js';
import { recordedHistories, textOf, type RecordedHistory } from './files.js';

const recorded = recordedHistories();

/** Replays under today's workflows. @returns the names of those that did not, with the reason */
async function failing(histories: readonly RecordedHistory[]): Promise<readonly string[]> {
  const failed: string[] = [];
  // Each on its own: a name tells which one it was, and executions of one workflow do not meet.
  const named = histories.map(({ name, workflowId, history }) => ({ workflowId: `${workflowId}#${name}`, history }));
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle: await workflowBundle() }, named)) {
    if (error) failed.push(`${workflowId.split('#')[1] ?? workflowId}: ${error.message}`);
  }
  return failed;
}

test('a workflow that was begun under any recorded version goes on under today\'s code', async () => {
  expect(recorded.length).toBeGreaterThan(20);
  expect(await failing(recorded)).toEqual([]);
});

test('every workflow type has a recorded history', () => {
  expect(Object.keys(workflows).filter((type) => !recorded.some(({ workflowType }) => workflowType === type))).toEqual([]);
});

test('a history that today\'s code would not have made is refused: the replay can tell', async () => {
  const foreign = recorded.filter(({ name }) => name.endsWith('/verify-by-hand') || name.endsWith('/lane-waiting')).map((one): RecordedHistory => ({
    ...one, history: { events: one.history.events.map((event) => JSON.parse(JSON.stringify(event).replace(/"name":"(verifySync|deliver)"/, '"name":"elsewhere"')) as typeof event) },
  }));
  expect(await failing(foreign)).toHaveLength(foreign.length);
  expect(foreign.length).toBeGreaterThanOrEqual(2);
});

test('recorded histories hold no contact, and nothing of the machine they were made on', () => {
  const ours = [os.hostname(), os.userInfo().username].filter((word) => word.length > 3);
  for (const { name, history } of recorded) {
    const text = textOf(history);
    expect(text, name).not.toMatch(/@example\.com|Person\d*\b|\d+@\w|\/(?:tmp|home|root|Users)\//);
    for (const word of ours) expect(text, name).not.toContain(word);
  }
});
