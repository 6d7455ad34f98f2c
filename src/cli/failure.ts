import type { Mistake } from '../config/index.js';
import { CliError, ERROR_CODE, EXIT } from './exit.js';
import type { ExitCode } from './exit.js';
import type { Output } from './output/index.js';

/** What ended a command, for its exit code and its last words. */
export interface Failure {
  readonly exit: ExitCode;
  readonly message: string;
  readonly hint?: string;
  readonly mistakes?: readonly Mistake[];
  readonly stack?: string;
}

/** Sorts anything thrown. Errors of lazily loaded parts are known by their names, so that they stay lazily loaded. */
export function failureOf(error: unknown): Failure {
  const message = wordsOf(error);
  if (!(error instanceof Error)) return { exit: EXIT.failed, message };
  const { stack } = error;
  if (error instanceof CliError) return { exit: error.exit, message, hint: error.hint, stack };
  if (error.name === 'ConfigError' && 'mistakes' in error) {
    return { exit: EXIT.misused, message: error.message, mistakes: error.mistakes as readonly Mistake[], stack };
  }
  const hint = 'hint' in error && typeof error.hint === 'string' ? error.hint : undefined;
  if (error.name === 'RuntimeError' && 'fault' in error) return { exit: exitOfFault(error.fault), message, hint, stack };
  if (error.name === 'SourceError' && 'kind' in error) return { exit: exitOfFault(error.kind), message, hint, stack };
  return { exit: EXIT.failed, message, hint, stack };
}

function exitOfFault(fault: unknown): ExitCode {
  if (fault === 'unreachable') return EXIT.unreached;
  return fault === 'misconfigured' ? EXIT.misused : EXIT.failed;
}

/** Tells a person on stderr and, with `--json`, a program on stdout. */
export function tellFailure(failure: Failure, output: Output, env: Readonly<Record<string, string | undefined>>): void {
  const { exit, message, hint, mistakes, stack } = failure;
  output.error(mistakes === undefined ? message : `the configuration has ${count(mistakes.length)}:\n${message}`, hint);
  if (env['SYNCLINE_DEBUG'] === '1' && stack !== undefined) output.stderr.write(`${stack}\n`);
  if (output.documentPrinted) return;
  output.printJson({
    error: { message, code: mistakes === undefined ? ERROR_CODE[exit] : 'configuration', ...(hint === undefined ? {} : { hint }), ...(mistakes === undefined ? {} : { mistakes }) },
  });
}

function count(mistakes: number): string {
  return mistakes === 1 ? 'a mistake' : `${String(mistakes)} mistakes`;
}

/** The message of anything thrown, on one line. A refused connection is an AggregateError without words of its own. */
function wordsOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '' && error.errors.length > 0) return wordsOf(error.errors[0]);
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s+/g, ' ').trim();
}
