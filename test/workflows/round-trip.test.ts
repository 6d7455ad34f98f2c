import { afterEach, expect, test } from 'vitest';
import { audit } from '../../src/ledger/index.js';
import { createWorld, plantContacts, type World } from '../support/world.js';

let world: World;
afterEach(async () => { await world.close(); });

type Row = Record<string, unknown>;
const rows = async (text: string): Promise<Row[]> => (await world.crm.query<Row>(text)).rows;
/** Which rows were written since, by the transaction that wrote each. */
const writers = async (table: string): Promise<Map<unknown, unknown>> => new Map((await rows(`SELECT external_id AS key, xmin::text AS xmin FROM ${table}`)).map(({ key, xmin }) => [key, xmin]));
const rewritten = async (table: string, before: Map<unknown, unknown>): Promise<unknown[]> =>
  [...(await writers(table))].filter(([key, xmin]) => before.get(key) !== xmin).map(([key]) => key).sort();

test('CRM table → MailingCore → changes there → back into the table and into another: all equal, and then nothing is written any more', async () => {
  world = await createWorld({
    more: ({ databaseUrl, sandboxUrl }) => ({
      sources: `list: {type: mailingcore, baseUrl: ${sandboxUrl}/mailingcore, apiKey: mc_test_key, tenantId: tenant-1, limits: {calls: 100000, per: 1s}}`,
      destinations: `
home:
  type: postgres
  url: "${databaseUrl}"
  table: public.contacts
  key: external_id
  columns: {email: email, phone: phone, first_name: firstName, city: city, locale: locale, opt_in: emailConsent}
  updatedAt: updated_at
mirror:
  type: postgres
  url: "${databaseUrl}"
  table: public.mirror
  key: external_id
  columns: {mail: email, called: firstName, town: attributes.city, consent: emailConsent}
  consentWords: {granted: Y, denied: N}`,
      syncs: `
list-home: {source: list, destination: home, verify: {locales: {en: 1, fr: 1, de: 1}}}
list-mirror: {source: list, destination: mirror}`,
    }),
  });
  await world.crm.query('CREATE TABLE public.mirror (external_id varchar(20) PRIMARY KEY, mail text, called text, town text, consent char(1))');
  await plantContacts(world.crm, 1_200);
  await world.crm.query(`UPDATE contacts SET phone = '+4741234567' WHERE external_id IN ('1', '2')`);
  const { mailingcore } = world.sandbox;
  const expectEqual = async (): Promise<void> => {
    const there = [...mailingcore.contacts()].map((one) => one as Row).map((one) => {
      const { phone = null, firstName = null, city = null } = one['attributes'] as Row;
      return { key: one['externalId'], email: one['email'], locale: one['locale'] ?? null, in: one['optIn'], phone, name: firstName, city };
    }).sort((a, b) => Number(a.key) - Number(b.key));
    expect(await rows(`SELECT external_id AS key, email, locale, opt_in AS "in", phone, first_name AS name, city FROM contacts ORDER BY external_id::int`)).toEqual(there);
    expect(await rows('SELECT external_id AS key, mail, called, town, consent FROM public.mirror ORDER BY external_id::int')).toEqual(
      there.map((one) => ({ key: one.key, mail: one.email, called: one.name, town: one.city, consent: one.in === true ? 'Y' : 'N' })));
  };
  const back = async () => {
    const [home, mirror] = await Promise.all([world.run({}, 'list-home'), world.run({}, 'list-mirror')]);
    return { home, mirror };
  };

  // What went out comes back the same: the company's own table is not touched.
  const planted = await writers('contacts');
  const out = await world.run();
  const first = await back();
  expect([out, first.home, first.mirror].map(({ status, counts }) => [status, counts.delivered])).toEqual([['completed', 1_200], ['completed', 1_200], ['completed', 1_200]]);
  expect(await rewritten('contacts', planted)).toEqual([]);
  await expectEqual();

  mailingcore.plant([{ externalId: '3', attributes: { firstName: 'Renamed there' } }, { externalId: '9000', email: 'new@example.com', optIn: true, locale: 'fr', attributes: { city: 'Moss' } }]);
  mailingcore.suppress('person7@example.com');
  const before = { home: await writers('contacts'), mirror: await writers('public.mirror') };
  const second = await back();
  expect([second.home.counts.delivered, second.mirror.counts.delivered]).toEqual([3, 3]);
  expect(await rewritten('contacts', before.home)).toEqual(['3', '7', '9000']);
  expect(await rewritten('public.mirror', before.mirror)).toEqual(['3', '7', '9000']);
  expect(await rows(`SELECT first_name, opt_in FROM contacts WHERE external_id IN ('3', '7') AND updated_at > now() - interval '5 minutes' ORDER BY 1`)).toEqual([
    { first_name: 'Person', opt_in: false }, { first_name: 'Renamed there', opt_in: true },
  ]);
  await expectEqual();

  // The CRM's own change of those rows goes out once more and settles: no ping-pong.
  await world.run();
  const settled = { home: await writers('contacts'), mirror: await writers('public.mirror') };
  await back();
  const [again, full] = await Promise.all([world.run(), world.run({ kind: 'full' }, 'list-home')]);
  expect([again, full].map(({ calls, counts }) => [calls.total, counts.queued])).toEqual([[0, 0], [0, 0]]);
  expect(full.counts).toMatchObject({ extracted: 1_201, unchanged: 1_201 });
  expect(full.verification).toMatchObject({ verdict: 'pass', method: 'full', foreign: 0 });
  expect([await rewritten('contacts', settled.home), await rewritten('public.mirror', settled.mirror)]).toEqual([[], []]);
  await expectEqual();
  expect((await audit(world.pool, null)).balanced).toBe(true);
}, 240_000);
