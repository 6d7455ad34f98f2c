/** One call as it arrived and what it got. Holds counts only, never contacts. */
export interface Call {
  /** Milliseconds since 1970, from a monotonic clock. */
  readonly at: number;
  readonly method: string;
  readonly route: string;
  /** Contacts in the call; 0 where it carries none. */
  rows: number;
  /** The HTTP status; null while there is none, or when the connection was cut. */
  status: number | null;
  /** A fault that replaced or spoilt the answer: `cut`, `hang`, `drip`. */
  fault?: string;
  /** Whether what it carried was stored. */
  committed: boolean;
}

export interface CallStats {
  readonly calls: number;
  readonly bulkCalls: number;
  /** Status (or `cut`, `hang`, `unanswered`) → calls. */
  readonly byStatus: Readonly<Record<string, number>>;
  /** Calls refused for the rate limit (429). */
  readonly refused: number;
  /** Rows of committed bulk calls. */
  readonly rowsCommitted: number;
  /** Most arrivals, refused ones included, in any sliding window of `windowMs`. */
  readonly maxInWindow: number;
  readonly windowMs: number;
  readonly log: readonly Call[];
}

/** The log keeps this many calls; older ones are dropped, so that a long demo stays flat. */
const KEPT = 200_000;

export interface CallLog {
  begin(method: string, route: string): Call;
  stats(windowMs: number): CallStats;
  reset(): void;
}

/** An empty log. */
export function createCallLog(): CallLog {
  let log: Call[] = [];
  return {
    begin(method, route) {
      const call: Call = {
        at: performance.timeOrigin + performance.now(),
        method,
        route,
        rows: 0,
        status: null,
        committed: false,
      };
      if (log.length >= KEPT) log = log.slice(KEPT / 2);
      log.push(call);
      return call;
    },
    stats(windowMs) {
      const byStatus: Record<string, number> = {};
      let rowsCommitted = 0;
      let bulkCalls = 0;
      for (const call of log) {
        const name = call.fault === 'drip' || call.fault === undefined ? String(call.status ?? 'unanswered') : call.fault;
        byStatus[name] = (byStatus[name] ?? 0) + 1;
        if (call.rows > 0 || call.route.endsWith('/bulk')) bulkCalls += 1;
        if (call.committed) rowsCommitted += call.rows;
      }
      return {
        calls: log.length,
        bulkCalls,
        byStatus,
        refused: byStatus['429'] ?? 0,
        rowsCommitted,
        maxInWindow: mostWithin(log, windowMs),
        windowMs,
        log,
      };
    },
    reset() {
      log = [];
    },
  };
}

function mostWithin(log: readonly Call[], windowMs: number): number {
  let most = 0;
  let start = 0;
  for (let end = 0; end < log.length; end++) {
    const arrival = log[end]?.at ?? 0;
    while (arrival - (log[start]?.at ?? 0) >= windowMs) start += 1;
    most = Math.max(most, end - start + 1);
  }
  return most;
}
