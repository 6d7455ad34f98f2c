import type { AuditDocument } from '../../ledger/index.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { unknownRun } from '../names.js';
import { formatNumber } from '../output/index.js';
import type { Colors } from '../output/index.js';
import { openLedger } from '../session.js';

/** `audit`: counts every row of every run where it lies, and prints both sides of its books. */
export const register: Register = (program, act) => {
  program
    .command('audit [run]')
    .description('check that every row of every run is accounted for, and print both sides')
    .addHelpText('after', examples('audit', 'audit 01JX3V5W1D8Q7K2M4N6P8R0S2T --json'))
    .action(act((context, run: string | undefined) => check(context, run)));
};

async function check(context: Context, run: string | undefined): Promise<ExitCode> {
  const { output } = context;
  const { pool } = await openLedger(context);
  const { audit } = await import('../../ledger/index.js');
  const document = await audit(pool, run ?? null);
  if (run !== undefined && document.runs.length === 0) throw unknownRun(run);
  output.printJson(document);
  output.print(viewOf(document, output.colors));
  if (document.balanced) return EXIT.done;
  output.error('the books of at least one run do not balance', 'run syncline audit again when nothing is under way; if it stays so, keep the database and report it');
  return EXIT.failed;
}

function viewOf({ balanced, runs }: AuditDocument, colors: Colors): string {
  if (runs.length === 0) return 'no runs yet: nothing to account for';
  const blocks = runs.map(({ run, sync, counts, pruned, balanced: even, faults }) => {
    const side = (names: readonly (keyof typeof counts)[]): string => names.map((name) => `${wordsOf(name)} ${formatNumber(counts[name])}`).join(' + ');
    return [
      `${colors.bold(run)}  ${sync}  ${even ? colors.green('balanced') : colors.red('not balanced')}${pruned ? ' (its rows were pruned: the sums of its counts)' : ''}`,
      `  extracted ${formatNumber(counts.extracted)} = ${side(['invalid', 'filtered', 'unchanged', 'superseded', 'suppressed', 'queued'])}`,
      `  queued ${formatNumber(counts.queued)} = ${side(['delivered', 'rejected', 'overtaken', 'waiting', 'inFlight'])}`,
      ...faults.map((fault) => colors.red(`  ${fault}`)),
    ].join('\n');
  });
  return [...blocks, balanced ? colors.green(`balanced: ${formatNumber(runs.length)} ${runs.length === 1 ? 'run' : 'runs'}`) : colors.red('not balanced')].join('\n\n');
}

const wordsOf = (name: string): string => (name === 'inFlight' ? 'in flight' : name);
