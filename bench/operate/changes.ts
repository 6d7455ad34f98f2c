import { setTimeout as sleep } from 'node:timers/promises';
import { seconds } from '../duration.js';
import { arrived, moveContacts, type Change } from './crm.js';
import type { Place } from './place.js';

/** Contacts that change before each scheduled run. */
const CONTACTS = 20;
/** So long before a run is due they change: its source must have seen their commit. Milliseconds. */
const BEFORE_MS = 1_000;
/** So long after a kill a run counts as touched by it. Milliseconds. */
const SHADOW_MS = 15_000;

/** How long the changes of one scheduled run took. */
export interface Delay {
  /** When the run was due, milliseconds since 1970. */
  readonly dueAt: number;
  /** Milliseconds from then until the platform held all of them. */
  readonly ms: number;
}

/** Changes contacts before each run of a schedule that is due every `everyMs`, as Temporal counts it: from 1970. */
export class Changes {
  readonly delays: Delay[] = [];
  /** When the runs were due whose changes have not arrived. */
  private readonly open = new Set<number>();
  private count = 0;
  private playing: Promise<void> | undefined;
  private ended = false;

  /** @param contacts how many there are; none is changed twice before all were */
  constructor(
    private readonly place: Place,
    private readonly everyMs: number,
    private readonly contacts: number,
  ) {}

  /** Whether a change has not arrived whose run was due by `at`. */
  awaits(at: number): boolean {
    return [...this.open].some((dueAt) => dueAt <= at);
  }

  start(): void {
    this.playing = this.play();
    // Told by `end`.
    this.playing.catch(() => undefined);
  }

  /** Changes nothing more; resolves when what was changed has arrived. @throws Error where it does not within `limitMs` */
  async end(limitMs: number): Promise<void> {
    this.ended = true;
    await this.playing;
    await this.place.until('every change has arrived', limitMs, () => !this.awaits(Infinity));
  }

  private async play(): Promise<void> {
    for (;;) {
      const dueAt = Math.ceil((Date.now() + BEFORE_MS) / this.everyMs) * this.everyMs;
      await sleep(dueAt - BEFORE_MS - Date.now(), undefined, { signal: this.place.signal });
      if (this.ended) return;
      const change = await moveContacts(this.place.crm, this.next(), `Moved ${this.count}`);
      this.open.add(dueAt);
      void this.watch(change, dueAt);
    }
  }

  /** Spread over all contacts, so that some are still to be loaded and some are there. */
  private next(): string[] {
    const step = Math.max(1, Math.floor(this.contacts / CONTACTS));
    this.count += 1;
    return Array.from({ length: Math.min(CONTACTS, this.contacts) }, (_, i) => `c${1 + ((i * step + this.count * 7) % this.contacts)}`);
  }

  private async watch(change: Change, dueAt: number): Promise<void> {
    while (!arrived(this.place.sandbox, change)) {
      if (this.place.signal.aborted) return;
      await sleep(50);
    }
    this.open.delete(dueAt);
    this.delays.push({ dueAt, ms: Math.max(0, Date.now() - dueAt) });
  }
}

/** Sorts delays by whether one of the kills fell shortly before the run was due, or while it was under way. */
export function byKills(delays: readonly Delay[], kills: readonly number[]): { readonly apart: readonly Delay[]; readonly touched: readonly Delay[] } {
  const isTouched = ({ dueAt, ms }: Delay): boolean => kills.some((at) => at >= dueAt - SHADOW_MS && at <= dueAt + ms);
  return { apart: delays.filter((delay) => !isTouched(delay)), touched: delays.filter(isTouched) };
}

/** The delay below which a share of them is, in milliseconds; null where there is none. */
export function percentile(delays: readonly Delay[], share: number): number | null {
  const sorted = delays.map(({ ms }) => ms).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? null;
}

/** Median, 95th percentile and the longest. */
export function delayWords(delays: readonly Delay[]): string {
  const at = (share: number): string => seconds(percentile(delays, share) ?? 0);
  return delays.length === 0 ? 'none' : `p50 ${at(0.5)}, p95 ${at(0.95)}, worst ${at(1)} of ${delays.length}`;
}
