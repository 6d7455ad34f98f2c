import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { RuntimeError } from './errors.js';

const here = fileURLToPath(import.meta.url);
const code = new Map<boolean, Promise<string>>();

/**
 * How failures are written into histories: the SDK loads it by its path, in workers and clients and into the bundle.
 * @param encoded their messages as payloads, for a codec to encrypt
 */
export const failureConverterPath = (encoded: boolean): string =>
  path.resolve(path.dirname(realpathSync(here)), '..', '..', 'workflows', encoded ? 'encoded-failure-converter.cjs' : 'failure-converter.cjs');

/**
 * The workflows as one script. Compiled, that is the file the build made; from TypeScript (tests), where such a
 * file may be absent or older than the sources, they are bundled once a process, which takes about two seconds.
 * @param encoded failures are written as payloads, for a codec to encrypt
 * @throws RuntimeError where there is neither
 */
export function workflowBundle(encoded = false): Promise<{ code: string }> {
  const known = code.get(encoded) ?? (here.endsWith('.ts') ? bundleSources(encoded) : readBuilt(encoded));
  code.set(encoded, known);
  return known.then((text) => ({ code: text }));
}

async function readBuilt(encoded: boolean): Promise<string> {
  const file = path.resolve(path.dirname(realpathSync(here)), '..', '..', encoded ? 'workflows.encoded.bundle.js' : 'workflows.bundle.js');
  if (!existsSync(file)) throw new RuntimeError('failed', `the workflows are not built: ${file} is missing`, 'npm run build');
  return readFileSync(file, 'utf8');
}

async function bundleSources(encoded: boolean): Promise<string> {
  const entry = path.resolve(path.dirname(here), '..', '..', 'workflows', 'index.ts');
  if (!existsSync(entry)) throw new RuntimeError('failed', `there are no workflows: ${entry} is missing`);
  const { bundleWorkflowCode } = await import('@temporalio/worker');
  (await import('./sdk.js')).installSdk();
  const quiet = (): undefined => undefined;
  const logger = { log: quiet, trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet };
  return (await bundleWorkflowCode({ workflowsPath: entry, failureConverterPath: failureConverterPath(encoded), logger })).code;
}
