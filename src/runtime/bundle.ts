import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { RuntimeError } from './errors.js';

const here = fileURLToPath(import.meta.url);
let code: Promise<string> | undefined;

/** What keeps stack traces out of histories: the SDK loads it by its path, in workers and into the bundle. */
export const failureConverterPath = (): string => path.resolve(path.dirname(realpathSync(here)), '..', '..', 'workflows', 'failure-converter.cjs');

/**
 * The workflows as one script. Compiled, that is the file the build made; from TypeScript (tests), where such a
 * file may be absent or older than the sources, they are bundled once a process, which takes about two seconds.
 * @throws RuntimeError where there is neither
 */
export function workflowBundle(): Promise<{ code: string }> {
  code ??= here.endsWith('.ts') ? bundleSources() : readBuilt();
  return code.then((text) => ({ code: text }));
}

async function readBuilt(): Promise<string> {
  const file = path.resolve(path.dirname(realpathSync(here)), '..', '..', 'workflows.bundle.js');
  if (!existsSync(file)) throw new RuntimeError('failed', `the workflows are not built: ${file} is missing`, 'npm run build');
  return readFileSync(file, 'utf8');
}

async function bundleSources(): Promise<string> {
  const entry = path.resolve(path.dirname(here), '..', '..', 'workflows', 'index.ts');
  if (!existsSync(entry)) throw new RuntimeError('failed', `there are no workflows: ${entry} is missing`);
  const { bundleWorkflowCode } = await import('@temporalio/worker');
  (await import('./sdk.js')).installSdk();
  const quiet = (): undefined => undefined;
  const logger = { log: quiet, trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet };
  return (await bundleWorkflowCode({ workflowsPath: entry, failureConverterPath: failureConverterPath(), logger })).code;
}
