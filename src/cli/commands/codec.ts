import { once } from 'node:events';
import { Option } from 'commander';
import { port } from '../arguments.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';

interface Options {
  readonly port: number;
  readonly host: string;
  readonly origin: string;
}

/** `codec`: lets Temporal's Web UI show what is encrypted. */
export const register: Register = (program, act) => {
  program
    .command('codec')
    .description('decrypt for Temporal\'s Web UI, until Ctrl-C; whoever reaches its port can read what Temporal holds')
    .addOption(new Option('--port <port>', 'where to listen; 0 takes a free one').argParser(port).default(8235))
    .addOption(new Option('--host <address>', 'address to listen on').default('127.0.0.1'))
    .addOption(new Option('--origin <url>', 'the Web UI\'s address, as the browser has it').default('http://localhost:8233'))
    .addHelpText('after', examples('codec', 'codec --origin https://cloud.temporal.io'))
    .action(act((context, options: Options) => serve(context, options)));
};

async function serve(context: Context, { port: wanted, host, origin }: Options): Promise<ExitCode> {
  const { output, signal } = context;
  const { temporal } = await context.config();
  if (temporal.encryptionKey === undefined && temporal.encryptionKeys === undefined) {
    throw new CliError('there is no temporal.encryptionKey: nothing is encrypted', EXIT.misused, 'Temporal\'s Web UI shows everything as it is');
  }
  const { serveCodec } = await import('../../hosting/index.js');
  const served = await serveCodec({ at: { port: wanted, host }, origin: new URL(origin).origin, keys: temporal }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') throw new CliError(`port ${String(wanted)} is taken`, EXIT.failed, 'name another with --port, or 0 for a free one');
    throw error;
  });
  context.onClose(() => served.close());
  output.printJson({ url: served.url, origin });
  output.print(`${served.url} decrypts for ${origin}: give it to the Web UI as its codec server (the glasses in the upper right corner)`);
  if (!signal.aborted) await once(signal, 'abort');
  return EXIT.done;
}
