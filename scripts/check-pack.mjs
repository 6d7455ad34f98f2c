// Packs the project, installs the tarball into an empty folder without development dependencies, and walks a new user's
// first steps there. Takes a minute or two: npm run check:pack
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const folder = mkdtempSync(path.join(tmpdir(), 'syncline-pack-'));
const home = path.join(folder, 'home');
const env = { ...process.env, TEMPORAL_ADDRESS: '', SYNCLINE_CONFIG: '', NODE_ENV: 'production', npm_config_fund: 'false', npm_config_audit: 'false' };
const children = [];

function say(line) {
  process.stdout.write(`check-pack: ${line}\n`);
}

function npm(args, cwd) {
  return execFileSync('npm', args, { cwd, env: { ...env, NODE_ENV: '' }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Runs a command of the installed package. @returns what it printed; throws on another exit code than `code` */
function syncline(args, code = 0) {
  const began = Date.now();
  let found = 0;
  let out = '';
  try {
    out = execFileSync(path.join(home, 'node_modules', '.bin', 'syncline'), args, { cwd: home, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    if (typeof error.status !== 'number') throw error;
    found = error.status;
    out = `${error.stdout}${error.stderr}`;
  }
  if (found !== code) throw new Error(`syncline ${args.join(' ')}: exit code ${String(found)}, not ${String(code)}\n${out}`);
  say(`syncline ${args.join(' ')}: ${String(code)}, ${String(Date.now() - began)} ms`);
  return out;
}

/** Starts one that stays up; resolves when it says `ready`. */
function start(args, ready) {
  const child = spawn(path.join(home, 'node_modules', '.bin', 'syncline'), args, { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  return new Promise((resolve, reject) => {
    let said = '';
    const hear = (chunk) => {
      said += chunk;
      if (said.includes(ready)) resolve();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('exit', (status) => reject(new Error(`syncline ${args.join(' ')} ended with ${String(status)}\n${said}`)));
  });
}

async function stop(child) {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  await ended;
}

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
  syncline(['init', '--yes']);
  syncline(['validate']);
  syncline(['doctor'], 5);
  await start(['sandbox', '--port', port], 'sandbox at');
  await start(['dev'], 'ready: ');
  syncline(['doctor']);
  const run = JSON.parse(syncline(['run', 'contacts-newsletter', '--json']));
  if (run.counts.delivered !== 12) throw new Error(`12 contacts should be delivered, not ${String(run.counts.delivered)}`);
  syncline(['verify', 'contacts-newsletter']);
  syncline(['schedule', 'apply']);
  syncline(['audit']);
  say(`the first steps took ${String(Math.round((Date.now() - began) / 1000))} s: all is well`);
} finally {
  for (const child of children.reverse()) await stop(child);
  rmSync(folder, { recursive: true, force: true });
}
