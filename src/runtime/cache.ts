import { mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Syncline's folder in the user's cache ($XDG_CACHE_HOME, else ~/.cache). Made where it is missing. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  // The XDG specification says to pass over a path that is not absolute.
  const base = env.XDG_CACHE_HOME !== undefined && path.isAbsolute(env.XDG_CACHE_HOME) ? env.XDG_CACHE_HOME : path.join(env.HOME ?? os.homedir(), '.cache');
  const folder = path.join(base, 'syncline');
  mkdirSync(folder, { recursive: true });
  return folder;
}
