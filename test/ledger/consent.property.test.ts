import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OptOut } from '../../src/destinations/index.js';
import { audit, learnOptOuts, renewLease, stagePage, type ClaimedBatch, type Lease, type StageRow } from '../../src/ledger/index.js';
import { claimNext, settle } from './kinds.js';
import { createTestLedger, startRun, takeLease, type TestLedger } from './support.js';

/** All of them run side by side in one ledger, a contact each. */
const HISTORIES = process.env['SYNCLINE_LONG'] === '1' ? 100_000 : 10_000;
const ROUNDS = 4;
const MARGIN = 300;
/** A page, and a reading of the platform's list. */
const AT_ONCE = 5_000;

let ledger: TestLedger;
beforeAll(async () => { ledger = await createTestLedger(4); });
afterAll(() => ledger.close());

/** What a person does in one round, some seconds after what they did before; and what reaches us of it. */
const round = fc.record({
  act: fc.constantFrom('none', 'none', 'grant', 'deny', 'leave' as const),
  after: fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 2 * MARGIN }), fc.integer({ min: 2 * MARGIN, max: 90_000 })),
  timed: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  by: fc.constantFrom('key', 'address', 'both' as const),
  /** Whether the source's row is read in this round, and whether the platform's news come before or after it. */
  read: fc.boolean(),
  newsFirst: fc.boolean(),
  failed: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});
/** Seconds by which the source's clock and the platform's are wrong: never further apart than the margin. */
const history = fc.record({ rounds: fc.array(round, { minLength: ROUNDS, maxLength: ROUNDS }), crm: fc.integer({ min: -150, max: 150 }), platform: fc.integer({ min: -150, max: 150 }) });
type History = typeof history extends fc.Arbitrary<infer H> ? H : never;

const START = Date.UTC(2025, 0, 1) / 1000;
const iso = (seconds: number): string => new Date((START + seconds) * 1000).toISOString();

class Person {
  /** True time. */
  private now = 0;
  consent: 0 | 1 | 2 = 0;
  private saidAt: number | null = null;
  private version = 0;
  private left: { readonly told: number | null }[] = [];
  /** The last thing they did, wherever: yes, no, nothing. */
  last: 'yes' | 'no' | 'nothing' = 'nothing';
  /** What we know by now: the source's row as it was read, the opt-outs we were told of. */
  read: { readonly consent: 0 | 1 | 2; readonly said: number | null } | null = null;
  private known: (number | null)[] = [];

  constructor(readonly key: string, readonly of: History) {}

  act(at: number): void {
    const { act, after, timed } = this.of.rounds[at]!;
    this.now += after;
    if (act === 'none') return;
    this.last = act === 'grant' ? 'yes' : 'no';
    if (act === 'leave') {
      this.left.push({ told: timed ? this.now + this.of.platform : null });
      return;
    }
    this.consent = act === 'grant' ? 2 : 1;
    this.saidAt = timed ? this.now + this.of.crm : null;
    this.version += 1;
  }

  news(at: number): OptOut[] {
    const { by } = this.of.rounds[at]!;
    const told = this.left.map(({ told: when }): OptOut => ({
      key: by === 'address' ? null : this.key, email: by === 'key' ? null : `${this.key.toUpperCase()}@x.example`, channel: 'email',
      at: when === null ? null : iso(when), evidence: 'act', reason: 'unsubscribed',
    }));
    this.known.push(...this.left.map(({ told: when }) => when));
    this.left = [];
    return told;
  }

  row(): StageRow {
    this.read = { consent: this.consent, said: this.saidAt };
    return {
      key: this.key, version: iso(this.version), action: 0, fields: '{}', emailConsent: this.consent, smsConsent: 3, locale: null,
      mail: `${this.key}@x.example`, consentAt: this.saidAt === null ? null : iso(this.saidAt),
    };
  }

  /** By the rule: what may be sent, of what we know. */
  get due(): 0 | 1 | 2 {
    if (this.read === null) return 0;
    const { consent, said } = this.read;
    const holds = this.known.some((when) => when === null || said === null || consent !== 2 || said <= when + MARGIN);
    return holds ? 1 : consent;
  }

  /** Whether they left and we were told of it, all of it, and have read what they said at the source. */
  get allKnown(): boolean {
    return this.left.length === 0 && this.read?.consent === this.consent && this.read.said === this.saidAt;
  }

  /** Certainly the last act, by any two clocks: a yes long after every no. */
  get clearYes(): boolean {
    return this.last === 'yes' && this.saidAt !== null && this.known.every((when) => when !== null && when !== undefined && this.saidAt! > when + 2 * MARGIN);
  }
}

async function next(lease: Lease): Promise<ClaimedBatch | undefined> {
  expect(await renewLease(ledger.pool, lease)).toBe(true);
  return claimNext(ledger.pool, lease);
}

it('the last act of a person wins, whichever clock is wrong; where it cannot be told, the opt-out does: at every send', async () => {
  const seed = Number(process.env['CONSENT_SEED'] ?? Date.now() % 2 ** 31);
  const people = fc.sample(history, { numRuns: HISTORIES, seed }).map((one, index) => new Person(`p${index}`, one));
  const byKey = new Map(people.map((one) => [one.key, one]));
  const run = await startRun(ledger.pool, ledger.a);
  const lease: Lease = await takeLease(ledger.pool, ledger.a.accountId);
  const learn = async (which: readonly Person[], at: number): Promise<void> => {
    for (let from = 0; from < which.length; from += AT_ONCE) {
      await learnOptOuts(ledger.pool, { destination: { name: 'newsletter', account: 'acme' }, origin: 'read' }, which.slice(from, from + AT_ONCE).flatMap((one) => one.news(at)));
    }
  };
  for (let at = 0; at < ROUNDS; at += 1) {
    const now = at;
    const of = (one: Person): History['rounds'][number] => one.of.rounds[now]!;
    for (const one of people) one.act(at);
    await learn(people.filter((one) => of(one).newsFirst), at);
    const rows = people.filter((one) => of(one).read || at === ROUNDS - 1);
    for (let from = 0; from < rows.length; from += AT_ONCE) {
      const page = rows.slice(from, from + AT_ONCE).map((one) => one.row());
      await stagePage(ledger.pool, {
        runNo: run.no, syncId: run.ids.syncId, destinationId: run.ids.destinationId, pageNo: (run.pages += 1), position: run.pages, priority: 1, resend: false,
        extracted: page.length, filtered: 0, superseded: 0, rows: page, invalid: [], warnings: {}, maxTime: null,
      });
    }
    await learn(people.filter((one) => !of(one).newsFirst), at);
    for (let batch = await next(lease); batch !== undefined; batch = await next(lease)) {
      for (const row of batch.rows) {
        const one = byKey.get(row.key)!;
        expect(row.emailConsent === 2 && one.due !== 2, `seed ${seed}: ${row.key} is sent as granted in round ${at} and may not be: ${JSON.stringify(one.of)}`).toBe(false);
        if (one.allKnown && one.last === 'no') expect(row.emailConsent, `seed ${seed}: ${row.key}`).not.toBe(2);
      }
      const failed = batch.rows.filter((row) => of(byKey.get(row.key)!).failed && at < ROUNDS - 1).map((row) => ({ ord: row.ord, code: 'bad', reason: 'bad' }));
      await settle(ledger.pool, lease, batch, { failed });
    }
  }
  const { rows: held } = await ledger.pool.query<{ key: string; email: number }>(
    // What the platform refused it does not hold.
    'SELECT key, email FROM contact c WHERE NOT EXISTS (SELECT 1 FROM rejection x WHERE x.key = c.key AND x.resolved_at IS NULL)');
  const wrong = held.filter(({ key, email }) => {
    const one = byKey.get(key)!;
    return (email === 2) !== (one.due === 2) || (one.last === 'no' && email === 2) || (one.clearYes && email !== 2);
  });
  expect(wrong.slice(0, 3).map(({ key, email }) => ({ key, email, of: byKey.get(key)!.of })), `seed ${seed}`).toEqual([]);
  expect(held.filter(({ email }) => email === 2).length).toBeGreaterThan(HISTORIES / 20);
  expect((await audit(ledger.pool, null)).runs.flatMap((one) => one.faults)).toEqual([]);
}, 600_000);
