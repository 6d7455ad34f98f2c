import { Option } from 'commander';
import type { Config } from '../../config/index.js';
import type { Check, DoctorDocument } from '../../doctor/index.js';
import { durationOf } from '../arguments.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { failureOf } from '../failure.js';
import type { Colors } from '../output/index.js';

/** `doctor`: is everything there that a run needs? */
export const register: Register = (program, act) => {
  program
    .command('doctor')
    .description('check Temporal, Postgres, every source and every destination, and say what to do for each that fails; starts, stores and sends nothing')
    .addOption(new Option('--timeout <duration>', 'how long each check may take; they run side by side').default('15s'))
    .addHelpText('after', `${examples('doctor', 'doctor --json', 'doctor --timeout 60s')}

Exit codes: 0 all is well · 1 something is wrong · 2 the configuration has a mistake · 5 nothing is wrong but something was not reached`)
    .action(act((context, { timeout }: { readonly timeout: string }) => doctor(context, timeout)));
};

async function doctor(context: Context, timeout: string): Promise<ExitCode> {
  const { output, env, signal } = context;
  const deadlineMs = await durationOf(timeout, '--timeout');
  const config = await configOf(context);
  const { examine } = await import('../../doctor/index.js');
  const document = await examine({ config, env, deadlineMs, signal });
  output.printJson(document);
  output.print(viewOf(document, output.colors));
  return exitOf(document);
}

/** The configuration; a mistake in it is a failed check, too, for whoever reads the JSON. */
async function configOf(context: Context): Promise<Config> {
  try {
    return await context.config();
  } catch (error) {
    const { mistakes, message } = failureOf(error);
    if (mistakes !== undefined) {
      const checks: readonly Check[] = [{ name: 'configuration', kind: 'configuration', ok: false, message, hint: 'correct it; syncline init writes one where there is none', fault: 'wrong' }];
      context.output.printJson({ ok: false, checks, next: ['syncline validate'], mistakes });
    }
    throw error;
  }
}

function exitOf({ ok, checks }: DoctorDocument): ExitCode {
  if (ok) return EXIT.done;
  return checks.some(({ fault }) => fault === 'wrong') ? EXIT.failed : EXIT.unreached;
}

function viewOf({ checks, next }: DoctorDocument, colors: Colors): string {
  const wide = Math.max(...checks.map(({ kind, name }) => labelOf(kind, name).length));
  const lines = checks.flatMap(({ kind, name, ok, message, hint }) => {
    const mark = ok ? colors.green('✓') : colors.red('✗');
    return [`${mark} ${labelOf(kind, name).padEnd(wide)}  ${message}`, ...(hint === null ? [] : [`  ${' '.repeat(wide)}  ${colors.dim(hint)}`])];
  });
  const bad = checks.filter(({ ok }) => !ok).length;
  const verdict = bad === 0 ? colors.green('All is well.') : colors.red(`${String(bad)} of ${String(checks.length)} checks failed.`);
  return [...lines, '', verdict, ...(next.length === 0 ? [] : ['', next.length === 1 ? 'Next:' : 'Next, each that stays up in a terminal of its own:', ...next.map((command) => `  ${command}`)])].join('\n');
}

/** Sources and destinations have names of the file; the others speak for themselves. */
function labelOf(kind: Check['kind'], name: string): string {
  return kind === 'source' || kind === 'destination' ? `${kind} ${name}` : name;
}
