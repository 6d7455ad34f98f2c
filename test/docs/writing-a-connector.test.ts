import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Contact } from '../../src/contacts/index.js';
import { ACTION, DestinationError, type Destination, type FoundContact, type Outcome, type OutgoingRow } from '../../src/destinations/index.js';
import { createPostbox } from './postbox/destination.js';
import { startPostbox, type PostboxServer } from './postbox/server.js';

const PAGE = readFileSync(new URL('../../docs/writing-a-connector.md', import.meta.url), 'utf8');
const CODE = readFileSync(new URL('postbox/destination.ts', import.meta.url), 'utf8');
const CONTRACT = readFileSync(new URL('../../src/destinations/contract.ts', import.meta.url), 'utf8');
const KEY = 'secret-key';

describe('the page tells what is', () => {
  test('the worked example on the page is the code that is compiled and run here', () => {
    const shown = /<!-- example -->\n```ts\n([\s\S]*?)```/.exec(PAGE)?.[1];
    // As it would stand in a folder of its own under src/destinations.
    expect(shown).toBe(CODE.replaceAll('../../../src/destinations/', '../').replaceAll('../../../src/', '../../'));
  });

  test.each([
    ['capability', /export interface Capabilities \{([\s\S]*?)\n\}/, /^ {2}readonly (\w+)\??:/gm],
    ['function', /export interface Destination \{([\s\S]*?)\n\}/, /^ {2}(\w+)\??\(/gm],
    ['outcome', /export type Outcome =([\s\S]*?)\n\n/, /kind: '(\w+)'/g],
  ])('every %s of the contract is on the page', (_what, block, names) => {
    const all = [...(block.exec(CONTRACT)?.[1] ?? '').matchAll(names)].map(([, name]) => name);
    expect(all.length).toBeGreaterThan(5);
    expect(all.filter((name) => !PAGE.includes(`| \`${String(name)}`))).toEqual([]);
  });
});

describe('the worked example', () => {
  let server: PostboxServer;
  let destination: Destination;
  beforeEach(async () => {
    server = await startPostbox(KEY);
    destination = createPostbox({ baseUrl: server.baseUrl, apiKey: KEY, timeout: 2_000 });
  });
  afterEach(async () => {
    await destination.close();
    await server.close();
  });

  const within = (): AbortSignal => AbortSignal.timeout(5_000);
  const person = (n: number, email = `somebody${n}@example.com`): Contact => ({ key: `crm-${n}`, email, emailConsent: n === 2 ? 'unknown' : 'granted' });
  const rowOf = (contact: Contact, ord: number): OutgoingRow => {
    const prepared = destination.prepare(contact);
    if ('invalid' in prepared) throw new Error(prepared.invalid);
    const { fields, emailConsent, smsConsent } = prepared;
    return { ord, key: contact.key, action: ACTION.upsert, fields, emailConsent, smsConsent, known: false, previousKey: null, platformId: null };
  };
  const send = (contacts: readonly Contact[], signal = within()): Promise<Outcome> =>
    destination.send({ id: '1', form: { consent: true, renames: false }, rows: contacts.map(rowOf) }, signal);
  const readBack = async (): Promise<FoundContact[]> => {
    const found: FoundContact[] = [];
    for await (const page of destination.readAll?.((call) => call(within()), within()) ?? []) found.push(...page);
    return found;
  };

  test('what is sent is read back as it was meant, and unknown consent is no consent', async () => {
    const contacts = [1, 2, 3].map((n) => person(n));
    expect(await send(contacts)).toMatchObject({ kind: 'answered', failed: [] });
    const found = await readBack();
    expect(found.map(({ key, optedIn }) => [key, optedIn])).toEqual([['crm-1', true], ['crm-2', false], ['crm-3', true]]);
    for (const [place, contact] of contacts.entries()) {
      const { fields, emailConsent } = rowOf(contact, 0);
      expect(destination.compare({ fields, optedIn: emailConsent === 2 }, found[place] as FoundContact)).toEqual([]);
    }
  });

  test('a refused row is told by its position, and the words name nobody', async () => {
    const outcome = await send([person(1), person(2, 'bad@example.com')]);
    expect(outcome).toMatchObject({ kind: 'answered', failed: [{ ord: 1, code: 'rejected' }] });
    expect(JSON.stringify(outcome)).not.toContain('bad@example.com');
    expect(server.people.size).toBe(1);
  });

  test.each<[PostboxServer['next'], Outcome['kind']]>([
    [{ status: 429, headers: { 'retry-after': '7' } }, 'throttled'],
    [{ status: 401 }, 'unauthenticated'],
    [{ status: 403 }, 'misconfigured'],
    [{ status: 400, body: 'no' }, 'refused'],
    [{ status: 503 }, 'unavailable'],
    [{ status: 200, body: '<html>' }, 'unknown'],
    ['cut', 'unknown'],
    ['miscount', 'unclear'],
  ])('%j is %s', async (next, kind) => {
    server.next = next;
    const outcome = await send([person(1)]);
    expect(outcome.kind).toBe(kind);
    if (outcome.kind === 'throttled') expect(outcome.retryAfterMs).toBe(7_000);
  });

  test('nothing certain is told where nothing is: given up before it began, and nobody listening', async () => {
    expect(await send([person(1)], AbortSignal.abort())).toMatchObject({ kind: 'unavailable' });
    await server.close();
    expect(await send([person(1)])).toMatchObject({ kind: 'unavailable', httpStatus: null });
  });

  test('check and reading say when the key is wrong', async () => {
    expect(await destination.check(within())).toMatchObject({ kind: 'answered' });
    server.next = { status: 401 };
    expect(await destination.check(within())).toMatchObject({ kind: 'unauthenticated', hint: 'check apiKey' });
    await expect(readBack()).rejects.toBeInstanceOf(DestinationError);
  });

  test('an erased contact loses what can be let go', async () => {
    await send([person(1)]);
    const row = { ...rowOf(person(1), 0), action: ACTION.erase };
    expect(await destination.send({ id: '2', form: { consent: true, renames: false }, rows: [row] }, within())).toMatchObject({ kind: 'answered', failed: [] });
    expect(server.people.get('crm-1')).toEqual({ id: 'crm-1', email: null, news: false });
  });
});
