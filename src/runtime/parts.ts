import { isAlive } from './processes.js';
import { postgresHealthy, startPostgres, stopPostgres } from './postgres.js';
import type { PartName, PartRecord, Places, State } from './state.js';
import { startTemporal, stopTemporal, temporalHealthy } from './temporal.js';

/** The usual ports of the embedded parts. */
export const USUAL_PORTS = { postgres: 5433, temporal: 7233, ui: 8233 } as const;

/** An embedded server, as sharing and supervision see it. */
export interface Part {
  readonly name: PartName;
  readonly title: string;
  healthy(record: PartRecord): Promise<boolean>;
  /** Notes the new process by `spawned` before waiting for it to answer. */
  start(state: State, spawned: (record: PartRecord) => void): Promise<PartRecord>;
  stop(record: PartRecord): Promise<void>;
}


export function postgresPart(places: Places): Part {
  return {
    name: 'postgres',
    title: 'Postgres',
    healthy: (record) => postgresHealthy(places, record),
    start: (state, spawned) => startPostgres(places, [state.ports.postgres, USUAL_PORTS.postgres], spawned),
    stop: stopPostgres,
  };
}

export function temporalPart(places: Places, namespace: string, executable: () => Promise<string>): Part {
  return {
    name: 'temporal',
    title: 'Temporal',
    healthy: temporalHealthy,
    start: async (state, spawned) => startTemporal({
      places, namespace, executable: await executable(), spawned,
      ports: [state.ports.temporal, USUAL_PORTS.temporal], uiPorts: [state.ports.ui, USUAL_PORTS.ui],
    }),
    stop: stopTemporal,
  };
}

/** Takes over the part that runs, or starts it. Call under the lock; `save` writes the state. */
export async function ensurePart(part: Part, state: State, save: () => void, report: (line: string) => void): Promise<PartRecord> {
  const known = state.parts[part.name];
  if (known !== undefined) {
    if (isAlive(known) && (await part.healthy(known))) return known;
    if (isAlive(known)) report(`${part.title} does not answer: replacing it`);
    await part.stop(known);
  }
  report(`starting ${part.title}…`);
  const note = (record: PartRecord): void => {
    state.parts[part.name] = record;
    state.ports[part.name] = record.port;
    if (record.uiPort !== undefined) state.ports.ui = record.uiPort;
    save();
  };
  try {
    const record = await part.start(state, note);
    note(record);
    return record;
  } catch (error) {
    delete state.parts[part.name];
    save();
    throw error;
  }
}

/** Stops what runs, both at once. Call under the lock. */
export async function stopParts(parts: State['parts']): Promise<void> {
  await Promise.all([
    parts.temporal === undefined ? undefined : stopTemporal(parts.temporal),
    parts.postgres === undefined ? undefined : stopPostgres(parts.postgres),
  ]);
}
