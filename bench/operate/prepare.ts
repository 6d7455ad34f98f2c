import { PLATFORMS, type Rate } from '../platforms.js';
import { fillCrm, writeConfig } from '../setup.js';
import type { Place } from './place.js';

export const ROWS_A_CALL = 100;
/** Contacts the first run sends: with it the sync has a cursor. */
export const FIRST = 200;

export interface Prepared {
  readonly rate: Rate;
  readonly concurrency: number;
  /** Milliseconds between scheduled runs. */
  readonly everyMs: number;
  readonly workers: number;
}

/** A platform that enforces its limit, a configuration, workers, and a first run. */
export async function prepare({ directory, servers, crm, sandbox, workers, asked }: Place, { rate, concurrency, everyMs, workers: count }: Prepared): Promise<void> {
  await fillCrm(crm, FIRST);
  const destination = { platform: 'mailingcore', baseUrl: sandbox.mailingcore.baseUrl, batchSize: ROWS_A_CALL, rate, concurrency } as const;
  writeConfig(directory, servers.crmUrl(), destination, { databaseUrl: servers.ledgerUrl(), temporalAddress: `127.0.0.1:${servers.temporal.port}`, everyMs });
  sandbox.mailingcore.setFaults(PLATFORMS.mailingcore.strict(rate, PLATFORMS.mailingcore.latency));
  await workers.start(0);
  await asked('run', 'bench');
  for (let index = 1; index < count; index += 1) await workers.start(index);
}
