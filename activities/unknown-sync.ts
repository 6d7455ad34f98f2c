import type { Config } from '../src/config/index.js';

/** Why nothing can be done for a sync that the worker's configuration does not have, and the way out. */
export const unknownSync = (sync: string, { file }: Pick<Config, 'file'>): string =>
  `there is no sync ${sync} in the worker's configuration, ${file} (start a worker with the file that has it, or add it there)`;
