import { once } from 'node:events';
import { Option } from 'commander';
import type { Sandbox } from '../../sandbox/index.js';
import { port } from '../arguments.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { tellNext } from '../next.js';

interface Options {
  readonly port?: number;
  readonly faults?: string;
  readonly host: string;
}

/** Taken where nobody names a port and it is free. */
const USUAL_PORT = 8025;

/** `sandbox`: the platforms as local servers. */
export const register: Register = (program, act) => {
  program
    .command('sandbox')
    .description('the platforms as local servers, until Ctrl-C')
    .addOption(new Option('--port <port>', `where to listen; 0 takes a free one (default: ${String(USUAL_PORT)}, or a free one)`).argParser(port))
    .addOption(new Option('--faults <file>', 'faults to switch on (YAML or JSON)'))
    .addOption(new Option('--host <address>', 'address to listen on').default('127.0.0.1'))
    .addHelpText('after', examples('sandbox --port 8025', 'sandbox --faults faults.yaml', 'sandbox --port 0 --json'))
    .action(act((context, options: Options) => serve(context, options)));
};

async function serve(context: Context, options: Options): Promise<ExitCode> {
  const { output, signal } = context;
  const sandbox = await start(context, options);
  context.onClose(() => sandbox.close());
  const platforms = Object.fromEntries(sandbox.platforms.map((name) => [name, { baseUrl: sandbox[name].baseUrl }]));
  output.printJson({ url: sandbox.url, port: sandbox.port, platforms });
  output.print(wordsOf(sandbox));
  tellNext(context, 'dev', 'in another terminal, beside a syncline.yaml; syncline init --yes writes one for this sandbox');
  if (!signal.aborted) await once(signal, 'abort');
  return EXIT.done;
}

async function start({ cwd }: Context, { port: wanted, faults: file, host }: Options): Promise<Sandbox> {
  const { FaultsError, loadFaults, startSandbox } = await import('../../sandbox/index.js');
  const { resolve } = await import('node:path');
  try {
    const faults = file === undefined ? undefined : await loadFaults(resolve(cwd, file));
    const at = (number: number): Promise<Sandbox> => startSandbox({ port: number, host, ...(faults === undefined ? {} : { faults }) });
    if (wanted !== undefined) return await at(wanted);
    return await at(USUAL_PORT).catch((error: unknown) => {
      if (codeOf(error) !== 'EADDRINUSE') throw error;
      return at(0);
    });
  } catch (error) {
    if (error instanceof FaultsError) throw new CliError(error.message, EXIT.misused, 'the faults and their forms are in docs/configuration.md, or: syncline sandbox --help');
    if (codeOf(error) === 'EADDRINUSE') throw new CliError(`port ${String(wanted)} is taken`, EXIT.failed, 'name another with --port, or 0 for a free one');
    if (codeOf(error) === 'EACCES') throw new CliError(`port ${String(wanted)} may not be taken by this user`, EXIT.failed, 'name one above 1023, or 0 for a free one');
    throw error;
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

function wordsOf(sandbox: Sandbox): string {
  const { url, platforms } = sandbox;
  return `sandbox at ${url}: in syncline.yaml

destinations:
${platforms.map((name) => exampleOf(name, sandbox[name])).join('\n')}

A platform's, by its name (without it, ${platforms[0] ?? ''}'s):
what it holds   ${url}/_control/state?platform=NAME
its calls       ${url}/_control/stats?platform=NAME
switch faults   curl -X POST '${url}/_control/faults?platform=NAME' -H 'content-type: application/json' -d '{"NAME": {"latency": 50}}'
Ctrl-C ends it; what it holds is then gone.`;
}

function exampleOf(name: string, { baseUrl, settings }: Sandbox[Sandbox['platforms'][number]]): string {
  const lines = Object.entries({ type: name, baseUrl, ...settings }).map(([key, value]) => `    ${key}: ${value}`);
  return [`  ${name}:`, ...lines].join('\n');
}
