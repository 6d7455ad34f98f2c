import { mkdirSync, readFileSync, readdirSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isAlive, type ProcessId } from './processes.js';

export type PartName = 'postgres' | 'temporal';

/** A running embedded server. */
export interface PartRecord extends ProcessId {
  readonly port: number;
  /** Of Temporal's Web UI. */
  readonly uiPort?: number;
}

/** One opening of the runtime. */
export interface User extends ProcessId {
  readonly id: string;
}

/** What `.syncline/runtime.json` holds; written only under the lock. */
export interface State {
  parts: { [name in PartName]?: PartRecord };
  users: User[];
  /** The ports last used, taken again where they are free. */
  ports: { postgres?: number; temporal?: number; ui?: number };
}

/** Where the embedded parts of an installation keep things. */
export interface Places {
  readonly root: string;
  readonly lock: string;
  readonly state: string;
  readonly postgres: string;
  readonly postgresPassword: string;
  readonly postgresLog: string;
  readonly temporal: string;
  readonly temporalLog: string;
}

/** The places beside the configuration file in `directory`. */
export function placesOf(directory: string): Places {
  const root = path.join(real(path.resolve(directory)), '.syncline');
  return {
    root,
    lock: path.join(root, 'lock'),
    state: path.join(root, 'runtime.json'),
    postgres: path.join(root, 'postgres'),
    postgresPassword: path.join(root, 'postgres.password'),
    postgresLog: path.join(root, 'logs', 'postgres.log'),
    temporal: path.join(root, 'temporal.db'),
    temporalLog: path.join(root, 'logs', 'temporal.log'),
  };
}

/** One folder has one name, whichever link led to it: processes are recognised by it. */
function real(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}

/** Makes the folder: passable for the user Postgres runs as, unreadable for others, ignored by git. */
export function makeRoot(places: Places): void {
  mkdirSync(places.root, { recursive: true, mode: 0o711 });
  writeFileSync(path.join(places.root, '.gitignore'), '*\n');
}

/** The state as written; an empty one where there is none or it cannot be read. */
export function readState(places: Places): State {
  try {
    const read = JSON.parse(readFileSync(places.state, 'utf8')) as Partial<State>;
    return { parts: read.parts ?? {}, users: read.users ?? [], ports: read.ports ?? {} };
  } catch {
    return { parts: {}, users: [], ports: {} };
  }
}

/** Replaces the state in one step, at once: a kill right after a server's start must not lose its pid. */
export function writeState(places: Places, state: State): void {
  const draft = `${places.state}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(state, null, 1)}\n`, { mode: 0o600 });
  renameSync(draft, places.state);
}

/** Forgets users whose process is gone. */
export function dropDeadUsers(state: State): void {
  state.users = state.users.filter(isAlive);
}

/** Removes what a killed process left half made: entries of `folder` beginning with `prefix`, older than `age` ms. */
export function removeLeftovers(folder: string, prefix: string, age = 0): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(prefix)) continue;
    const target = path.join(folder, name);
    try {
      if (Date.now() - statSync(target).mtimeMs >= age) rmSync(target, { recursive: true, force: true });
    } catch {
      // Somebody else was faster.
    }
  }
}
