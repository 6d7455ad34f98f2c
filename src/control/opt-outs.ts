import type { DestinationConfig, MailingCoreConfig } from '../config/index.js';
import { subtractMs } from '../contacts/index.js';
import type { Destination } from '../destinations/index.js';
import { pacedCalls } from '../lanes/index.js';
import { learnOptOuts, optOutsRead, storeOptOutsRead, type Pool, type SyncIds } from '../ledger/index.js';
import type { Observer } from '../telemetry/index.js';

/**
 * Read again each time: two clocks, and a platform whose list lags behind what was done. Repeated, an opt-out costs
 * nothing. Milliseconds.
 */
const OVERLAP_MS = 15 * 60_000;

export interface OptOutsRequest {
  readonly pool: Pool;
  readonly config: DestinationConfig;
  readonly destination: Destination;
  readonly ids: Pick<SyncIds, 'destinationId' | 'accountId'>;
  readonly signal: AbortSignal;
  /** @param told opt-outs the platform has told of so far, known ones too */
  readonly onPage: (told: number) => void;
  readonly observer?: Observer | undefined;
}

export interface OptOutsReport {
  /** False: the platform was not asked, as it cannot be, or need not be yet, or is not to be. */
  readonly asked: boolean;
  /** What the platform told of, known or not. */
  readonly told: number;
  /** What was news. */
  readonly learned: number;
  /** Rows queued to carry the news to destinations. */
  readonly queued: number;
  /** Accounts whose lanes have something to do. */
  readonly accounts: readonly string[];
}

const NOT_ASKED: OptOutsReport = { asked: false, told: 0, learned: 0, queued: 0, accounts: [] };

/** Whether a destination is asked at all who opted out there. */
export function asksOptOuts(config: DestinationConfig, destination: Destination): boolean {
  return destination.optOuts !== undefined && readingOf(config) !== 'never';
}

const readingOf = (config: DestinationConfig): MailingCoreConfig['suppressions']['read'] => (config.type === 'mailingcore' ? config.suppressions.read : 'beforeRun');

/**
 * Asks a destination who opted out there, where it is time for that, and takes it over into the ledger page by page, so
 * that nothing is sent after it that grants what they took back. How far it has read moves only when all was read.
 * @throws DestinationError
 */
export async function readOptOuts({ pool, config, destination, ids, signal, onPage, observer }: OptOutsRequest): Promise<OptOutsReport> {
  if (destination.optOuts === undefined || !asksOptOuts(config, destination)) return NOT_ASKED;
  const { to, ageMs, now } = await optOutsRead(pool, ids.destinationId);
  const read = readingOf(config);
  if (typeof read === 'object' && ageMs !== null && ageMs < read.every) return NOT_ASKED;
  const from = { destination: { name: config.name, account: config.account }, origin: 'read', askedAt: now } as const;
  const accounts = new Set<string>();
  let told = 0;
  let learned = 0;
  let queued = 0;
  const paced = pacedCalls(pool, ids.accountId, config.limits, config.timeout, signal, { observer, account: config.account, destination: config.name });
  for await (const page of destination.optOuts(to === null ? null : subtractMs(to, OVERLAP_MS), paced, signal)) {
    const news = await learnOptOuts(pool, from, page);
    told += page.length;
    learned += news.learned;
    queued += news.queued;
    for (const account of news.accounts) accounts.add(account);
    onPage(told);
  }
  await storeOptOutsRead(pool, ids.destinationId, now);
  return { asked: true, told, learned, queued, accounts: [...accounts] };
}
