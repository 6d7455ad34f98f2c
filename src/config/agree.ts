import type { Report } from './report.js';
import { isMapping } from './schema/helpers.js';
import { isMapped } from './sources/index.js';
import { didYouMean } from './suggest.js';
import type { DestinationConfig, SourceConfig, SyncConfig } from './types.js';

/** Checks that the names in the syncs, as written, are names of sources and destinations, right or wrong in themselves. */
export function checkNames(root: Readonly<Record<string, unknown>>, report: Report): void {
  const syncs = root['syncs'];
  if (!isMapping(syncs)) return;
  for (const [name, sync] of Object.entries(syncs)) {
    if (!isMapping(sync)) continue;
    for (const [key, section] of [['source', 'sources'], ['destination', 'destinations']] as const) {
      const wanted = sync[key];
      const entries = root[section];
      const known = isMapping(entries) ? Object.keys(entries) : [];
      if (typeof wanted !== 'string' || wanted === '' || known.includes(wanted)) continue;
      const expected = known.length === 0 ? `a ${key}, but the file has none` : `one of the ${section}: ${known.join(', ')}`;
      const written = report.tree.writtenAt(['syncs', name, key]);
      report.add(['syncs', name, key], written ?? JSON.stringify(wanted), expected, didYouMean(wanted, known));
    }
  }
}

/** One account has one pace: its destinations cannot ask for different ones. */
export function checkAccounts(destinations: Readonly<Record<string, DestinationConfig>>, report: Report): void {
  const first = new Map<string, DestinationConfig>();
  for (const destination of Object.values(destinations)) {
    const other = first.get(destination.account);
    if (other === undefined) {
      first.set(destination.account, destination);
    } else if (paceOf(other) !== paceOf(destination)) {
      report.add(
        ['destinations', destination.name, 'limits'],
        `limits that differ from those of destinations.${other.name}`,
        `the same limits for both: they share the account ${destination.account}`,
        'or give them different accounts with account:',
      );
    }
  }
}

function paceOf({ limits: { calls, per, concurrency, gap, read } }: DestinationConfig): string {
  return JSON.stringify([calls, per, concurrency, gap, read?.calls, read?.per]);
}

/** A filter on a field that the source does not map would hold back everybody. */
export function checkFilters(syncs: Readonly<Record<string, SyncConfig>>, sources: Readonly<Record<string, SourceConfig>>, report: Report): void {
  for (const sync of Object.values(syncs)) {
    const source = Object.hasOwn(sources, sync.source) ? sources[sync.source] : undefined;
    if (source === undefined) continue;
    for (const field of Object.keys(sync.filter ?? {})) {
      if (isMapped(source.fields, field)) continue;
      const names = [
        ...Object.keys(source.fields).filter((name) => name !== 'attributes' && name !== 'attributesFrom'),
        ...Object.keys(source.fields.attributes ?? {}).map((name) => `attributes.${name}`),
      ];
      report.add(
        ['syncs', sync.name, 'filter', field],
        'a field that the source does not map',
        `one of the fields of sources.${source.name}: ${names.join(', ')}`,
        didYouMean(field, names),
      );
    }
  }
}
