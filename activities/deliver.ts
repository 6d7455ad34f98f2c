import { Context } from '@temporalio/activity';
import { closeDelivering } from '../src/ledger/index.js';
import { drive, type Driven } from '../src/lanes/index.js';
import type { Dependencies } from './dependencies.js';
import type { Activities } from './types.js';

/** Drives one account's calls for a window, or makes the one call a slow platform allows. */
export function deliver(dependencies: Dependencies): Activities['deliver'] {
  const { pool, config, connectors, owner, stopping, deliverWindowMs = 20_000, longWaitMs = 3_000 } = dependencies;
  const driving = new Map<string, Promise<unknown>>();
  return async ({ account }) => {
    const context = Context.current();
    const { destinations } = config.current();
    const ours = Object.values(destinations).filter((destination) => destination.account === account);
    const driven = new Map<string, Driven>(
      ours.map((destination) => [
        destination.name,
        {
          destination: connectors.destination(destination), batchSize: destination.batchSize, linger: destination.linger,
          timeout: destination.timeout, settleDelay: destination.settleDelay, limits: destination.limits,
        },
      ]),
    );
    const timer = setInterval(() => { context.heartbeat(); }, 2_000);
    try {
      // One that Temporal gave up on, having been away itself, may still be under way in this process; it has been told
      // to stop. The lease would let us in, and what it is sending now would count as unknown for no reason.
      for (let before = driving.get(account); before !== undefined; before = driving.get(account)) await before.catch(() => undefined);
      const drives = drive({
        pool, account, owner, driven: (name) => driven.get(name),
        settleDelay: Math.max(10, ...ours.map((destination) => destination.settleDelay)),
        windowMs: deliverWindowMs, longWaitMs, signal: AbortSignal.any([context.cancellationSignal, stopping]),
        onCall: (calls) => { context.heartbeat({ calls }); },
      }).finally(() => driving.delete(account));
      driving.set(account, drives);
      const report = await drives;
      // The sweep does it too: no reason to lose the report.
      await closeDelivering(pool).catch(() => undefined);
      return report;
    } finally {
      clearInterval(timer);
    }
  };
}
