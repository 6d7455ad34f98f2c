import { isDeepStrictEqual } from 'node:util';
import type { Sandbox } from '../../src/sandbox/index.js';
import { expectedOf, type Crm, type CrmRow } from './crm.js';
import type { Installation } from './installation.js';
import { batchesAfter, callsWith, deliveredAfter, heldVersions, rejectedKeys } from './ledger.js';
import type { Witness } from './witness.js';

/** Faults of one kind listed in full; the rest are counted. */
const SHOWN = 3;

/** Holds the ledger, the platform and the CRM against each other. Every method gives back what is broken, in words. */
export class Checks {
  private settledBatch = 0;
  private seenFaults = 0;
  private seenResent = new Map<string, number>();

  constructor(
    private readonly place: Installation,
    private readonly sandbox: Sandbox,
    private readonly witness: Witness,
    private readonly crm: Crm,
  ) {}

  /** At any moment: what the ledger says is delivered, the platform holds (or something newer). */
  async delivered(): Promise<string[]> {
    const held = await heldVersions(this.place);
    return few(held.flatMap(({ key, rev }) => {
      const there = this.revOf(key);
      return there >= rev ? [] : [`contact ${key}: the ledger says rev ${rev} was delivered, the platform holds rev ${there}`];
    }));
  }

  /** At any moment: `audit` balances. */
  async audit(): Promise<string[]> {
    const { code, stdout, stderr } = await this.place.command('audit', '--json');
    try {
      const { balanced, runs } = JSON.parse(stdout) as { balanced: boolean; runs: { run: string; balanced: boolean; faults?: string[] }[] };
      if (balanced && code === 0) return [];
      return [`audit (exit ${code}): ${runs.filter((run) => !run.balanced).map((run) => `${run.run}: ${run.faults?.join(', ') ?? 'unbalanced'}`).join('; ')}`];
    } catch {
      return [`audit gave no document (exit ${code}): ${stderr.trim().slice(-300)}`];
    }
  }

  /**
   * When everything has settled: the platform holds the CRM's rows field by field, and nothing else; whoever is in
   * `bad` holds an older version instead and is rejected.
   */
  async equal(bad: ReadonlyMap<string, CrmRow> = new Map()): Promise<string[]> {
    const faults: string[] = [];
    const found = new Map([...this.sandbox.mailingcore.contacts()].map((contact) => [String(contact['externalId']), contact]));
    for (const row of this.crm.rows.values()) {
      const { external_id: key } = row;
      const contact = found.get(key);
      found.delete(key);
      if (contact === undefined) {
        faults.push(`contact ${key} is not at the platform`);
        continue;
      }
      const expected = expectedOf(bad.get(key) ?? row);
      const { email, locale, optIn, attributes } = contact;
      const wrong = Object.entries({ email, locale, optIn, attributes }).filter(([name, value]) => !isDeepStrictEqual(value, expected[name as keyof typeof expected]));
      if (wrong.length > 0) faults.push(`contact ${key} differs in ${wrong.map(([name]) => name).join(', ')} (rev ${this.revOf(key)}, expected ${(bad.get(key) ?? row).rev})`);
    }
    for (const key of found.keys()) faults.push(`contact ${key} is at the platform and not in the CRM`);
    const rejected = await rejectedKeys(this.place);
    for (const key of bad.keys()) if (!rejected.has(key)) faults.push(`contact ${key} is bad and not rejected`);
    for (const key of rejected) if (!bad.has(key)) faults.push(`contact ${key} is rejected and not bad`);
    const { open, waiting } = await batchesAfter(this.place, this.settledBatch);
    if (open + waiting > 0) faults.push(`${waiting} rows still wait and ${open} calls are unsettled`);
    for (const { key, rev } of await heldVersions(this.place)) {
      const expected = bad.get(key) ?? this.crm.rows.get(key);
      if (expected?.rev !== rev) faults.push(`contact ${key}: the ledger knows rev ${rev} as delivered, expected ${expected?.rev}`);
    }
    return few(faults);
  }

  /**
   * The calls since the last time: what was counted delivered arrived and was stored; nothing was sent again but
   * what had an unknown outcome or was refused; every call stood in the ledger first; no two versions overlapped or
   * came out of order; and no more calls are unknown than `explained` (cut connections, calls under way at a kill).
   */
  async calls(explained: number): Promise<{ faults: string[]; unknown: number }> {
    const faults = this.witness.faults.slice(this.seenFaults);
    this.seenFaults = this.witness.faults.length;
    for (const { key, rev } of await deliveredAfter(this.place, this.settledBatch)) {
      if (this.witness.versions.get(`${key}:${rev}`)?.stored !== true) faults.push(`contact ${key}: rev ${rev} is counted delivered and the platform was never given it`);
    }
    faults.push(...(await this.resent()));
    const { last, unknown } = await batchesAfter(this.place, this.settledBatch);
    this.settledBatch = last;
    if (unknown > explained) faults.push(`${unknown} calls ended unknown, ${explained} at most can be explained`);
    return { faults: few(faults), unknown };
  }

  private async resent(): Promise<string[]> {
    const again = new Map<string, number>();
    for (const [name, { arrivals }] of this.witness.versions) {
      if (arrivals > 1 && this.seenResent.get(name) !== arrivals) again.set(name, arrivals);
    }
    const written = new Map<string, { status: string; outcome: string | null }[]>();
    for (const { key, rev, status, outcome } of await callsWith(this.place, [...new Set([...again.keys()].map((name) => name.split(':')[0] as string))])) {
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

  private revOf(key: string): number {
    const attributes = this.sandbox.mailingcore.contact(key)?.['attributes'] as { rev?: number } | undefined;
    return attributes?.rev ?? 0;
  }
}

/** The first faults, and how many more there are. */
export function few(faults: readonly string[]): string[] {
  return faults.length <= SHOWN ? [...faults] : [...faults.slice(0, SHOWN), `… and ${faults.length - SHOWN} more like these`];
}
