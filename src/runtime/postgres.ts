import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { RuntimeError, words } from './errors.js';
import { askPostgres } from './postgres-client.js';
import { findPostgres, postgresIdentity, type Identity, type PostgresBinaries } from './postgres-binaries.js';
import { choosePort, isFree } from './ports.js';
import { findProcesses, identify, isAlive, logSince, signalProcess, startServer, stopProcess, waitForExit, type ProcessId } from './processes.js';
import { removeLeftovers, type PartRecord, type Places } from './state.js';

const run = promisify(execFile);
const USER = 'syncline';
const DATABASE = 'syncline';

/**
 * Durability stays on (fsync, synchronous_commit: the defaults). Room for bulk work; the log holds no statement
 * and no detail, because both would show contacts.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1', unix_socket_directories: '', max_connections: '200',
  shared_buffers: '256MB', work_mem: '32MB', maintenance_work_mem: '128MB',
  max_wal_size: '4GB', min_wal_size: '256MB', checkpoint_timeout: '15min', wal_compression: 'off',
  jit: 'off', random_page_cost: '1.1', timezone: 'UTC', log_timezone: 'UTC',
  log_min_error_statement: 'panic', log_error_verbosity: 'terse', log_checkpoints: 'off',
};

/** How long a start may take in milliseconds: crash recovery of a large ledger is the slow case. */
const START_LIMIT = 120_000;

/** Where the embedded server is reached. Reads the password the first start wrote. */
export function postgresUrl(places: Places, port: number, database = DATABASE): string {
  return `postgresql://${USER}:${password(places)}@127.0.0.1:${port}/${database}`;
}

function password(places: Places): string {
  try {
    return readFileSync(places.postgresPassword, 'utf8').trim();
  } catch {
    throw new RuntimeError('failed', `the password of the embedded Postgres is missing: ${places.postgresPassword}`,
      `put the file back, or remove ${places.postgres} to begin with an empty ledger`);
  }
}

/** Whether the server answers with our password within ten seconds; the database is made where it is missing. */
export async function postgresHealthy(places: Places, record: PartRecord): Promise<boolean> {
  for (const end = Date.now() + 10_000; Date.now() < end && isAlive(record); await delay(50)) {
    if ((await probe(places, record.port)) === 'ready') return true;
  }
  return false;
}

/**
 * Starts the server on its data folder, which is made the first time. `spawned` is called at once with what must
 * be remembered. `preferred` ports are tried in order, then any free one.
 * @throws RuntimeError with the end of its log
 */
export async function startPostgres(places: Places, preferred: readonly (number | undefined)[], spawned: (record: PartRecord) => void): Promise<PartRecord> {
  const binaries = await findPostgres(path.join(places.root, 'lib'));
  const identity = await postgresIdentity([binaries.postgres, places.root]);
  if (!existsSync(places.postgres)) await initialise(places, binaries, identity);
  const adopted = await clearTheWay(places);
  if (adopted !== null && (await postgresHealthy(places, adopted))) return adopted;
  if (adopted !== null) await stopPostgres(adopted);

  let log = '';
  let port = await choosePort(preferred);
  for (const end = Date.now() + START_LIMIT; Date.now() < end;) {
    const args = ['-D', places.postgres, '-p', String(port), ...Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
    const [command = '', ...rest] = [...identity.prefix, binaries.postgres, ...args];
    const { id, logFrom } = startServer({ command, args: rest, cwd: places.root, log: places.postgresLog, env: binaries.env, uid: identity.uid, gid: identity.gid });
    if (id !== null) {
      const record = { ...id, port };
      spawned(record);
      for (; isAlive(id) && Date.now() < end; await delay(25)) if ((await probe(places, port)) === 'ready') return record;
      await stopPostgres(record);
    }
    log = logSince(places.postgresLog, logFrom, 1_500).trim();
    // The backends of a killed server hold its shared memory a moment longer; somebody else may have taken the port.
    const portFree = await isFree(port);
    if (portFree && !/shared memory block|lock file|could not bind/.test(log)) break;
    if (!portFree) port = await choosePort(preferred);
    await delay(100);
  }
  throw new RuntimeError('failed', `the embedded Postgres did not start: ${log || 'it wrote nothing'}`, `its log is ${places.postgresLog}`);
}

/** Asks for a fast shutdown (clients are cut, a checkpoint is written), insists after fifteen seconds. */
export async function stopPostgres(record: ProcessId): Promise<void> {
  signalProcess(record, 'SIGINT');
  if (await waitForExit(record, 15_000)) return;
  await stopProcess(record, 'SIGQUIT', 5_000);
}

async function initialise(places: Places, binaries: PostgresBinaries, identity: Identity): Promise<void> {
  removeLeftovers(places.root, 'postgres.new-');
  // Made aside and renamed, so that a kill in between leaves no half a cluster.
  const draft = mkdtempSync(path.join(places.root, 'postgres.new-'));
  const data = path.join(draft, 'data');
  const secret = randomBytes(24).toString('base64url');
  const secretFile = path.join(draft, 'password');
  mkdirSync(data, { mode: 0o700 });
  writeFileSync(secretFile, secret, { mode: 0o600 });
  const owner = ownerOf(identity);
  if (owner !== null) for (const file of [draft, data, secretFile]) chownSync(file, owner.uid, owner.gid);
  const [command = '', ...args] = [...identity.prefix, binaries.initdb, '-D', data, '-U', USER, '-A', 'scram-sha-256', `--pwfile=${secretFile}`,
    '-E', 'UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  try {
    await run(command, args, { uid: identity.uid, gid: identity.gid, cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC', ...binaries.env } });
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    const said = (error as { stderr?: string }).stderr?.trim().slice(-800);
    throw new RuntimeError('failed', `the embedded Postgres could not make its data folder: ${said || words(error)}`,
      'see that the disk has room, or name a server: database: {url: …}');
  }
  writeFileSync(places.postgresPassword, secret, { mode: 0o600 });
  renameSync(data, places.postgres);
  rmSync(draft, { recursive: true, force: true });
}

function ownerOf(identity: Identity): { uid: number; gid: number } | null {
  const number = (flag: string): number | undefined => {
    const given = identity.prefix.find((part) => part.startsWith(flag));
    return given === undefined ? undefined : Number(given.slice(flag.length));
  };
  const uid = identity.uid ?? number('--reuid=');
  const gid = identity.gid ?? number('--regid=');
  return uid === undefined || gid === undefined ? null : { uid, gid };
}

/**
 * Looks at what an earlier server left. One that is still running is returned; backends that outlived their killed
 * server are ended (it will recover from its log anyway); and a postmaster.pid that names a process which is not a
 * Postgres of ours is made to name us, which Postgres takes for stale: its other lines guard the shared memory.
 */
async function clearTheWay(places: Places): Promise<PartRecord | null> {
  const file = path.join(places.postgres, 'postmaster.pid');
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const id = identify(Number(lines[0] ?? 0));
  const home = realpathSync(places.postgres);
  const here = findProcesses((candidate) => candidate.cwd === home && /postgres/.test(candidate.command[0] ?? ''));
  if (id !== null && (here.some((process) => process.pid === id.pid) || process.platform !== 'linux')) return { ...id, port: Number(lines[3]) };
  for (const backend of here) await stopProcess(backend, 'SIGKILL', 2_000);
  if (id !== null) writeFileSync(file, [String(process.pid), ...lines.slice(1)].join('\n'));
  return null;
}

async function probe(places: Places, port: number): Promise<'ready' | 'not yet'> {
  const answer = await askPostgres(postgresUrl(places, port), 'SELECT 1', 2_000);
  if (answer.code === '3D000') {
    const made = await askPostgres(postgresUrl(places, port, 'postgres'), `CREATE DATABASE ${DATABASE}`, 10_000);
    return made.ok || made.code === '42P04' ? 'ready' : 'not yet';
  }
  return answer.ok ? 'ready' : 'not yet';
}
