import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { words } from './errors.js';
import { withLock } from './lock.js';
import { ensurePart, stopParts, type Part } from './parts.js';
import { isAlive, self } from './processes.js';
import { dropDeadUsers, makeRoot, readState, writeState, type PartName, type PartRecord, type Places, type State } from './state.js';

/** Milliseconds between two looks at the embedded parts. */
const WATCH_EVERY = 300;

/** This process's share in the embedded parts. */
export interface Share {
  readonly parts: { readonly [name in PartName]?: PartRecord };
  /** Stops watching and leaves; the last one out stops the parts. */
  leave(): Promise<void>;
}

/** Joins the users of the embedded parts, starting those of `wanted` that do not run, and keeps them running. */
export async function joinParts(places: Places, wanted: readonly Part[], report: (line: string) => void): Promise<Share> {
  makeRoot(places);
  const id = randomUUID();
  const locked = <T>(work: (state: State) => Promise<T>): Promise<T> =>
    withLock(places.lock, async () => {
      const state = readState(places);
      dropDeadUsers(state);
      return work(state);
    }, (pid) => report(`waiting for another command (process ${pid}) that starts or stops the embedded services`));

  const ensure = async (state: State): Promise<void> => {
    const results = await Promise.allSettled(wanted.map((part) => ensurePart(part, state, () => writeState(places, state), report)));
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  };
  const leaveUnderLock = async (state: State): Promise<void> => {
    state.users = state.users.filter((user) => user.id !== id);
    if (state.users.length === 0) {
      await stopParts(state.parts);
      state.parts = {};
    }
    if (existsSync(places.root)) writeState(places, state);
  };

  let parts = await locked(async (state) => {
    state.users.push({ ...self(), id });
    writeState(places, state);
    try {
      await ensure(state);
    } catch (error) {
      await leaveUnderLock(state);
      throw error;
    }
    return { ...state.parts };
  });

  let leaving = false;
  let restarting: Promise<void> | null = null;
  let retryAt = 0;
  const restart = async (): Promise<void> => {
    try {
      await locked(async (state) => {
        if (leaving || !existsSync(places.state)) return;
        await ensure(state);
        writeState(places, state);
        parts = { ...state.parts };
      });
    } catch (error) {
      report(`${words(error)}; trying again in five seconds`);
      retryAt = Date.now() + 5_000;
    }
  };
  const timer = setInterval(() => {
    if (leaving || restarting !== null || Date.now() < retryAt) return;
    const gone = wanted.filter((part) => {
      const record = parts[part.name];
      return record === undefined || !isAlive(record);
    });
    if (gone.length === 0) return;
    restarting = restart().finally(() => (restarting = null));
  }, WATCH_EVERY);
  timer.unref();

  let left: Promise<void> | null = null;
  return {
    get parts() {
      return parts;
    },
    leave: () => (left ??= (async () => {
      leaving = true;
      clearInterval(timer);
      await restarting;
      if (!existsSync(places.root)) return stopParts(parts);
      await locked(leaveUnderLock);
    })()),
  };
}

/**
 * Stops embedded parts that nobody uses any more: what a killed command left. Returns whether the folder is free
 * of users (and so of parts).
 */
export async function stopOrphans(places: Places): Promise<boolean> {
  if (!existsSync(places.state)) return true;
  return withLock(places.lock, async () => {
    const state = readState(places);
    dropDeadUsers(state);
    if (state.users.length > 0) return false;
    await stopParts(state.parts);
    writeState(places, { ...state, parts: {} });
    return true;
  });
}
