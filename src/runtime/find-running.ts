import { isAlive } from './processes.js';
import { placesOf, readState } from './state.js';

/** What runs beside a configuration file; parts that do not run are null. */
export interface Running {
  readonly temporal: { readonly pid: number; readonly address: string; readonly uiUrl: string | null } | null;
  readonly postgres: { readonly pid: number; readonly port: number } | null;
  /** Process ids of the commands that use the embedded parts. */
  readonly users: readonly number[];
}

/** Looks without starting, locking or connecting. Null where no embedded part runs. */
export function findRunning(directory: string): Running | null {
  const state = readState(placesOf(directory));
  const temporal = state.parts.temporal;
  const postgres = state.parts.postgres;
  const running: Running = {
    temporal: temporal !== undefined && isAlive(temporal)
      ? { pid: temporal.pid, address: `127.0.0.1:${temporal.port}`, uiUrl: uiUrlOf(temporal.uiPort) }
      : null,
    postgres: postgres !== undefined && isAlive(postgres) ? { pid: postgres.pid, port: postgres.port } : null,
    users: state.users.filter(isAlive).map((user) => user.pid),
  };
  return running.temporal === null && running.postgres === null ? null : running;
}

/** The address of the embedded Web UI. */
export function uiUrlOf(port: number | undefined): string | null {
  return port === undefined ? null : `http://127.0.0.1:${port}`;
}
