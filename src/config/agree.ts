import { namesIn, READABLE_FIELDS } from '../contacts/index.js';
import { NO_COLUMN_FIELDS } from './columns.js';
import type { Report } from './report.js';
import { isMapping } from './schema/helpers.js';
import { isMapped } from './sources/index.js';
import { didYouMean } from './suggest.js';
import type { DestinationConfig, FieldsConfig, Mapped, MappingConfig, SourceConfig, SyncConfig } from './types.js';

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

/** A campaign that cannot be asked about would fail every verification. */
export function checkCampaigns(syncs: Readonly<Record<string, SyncConfig>>, destinations: Readonly<Record<string, DestinationConfig>>, report: Report): void {
  for (const { name, destination, verify } of Object.values(syncs)) {
    const type = Object.hasOwn(destinations, destination) ? destinations[destination]?.type : undefined;
    if (verify?.campaign === undefined || type === undefined || type === 'mailingcore') continue;
    report.add(['syncs', name, 'verify', 'campaign'], `a campaign of ${type}, which cannot be asked about one`, 'no campaign here: only mailingcore tells what a campaign will find');
  }
}

/** A filter on a field that nobody maps would hold back everybody. */
export function checkFilters(syncs: Readonly<Record<string, SyncConfig>>, sources: Readonly<Record<string, SourceConfig>>, report: Report): void {
  for (const { name, source, filter, mapping } of withSource(syncs, sources)) {
    for (const field of Object.keys(filter ?? {})) {
      if (isMapped(source.fields, field) || (mapping !== undefined && isMapped(mapping, field))) continue;
      const names = [...new Set([...namesOf(source.fields), ...namesOf(mapping ?? {})])];
      report.add(
        ['syncs', name, 'filter', field],
        'a field that the source does not map',
        `one of the fields of sources.${source.name}: ${names.join(', ')}`,
        didYouMean(field, names),
      );
    }
  }
}

/** What a mapping reads has to be there: a name that is written wrong would empty the field of everybody. */
export function checkMappings(syncs: Readonly<Record<string, SyncConfig>>, sources: Readonly<Record<string, SourceConfig>>, report: Report): void {
  for (const { name, source, mapping = {} } of withSource(syncs, sources)) {
    const { attributes = {}, ...own } = mapping;
    const written: (readonly [readonly string[], Mapped | undefined])[] = [
      ...Object.entries<Mapped | undefined>({ ...own }).map(([field, mapped]) => [[field], mapped] as const),
      ...Object.entries(attributes).map(([attribute, mapped]) => [['attributes', attribute], mapped] as const),
    ];
    for (const [path, mapped] of written) {
      for (const { name: wanted, at } of mapped === undefined ? [] : namesIn(mapped)) {
        if (isReadable(source.fields, wanted)) continue;
        const names = ['key', ...namesOf(source.fields).filter((field) => isReadable(source.fields, field))];
        report.add(
          ['syncs', name, 'mapping', ...path, ...at],
          `${JSON.stringify(wanted)}, which the source does not map`,
          `one of the fields of sources.${source.name}: ${names.join(', ')}`,
          didYouMean(wanted, names),
        );
      }
    }
  }
}

/** A column for something that no sync brings would stay as it is for ever, without a word. */
export function checkColumns(
  destinations: Readonly<Record<string, DestinationConfig>>,
  syncs: Readonly<Record<string, SyncConfig>>,
  sources: Readonly<Record<string, SourceConfig>>,
  report: Report,
): void {
  for (const destination of Object.values(destinations)) {
    const mapped = withSource(syncs, sources).filter((sync) => sync.destination === destination.name).flatMap(({ source, mapping = {} }) => [source.fields, mapping]);
    if (destination.type !== 'postgres' || mapped.length === 0) continue;
    for (const [column, from] of Object.entries(destination.columns)) {
      if (NO_COLUMN_FIELDS.includes(from) || mapped.some((fields) => isMapped(fields, from))) continue;
      const names = [...new Set(mapped.flatMap(namesOf))].filter((one) => !NO_COLUMN_FIELDS.includes(one));
      report.add(['destinations', destination.name, 'columns', column], `${JSON.stringify(from)}, which no source of its syncs maps`, `one of ${names.join(', ')}`, didYouMean(from, names));
    }
  }
}

function withSource(syncs: Readonly<Record<string, SyncConfig>>, sources: Readonly<Record<string, SourceConfig>>): (Omit<SyncConfig, 'source'> & { readonly source: SourceConfig })[] {
  return Object.values(syncs).flatMap((sync) => {
    const source = Object.hasOwn(sources, sync.source) ? sources[sync.source] : undefined;
    return source === undefined ? [] : [{ ...sync, source }];
  });
}

function namesOf(mapped: FieldsConfig | MappingConfig): string[] {
  return [
    ...Object.keys(mapped).filter((name) => name !== 'attributes' && name !== 'attributesFrom' && isMapped(mapped, name)),
    ...Object.keys(mapped.attributes ?? {}).map((name) => `attributes.${name}`),
  ];
}

/** Whether a mapping can read that name: a field, or an attribute by its own name or as `attributes.NAME`. */
function isReadable(fields: FieldsConfig, name: string): boolean {
  if (name === 'key') return true;
  const readable = READABLE_FIELDS.some((field) => field === name) || name.startsWith('attributes.');
  return readable && isMapped(fields, name) ? true : isMapped(fields, `attributes.${name}`);
}
