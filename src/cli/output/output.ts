import picocolors from 'picocolors';

/** What is needed of stdout and stderr. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export type Colors = ReturnType<typeof picocolors.createColors>;

/** What takes lines instead of stderr's text. */
export interface LineLog {
  line(level: 'info' | 'warn' | 'error', words: string, fields?: Readonly<Record<string, unknown>>): void;
}

export interface OutputOptions {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** Where a command's words go: results to stdout, everything else to stderr; with `--json` one document alone on stdout. */
export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly stderr: Sink;
  /** Whether stdout is a terminal. */
  readonly terminal: boolean;
  readonly #stdout: Sink;
  /** Colours for stdout; plain where it is no terminal or NO_COLOR is set. */
  readonly colors: Colors;
  /** Colours for stderr. */
  readonly errorColors: Colors;
  #printed = false;
  #log: LineLog | undefined;

  constructor({ stdout, stderr, env, json, quiet }: OutputOptions) {
    this.#stdout = stdout;
    this.terminal = stdout.isTTY === true;
    this.stderr = stderr;
    this.json = json;
    this.quiet = quiet;
    const coloured = (sink: Sink): boolean => sink.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
    this.colors = picocolors.createColors(coloured(stdout));
    this.errorColors = picocolors.createColors(coloured(stderr));
  }

  /** From now on what goes to stderr goes there as lines of this log. */
  logTo(log: LineLog): void {
    this.#log = log;
  }

  /** Whether the JSON document has been printed. */
  get documentPrinted(): boolean {
    return this.#printed;
  }

  /** A command's result for a person, to stdout; nothing with `--json`. */
  print(text: string): void {
    if (!this.json) this.#stdout.write(withNewline(text));
  }

  /**
   * The command's one JSON document; nothing without `--json`.
   * @throws Error when called twice: a reader would find two documents
   */
  printJson(document: unknown): void {
    if (!this.json) return;
    if (this.#printed) throw new Error('A command prints one JSON document.');
    this.#printed = true;
    this.#stdout.write(`${JSON.stringify(document)}\n`);
  }

  /** Something along the way, to stderr; hushed by `--quiet`. */
  progress(text: string): void {
    if (this.#log !== undefined) this.#log.line('info', text);
    else if (!this.quiet) this.stderr.write(withNewline(text));
  }

  /** Something a person should know even with `--quiet`, to stderr. */
  warn(text: string): void {
    if (this.#log !== undefined) this.#log.line('warn', text);
    else this.stderr.write(withNewline(`${this.errorColors.yellow('warning:')} ${text}`));
  }

  /** What went wrong and the way out, to stderr. */
  error(text: string, hint?: string): void {
    if (this.#log !== undefined) {
      this.#log.line('error', text, hint === undefined ? {} : { hint });
      return;
    }
    const { red, dim } = this.errorColors;
    this.stderr.write(withNewline(`${red('error:')} ${text}`));
    if (hint !== undefined) this.stderr.write(withNewline(dim(`  ${hint}`)));
  }
}

function withNewline(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
