import type { Config } from '../config/index.js';
import { describeDestination } from '../destinations/index.js';
import { contactStory, erasedContact, erasuresOf, forget, purgeErased, tryAgain, type Erasure, type Pool } from '../ledger/index.js';
import { registerSync, wakeLane, type Orchestrator } from './start.js';

/** How far the forgetting of one person has come. */
export interface ForgetDocument {
  readonly sync: string;
  readonly key: string;
  /** Whether the ledger knew anything of the contact. */
  readonly known: boolean;
  readonly erasures: readonly Omit<Erasure, 'account'>[];
  /** Every erasure has arrived, and no payload is left in the ledger. */
  readonly clean: boolean;
  /** When it was asked for last. */
  readonly at: string;
  /** What a platform cannot delete, in words. */
  readonly notices: readonly string[];
}

export interface Begun {
  readonly known: boolean;
  readonly erasures: readonly Erasure[];
}

/**
 * Begins to forget a person in every destination their source feeds, or finds what was begun; lanes are awake when this
 * returns. A blocked one tries again, as for a new run.
 */
export async function beginForgetting(pool: Pool, temporal: Orchestrator, config: Config, sync: string, key: string): Promise<Begun> {
  const source = sourceOf(config, sync);
  // Also what has never run: the person must not come in by it.
  for (const { name } of Object.values(config.syncs).filter((one) => one.source === source)) await registerSync(pool, config, name);
  const story = await contactStory(pool, sync, key);
  const { known } = await forget(pool, sync, key);
  const erasures = await erasuresOf(pool, source, key);
  const open = erasures.filter(({ status }) => status === 'delivering' || status === 'running');
  for (const account of new Set(open.map((one) => one.account))) {
    await tryAgain(pool, account);
    await wakeLane(temporal, account);
  }
  return { known: known || (story !== undefined && story.erased === null) || erasures.length > 0, erasures };
}

/** Removes what is left of the person here, as far as their erasures have arrived, and tells how it stands. */
export async function endForgetting(pool: Pool, config: Config, sync: string, key: string, { known }: Pick<Begun, 'known'>): Promise<ForgetDocument> {
  const source = sourceOf(config, sync);
  await purgeErased(pool);
  const stone = await erasedContact(pool, source, key);
  const erasures = await erasuresOf(pool, source, key);
  return {
    sync, key, known, erasures: erasures.map(({ account: _, ...erasure }) => erasure),
    clean: stone?.clean ?? false, at: stone?.at ?? new Date().toISOString(),
    notices: erasures.flatMap(({ destination }) => {
      const type = config.destinations[destination]?.type;
      const stays = type === undefined ? undefined : describeDestination(type).afterErasure;
      return stays === undefined ? [] : [`${destination}: ${stays}`];
    }),
  };
}

const sourceOf = (config: Config, sync: string): string => (config.syncs[sync] as { source: string }).source;
