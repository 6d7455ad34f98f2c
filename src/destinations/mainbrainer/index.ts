import type { MainBrainerConfig } from '../../config/index.js';
import type { DestinationKind } from '../registry.js';
import { FACTS } from './config.js';
import { createMainBrainer } from './destination.js';

/** MainBrainer's line in the registry. */
export const mainbrainer: DestinationKind<MainBrainerConfig> = { facts: FACTS, create: createMainBrainer };
