import { Command, CommanderError } from 'commander';
import type { Act, Register } from './command.js';
import { Context } from './context.js';
import type { Source } from './context.js';
import { CliError, EXIT } from './exit.js';
import type { ExitCode } from './exit.js';
import { failureOf, tellFailure } from './failure.js';
import { Output } from './output/index.js';
import type { Sink } from './output/index.js';
import { Interrupted, watchSignals } from './signals.js';
import type { SignalSource } from './signals.js';
import { version } from './version.js';

export interface CliOptions {
  /** Without node and the script. */
  readonly argv: readonly string[];
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** Asked for a yes only where it is a terminal. @default process.stdin */
  readonly stdin?: Source;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly commands: readonly Register[];
  readonly signals: SignalSource;
  /** Aborted from outside when nobody reads stdout any more. */
  readonly controller?: AbortController;
  /** Called at the second Ctrl-C. */
  readonly exitAtOnce: (code: ExitCode) => void;
  /** Rejects when something was thrown that nobody caught. */
  readonly fatal?: Promise<never>;
}

/** Runs one command line to its end, with everything closed; gives back the exit code. Never throws. */
export async function runCli(options: CliOptions): Promise<ExitCode> {
  const { argv, stdout, stderr, env, cwd, signals, controller = new AbortController() } = options;
  // Asked before anything is parsed: a command line that cannot be parsed still answers in JSON.
  const words = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  const output = new Output({ stdout, stderr, env, json: words.includes('--json'), quiet: words.includes('--quiet') });
  const unwatch = watchSignals(signals, controller, {
    first: () => { output.warn('interrupted: closing (press Ctrl-C again to stop at once)'); },
    atOnce: () => { options.exitAtOnce(EXIT.interrupted); },
  });

  let context: Context | undefined;
  let code: ExitCode | undefined;
  const act: Act = (action) => async (...args) => {
    const configPath = program.opts<{ config?: string }>().config;
    context = new Context({ output, stdin: options.stdin ?? process.stdin, signal: controller.signal, cwd, env, configPath });
    code = await action(context, ...args);
  };
  const help = { text: '' };
  const program = buildProgram(options, output, help);
  for (const register of options.commands) register(program, act);

  try {
    await Promise.race([program.parseAsync(argv, { from: 'user' }), ...(options.fatal === undefined ? [] : [options.fatal])]);
    code ??= controller.signal.reason instanceof Interrupted ? EXIT.interrupted : EXIT.done;
  } catch (error) {
    code = codeOf(error, output, controller.signal, env);
  }
  if (help.text !== '') output.printJson({ help: help.text });
  for (const error of (await context?.close()) ?? []) {
    tellFailure(failureOf(error), output, env);
    if (code === EXIT.done) code = EXIT.failed;
  }
  unwatch();
  return code;
}

/** The program with its global options; commander itself neither ends the process nor prints errors. */
function buildProgram({ stdout, stderr }: CliOptions, output: Output, help: { text: string }): Command {
  return new Command('syncline')
    .description('Keeps the contacts of marketing platforms equal to those of a CRM, with a fate for every row.')
    .version(version(), '-V, --version', 'print the version')
    .option('-c, --config <file>', 'configuration file (default: SYNCLINE_CONFIG, else syncline.yaml)')
    .option('--json', 'one JSON document on stdout, nothing else there')
    .option('--quiet', 'no progress')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => {
        if (output.json) help.text += text;
        else stdout.write(text);
      },
      writeErr: (text) => { stderr.write(text); },
      outputError: () => undefined,
    })
    .exitOverride();
}

function codeOf(error: unknown, output: Output, signal: AbortSignal, env: CliOptions['env']): ExitCode {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.done;
    // Without a command commander has printed the help already.
    const message = error.code === 'commander.help' ? 'a command is missing' : error.message.replace(/^error: /, '');
    tellFailure(failureOf(new CliError(message, EXIT.misused, 'syncline --help lists the commands')), output, env);
    return EXIT.misused;
  }
  if (signal.aborted) {
    const interrupted = signal.reason instanceof Interrupted;
    const closing = error === signal.reason || (error instanceof Error && error.name === 'AbortError');
    if (!closing || interrupted) {
      const told = closing ? new CliError('interrupted', EXIT.interrupted) : error;
      tellFailure({ ...failureOf(told), exit: EXIT.interrupted }, output, env);
    }
    return interrupted ? EXIT.interrupted : EXIT.done;
  }
  const failure = failureOf(error);
  tellFailure(failure, output, env);
  return failure.exit;
}
