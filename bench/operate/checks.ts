import type { StatusDocument } from '../../src/ledger/index.js';
import { openRuntime } from '../../src/runtime/index.js';
import { differences } from './crm.js';
import type { Place } from './place.js';

/** What is wrong when everything should have settled, in words: books, rows that wait, the platform's record, calls it refused, workers that died. */
export async function faultsAtTheEnd({ asked, crm, sandbox, workers }: Place): Promise<string[]> {
  const faults: string[] = [...workers.died];
  const { balanced } = await asked<{ balanced: boolean }>('audit');
  if (!balanced) faults.push('audit: not balanced');
  const { syncs, lanes } = await asked<StatusDocument>('status');
  for (const { sync, waiting, inFlight, failures, lastRun } of syncs) {
    if (waiting + inFlight + failures > 0) faults.push(`status: ${sync} has ${waiting} rows waiting, ${inFlight} in flight, ${failures} failures`);
    if (lastRun?.status !== 'completed') faults.push(`status: the last run of ${sync} is ${lastRun?.status ?? 'not there'}`);
  }
  for (const { account, state, reason } of lanes) if (state !== 'idle') faults.push(`status: the lane ${account} is ${state}: ${reason ?? 'no reason'}`);
  const { refused } = sandbox.mailingcore.stats();
  if (refused > 0) faults.push(`${refused} calls were refused with 429`);
  return [...faults, ...(await differences(crm, sandbox))];
}

/** The most events any workflow's history has, and whose it is. */
export async function largestHistory(place: Place): Promise<{ readonly events: number; readonly workflow: string }> {
  let largest = { events: 0, workflow: '' };
  for (const { historyLength, workflowId } of await workflows(place)) if (historyLength > largest.events) largest = { events: historyLength, workflow: workflowId };
  return largest;
}

/** For which times the schedule has started runs, milliseconds since 1970. */
export async function scheduledStarts(place: Place): Promise<readonly number[]> {
  return (await workflows(place)).flatMap(({ workflowId }) => {
    const [, time] = /\/scheduled-(.+)$/.exec(workflowId) ?? [];
    return time === undefined ? [] : [Date.parse(time)];
  });
}

async function workflows({ directory, servers }: Place): Promise<readonly { readonly workflowId: string; readonly historyLength: number }[]> {
  const runtime = await openRuntime({
    directory, database: null, need: { postgres: false }, report: () => undefined,
    temporal: { address: `127.0.0.1:${servers.temporal.port}`, namespace: 'default', taskQueue: 'syncline' },
  });
  try {
    const found = [];
    for await (const one of runtime.client.workflow.list()) found.push(one);
    return found;
  } finally {
    await runtime.close();
  }
}
