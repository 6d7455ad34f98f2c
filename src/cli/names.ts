import type { Config, SyncConfig } from '../config/index.js';
import { CliError, EXIT } from './exit.js';

/** The sync of this name. @throws CliError (exit 2) naming those there are */
export async function syncOf(config: Config, name: string): Promise<SyncConfig> {
  const sync = Object.hasOwn(config.syncs, name) ? config.syncs[name] : undefined;
  if (sync !== undefined) return sync;
  throw await unknownName('sync', name, Object.keys(config.syncs), config.file);
}

/** Says that nothing of a kind has this name, and what there is. */
export async function unknownName(kind: string, name: string, known: readonly string[], place: string): Promise<CliError> {
  const { didYouMean } = await import('../config/index.js');
  const guess = didYouMean(name, known);
  const list = known.length === 0 ? `there is no ${kind} at all` : `known: ${known.join(', ')}`;
  return new CliError(`there is no ${kind} "${name}" in ${place}`, EXIT.misused, guess === undefined ? list : `did you mean "${guess}"? ${list}`);
}

/** A run of the ledger that is not there. */
export function unknownRun(run: string): CliError {
  return new CliError(`there is no run ${run} in the ledger`, EXIT.misused, 'syncline runs lists them');
}
