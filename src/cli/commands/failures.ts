import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { count } from '../arguments.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { writeCsv } from '../files/index.js';
import { syncOf } from '../names.js';
import { formatNumber, table } from '../output/index.js';
import { openLedger } from '../session.js';
import { retry, type RetryOptions } from './failures-retry.js';

/** Rejections a person is shown at once. */
const SHOWN = 50;
/** Rejections of one JSON document: more are for the export. */
const DOCUMENT = 100_000;
const PAGE = 5_000;

/** `failures`: rejected and invalid rows; `retry` tries them again, `export` writes them to a file. */
export const register: Register = (program, act) => {
  const failures = program
    .command('failures [sync]')
    .description('the rows that did not make it, and why')
    .usage('[options] SYNC | retry SYNC | export SYNC FILE.csv')
    .addOption(new Option('--limit <n>', `at most so many (default: ${String(SHOWN)}, with --json ${formatNumber(DOCUMENT)})`).argParser(count))
    .option('--reason <reason>', 'only those with this code, or whose reason contains this')
    .addHelpText('after', examples('failures crm-newsletter', 'failures crm-newsletter --reason invalid', 'failures retry crm-newsletter --reason invalid_email', 'failures export crm-newsletter failures.csv'));
  // An option the command has itself is taken by it, wherever it stands.
  failures.action(act((context, sync: string | undefined, options: Listed) => list(context, sync, options)));
  failures
    .command('retry <sync>')
    .description('send rejected rows once more, as a run of their own that is followed')
    .option('--reason <reason>', 'only those with this code, or whose reason contains this')
    .option('--file <file>', 'only the keys of this file: an export (column key), or a text with one a line')
    .option('--detach', "print the run's id and return")
    .addOption(new Option('--timeout <duration>', 'follow it for so long at most (30s, 5m); the retry goes on').conflicts('detach'))
    .addHelpText('after', examples('failures retry crm-newsletter', 'failures retry crm-newsletter --reason "e-mail"', 'failures retry crm-newsletter --file failures.csv'))
    .action(act((context, sync: string, _options: object, command: Command) => retry(context, sync, command.optsWithGlobals<RetryOptions>())));
  failures
    .command('export <sync> <file>')
    .description('write all of them to a CSV file')
    .option('--reason <reason>', 'only those with this code, or whose reason contains this')
    .addHelpText('after', examples('failures export crm-newsletter failures.csv'))
    .action(act((context, sync: string, file: string, _options: object, command: Command) => exportTo(context, sync, file, command.optsWithGlobals<Listed>())));
};

interface Listed {
  readonly limit?: number;
  readonly reason?: string;
}

async function list(context: Context, sync: string | undefined, { limit, reason }: Listed): Promise<ExitCode> {
  const { output } = context;
  const config = await context.config();
  const name = sync ?? onlySync(Object.keys(config.syncs));
  await syncOf(config, name);
  const { pool } = await openLedger(context);
  const { listFailures } = await import('../../ledger/index.js');
  const document = await listFailures(pool, name, limit ?? (output.json ? DOCUMENT : SHOWN), reason ?? null);
  output.printJson(document);
  const { failures, total } = document;
  if (total === 0) {
    output.print(`no open failures in ${name}${reason === undefined ? '' : ' for this reason'}`);
    return EXIT.done;
  }
  const rows = failures.map((failure) => [failure.key ?? failure.place, failure.code, failure.reason, failure.since, failure.attempts, failure.run]);
  output.print(table(['key', 'code', 'reason', 'since', 'attempts', 'run'], rows, { colors: output.colors }));
  output.print(`\n${formatNumber(failures.length)} of ${formatNumber(total)}. Invalid rows are mended in the source and read again by the next run; the others: syncline failures retry ${name}`);
  return EXIT.done;
}

/** Where there is one sync, nobody need name it. */
function onlySync(names: readonly string[]): string {
  const [name] = names;
  if (name !== undefined && names.length === 1) return name;
  throw new CliError('failures: the name of a sync is missing', EXIT.misused, `the syncs are: ${names.join(', ')}`);
}

async function exportTo(context: Context, name: string, file: string, { reason }: Listed): Promise<ExitCode> {
  const { output, cwd, signal } = context;
  await syncOf(await context.config(), name);
  const { pool } = await openLedger(context);
  const { failuresAfter } = await import('../../ledger/index.js');
  async function* rows(): AsyncGenerator<readonly (string | number | null)[]> {
    for (let after = 0; ; ) {
      const page = await failuresAfter(pool, name, after, PAGE, reason ?? null);
      for (const { key, place, code, reason, run, since, attempts } of page) yield [key, place, code, reason, run, since, attempts];
      if (page.length < PAGE) return;
      after = (page[page.length - 1] as { id: number }).id;
    }
  }
  const written = await writeCsv(resolve(cwd, file), ['key', 'place', 'code', 'reason', 'run', 'since', 'attempts'], rows(), signal);
  output.printJson({ file: resolve(cwd, file), rows: written });
  output.print(`${formatNumber(written)} ${written === 1 ? 'row' : 'rows'} written to ${file}`);
  return EXIT.done;
}
