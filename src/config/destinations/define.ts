import { entryType } from '../schema/registry.js';
import type { DestinationConfig } from '../types.js';

/** Declares a type of destination. */
export const defineDestination = entryType<DestinationConfig>();
