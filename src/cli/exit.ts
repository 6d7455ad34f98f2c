/** The exit codes scripts hold on to. */
export const EXIT = {
  done: 0,
  /** Failed, cancelled, or the lane is blocked or out of quota. */
  failed: 1,
  /** Wrong use or configuration. */
  misused: 2,
  /** Done, with rejected or invalid rows. */
  rejects: 3,
  /** A verification failed. */
  unverified: 4,
  /** A needed service was not reached. */
  unreached: 5,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The `code` of the JSON document an unsuccessful command prints. */
export const ERROR_CODE = {
  [EXIT.done]: 'none',
  [EXIT.failed]: 'failed',
  [EXIT.misused]: 'misused',
  [EXIT.rejects]: 'rejects',
  [EXIT.unverified]: 'unverified',
  [EXIT.unreached]: 'unreached',
  [EXIT.interrupted]: 'interrupted',
} as const satisfies Record<ExitCode, string>;

/** Ends a command with words for a person and an exit code. Its message holds no secret and no contact's data. */
export class CliError extends Error {
  override readonly name = 'CliError';
  constructor(
    message: string,
    readonly exit: ExitCode = EXIT.failed,
    /** The way out, in words. */
    readonly hint?: string,
  ) {
    super(message);
  }
}
