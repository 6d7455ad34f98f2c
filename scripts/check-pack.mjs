// Packs the project, installs the tarball into an empty folder without development dependencies, and walks a new user's
// first steps there. Takes a minute or two: npm run check:pack
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const folder = mkdtempSync(path.join(tmpdir(), 'syncline-pack-'));
const home = path.join(folder, 'home');
const env = { ...process.env, TEMPORAL_ADDRESS: '', SYNCLINE_CONFIG: '', NODE_ENV: 'production', npm_config_fund: 'false', npm_config_audit: 'false' };
const children = [];
/** Milliseconds a scheduled run may begin after it was due. */
const LATE_MS = 2_000;

function say(line) {
  process.stdout.write(`check-pack: ${line}\n`);
}

function npm(args, cwd) {
  return execFileSync('npm', args, { cwd, env: { ...env, NODE_ENV: '' }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

/**
 * Runs a command of the installed package.
 * @param next the command it has to name as the next one
 * @returns its standard output; throws on another exit code than `code`
 */
function syncline(args, { code = 0, next } = {}) {
  const began = Date.now();
  const { status, stdout, stderr, error } = spawnSync(path.join(home, 'node_modules', '.bin', 'syncline'), args, { cwd: home, env, encoding: 'utf8' });
  if (error !== undefined) throw error;
  const line = `syncline ${args.join(' ')}`;
  if (status !== code) throw new Error(`${line}: exit code ${String(status)}, not ${String(code)}\n${stdout}${stderr}`);
  if (next !== undefined) named(line, next, stdout + stderr);
  say(`${line}: ${String(code)}, ${String(Date.now() - began)} ms${next === undefined ? '' : `; next: ${next}`}`);
  return stdout;
}

function named(line, next, said) {
  if (!said.includes(`syncline ${next}`)) throw new Error(`${line} does not name the next step, syncline ${next}:\n${said}`);
}

/** Starts one that stays up; resolves when it has named `next` as the next step. */
async function start(args, next) {
  const child = spawn(path.join(home, 'node_modules', '.bin', 'syncline'), args, { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  const line = `syncline ${args.join(' ')}`;
  const began = Date.now();
  let said = '';
  await new Promise((resolve, reject) => {
    const hear = (chunk) => {
      said += chunk;
      if (/^next: syncline .*\n/m.test(said)) resolve();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('exit', (status) => reject(new Error(`${line} ended with ${String(status)}\n${said}`)));
  });
  named(line, next, said);
  say(`${line}: up, ${String(Date.now() - began)} ms; next: ${next}`);
}

/** Waits until three scheduled runs in a row have ended, and holds each against the time it was due. */
async function threeScheduledRuns(sync, everyMs) {
  for (const end = Date.now() + 10 * everyMs + 20_000; ; await delay(500)) {
    const scheduled = JSON.parse(execFileSync(path.join(home, 'node_modules', '.bin', 'syncline'), ['runs', sync, '--json'], { cwd: home, env, encoding: 'utf8' })).runs
      .map(({ workflowId, status, startedAt }) => ({ status, startedAt: Date.parse(startedAt), due: Date.parse(/\/scheduled-(.+)$/.exec(workflowId)?.[1] ?? '') }))
      .filter(({ due, status }) => !Number.isNaN(due) && status === 'completed').sort((one, other) => one.due - other.due);
    if (scheduled.length >= 3) {
      const [first, , third] = scheduled;
      const late = scheduled.slice(0, 3).map(({ startedAt, due }) => startedAt - due);
      if (third.due - first.due !== 2 * everyMs) throw new Error(`three scheduled runs should be ${String(everyMs)} ms apart: ${JSON.stringify(scheduled)}`);
      // An embedded Temporal has a second's resolution, and so has the work of a busy machine.
      if (late.some((ms) => ms > LATE_MS)) throw new Error(`scheduled runs began ${late.join(', ')} ms late`);
      say(`three scheduled runs, every ${String(everyMs)} ms: begun ${late.join(', ')} ms after they were due`);
      return;
    }
    if (Date.now() > end) throw new Error(`only ${String(scheduled.length)} of three scheduled runs ended`);
  }
}

async function stop(child) {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  await ended;
}

async function leaveNothing() {
  for (const child of children.reverse()) await stop(child);
  rmSync(folder, { recursive: true, force: true });
}

// Interrupted, it leaves nothing either.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => { void leaveNothing().finally(() => process.exit(130)); });

function freePort() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function sizeOf(place) {
  const found = statSync(place);
  if (!found.isDirectory()) return found.size;
  return readdirSync(place).reduce((sum, name) => sum + sizeOf(path.join(place, name)), 0);
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

try {
  const [packed] = JSON.parse(npm(['pack', '--json', '--pack-destination', folder], root).replace(/^[^[]*/s, ''));
  say(`${packed.filename}: ${String(packed.entryCount)} files, ${megabytes(packed.size)} packed, ${megabytes(packed.unpackedSize)} unpacked`);
  const strays = packed.files.map((file) => file.path).filter((file) => /^(?:dist\/(?:test|bench)|src|test|node_modules|\.)|\.tsbuildinfo$/.test(file));
  if (strays.length > 0) throw new Error(`the package holds what no user needs: ${strays.slice(0, 5).join(', ')}`);

  mkdirSync(home);
  writeFileSync(path.join(home, 'package.json'), '{"private": true}\n');
  let began = Date.now();
  npm(['install', '--omit=dev', '--no-package-lock', path.join(folder, packed.filename)], home);
  say(`installed in ${String(Math.round((Date.now() - began) / 1000))} s: ${megabytes(sizeOf(path.join(home, 'node_modules', 'syncline')))} of its own`);

  began = Date.now();
  const port = String(await freePort());
  env.SANDBOX_URL = `http://127.0.0.1:${port}`;
  syncline(['--version']);
  syncline(['completion', 'bash']);
  syncline(['init', '--yes'], { next: 'doctor' });
  syncline(['validate']);
  // Nothing is up yet.
  syncline(['doctor'], { code: 5, next: 'sandbox' });
  await start(['sandbox', '--port', port], 'dev');
  await start(['dev'], 'run contacts-newsletter');
  syncline(['doctor'], { next: 'run contacts-newsletter' });
  syncline(['run', 'contacts-newsletter'], { next: 'verify contacts-newsletter' });
  const { runs } = JSON.parse(syncline(['runs', '--json']));
  if (runs.length !== 1 || runs[0].counts.delivered !== 12) throw new Error(`12 contacts should be delivered in one run: ${JSON.stringify(runs)}`);
  syncline(['verify', 'contacts-newsletter'], { next: 'schedule apply' });
  const config = path.join(home, 'syncline.yaml');
  const written = readFileSync(config, 'utf8');
  const hurried = written.replace('{every: 1m}', '{every: 5s}');
  if (hurried === written) throw new Error('init --yes wrote no schedule: {every: 1m}');
  writeFileSync(config, hurried);
  syncline(['schedule', 'apply'], { next: 'schedule list' });
  await threeScheduledRuns('contacts-newsletter', 5_000);
  syncline(['schedule', 'list']);
  syncline(['verify', 'contacts-newsletter']);
  syncline(['audit']);
  say(`the first steps took ${String(Math.round((Date.now() - began) / 1000))} s: all is well`);
} finally {
  await leaveNothing();
}
