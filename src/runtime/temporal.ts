import { setTimeout as delay } from 'node:timers/promises';
import { RuntimeError } from './errors.js';
import { choosePort, isFree } from './ports.js';
import { findProcesses, isAlive, logSince, startServer, stopProcess, type ProcessId } from './processes.js';
import { SEARCH_ATTRIBUTES } from './search-attributes.js';
import type { PartRecord, Places } from './state.js';

/**
 * What the development server is told beyond its defaults. Its timers otherwise fire up to a second late
 * (measured: a 100 ms timer takes 1.03 s; with this 0.18 s). One partition a task queue: a lone worker polls one
 * place. The limits are far above what one machine does, so that they never throttle it.
 */
const DYNAMIC_CONFIG: readonly string[] = [
  'history.timerProcessorMaxTimeShift="20ms"',
  'matching.numTaskqueueReadPartitions=1',
  'matching.numTaskqueueWritePartitions=1',
  'frontend.namespaceRPS=20000',
  'frontend.namespaceRPS.visibility=500',
  'frontend.persistenceMaxQPS=20000',
  'history.persistenceMaxQPS=20000',
  'matching.persistenceMaxQPS=20000',
];

/** How long a start may take, in milliseconds. */
const START_LIMIT = 60_000;

/** Whether the server answers within ten seconds. */
export async function temporalHealthy(record: PartRecord): Promise<boolean> {
  for (const end = Date.now() + 10_000; Date.now() < end && isAlive(record); await delay(50)) {
    if (await answers(record.port)) return true;
  }
  return false;
}

export interface StartTemporal {
  readonly places: Places;
  readonly executable: string;
  readonly namespace: string;
  /** Tried in order, then any free one. */
  readonly ports: readonly (number | undefined)[];
  readonly uiPorts: readonly (number | undefined)[];
  /** Called at once with what must be remembered. */
  readonly spawned: (record: PartRecord) => void;
}

/**
 * Starts a development server on its database file.
 * @throws RuntimeError with the end of its log
 */
export async function startTemporal(options: StartTemporal): Promise<PartRecord> {
  const { places } = options;
  // One that was started by a process killed before it could note the pid; two on one file would be wrong.
  for (const lost of findProcesses((process) => process.command.includes(places.temporal) && process.command.includes('start-dev'))) await stopTemporal(lost);
  let log = '';
  let port = await choosePort(options.ports);
  let uiPort = await choosePort(options.uiPorts, [port]);
  for (const end = Date.now() + START_LIMIT; Date.now() < end;) {
    const { id, logFrom, failed } = startServer({
      command: options.executable, args: serverArguments(places.temporal, options.namespace, port, uiPort), cwd: places.root, log: places.temporalLog,
    });
    if (id !== null) {
      const record = { ...id, port, uiPort };
      options.spawned(record);
      for (; isAlive(id) && Date.now() < end; await delay(25)) {
        // Printed once it listens: without it, what answers at the port might be somebody else's server.
        if (/Temporal Server:/.test(logSince(places.temporalLog, logFrom)) && (await answers(port))) return record;
      }
      await stopTemporal(record);
    }
    log = id === null ? (await failed).message : logSince(places.temporalLog, logFrom);
    const [portFree, uiPortFree] = await Promise.all([isFree(port), isFree(uiPort)]);
    // Its inner services take random ports, which may collide too: then the same ports of ours will do.
    if (portFree && uiPortFree && !/address already in use/i.test(log)) break;
    if (!portFree) port = await choosePort(options.ports);
    if (!uiPortFree) uiPort = await choosePort(options.uiPorts, [port]);
    await delay(100);
  }
  throw new RuntimeError('failed', `the Temporal development server did not start: ${gist(log) || 'it wrote nothing'}`, `its log is ${places.temporalLog}`);
}

/** The last lines that say something: a crash of a Go program ends with a long stack. */
function gist(log: string): string {
  const said = log.split('\n').filter((line) => line.trim() !== '' && !/^(?:\t|goroutine |\S+\(.*\)$)/.test(line));
  return said.slice(-6).join('\n').slice(-1_500);
}

function serverArguments(file: string, namespace: string, port: number, uiPort: number): string[] {
  return [
    'server', 'start-dev', '--db-filename', file, '--ip', '127.0.0.1', '--port', String(port), '--ui-port', String(uiPort),
    '--log-level', 'error', '--namespace', namespace,
    // A write-ahead log without a sync at each commit: a killed server loses nothing, a power cut the last moments,
    // and Temporal's state may be lost altogether without losing a contact.
    '--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL',
    ...DYNAMIC_CONFIG.flatMap((value) => ['--dynamic-config-value', value]),
    ...Object.entries(SEARCH_ATTRIBUTES).flatMap(([name, type]) => ['--search-attribute', `${name}=${type}`]),
  ];
}

/** Asks it to end, insists after five seconds. */
export async function stopTemporal(record: ProcessId): Promise<void> {
  await stopProcess(record, 'SIGTERM', 5_000);
}

async function answers(port: number): Promise<boolean> {
  try {
    const { openConnection } = await import('./connect.js');
    const connection = await openConnection({ address: `127.0.0.1:${port}` }, 2_000);
    await connection.close();
    return true;
  } catch {
    return false;
  }
}
