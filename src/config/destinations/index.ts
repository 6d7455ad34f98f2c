import type { EntryType } from '../schema/registry.js';
import type { DestinationConfig } from '../types.js';
import { dengageDestination } from './dengage.js';
import { mailingcoreDestination } from './mailingcore.js';
import { mainbrainerDestination } from './mainbrainer.js';
import { postgresDestination } from './postgres.js';

/** Every type of destination: one file and one line. */
export const DESTINATION_TYPES: Readonly<Record<string, EntryType<DestinationConfig>>> = {
  mailingcore: mailingcoreDestination,
  dengage: dengageDestination,
  mainbrainer: mainbrainerDestination,
  postgres: postgresDestination,
};
