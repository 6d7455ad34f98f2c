import { Option } from 'commander';
import type { VerificationDocument } from '../../ledger/index.js';
import { count } from '../arguments.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { syncOf } from '../names.js';
import { openLedger } from '../session.js';
import { verificationsView } from '../views/index.js';

const DEFAULT_LIMIT = 20;

/** A verdict of the history. */
interface Verdict extends VerificationDocument {
  readonly sync: string;
  /** The run it closed; null: somebody asked for it. */
  readonly run: string | null;
}

/** `verifications`: the verdicts of a sync, newest first. */
export const register: Register = (program, act) => {
  program
    .command('verifications <sync>')
    .description('the verdicts of a sync, newest first')
    .addOption(new Option('--limit <n>', 'at most so many').argParser(count).default(DEFAULT_LIMIT))
    .addHelpText('after', examples('verifications crm-newsletter', 'verifications crm-newsletter --limit 1 --json'))
    .action(act((context, sync: string, { limit }: { readonly limit: number }) => list(context, sync, limit)));
};

async function list(context: Context, sync: string, limit: number): Promise<ExitCode> {
  const { output } = context;
  const { pool, config } = await openLedger(context);
  const { lastVerifications } = await import('../../verification/index.js');
  const verifications = (await lastVerifications(pool, sync, limit)).map(({ run, document }): Verdict => ({ sync, run, ...document }));
  // A sync that left the configuration still has its verdicts.
  if (verifications.length === 0) await syncOf(config, sync);
  output.printJson({ verifications });
  output.print(verificationsView(sync, verifications, output.colors));
  return EXIT.done;
}
