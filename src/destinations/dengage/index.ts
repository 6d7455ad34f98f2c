import type { DengageConfig } from '../../config/index.js';
import type { DestinationKind } from '../registry.js';
import { FACTS } from './config.js';
import { createDengage } from './destination.js';

/** D·engage's line in the registry. */
export const dengage: DestinationKind<DengageConfig> = { facts: FACTS, create: createDengage };
