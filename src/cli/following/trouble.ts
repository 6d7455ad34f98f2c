/** How long a needed service may be away before a command gives up on it. Milliseconds. */
export const GIVE_UP_MS = 60_000;

const NETWORK = /^(ECONN|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EPIPE|EAI_AGAIN|ENOENT)/;
/** 08: connection; 57P0x: shutting down, starting up; 53300: too many connections. */
const SERVER = /^(08|57P0|53300|25P0)/;

/** Whether an error of the ledger says that Postgres is away, not that the question was wrong. */
export function isConnectionTrouble(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isConnectionTrouble);
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return NETWORK.test(code) || SERVER.test(code) || /connection (terminated|timeout|ended)|timeout exceeded when trying to connect|cannot use a pool|not queryable/i.test(error.message);
}

/** Keeps an eye on one service: since when it has been away. */
export class Watch {
  #since: number | undefined;
  #told = false;

  constructor(
    private readonly service: string,
    private readonly tell: (line: string) => void,
  ) {}

  /** It answered. */
  well(): void {
    if (this.#told) this.tell(`${this.service} answers again`);
    this.#since = undefined;
    this.#told = false;
  }

  /** It did not answer; gives back for how many milliseconds that has been so. Says so once. */
  ill(now = performance.now()): number {
    this.#since ??= now;
    if (!this.#told) this.tell(`${this.service} does not answer: waiting for it (the rows wait, too)`);
    this.#told = true;
    return now - this.#since;
  }

  /** Milliseconds it has been away; 0: it answers. */
  awayMs(now = performance.now()): number {
    return this.#since === undefined ? 0 : now - this.#since;
  }
}
