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
  /** Milliseconds since 1970 when its answer left or its connection ended; null while it is open. */
  endedAt: number | null;
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
  /** Least milliseconds between the arrivals of two bulk calls, refused ones included; null with fewer than two. */
  readonly minGapMs: number | null;
  /** Most bulk calls that were open at once. */
  readonly maxOpen: number;
  readonly log: readonly Call[];
}

/** The log keeps this many calls; older ones are dropped, so that a long demo stays flat. */
const KEPT = 200_000;

export interface CallLog {
  begin(method: string, route: string): Call;
  /** Notes that a call's answer left or its connection ended; the first time counts. */
  end(call: Call): void;
  stats(windowMs: number): CallStats;
  reset(): void;
}

const clock = (): number => performance.timeOrigin + performance.now();

/** An empty log. @param bulkRoute the platform's bulk route, without its prefix */
export function createCallLog(bulkRoute: string): CallLog {
  let log: Call[] = [];
  return {
    begin(method, route) {
      const call: Call = {
        at: clock(),
        method,
        route,
        rows: 0,
        status: null,
        committed: false,
        endedAt: null,
      };
      if (log.length >= KEPT) log = log.slice(KEPT / 2);
      log.push(call);
      return call;
    },
    end(call) {
      call.endedAt ??= clock();
    },
    stats(windowMs) {
      const byStatus: Record<string, number> = {};
      let rowsCommitted = 0;
      const bulk = log.filter((call) => call.method === 'POST' && call.route === bulkRoute);
      for (const call of log) {
        const name = call.fault === 'drip' || call.fault === undefined ? String(call.status ?? 'unanswered') : call.fault;
        byStatus[name] = (byStatus[name] ?? 0) + 1;
        if (call.committed) rowsCommitted += call.rows;
      }
      return {
        calls: log.length,
        bulkCalls: bulk.length,
        byStatus,
        refused: byStatus['429'] ?? 0,
        rowsCommitted,
        maxInWindow: mostWithin(log, windowMs),
        windowMs,
        minGapMs: leastGap(bulk),
        maxOpen: mostOpen(bulk),
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

function leastGap(calls: readonly Call[]): number | null {
  let least: number | null = null;
  for (let i = 1; i < calls.length; i++) least = Math.min(least ?? Infinity, (calls[i]?.at ?? 0) - (calls[i - 1]?.at ?? 0));
  return least;
}

function mostOpen(calls: readonly Call[]): number {
  const ends = calls.map((call) => call.endedAt ?? Infinity).sort((a, b) => a - b);
  let most = 0;
  let ended = 0;
  calls.forEach((call, begun) => {
    while ((ends[ended] ?? Infinity) <= call.at) ended += 1;
    most = Math.max(most, begun + 1 - ended);
  });
  return most;
}
