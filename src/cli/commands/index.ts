import type { Register } from '../command.js';
import { register as validate } from './validate.js';

/** Every command, in the order of the help. */
export const COMMANDS: readonly Register[] = [validate];
