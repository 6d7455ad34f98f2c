import { setTimeout as delay } from 'node:timers/promises';
import type { PostgresDestinationConfig } from '../../config/index.js';
import { withDeadline } from '../../http/index.js';
import { databaseWords } from '../../postgres/index.js';
import { ACTION } from '../contract.js';
import type { Capabilities, Destination, Outcome, OutgoingBatch, RowFailure } from '../contract.js';
import type { DestinationOptions } from '../registry.js';
import { MAX_BATCH } from './config.js';
import { differences } from './differences.js';
import { outcomeOf } from './errors.js';
import { createMapping } from './mapping.js';
import { readTable } from './reading.js';
import { inSession } from './session.js';
import type { Session } from './session.js';
import { describeTable, isTable, missingRights } from './table.js';
import { SearchTooLong, writeRows } from './write.js';

/**
 * A table of a Postgres database as a destination: one connection and one transaction a call, none kept between calls.
 */
export function createPostgresDestination(config: PostgresDestinationConfig, options: DestinationOptions = {}): Destination {
  const { url, timeout, table: name } = config;
  const where = databaseWords(url, 'the Postgres destination');
  const wait = options.wait ?? ((ms, signal) => delay(ms, undefined, { signal }));
  const abandoned = new Set<Promise<void>>();
  const later = (work: Promise<void>): void => {
    abandoned.add(work);
    void work.finally(() => abandoned.delete(work));
  };
  const capabilities: Capabilities = { maxBatchSize: MAX_BATCH, maxBodyBytes: null, results: 'immediate', readBack: 'full', locales: null };

  const inRead = <T>(outer: AbortSignal, work: (session: Session) => Promise<T | Outcome>): Promise<T | Outcome> =>
    withDeadline(outer, timeout, async (signal): Promise<T | Outcome> => {
      const worked = await inSession({ url, timeout, readOnly: true, signal, later }, async (session) => {
        const result = await work(session);
        await session.commit();
        return result;
      });
      // Nothing is written here, so a lost COMMIT is only an outage, too.
      return 'done' in worked ? worked.done : outcomeOf(worked.error, worked.phase === 'connecting' ? 'connecting' : 'open', { where, table: name, rights: 'SELECT' });
    });

  const write = async (session: Session, { rows }: OutgoingBatch): Promise<Outcome> => {
    const table = await describeTable(session, config);
    if (!isTable(table)) return table;
    const erase = rows[0]?.action === ACTION.erase;
    const until = performance.now() + timeout / 2;
    let failed: RowFailure[];
    try {
      failed = await writeRows({ session, table, config, erase, hasTime: () => performance.now() < until }, rows);
    } catch (error) {
      if (!(error instanceof SearchTooLong)) throw error;
      return { kind: 'refused', message: `${where}: some rows were refused (${error.message}), and the search for them took too long; nothing was written`, httpStatus: 0 };
    }
    if (await session.commit()) return { kind: 'answered', failed, httpStatus: 0 };
    return { kind: 'unavailable', message: `${where}: the transaction was rolled back`, httpStatus: null };
  };

  return {
    capabilities,
    prepare: createMapping(config.columns),
    async send(batch, signal, onAnswer) {
      if (batch.rows.length === 0 || batch.rows.length > MAX_BATCH) throw new RangeError(`a call to Postgres holds 1 to ${MAX_BATCH} rows, not ${batch.rows.length}`);
      if (signal.aborted) return { kind: 'unavailable', message: 'not sent: the call was given up before it began', httpStatus: null };
      const worked = await inSession({ url, timeout, signal, later }, async (session) => {
        const outcome = await write(session, batch);
        onAnswer?.();
        return outcome;
      });
      if ('done' in worked) return worked.done;
      const rights = batch.rows[0]?.action === ACTION.erase ? 'SELECT, DELETE' : 'SELECT, INSERT, UPDATE';
      return outcomeOf(worked.error, worked.phase, { where, table: name, rights });
    },
    readAll: (paced, signal) => readTable({ config, wait, inRead }, paced, signal),
    check: (signal) =>
      inRead(signal, async (session): Promise<Outcome> => {
        const table = await describeTable(session, config);
        return isTable(table) ? (missingRights(table, name) ?? { kind: 'answered', failed: [], httpStatus: 0 }) : table;
      }),
    compare: (expected, found) => differences(expected, found, config.columns),
    async close() {
      await Promise.allSettled(abandoned);
    },
  };
}
