import type { EntryType } from '../schema/registry.js';
import type { SourceConfig } from '../types.js';
import { csvSource } from './csv.js';
import { postgresSource } from './postgres.js';

export { FIELD_SHAPE, isMapped } from './fields.js';

/** Every type of source: one file and one line. */
export const SOURCE_TYPES: Readonly<Record<string, EntryType<SourceConfig>>> = {
  postgres: postgresSource,
  csv: csvSource,
};
