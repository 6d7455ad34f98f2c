import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Contact } from '../../src/contacts/index.js';
import { ACTION, createDestination, describeDestination, DESTINATION_TYPES } from '../../src/destinations/index.js';
import type { CallForm, Destination, DestinationError, FoundContact, Outcome, OutgoingRow } from '../../src/destinations/index.js';
import { deliver, paced, rowOf } from './lane.js';
import { CANARY, people, person } from './people.js';
import { BAD, RIGS } from './rigs/index.js';
import type { FaultName, Rig } from './rigs/index.js';

const within = (ms: number): AbortSignal => AbortSignal.timeout(ms);
const MISSING = 'nobody-of-that-key';

describe.each(DESTINATION_TYPES)('every destination keeps the contract: %s', (type) => {
  let rig: Rig;
  let destination: Destination;
  const waits: number[] = [];
  beforeAll(async () => {
    rig = await RIGS[type]();
    // Waits are cut short: what a limit tells is in whole seconds. The tries of a reading have to outlast two seconds.
    destination = createDestination(rig.config, {
      wait: async (ms) => {
        waits.push(ms);
        await delay(Math.min(ms, 500));
      },
    });
  });
  afterAll(async () => {
    await destination.close();
    await rig.close();
  });
  beforeEach(async () => {
    await rig.reset();
    waits.length = 0;
  });

  const send = (contacts: readonly Contact[], signal = within(5000), more: Partial<OutgoingRow> = {}, form?: CallForm): Promise<Outcome> =>
    deliver(destination, contacts.map((one, ord) => rowOf(destination, one, ord, more)), signal, form);
  /** Turns a fault on; says whether this platform can have it at all. */
  const fault = async (name: FaultName): Promise<boolean> => {
    const settings = rig.faults[name]?.settings;
    if (settings !== undefined) await rig.fault(settings);
    return settings !== undefined;
  };
  const leaksNothing = (outcome: unknown): void => {
    const text = JSON.stringify(outcome);
    for (const personal of ['canary', CANARY, '697555', 'Newport', ...rig.secrets]) expect(text).not.toContain(personal);
  };

  it('a full batch is taken, every contact stands there as it was sent, and a repeat changes nothing', async () => {
    const contacts = people(destination.capabilities.maxBatchSize);
    for (const known of [false, true]) {
      expect(await send(contacts, within(10_000), { known })).toMatchObject({ kind: 'answered', failed: [] });
      for (const one of contacts) expect(await rig.held(one.key)).toMatchObject(rig.expected(one));
      expect(await rig.size()).toBe(contacts.length);
    }
  });

  it('one bad row is reported for that row alone, or refuses the whole call', async () => {
    if (!(await fault('oneBadRow'))) return;
    const whole = rig.faults.oneBadRow?.expected;
    const outcome = await send(people(20));
    expect(outcome).toMatchObject(whole ?? { kind: 'answered', failed: [{ ord: BAD }] });
    expect(await rig.size()).toBe(whole === undefined ? 19 : 0);
    leaksNothing(outcome);
  });

  it.each<[FaultName, Outcome['kind'], number | null, boolean]>([
    ['refusedWhole', 'refused', 400, false],
    ['unauthenticated', 'unauthenticated', 401, false],
    ['forbidden', 'misconfigured', 403, false],
    ['throttled', 'throttled', 429, false],
    ['quota', 'quota', 429, false],
    ['serverError', 'unavailable', expect.any(Number) as number, false],
    ['cutBeforeCommit', 'unknown', null, false],
    ['cutAfterCommit', 'unknown', null, true],
    ['drip', 'unknown', null, true],
    ['hang', 'unknown', null, true],
  ])('%s is %s, at the latest by the deadline, and no message names anybody', async (name, kind, httpStatus, stored) => {
    if (!(await fault(name))) return;
    const started = performance.now();
    const outcome = await send(people(20), within(1_000));
    expect(outcome).toMatchObject(rig.faults[name]?.expected ?? { kind, httpStatus });
    expect(performance.now() - started).toBeLessThan(10_000);
    // Where results come later, what was taken stands there a moment later.
    await expect.poll(() => rig.size()).toBe(stored ? 20 : 0);
    leaksNothing(outcome);
  });

  it('after every kind of trouble the same destination sends on', async () => {
    for (const name of ['cutAfterCommit', 'hang', 'drip'] as const) if (await fault(name)) await send(people(3), within(150));
    await rig.reset();
    expect(await send(people(3))).toMatchObject({ kind: 'answered' });
  });

  it('an address nobody listens on is unavailable, a call given up before it began too', async () => {
    const gone = await RIGS[type]();
    const other = createDestination(gone.config);
    await gone.close();
    const rows = [rowOf(destination, person(1), 0)];
    expect(await deliver(other, rows, within(5000))).toMatchObject({ kind: 'unavailable', httpStatus: null });
    expect(await destination.send({ id: 'b', form: { consent: true, renames: false }, rows }, AbortSignal.abort())).toMatchObject({ kind: 'unavailable', httpStatus: null });
    await other.close();
  });

  it('check says whether the credentials do', async () => {
    expect(await destination.check(within(5000))).toMatchObject({ kind: 'answered' });
    await fault('unauthenticated');
    const outcome = await destination.check(within(5000));
    expect(outcome).toMatchObject({ kind: 'unauthenticated', hint: expect.any(String) as string });
    leaksNothing(outcome);
  });

  it('simultaneous callers are authorised together, and again at once', async () => {
    for (const outcome of await Promise.all([1, 2, 3].map(async () => (await destination.authorise?.(paced, within(5000))) ?? null))) expect(outcome).toBeNull();
  });

  it('fields are stable, and no two contacts have the same unless they are the same', () => {
    const all = people(500).map((one) => rowOf(destination, one, 0).fields);
    expect(people(500).map((one) => rowOf(destination, structuredClone(one), 0).fields)).toEqual(all);
    expect(new Set(all).size).toBe(500);
  });

  it('an erased contact is gone, as far as the platform lets go, and erasing it again is no failure', async () => {
    await send(people(2));
    const rows = [rowOf(destination, person(1), 0, { known: true, action: ACTION.erase })];
    for (let time = 0; time < 2; time++) expect(await deliver(destination, rows, within(5000))).toMatchObject({ kind: 'answered', failed: [] });
    expect([await rig.erased('crm-0'), await rig.erased('crm-1')]).toEqual([false, true]);
  });

  it('the registry tells limits that a configuration may lower', () => {
    const facts = describeDestination(type);
    expect(facts.batchSize).toBeLessThanOrEqual(facts.maxBatchSize);
    expect(facts.maxBatchSize).toBe(destination.capabilities.maxBatchSize);
    expect(facts.limits.calls).toBeGreaterThan(0);
  });

  describe('consent that goes out only when it changed', () => {
    const quiet: CallForm = { consent: false, renames: false };
    const moved = (n: number): Contact => ({ ...person(n), attributes: { ...person(n).attributes, city: 'Elsewhere' } });

    it('an opt-out made at the platform survives a change of something else', async ({ skip }) => {
      if (destination.capabilities.consent !== 'whenChanged') return skip();
      await send([person(0), person(3)]);
      rig.optOut?.('crm-0');
      expect(await send([moved(0), moved(3)], within(5000), { known: true }, quiet)).toMatchObject({ kind: 'answered', failed: [] });
      expect(await rig.held('crm-0')).toEqual(expect.objectContaining({ ...rig.expected({ ...moved(0), emailConsent: 'denied' }) }));
      expect([rig.optedIn?.('crm-0'), rig.optedIn?.('crm-3')]).toEqual([false, true]);
    });

    it('such a call makes nobody: who is not there is told apart, and is no failure', async ({ skip }) => {
      if (destination.capabilities.consent !== 'whenChanged') return skip();
      await send([person(0)]);
      expect(await send([moved(0), moved(1)], within(5000), { known: true }, quiet)).toMatchObject({ kind: 'answered', failed: [], absent: [1] });
      expect(await rig.size()).toBe(1);
    });
  });

  describe('a key that changes at the platform', () => {
    const renamed = (n: number): Contact => ({ ...person(n), key: `new-${n}`, previousKey: `crm-${n}` });
    const rename = (ns: readonly number[], signal = within(5000)): Promise<Outcome> =>
      deliver(destination, ns.map((n, ord) => rowOf(destination, renamed(n), ord, { known: true, previousKey: `crm-${n}` })), signal, { consent: false, renames: true });

    it('moves the contact, and who is not there is told apart', async ({ skip }) => {
      if (destination.capabilities.keyChange !== 'platform') return skip();
      await send(people(2));
      expect(await rename([1, 5])).toMatchObject({ kind: 'answered', failed: [], absent: [1] });
      expect([await rig.held('crm-1'), await rig.held('new-5')]).toEqual([undefined, undefined]);
      expect(await rig.held('new-1')).toMatchObject(rig.expected({ ...person(1), key: 'new-1' }));
    });

    it.each(['cutBeforeCommit', 'cutAfterCommit'] as const)('after %s the platform is asked under the new key', async (name) => {
      if (destination.capabilities.keyChange !== 'platform' || !rig.faults[name]) return;
      await send(people(2));
      await fault(name);
      expect(await rename([0, 1])).toMatchObject({ kind: 'unknown' });
      const rows = [0, 1].map((n, ord) => rowOf(destination, renamed(n), ord, { previousKey: `crm-${n}` }));
      const batch = { id: 'b', form: { consent: false, renames: true }, rows };
      expect(await destination.resolve?.(batch, paced, within(5000))).toEqual(name === 'cutAfterCommit' ? [0, 1] : []);
    });
  });

  describe('reading back', () => {
    /** What the platform holds of these contacts, however it is read. */
    async function readBack(keys: readonly string[], from = destination): Promise<Map<string, FoundContact>> {
      const found = new Map<string, FoundContact>();
      if (from.capabilities.readBack === 'full') {
        for await (const page of from.readAll?.(paced, within(10_000)) ?? []) {
          for (const one of page) {
            expect(found.has(one.key ?? '')).toBe(false);
            found.set(one.key ?? '', one);
          }
        }
      } else {
        for (const key of keys) {
          const one = (await from.find?.(key, paced, within(5000))) ?? null;
          if (one !== null) found.set(one.key ?? '', one);
        }
      }
      return found;
    }
    const readable = (): boolean => destination.capabilities.readBack !== 'receipts';

    it('what is read back equals what was sent, once each, also through refusals', async ({ skip }) => {
      if (!readable()) return skip();
      const contacts = people(destination.capabilities.readBack === 'full' ? 1000 : 60);
      for (const trouble of [false, true]) {
        await rig.reset();
        await send(contacts);
        if (trouble) await fault('readTrouble');
        const found = await readBack([MISSING, ...contacts.map((one) => one.key)]);
        expect(found.size).toBe(contacts.length);
        expect(waits.length > 0).toBe(trouble);
        for (const one of contacts) {
          const held = found.get(one.key);
          if (held === undefined) throw new Error(`${one.key} was not read back`);
          expect(destination.compare({ fields: rowOf(destination, one, 0).fields, optedIn: one.emailConsent === 'granted' }, held)).toEqual([]);
          expect(held.locale).toBe(one.locale);
        }
        if (destination.capabilities.readBack === 'sample') expect(await destination.count?.(paced, within(5000))).toBe(contacts.length);
      }
    });

    it('a difference is told by name', async ({ skip }) => {
      if (!readable()) return skip();
      await send([person(1)]);
      const held = (await readBack(['crm-1'])).get('crm-1');
      if (held === undefined) throw new Error('crm-1 was not read back');
      const changed = rowOf(destination, { ...person(1), firstName: 'Other' }, 0).fields;
      const names = destination.compare({ fields: changed, optedIn: !held.optedIn }, held);
      expect(names).toHaveLength(2);
      expect(names.join()).not.toMatch(/Other|Zaphirina/);
      expect(destination.compare({ fields: rowOf(destination, person(1), 0).fields, optedIn: null }, held)).toEqual([]);
    });

    it('reading ends in words where the platform does not answer, after a bounded number of tries', async ({ skip }) => {
      if (!readable()) return skip();
      await fault('unauthenticated');
      await expect(readBack(['crm-1'])).rejects.toMatchObject({ name: 'DestinationError', kind: 'unauthenticated' } satisfies Partial<DestinationError>);
      const gone = await RIGS[type]();
      const other = createDestination(gone.config, { wait: (ms) => Promise.resolve(void waits.push(ms)) });
      await gone.close();
      waits.length = 0;
      await expect(readBack(['crm-1'], other)).rejects.toMatchObject({ name: 'DestinationError', kind: 'unreachable' });
      expect(waits.length).toBeGreaterThan(0);
      expect(waits.length).toBeLessThan(20);
      await other.close();
    });
  });
});
