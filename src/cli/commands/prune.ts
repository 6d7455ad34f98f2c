import { Option } from 'commander';
import { durationOf } from '../arguments.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { formatNumber } from '../output/index.js';
import { openLedger } from '../session.js';

interface Options {
  readonly olderThan: string;
  readonly dryRun?: boolean;
}

const DAY_MS = 86_400_000;

/** `prune`: removes the details of old runs from the ledger. */
export const register: Register = (program, act) => {
  program
    .command('prune')
    .description('remove the details of runs that ended long ago: their rows as sent, pages, calls, resolved rejections; the runs and their counts stay')
    .addOption(new Option('--older-than <duration>', 'since they ended; at least 1d').default('90d'))
    .addOption(new Option('--dry-run', 'only say what would go'))
    .addHelpText('after', examples('prune --dry-run', 'prune --older-than 365d'))
    .action(act((context, options: Options) => prune(context, options)));
};

async function prune(context: Context, { olderThan, dryRun }: Options): Promise<ExitCode> {
  const ms = await durationOf(olderThan, '--older-than');
  if (ms < DAY_MS) throw new CliError('--older-than: expected at least 1d', EXIT.misused, 'younger runs are still looked at: by retries, by what a refused call is held against');
  const { pool } = await openLedger(context);
  const { output, signal } = context;
  const { prunable, prune: remove } = await import('../../ledger/index.js');
  const there = await prunable(pool, ms);
  if (dryRun === true) {
    output.printJson({ dryRun: true, olderThan, runs: there.runs, sentRows: there.sentRows });
    output.print(there.runs === 0 && there.sentRows === 0 ? `nothing to remove: no run ended more than ${olderThan} ago` : `${formatNumber(there.runs)} runs would lose their details; ${formatNumber(there.sentRows)} rows as sent would go, less those that destinations hold now, with those replaced since their run was pruned`);
    return EXIT.done;
  }
  if (there.runs > 0) output.progress(`removing the details of ${formatNumber(there.runs)} runs; it may be interrupted and run again`);
  let toldAt = performance.now();
  const gone = await remove(pool, ms, signal, (done, of) => {
    if (performance.now() - toldAt < 1_000) return;
    toldAt = performance.now();
    output.progress(`${formatNumber(done)} of ${formatNumber(of)} runs`);
  });
  output.printJson({ dryRun: false, olderThan, ...gone, interrupted: signal.aborted });
  const { runs, sentRows, calls, pages, overtaken, rejections, notes } = gone;
  output.print(`removed of ${formatNumber(runs)} runs: ${formatNumber(sentRows)} rows as sent, ${formatNumber(calls)} calls, ${formatNumber(pages)} pages, ${formatNumber(overtaken)} overtaken rows, ${formatNumber(rejections)} resolved rejections, ${formatNumber(notes)} notes
Postgres uses the room again by itself; only VACUUM FULL gives it back to the system`);
  return EXIT.done;
}
