import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Contact } from '../../src/contacts/index.js';
import { ACTION, createDestination, describeDestination, DESTINATION_TYPES } from '../../src/destinations/index.js';
import type { Destination, DestinationError, FoundContact, Outcome, OutgoingRow, Paced } from '../../src/destinations/index.js';
import { BAD, RIGS } from './rigs.js';
import type { FaultName, Rig } from './rigs.js';

const CANARY = 'Zaphirina';
const person = (n: number): Contact => ({
  key: `crm-${n}`,
  email: `canary${n}@example.com`,
  phone: n % 5 === 0 ? null : `+1697555${String(n).padStart(4, '0')}`,
  locale: [null, 'en', 'fr', 'de'][n % 4] ?? null,
  emailConsent: (['granted', 'denied', 'unknown'] as const)[n % 3] ?? 'unknown',
  firstName: `${CANARY}${n}`,
  attributes: { city: 'Newport Hills', 'odd "name"': 'línea\u2028\n\\' },
});
const paced: Paced = (call) => call(new AbortController().signal);
const within = (ms: number): AbortSignal => AbortSignal.timeout(ms);

describe.each(DESTINATION_TYPES)('every destination keeps the contract: %s', (type) => {
  let rig: Rig;
  let destination: Destination;
  const waits: number[] = [];
  beforeAll(async () => {
    rig = await RIGS[type]();
    // Waits are cut short: the rig's limits are of milliseconds, what it tells is in whole seconds.
    destination = createDestination(rig.config, {
      wait: async (ms) => {
        waits.push(ms);
        await delay(Math.min(ms, 80));
      },
    });
  });
  afterAll(async () => {
    await destination.close();
    await rig.close();
  });
  beforeEach(() => {
    rig.reset();
    waits.length = 0;
  });

  function rowOf(contact: Contact, ord: number, known = false): OutgoingRow {
    const prepared = destination.prepare(contact);
    if ('invalid' in prepared) throw new Error(prepared.invalid);
    return { ...prepared, ord, key: contact.key, action: ACTION.upsert, known };
  }
  const people = (count: number): Contact[] => Array.from({ length: count }, (_, n) => person(n));
  const send = (contacts: readonly Contact[], signal = within(5000), known = false): Promise<Outcome> =>
    destination.send({ id: 'batch', rows: contacts.map((one, ord) => rowOf(one, ord, known)) }, signal);

  it('a full batch is taken, every contact stands there as it was sent, and a repeat changes nothing', async () => {
    const contacts = people(destination.capabilities.maxBatchSize);
    for (let time = 0; time < 2; time++) {
      expect(await send(contacts, within(5000), time === 1)).toEqual({ kind: 'answered', failed: [], httpStatus: 200 });
      for (const one of contacts) expect(rig.held(one.key)).toMatchObject(rig.expected(one));
      expect(rig.size()).toBe(contacts.length);
    }
  });

  it('one bad row is reported for that row alone', async () => {
    rig.fault('oneBadRow');
    const outcome = await send(people(20));
    expect(outcome).toMatchObject({ kind: 'answered', failed: [{ ord: BAD }] });
    expect(rig.size()).toBe(19);
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
  ])('%s is %s, at the latest by the deadline, and no message names anybody', async (fault, kind, httpStatus, stored) => {
    rig.fault(fault);
    const started = performance.now();
    const outcome = await send(people(20), within(400));
    expect(outcome).toMatchObject({ kind, httpStatus });
    expect(performance.now() - started).toBeLessThan(1500);
    expect(rig.size()).toBe(stored ? 20 : 0);
    const text = JSON.stringify(outcome);
    for (const personal of ['canary', CANARY, '697555', 'mc_test_secret', 'Newport']) expect(text).not.toContain(personal);
  });

  it('after every kind of trouble the same destination sends on', async () => {
    for (const fault of ['cutAfterCommit', 'hang', 'drip'] as const) {
      rig.fault(fault);
      await send(people(3), within(150));
    }
    rig.reset();
    expect(await send(people(3))).toMatchObject({ kind: 'answered' });
  });

  it('an address nobody listens on is unavailable, a call given up before it began too', async () => {
    const gone = await RIGS[type]();
    const other = createDestination(gone.config);
    await gone.close();
    const rows = [rowOf(person(1), 0)];
    expect(await other.send({ id: 'b', rows }, within(2000))).toMatchObject({ kind: 'unavailable', httpStatus: null });
    expect(await destination.send({ id: 'b', rows }, AbortSignal.abort())).toMatchObject({ kind: 'unavailable', httpStatus: null });
    await other.close();
  });

  it('check says whether the credentials do', async () => {
    expect(await destination.check(within(2000))).toMatchObject({ kind: 'answered' });
    rig.fault('unauthenticated');
    expect(await destination.check(within(2000))).toMatchObject({ kind: 'unauthenticated', hint: expect.any(String) as string });
  });

  it('fields are stable, and no two contacts have the same unless they are the same', () => {
    const all = people(500).map((one) => rowOf(one, 0).fields);
    expect(people(500).map((one) => rowOf(structuredClone(one), 0).fields)).toEqual(all);
    expect(new Set(all).size).toBe(500);
  });

  it('an erased contact is gone, and erasing it again is no failure', async () => {
    await send(people(2));
    const rows = [{ ...rowOf(person(1), 0, true), action: ACTION.erase }];
    for (let time = 0; time < 2; time++) expect(await destination.send({ id: 'e', rows }, within(2000))).toMatchObject({ kind: 'answered', failed: [] });
    expect([rig.held('crm-0') !== undefined, rig.held('crm-1') !== undefined]).toEqual([true, false]);
  });

  async function readBack(): Promise<Map<string, FoundContact>> {
    const found = new Map<string, FoundContact>();
    for await (const page of destination.readAll?.(paced, within(10_000)) ?? []) {
      for (const one of page) {
        expect(found.has(one.key ?? '')).toBe(false);
        found.set(one.key ?? '', one);
      }
    }
    return found;
  }

  it('what is read back equals what was sent, once each, also through refusals', async () => {
    const contacts = people(1000);
    for (const trouble of [false, true]) {
      rig.reset();
      await send(contacts);
      if (trouble) rig.fault('readTrouble');
      const found = await readBack();
      expect(found.size).toBe(contacts.length);
      expect(waits.length > 0).toBe(trouble);
      for (const one of contacts) {
        const held = found.get(one.key);
        if (held === undefined) throw new Error(`${one.key} was not read back`);
        expect(destination.compare({ fields: rowOf(one, 0).fields, optedIn: one.emailConsent === 'granted' }, held)).toEqual([]);
        expect(held.locale).toBe(one.locale);
      }
    }
  });

  it('a difference is told by name', async () => {
    await send([person(1)]);
    const held = (await readBack()).get('crm-1');
    if (held === undefined) throw new Error('crm-1 was not read back');
    const changed = rowOf({ ...person(1), firstName: 'Other' }, 0).fields;
    const names = destination.compare({ fields: changed, optedIn: !held.optedIn }, held);
    expect(names).toHaveLength(2);
    expect(names.join()).not.toMatch(/Other|Zaphirina/);
    expect(destination.compare({ fields: rowOf(person(1), 0).fields, optedIn: null }, held)).toEqual([]);
  });

  it('reading ends in words where the platform does not answer, after a bounded number of tries', async () => {
    rig.fault('unauthenticated');
    await expect(readBack()).rejects.toMatchObject({ name: 'DestinationError', kind: 'unauthenticated' } satisfies Partial<DestinationError>);
    const gone = await RIGS[type]();
    const other = createDestination(gone.config, { wait: (ms) => Promise.resolve(void waits.push(ms)) });
    await gone.close();
    const reading = (async () => {
      for await (const page of other.readAll?.(paced, within(5000)) ?? []) void page;
    })();
    await expect(reading).rejects.toMatchObject({ name: 'DestinationError', kind: 'unreachable' });
    expect(waits.length).toBeGreaterThan(0);
    expect(waits.length).toBeLessThan(20);
    await other.close();
  });

  it('the registry tells limits that a configuration may lower', () => {
    const facts = describeDestination(type);
    expect(facts.batchSize).toBeLessThanOrEqual(facts.maxBatchSize);
    expect(facts.maxBatchSize).toBe(destination.capabilities.maxBatchSize);
    expect(facts.limits.calls).toBeGreaterThan(0);
  });
});
