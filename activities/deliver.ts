import { Context } from '@temporalio/activity';
import { closeDelivering } from '../src/ledger/index.js';
import { drive, type Driven } from '../src/lanes/index.js';
import type { Dependencies } from './dependencies.js';
import type { Activities } from './types.js';

/** Drives one account's calls for a window, or makes the one call a slow platform allows. */
export function deliver(dependencies: Dependencies): Activities['deliver'] {
  const { pool, config, connectors, owner, stopping, deliverWindowMs = 20_000, longWaitMs = 3_000 } = dependencies;
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
      const report = await drive({
        pool, account, owner, driven: (name) => driven.get(name),
        settleDelay: Math.max(10, ...ours.map((destination) => destination.settleDelay)),
        windowMs: deliverWindowMs, longWaitMs, signal: AbortSignal.any([context.cancellationSignal, stopping]),
        onCall: (calls) => { context.heartbeat({ calls }); },
      });
      await closeDelivering(pool);
      return report;
    } finally {
      clearInterval(timer);
    }
  };
}
