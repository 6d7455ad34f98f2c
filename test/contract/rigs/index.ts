import type { DestinationConfig } from '../../../src/config/index.js';
import { dengage } from './dengage.js';
import { mailingcore } from './mailingcore.js';
import { mainbrainer } from './mainbrainer.js';
import { postgres } from './postgres.js';
import type { Rig } from './rig.js';

export { BAD, FAULTS, type FaultName, type Rig, type RigFault } from './rig.js';

/** One line a platform. */
export const RIGS: Readonly<Record<DestinationConfig['type'], () => Promise<Rig>>> = { mailingcore, dengage, mainbrainer, postgres };
