import type { EntryType } from '../schema/registry.js';
import type { DestinationConfig } from '../types.js';
import { mailingcoreDestination } from './mailingcore.js';

/** Every type of destination: one file and one line. */
export const DESTINATION_TYPES: Readonly<Record<string, EntryType<DestinationConfig>>> = {
  mailingcore: mailingcoreDestination,
};
