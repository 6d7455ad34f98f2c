import { dengage } from './dengage.js';
import { mailingcore } from './mailingcore.js';
import { mainbrainer } from './mainbrainer.js';
import type { Platform } from './platform.js';

export type { Held, Pace, Platform, PlatformName, SentRow } from './platform.js';

/** Every platform that chaos can be let loose on: one line each. */
export const PLATFORMS: readonly Platform[] = [mailingcore, dengage, mainbrainer];
