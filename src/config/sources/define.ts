import { entryType } from '../schema/registry.js';
import type { SourceConfig } from '../types.js';

/** Declares a type of source. */
export const defineSource = entryType<SourceConfig>();
