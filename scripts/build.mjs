// Compiles to dist/, copies what is not TypeScript beside it, and bundles the workflows. Does only what changed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const dist = path.join(root, 'dist');
const folders = ['src', 'workflows', 'activities', 'bench', path.join('test', 'chaos')];
const assets = ['.sql', '.cjs'];
const failureConverters = ['failure-converter.cjs', 'encoded-failure-converter.cjs'].map((name) => path.join(root, 'workflows', name));
const require = createRequire(import.meta.url);

function say(line) {
  process.stderr.write(`build: ${line}\n`);
}

function* filesIn(folder) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* filesIn(file);
    else yield file;
  }
}

/** Changes with any file that has a say in what tsc makes. */
function sourcesHash() {
  const hash = createHash('sha256').update(process.version);
  const files = folders.flatMap((folder) => [...filesIn(path.join(root, folder))]).filter((file) => file.endsWith('.ts')).sort();
  for (const file of ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'].map((name) => path.join(root, name))) if (existsSync(file)) files.push(file);
  for (const file of files) hash.update(`\0${path.relative(root, file)}\0`).update(readFileSync(file));
  return hash.digest('hex');
}

/** Returns false where there is nothing to build from. */
function compile() {
  const key = sourcesHash();
  const keyFile = path.join(dist, '.sources.sha256');
  if (existsSync(keyFile) && readFileSync(keyFile, 'utf8') === key) return true;
  let tsc;
  try {
    tsc = require.resolve('typescript/bin/tsc');
  } catch {
    // An installation without development dependencies brings dist/ with it.
    if (existsSync(path.join(dist, 'src', 'cli', 'main.js'))) return false;
    say('TypeScript is not installed: npm ci (with development dependencies)');
    process.exit(1);
  }
  const done = spawnSync(process.execPath, [tsc, '-p', path.join(root, 'tsconfig.build.json')], { cwd: root, stdio: ['ignore', 2, 2] });
  if (done.status !== 0) process.exit(done.status ?? 1);
  writeFileSync(keyFile, key);
  return true;
}

/** Output whose source is gone would still be loaded, or run as a migration. */
function removeOrphans() {
  for (const folder of folders) {
    for (const file of filesIn(path.join(dist, folder))) {
      const source = path.join(root, path.relative(dist, file));
      const typescript = source.replace(/\.js(\.map)?$/, '.ts');
      if (!existsSync(source) && !existsSync(typescript)) rmSync(file);
    }
  }
}

function copyAssets() {
  for (const file of [...filesIn(path.join(root, 'src')), ...filesIn(path.join(root, 'workflows'))]) {
    if (!assets.includes(path.extname(file))) continue;
    const target = path.join(dist, path.relative(root, file));
    if (existsSync(target) && readFileSync(target).equals(readFileSync(file))) continue;
    mkdirSync(path.dirname(target), { recursive: true });
    copyFileSync(file, target);
  }
}

/** The workflow files and everything of ours they import, however far. */
function workflowFiles() {
  const seen = new Set();
  const queue = [...filesIn(path.join(root, 'workflows'))].filter((file) => file.endsWith('.ts'));
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const [, specifier] of readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g)) {
      const target = path.resolve(path.dirname(file), specifier).replace(/\.js$/, '.ts');
      if (existsSync(target) && statSync(target).isFile()) queue.push(target);
    }
  }
  return [...seen].sort();
}

async function bundle() {
  const entry = path.join(root, 'workflows', 'index.ts');
  if (!existsSync(entry)) {
    say('there is no workflows/index.ts: no bundle');
    return;
  }
  const hash = createHash('sha256').update(require('@temporalio/worker/package.json').version).update(readFileSync(fileURLToPath(import.meta.url)));
  for (const file of [...workflowFiles(), ...failureConverters]) hash.update(`\0${path.relative(root, file)}\0`).update(readFileSync(file));
  const key = hash.digest('hex');
  const [plain, encoded] = failureConverters;
  const bundles = [
    { target: path.join(dist, 'workflows.bundle.js'), failureConverterPath: plain },
    // Where what Temporal stores is encrypted, the messages of failures are too.
    { target: path.join(dist, 'workflows.encoded.bundle.js'), failureConverterPath: encoded },
  ];
  const keyFile = path.join(dist, '.workflows.sha256');
  if (bundles.every(({ target }) => existsSync(target)) && existsSync(keyFile) && readFileSync(keyFile, 'utf8') === key) return;

  const { bundleWorkflowCode } = await import('@temporalio/worker');
  const quiet = () => undefined;
  const errors = [];
  const logger = { log: quiet, trace: quiet, debug: quiet, info: quiet, warn: quiet, error: (message) => errors.push(message) };
  try {
    for (const { target, failureConverterPath } of bundles) {
      const { code } = await bundleWorkflowCode({ workflowsPath: entry, failureConverterPath, logger });
      // In one step: a worker that starts meanwhile reads the old one or the new one.
      writeFileSync(`${target}.${process.pid}`, code);
      renameSync(`${target}.${process.pid}`, target);
    }
    writeFileSync(keyFile, key);
  } catch (error) {
    for (const line of errors) say(line);
    throw error;
  }
}

if (compile()) {
  removeOrphans();
  copyAssets();
  const bin = path.join(dist, 'src', 'cli', 'main.js');
  if (existsSync(bin)) chmodSync(bin, 0o755);
  await bundle();
}
