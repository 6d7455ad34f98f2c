import { dropRejectedPayloads, purgeErased, type Pool } from '../ledger/index.js';
import type { LiveConfig } from './configuration.js';

/**
 * Lets go of what the ledger keeps no longer: traces of erased people, payloads of rows that were rejected long ago.
 * Costs two probes of an index where there is nothing. Safe to call at any time, by anybody.
 * @throws ConfigError when the configuration was changed into one that does not hold: nothing is removed by a guess
 */
export async function tidy(pool: Pool, config: LiveConfig): Promise<void> {
  await purgeErased(pool);
  await dropRejectedPayloads(pool, config.current().retention.rejected);
}
