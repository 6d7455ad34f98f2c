import type { ConsentCode } from '../../src/destinations/index.js';

/** One wish for one contact, as the model holds it. */
export interface Intent {
  readonly value: string;
  readonly consent: ConsentCode;
  readonly version: number;
  readonly sync: number;
  readonly run: number;
  readonly priority: number;
  /** Of a waiting opt-out: it was sent beside another version, and waits for that one's end. */
  readonly crossed?: boolean;
}

export interface Book {
  extracted: number;
  unchanged: number;
  stillRejected: number;
  queued: number;
  delivered: number;
  rejected: number;
  overtaken: number;
}

type Wanted = Pick<Intent, 'value' | 'consent' | 'version'> & { readonly key: string };
const same = (a: Pick<Intent, 'value' | 'consent'> | undefined, b: Pick<Intent, 'value' | 'consent'>): boolean =>
  a !== undefined && a.value === b.value && a.consent === b.consent;

/** The rules of the ledger in plain words, one contact at a time. */
export class Model {
  readonly waiting = new Map<string, Intent>();
  readonly flying = new Map<string, Intent & { readonly batch: number }>();
  /** Opt-outs that went while another version was under way. */
  readonly crossing = new Map<string, Intent & { readonly batch: number }>();
  readonly delivered = new Map<string, Intent>();
  /** Delivered contacts of which a later version was in a call nobody answered. */
  readonly unsure = new Set<string>();
  /** Open rejections by `sync key`. */
  readonly rejected = new Map<string, Intent & { readonly owned: boolean }>();
  readonly books = new Map<number, Book>();
  /** What the platform holds. */
  readonly platform = new Map<string, Intent>();

  book(run: number): Book {
    const known = this.books.get(run) ?? { extracted: 0, unchanged: 0, stillRejected: 0, queued: 0, delivered: 0, rejected: 0, overtaken: 0 };
    this.books.set(run, known);
    return known;
  }

  /** The newest version under way. */
  private underWay(key: string): (Intent & { readonly batch: number }) | undefined {
    return this.crossing.get(key) ?? this.flying.get(key);
  }

  /** Whether what waits for a contact may leave. */
  mayLeave(key: string): boolean {
    const wait = this.waiting.get(key);
    if (wait === undefined || this.crossing.has(key)) return false;
    return !this.flying.has(key) || (wait.priority === 0 && wait.crossed !== true);
  }

  private take(key: string, batch: number): { readonly row: Intent; readonly crossed: boolean } {
    const crossed = this.crossing.get(key)?.batch === batch;
    const map = crossed ? this.crossing : this.flying;
    const row = map.get(key) as Intent;
    map.delete(key);
    return { row, crossed };
  }

  private owner(key: string): number | undefined {
    return (this.waiting.get(key) ?? this.underWay(key) ?? this.delivered.get(key))?.sync;
  }

  stage(run: number, sync: number, priority: number, resend: boolean, rows: readonly Wanted[]): void {
    for (const row of rows) this.stageOne(run, sync, priority, resend, row);
  }

  private stageOne(run: number, sync: number, priority: number, resend: boolean, row: Wanted): void {
    const { key, version } = row;
    const book = this.book(run);
    const wait = this.waiting.get(key);
    const fly = this.underWay(key);
    const held = this.delivered.get(key);
    const sure = this.unsure.has(key) ? undefined : held;
    const refusal = `${sync} ${key}`;
    const refused = this.rejected.get(refusal);
    book.extracted += 1;
    const owner = this.owner(key);
    if (owner !== undefined && owner !== sync) {
      if (refused?.owned === true && same(refused, row)) {
        book.unchanged += 1;
        book.stillRejected += 1;
      } else {
        book.queued += 1;
        book.rejected += 1;
        this.rejected.set(refusal, { ...row, sync, run, priority, owned: true });
      }
      return;
    }
    const overtaken = (): void => {
      book.queued += 1;
      book.overtaken += 1;
    };
    const unchanged = (): void => {
      book.unchanged += 1;
      this.rejected.delete(refusal);
    };
    if (resend) {
      if ((wait && version < wait.version && !same(wait, row)) || (fly && version < fly.version && !same(fly, row))) { overtaken(); return; }
    } else if (wait) {
      if (same(wait, row)) { unchanged(); return; }
      if (version < wait.version) { overtaken(); return; }
      if (same(fly ?? sure, row) && wait.crossed !== true) {
        this.book(wait.run).overtaken += 1;
        this.waiting.delete(key);
        unchanged();
        return;
      }
    } else if (fly) {
      if (same(fly, row)) { unchanged(); return; }
      if (version < fly.version) { overtaken(); return; }
    } else if (same(sure, row)) {
      unchanged();
      return;
    } else if (refused?.owned !== true && same(refused, row)) {
      // What only belonged to another sync may be free by now: it is sent.
      book.unchanged += 1;
      book.stillRejected += 1;
      return;
    } else if (version < Math.max(held?.version ?? 0, refused?.version ?? 0)) {
      overtaken();
      return;
    }
    const falls = (fly ?? held)?.consent === 2 && row.consent < 2;
    book.queued += 1;
    if (wait) this.book(wait.run).overtaken += 1;
    this.rejected.delete(refusal);
    const forced = resend ? Math.max(version, wait?.version ?? 0, fly?.version ?? 0, held?.version ?? 0, refused?.version ?? 0) : version;
    this.waiting.set(key, { value: row.value, consent: row.consent, version: forced, sync, run, priority: Math.min(falls || (wait?.consent === 2 && row.consent < 2) ? 0 : priority, wait?.priority ?? 9), crossed: wait?.crossed === true && !falls });
  }

  claim(batch: number, keys: readonly string[]): void {
    for (const key of keys) {
      (this.flying.has(key) ? this.crossing : this.flying).set(key, { ...(this.waiting.get(key) as Intent), batch });
      this.waiting.delete(key);
    }
  }

  settle(batch: number, keys: readonly string[], failed: ReadonlySet<string>): void {
    for (const key of keys) {
      const { row, crossed } = this.take(key, batch);
      if (crossed && !failed.has(key)) {
        // Which of the two arrived last nobody knows: once more.
        this.wait(key, { ...row, crossed: true });
      } else if (failed.has(key)) {
        this.book(row.run).rejected += 1;
        this.rejected.set(`${row.sync} ${key}`, { ...row, owned: false });
      } else {
        this.book(row.run).delivered += 1;
        this.rejected.delete(`${row.sync} ${key}`);
        this.delivered.set(key, row);
        this.unsure.delete(key);
      }
    }
  }

  /** @param unknown nobody knows whether they arrived */
  giveBack(batch: number, keys: readonly string[], unknown: boolean): void {
    for (const key of keys) {
      if (unknown && this.delivered.has(key)) this.unsure.add(key);
      this.wait(key, { ...this.take(key, batch).row, crossed: false });
    }
  }

  /** A row goes back to the queue, where nothing newer waits. */
  private wait(key: string, row: Intent): void {
    const newer = this.waiting.get(key);
    if (newer || this.crossing.has(key)) this.book(row.run).overtaken += 1;
    if (!newer && this.crossing.has(key)) return;
    this.waiting.set(key, newer ? { ...newer, priority: Math.min(newer.priority, row.priority) } : row);
  }

  retry(run: number, sync: number): void {
    for (const [name, row] of [...this.rejected]) {
      const key = name.slice(name.indexOf(' ') + 1);
      const owner = this.owner(key);
      if (row.sync !== sync || (owner !== undefined && owner !== sync)) continue;
      this.rejected.delete(name);
      const book = this.book(run);
      book.extracted += 1;
      book.queued += 1;
      const newer = this.waiting.has(key) || Math.max(this.flying.get(key)?.version ?? 0, this.crossing.get(key)?.version ?? 0, this.delivered.get(key)?.version ?? 0) > row.version;
      if (newer) book.overtaken += 1;
      else this.waiting.set(key, { value: row.value, consent: row.consent, version: row.version, sync, run, priority: 2 });
    }
  }

  /** The platform took these rows of a call, whether we learn of it or not. */
  apply(batch: number, keys: readonly string[]): void {
    for (const key of keys) {
      const crossing = this.crossing.get(key);
      this.platform.set(key, crossing?.batch === batch ? crossing : (this.flying.get(key) as Intent));
    }
  }
}
