import type { Sandbox } from '../../src/sandbox/index.js';
import type { Crm, CrmRow } from './crm.js';
import { inequalities } from './equality.js';
import type { Ledger } from './ledger.js';
import type { OptOuts } from './opt-outs.js';
import type { Passage } from './passage.js';
import type { Pace, Platform } from './platforms/index.js';

/** Faults of one kind listed in full; the rest are counted. */
const SHOWN = 3;

/** What the checks of one platform look at. */
export interface CheckedSide {
  readonly platform: Platform;
  readonly pace: Pace;
  readonly passage: Passage;
  readonly ledger: Ledger;
  readonly sandbox: Sandbox;
  readonly crm: Crm;
  /** Where people opt out at the platform itself. */
  readonly optOuts?: OptOuts;
}

/** Holds the ledger, one platform and the CRM against each other. Every method gives back what is broken, in words. */
export class Checks {
  private settledBatch = 0;
  private seenFaults = 0;
  private seenResent = new Map<string, number>();

  constructor(private readonly side: CheckedSide) {}

  /** At any moment: what the ledger says is delivered, the platform holds (or something newer). */
  async delivered(): Promise<string[]> {
    const held = await this.side.ledger.held();
    const there = this.versionsThere();
    return this.few(held.flatMap(({ key, rev }) => {
      const newest = there.get(key) ?? 0;
      return newest >= rev ? [] : [`contact ${key}: the ledger says rev ${rev} was delivered, the platform holds rev ${newest}`];
    }));
  }

  /**
   * When everything has settled: the platform holds the CRM's rows field by field, and nothing else; whoever is in
   * `bad` holds an older version instead and is rejected.
   */
  async equal(bad: ReadonlyMap<string, CrmRow> = new Map()): Promise<string[]> {
    const { platform, crm, sandbox, ledger, optOuts } = this.side;
    const faults = inequalities(platform, crm, platform.held(sandbox), bad, optOuts);
    optOuts?.settled(bad);
    const rejected = await ledger.rejectedKeys();
    for (const key of bad.keys()) if (!rejected.has(key)) faults.push(`contact ${key} is bad and not rejected`);
    for (const key of rejected) if (!bad.has(key)) faults.push(`contact ${key} is rejected and not bad`);
    const { open, waiting } = await ledger.batchesAfter(this.settledBatch);
    if (open + waiting > 0) faults.push(`${waiting} rows still wait and ${open} calls are unsettled`);
    for (const { key, rev } of await ledger.held()) {
      const expected = bad.get(key) ?? crm.rows.get(key);
      if (expected?.rev !== rev) faults.push(`contact ${key}: the ledger knows rev ${rev} as delivered, expected ${expected?.rev}`);
    }
    return this.few(faults);
  }

  /**
   * The calls since the last time: what was counted delivered arrived and was stored; nothing was sent again but
   * what had an unknown outcome or was refused; every call stood in the ledger first; no two versions overlapped or
   * came out of order; and no more calls are unknown than `explained` (cut connections, calls under way at a kill) and
   * results that never came.
   */
  async calls(explained: number): Promise<{ faults: string[]; unknown: number }> {
    const { platform, pace, passage, ledger, sandbox } = this.side;
    const faults = [...passage.faults.slice(this.seenFaults), ...(platform.trespasses?.(sandbox, pace) ?? [])];
    this.seenFaults = passage.faults.length;
    for (const { key, rev } of await ledger.deliveredAfter(this.settledBatch)) {
      if (passage.versions.get(`${key}:${rev}`)?.stored !== true) faults.push(`contact ${key}: rev ${rev} is counted delivered and the platform was never given it`);
    }
    faults.push(...(await this.resent()));
    const { last, unknown } = await ledger.batchesAfter(this.settledBatch);
    this.settledBatch = last;
    const most = explained + passage.takeUntold();
    if (unknown > most) faults.push(`${unknown} calls ended unknown, ${most} at most can be explained`);
    return { faults: this.few(faults), unknown };
  }

  private async resent(): Promise<string[]> {
    const again = new Map<string, number>();
    for (const [name, { arrivals }] of this.side.passage.versions) {
      if (arrivals > 1 && this.seenResent.get(name) !== arrivals) again.set(name, arrivals);
    }
    const written = new Map<string, { status: string; outcome: string | null }[]>();
    for (const { key, rev, status, outcome } of await this.side.ledger.callsWith([...new Set([...again.keys()].map((name) => name.split(':')[0] as string))])) {
      const list = written.get(`${key}:${rev}`) ?? [];
      list.push({ status, outcome });
      written.set(`${key}:${rev}`, list);
    }
    const faults: string[] = [];
    for (const [name, arrivals] of again) {
      this.seenResent.set(name, arrivals);
      const list = written.get(name) ?? [];
      if (arrivals > list.length) faults.push(`contact ${name} arrived ${arrivals} times, ${list.length} calls with it were written down`);
      const sure = list.slice(0, -1).filter(({ status, outcome }) => outcome !== 'unknown' && status !== 'refused' && status !== 'split');
      if (sure.length > 0) faults.push(`contact ${name} was sent again after a call that ended ${sure.map(({ status, outcome }) => `${status}/${outcome}`).join(', ')}`);
    }
    return faults;
  }

  /** The newest version of each contact at the platform. */
  private versionsThere(): Map<string, number> {
    const there = new Map<string, number>();
    for (const { key, rev } of this.side.platform.held(this.side.sandbox)) there.set(key, Math.max(rev, there.get(key) ?? 0));
    return there;
  }

  /** The first faults, and how many more there are. */
  private few(faults: readonly string[]): string[] {
    const shown = faults.length <= SHOWN ? [...faults] : [...faults.slice(0, SHOWN), `… and ${faults.length - SHOWN} more like these`];
    return shown.map((fault) => `${this.side.platform.name}: ${fault}`);
  }
}
