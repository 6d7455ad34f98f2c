import { afterAll, beforeAll, expect, test } from 'vitest';
import { startRun } from '../../src/control/index.js';
import { audit, statusDocument } from '../../src/ledger/index.js';
import { createWorld, plantContacts, type World } from '../support/world.js';

const LONG = process.env['SYNCLINE_LONG'] === '1';
/** Rows of the load that is under way. */
const ROWS = LONG ? 200_000 : 4_000;
const BATCH = LONG ? 1_000 : 100;

let world: World;
beforeAll(async () => {
  // A slow destination: three calls a second, two at once; and nobody waits long for a call nobody answered.
  world = await createWorld({ destination: `batchSize: ${BATCH}\nlimits: {calls: 3, per: 1s, concurrency: 2}\ntimeout: 3s\nsettleDelay: 1s\nlinger: 50ms` });
  await plantContacts(world.crm, ROWS);
  await world.crm.query('UPDATE contacts SET opt_in = true');
});
afterAll(() => world.close());

interface Sent { readonly batch: number; readonly key: string; readonly email: number; readonly status: string; readonly outcome: number | null }
const sentOf = async (keys: readonly string[]): Promise<readonly Sent[]> => (await world.pool.query<Sent>(
  `SELECT b.id AS batch, r.key, r.email, b.status, r.outcome FROM batch_row r JOIN batch b ON b.id = r.batch_id WHERE r.key = ANY($1) ORDER BY b.id`, [keys])).rows;

test(`thirty opt-outs during a load of ${String(ROWS)} rows leave in the first call after they are staged, ten of them beside the call they cross and once more after it`, async () => {
  const { pool, crm, sandbox, temporal, config } = world;
  const load = await startRun(pool, temporal, config, 'crm-newsletter', { kind: 'full' });
  await world.until(load.run, (document) => document.counts.delivered >= 3 * BATCH && document.cursor.to !== null);
  // A call that is taken and never answered.
  sandbox.mailingcore.setFaults({ hang: true });
  let cut: readonly { key: string }[] = [];
  while (cut.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    cut = (await pool.query<{ key: string }>(`SELECT r.key FROM batch b JOIN batch_row r ON r.batch_id = b.id WHERE b.status IN ('sending', 'unknown')
      AND b.started_at < clock_timestamp() - interval '1200 milliseconds' ORDER BY r.ord LIMIT 10`)).rows;
  }
  sandbox.mailingcore.setFaults({});
  const flying = cut.map(({ key }) => key);
  const others = (await pool.query<{ key: string }>(
    `(SELECT key FROM outbox ORDER BY seq DESC LIMIT 10) UNION ALL (SELECT c.key FROM contact c WHERE NOT EXISTS (SELECT 1 FROM outbox o WHERE o.key = c.key) LIMIT 10)`)).rows.map(({ key }) => key);
  const leaving = [...flying, ...others];
  expect(new Set(leaving).size).toBe(30);
  await crm.query('UPDATE contacts SET opt_in = false, updated_at = now() WHERE external_id = ANY($1)', [leaving]);
  const news = await startRun(pool, temporal, config, 'crm-newsletter', { kind: 'incremental' });
  await world.until(news.run, (document) => document.counts.queued === 30 && document.counts.waiting + document.counts.inFlight === 0);

  const sent = (await sentOf(leaving)).filter((row) => row.email === 1);
  const [first] = sent;
  // All thirty in one call: the first that left.
  expect(sent.filter((row) => row.batch === first?.batch).map((row) => row.key).sort()).toEqual([...leaving].sort());
  // Once more, those that crossed an open call, and nobody else.
  expect(sent.filter((row) => row.batch !== first?.batch).map((row) => row.key).sort()).toEqual([...flying].sort());
  const crossedCall = Math.max(...(await sentOf(flying)).filter((row) => row.email === 2).map((row) => row.batch));
  expect(sent.filter((row) => row.batch !== first?.batch).every((row) => row.batch > crossedCall)).toBe(true);
  // Nothing was claimed between the staging and that call.
  const { rows: between } = await pool.query<{ calls: number }>(
    `SELECT count(*) AS calls FROM batch b WHERE b.id < $1 AND b.id > (
       SELECT max(x.id) FROM batch x WHERE x.started_at < (SELECT max(p.staged_at) + interval '600 milliseconds' FROM page p JOIN run r ON r.no = p.run_no WHERE r.id = $2))`, [first?.batch, news.run]);
  expect(between[0]?.calls).toBe(0);
  for (const key of leaving) expect(sandbox.mailingcore.contact(key), key).toMatchObject({ optIn: false });
  const lane = (await statusDocument(pool)).lanes[0];
  expect(lane?.optOuts).toMatchObject({ waiting: 0, effective: 30 });
  expect(lane?.optOuts.fromStaging?.p95Seconds).toBeGreaterThan(0);
  if (LONG) console.log(JSON.stringify(lane?.optOuts));
  expect((await audit(pool, null)).balanced).toBe(true);
}, LONG ? 600_000 : 240_000);
