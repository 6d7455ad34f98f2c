import { compileContactReader, compileFilter, mapContacts } from '../contacts/index.js';
import { attributesAskedBy, GUARD_DEFAULTS, type Config, type DestinationConfig, type SourceConfig, type SyncConfig } from '../config/index.js';
import { createDestination, type Destination } from '../destinations/index.js';
import type { Rules } from '../extraction/index.js';
import { createSource, type Source } from '../sources/index.js';

/** A sync with everything that carries it, ready to use. */
export interface Wired {
  readonly sync: SyncConfig;
  readonly sourceConfig: SourceConfig;
  readonly destinationConfig: DestinationConfig;
  readonly source: Source;
  readonly destination: Destination;
  readonly rules: Rules;
}

/** Makes sources and destinations once for as long as their configuration stays the same object. */
export class Connectors {
  private readonly sources = new Map<SourceConfig, { source: Source; reader: Rules['reader'] }>();
  private readonly destinations = new Map<DestinationConfig, Destination>();

  destination(config: DestinationConfig): Destination {
    const known = this.destinations.get(config);
    if (known) return known;
    const made = createDestination(config);
    this.destinations.set(config, made);
    return made;
  }

  /** @throws Error when the configuration has no such sync */
  wire(config: Config, name: string): Wired {
    const sync = config.syncs[name];
    if (!sync) throw new Error(`there is no sync ${name} in ${config.file}`);
    const sourceConfig = config.sources[sync.source] as SourceConfig;
    const destinationConfig = config.destinations[sync.destination] as DestinationConfig;
    const { source, reader } = this.source(sourceConfig);
    const destination = this.destination(destinationConfig);
    const { mapping } = sync;
    const own = sourceConfig.fields.attributesFrom === undefined ? reader : readerOf(sourceConfig, attributesAskedBy(destinationConfig, sourceConfig.fields, mapping));
    const rules: Rules = {
      reader: mapping === undefined ? own : mapContacts(own, mapping, sourceConfig), wanted: compileFilter(sync.filter), destination, onDelete: sync.onDelete,
      guard: sync.guard ?? GUARD_DEFAULTS,
    };
    return { sync, sourceConfig, destinationConfig, source, destination, rules };
  }

  async close(): Promise<void> {
    await Promise.allSettled([
      ...[...this.sources.values()].map(({ source }) => source.close()),
      ...[...this.destinations.values()].map((destination) => destination.close()),
    ]);
    this.sources.clear();
    this.destinations.clear();
  }

  private source(config: SourceConfig): { source: Source; reader: Rules['reader'] } {
    const known = this.sources.get(config);
    if (known) return known;
    const reader = readerOf(config, []);
    const made = { reader, source: createSource(config, reader.columns) };
    this.sources.set(config, made);
    return made;
  }
}

function readerOf({ fields, defaultCountry }: SourceConfig, attributes: readonly string[]): Rules['reader'] {
  return compileContactReader(fields, { attributes, ...(defaultCountry === undefined ? {} : { defaultCountry }) });
}
