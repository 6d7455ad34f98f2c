import type { PostgresDestinationConfig } from '../../config/index.js';
import type { DestinationKind } from '../registry.js';
import { FACTS } from './config.js';
import { createPostgresDestination } from './destination.js';

/** A Postgres table's line in the registry. */
export const postgres: DestinationKind<PostgresDestinationConfig> = { facts: FACTS, create: createPostgresDestination };
