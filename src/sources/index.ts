import type { SourceConfig } from '../config/index.js';
import type { Source } from './contract.js';
import { createCsvSource } from './csv/index.js';
import { createHttpSource } from './http/index.js';
import { createHubspotSource } from './hubspot/index.js';
import { createMailingCoreSource } from './mailingcore/index.js';
import { createPipedriveSource } from './pipedrive/index.js';
import { createPostgresSource } from './postgres/index.js';
import { createSalesforceSource } from './salesforce/index.js';
import { createSingerSource } from './singer/index.js';

export * from './contract.js';
export { listTables, type ColumnFound, type TableFound } from './postgres/examine.js';

type Factories = {
  readonly [Type in SourceConfig['type']]: (config: Extract<SourceConfig, { type: Type }>, columns: readonly string[]) => Source;
};

/** Every kind of source, one line each. */
const FACTORIES: Factories = {
  postgres: createPostgresSource,
  csv: createCsvSource,
  http: createHttpSource,
  mailingcore: createMailingCoreSource,
  hubspot: createHubspotSource,
  pipedrive: createPipedriveSource,
  salesforce: createSalesforceSource,
  singer: createSingerSource,
};

/** The types there are. */
export const SOURCE_NAMES = Object.keys(FACTORIES) as readonly SourceConfig['type'][];

/**
 * Makes the source a configuration describes. Connects nowhere yet.
 * @param columns the columns rows must deliver, in order (a contact reader's `columns`)
 */
export function createSource(config: SourceConfig, columns: readonly string[]): Source {
  const create = FACTORIES[config.type] as (config: SourceConfig, columns: readonly string[]) => Source;
  return create(config, columns);
}
