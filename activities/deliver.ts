import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { closeDelivered, noticeRestored } from '../src/control/index.js';
import { accountSeen, purgeErased, recentCalls, retireOthers, type Seen } from '../src/ledger/index.js';
import { drive, type Driven } from '../src/lanes/index.js';
import type { Dependencies } from './dependencies.js';
import { tellEnded } from './observe.js';
import type { Activities } from './types.js';

/** Calls a lane shows. */
const RECENT = 5;

/** Drives one account's calls for a window, or makes the one call a slow platform allows. */
export function deliver(dependencies: Dependencies): Activities['deliver'] {
  const { pool, config, connectors, temporal, owner, stopping, observer, deliverWindowMs = 20_000, longWaitMs = 3_000 } = dependencies;
  const driving = new Map<string, { readonly stop: AbortController; readonly done: Promise<unknown> }>();
  return async ({ account, seen: furthest }) => {
    const context = Context.current();
    const current = config.current();
    const { destinations } = current;
    const ours = Object.values(destinations).filter((destination) => destination.account === account);
    const driven = new Map<string, Driven>(
      ours.map((destination) => [
        destination.name,
        {
          destination: connectors.destination(destination), batchSize: destination.batchSize, linger: destination.linger,
          timeout: destination.timeout, settleDelay: destination.settleDelay, limits: destination.limits,
          ...(destination.window && { window: destination.window }),
          ...('resultsWithin' in destination && { resultsWithin: destination.resultsWithin }),
        },
      ]),
    );
    const ledger = await accountSeen(pool, account);
    let seen = ledger;
    let calls = 0;
    // Said again with every beat: where this breaks off, its last words are all that is known.
    const beat = (): void => { context.heartbeat({ calls, ...(seen && { seen: seenOf(seen) }) }); };
    const timer = setInterval(beat, 2_000);
    try {
      if (furthest !== undefined) await noticeRestored(pool, temporal, current, account, furthest);
      await retireOthers(pool, Object.keys(current.syncs));
      // One that Temporal gave up on may still be under way in this process. The lease would let us in, and what it is
      // sending just now would count as unknown for no reason: it ends its calls first.
      for (let before = driving.get(account); before !== undefined; before = driving.get(account)) {
        before.stop.abort(new Error('another delivery of this account has begun'));
        await before.done.catch(() => undefined);
      }
      const stop = new AbortController();
      const done = drive({
        pool, account, owner, driven: (name) => driven.get(name),
        settleDelay: Math.max(10, ...ours.map((destination) => destination.settleDelay)),
        alone: ours.some((destination) => destination.limits.concurrency === 1),
        windowMs: deliverWindowMs, longWaitMs, signal: AbortSignal.any([context.cancellationSignal, stopping, stop.signal]),
        onCall: (made) => {
          calls = made;
          beat();
        },
        onLease: (fence) => { seen = ledger && { ...ledger, fence }; }, observer,
      }).finally(() => driving.delete(account));
      driving.set(account, { stop, done });
      const report = await done;
      // The sweep does both, too: no reason to lose the report.
      const closed = await closeDelivered(pool, temporal).catch(() => []);
      await tellEnded(pool, observer, closed);
      // Erasures of people who are to be forgotten are runs without a workflow, which have just ended here.
      if (closed.length > 0) await purgeErased(pool).catch(() => 0);
      // Shown only: a delivery is not lost for it.
      const recent = await recentCalls(pool, account, RECENT).catch(() => []);
      return { ...report, destinations: ours.map(({ name }) => name), recent, ...(seen && { seen: seenOf(seen) }) };
    } catch (error) {
      if (error instanceof CancelledFailure) throw error;
      throw ApplicationFailure.fromError(error, { details: seen === undefined ? [] : [{ seen: seenOf(seen) }] });
    } finally {
      clearInterval(timer);
    }
  };
}

const seenOf = ({ ledger, fence }: Seen): Seen => ({ ledger, fence });
