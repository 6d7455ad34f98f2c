import type { EntryType } from '../schema/registry.js';
import type { SourceConfig } from '../types.js';
import { csvSource } from './csv.js';
import { httpSource } from './http.js';
import { hubspotSource } from './hubspot.js';
import { mailingcoreSource } from './mailingcore.js';
import { pipedriveSource } from './pipedrive.js';
import { postgresSource } from './postgres.js';
import { salesforceSource } from './salesforce.js';
import { singerSource } from './singer.js';

export { FIELD_SHAPE, isMapped } from './fields.js';

/** Every type of source: one file and one line. */
export const SOURCE_TYPES: Readonly<Record<string, EntryType<SourceConfig>>> = {
  postgres: postgresSource,
  csv: csvSource,
  http: httpSource,
  mailingcore: mailingcoreSource,
  hubspot: hubspotSource,
  pipedrive: pipedriveSource,
  salesforce: salesforceSource,
  singer: singerSource,
};
