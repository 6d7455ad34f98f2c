import type { Platform } from './platforms/index.js';

/** A bulk call as it came by. */
export interface Seen {
  /** Milliseconds of `performance.now()`. */
  readonly at: number;
  readonly rows: number;
  /** What the platform answered; null where it cut the connection. */
  status: number | null;
  done: boolean;
}

/** What became of one version of a contact at the platform. */
interface Version {
  arrivals: number;
  /** Stored or accepted, or (the connection was cut) stored unless the row was bad. */
  stored: boolean;
}

/** Notes how a call ended; `status` null: it was cut. */
export type Ending = (status: number | null, answer: string) => void;

/** Notes every version of every contact that passes on its way to one platform. */
export class Passage {
  readonly calls: Seen[] = [];
  readonly faults: string[] = [];
  /** `key:rev` → what happened to it. */
  readonly versions = new Map<string, Version>();
  private readonly open = new Map<string, number>();
  private readonly newest = new Map<string, number>();
  private readonly awaited = new Set<string>();

  constructor(private readonly platform: Platform) {}

  /** Milliseconds of `performance.now()` of the first bulk call after `at`. */
  firstAfter(at: number): number | undefined {
    return this.calls.find((call) => call.at > at)?.at;
  }

  /** Accepted batches whose end was told to nobody since the last time. */
  takeUntold(): number {
    const { size } = this.awaited;
    this.awaited.clear();
    return size;
  }

  /** Notes a call; gives back what notes its end. */
  arrived(method: string, path: string, body: string): Ending {
    const rows = this.platform.rows(method, path, body);
    if (rows === undefined) return (status, answer) => { this.told(path, status, answer); };
    const call: Seen = { at: performance.now(), rows: rows.length, status: null, done: false };
    this.calls.push(call);
    for (const { key, rev } of rows) {
      if ((this.open.get(key) ?? 0) > 0) this.faults.push(`contact ${key}: two calls with it are under way at once (rev ${rev})`);
      this.open.set(key, (this.open.get(key) ?? 0) + 1);
      const before = this.newest.get(key) ?? 0;
      if (rev < before) this.faults.push(`contact ${key}: rev ${rev} was sent after rev ${before}`);
      this.newest.set(key, Math.max(rev, before));
      this.version(key, rev).arrivals += 1;
    }
    return (status, answer) => {
      if (call.done) return;
      call.done = true;
      call.status = status;
      const taken = status !== null && status < 300;
      if (taken && this.platform.later !== undefined) this.awaited.add(this.platform.later.accepted(answer));
      const refused = taken ? this.platform.refused(answer, rows) : undefined;
      rows.forEach(({ key, rev }, index) => {
        this.open.set(key, (this.open.get(key) ?? 1) - 1);
        if (status === null || (taken && refused?.has(index) !== true)) this.version(key, rev).stored = true;
      });
    };
  }

  private told(path: string, status: number | null, answer: string): void {
    const ended = status === 200 ? this.platform.later?.ended(path, answer) : undefined;
    if (ended !== undefined) this.awaited.delete(ended);
  }

  private version(key: string, rev: number): Version {
    const name = `${key}:${rev}`;
    let version = this.versions.get(name);
    if (version === undefined) this.versions.set(name, (version = { arrivals: 0, stored: false }));
    return version;
  }
}
