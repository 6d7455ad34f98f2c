import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { expect, it } from 'vitest';
import { audit, createPool, ensureSync, migrate, settleAnswered } from '../../src/ledger/index.js';
import { createDatabase } from '../support/runtime.js';
import { deliverAll, stageWith } from './kinds.js';
import { ANSWERED, startRun, takeLease } from './support.js';

const FIRST = fileURLToPath(new URL('../../src/ledger/migrations/0001_ledger.sql', import.meta.url));
const upOf = (text: string): string => text.slice(0, text.indexOf('-- Down Migration'));

/** Four contacts of one run: one waits loose, one in a bundle, one is in flight, one delivered. */
const ROWS = `
INSERT INTO account (name) VALUES ('acme');
INSERT INTO destination (name, account_id, config_hash) VALUES ('newsletter', 1, 'x');
INSERT INTO sync (name, source, destination_id) VALUES ('a', 'crm', 1);
INSERT INTO run (id, sync_id, kind, slot, workflow_id, options, config, config_hash, pages, extracting) VALUES ('r1', 1, 'incremental', 'read', 'w', '{}', '{}', 'm', 1, false);
INSERT INTO page (run_no, no, extracted, invalid, filtered, unchanged, still_rejected, superseded, suppressed, queued) VALUES (1, 1, 5, 0, 0, 0, 0, 0, 0, 5);
INSERT INTO bundle (destination_id, root_at) VALUES (1, now());
INSERT INTO outbox (destination_id, key, seq, version, bundle, sync_id, run_no, priority, action, email, sms, known, fp, fields) VALUES
  (1, 'waits', nextval('outbox_seq'), '2025-01-01', NULL, 1, 1, 1, 0, 2, 3, false, '\\x01', '{"value":"A"}'),
  (1, 'bundled', nextval('outbox_seq'), '2025-01-01', 1, 1, 1, 1, 0, 2, 3, false, '\\x01', '{"value":"A"}'),
  (1, 'erased', nextval('outbox_seq'), '2025-01-01', NULL, 1, 1, 1, 1, 1, 3, true, '\\x01', '{"value":"A"}');
INSERT INTO batch (account_id, destination_id, action, fence, status, rows, attempt, started_at) VALUES (1, 1, 0, 0, 'settled', 1, 1, now()), (1, 1, 0, 1, 'sending', 1, 1, now());
INSERT INTO batch_row (batch_id, ord, destination_id, sync_id, run_no, attempts, seq, version, priority, email, sms, known, key, fp, fields) VALUES
  (1, 0, 1, 1, 1, 0, nextval('outbox_seq'), '2025-01-01', 1, 2, 3, false, 'delivered', substr(sha256('{"value":"A"}'), 1, 16), '{"value":"A"}'),
  (2, 0, 1, 1, 1, 0, nextval('outbox_seq'), '2025-01-01', 1, 2, 3, false, 'flies', '\\x01', '{"value":"A"}');
INSERT INTO batch_run (batch_id, run_no, rows, delivered) VALUES (1, 1, 1, 1), (2, 1, 1, 0);
INSERT INTO contact (destination_id, key, batch_id, ord, sync_id, version, email, sms, fp)
  SELECT 1, key, batch_id, ord, sync_id, version, email, sms, fp FROM batch_row WHERE batch_id = 1;
INSERT INTO rejection (destination_id, sync_id, run_no, key, code, reason) VALUES (1, 1, 1, 'x', 'invalid', 'no e-mail');
UPDATE page SET extracted = 6, invalid = 1;
INSERT INTO pace (account_id, bucket, next_call) VALUES (1, 'main', 1);
INSERT INTO pace_slot (account_id, bucket, call, started_at) VALUES (1, 'main', 0, now());`;

it('a ledger of the first version keeps every row and goes on where it stood', async () => {
  const database = await createDatabase();
  const client = new pg.Client({ connectionString: database.url });
  const pool = createPool(database.url, 4);
  try {
    await client.connect();
    await client.query('CREATE SCHEMA syncline; SET search_path = syncline');
    await client.query('CREATE TABLE migration (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)');
    await client.query(upOf(readFileSync(FIRST, 'utf8')));
    await client.query(`INSERT INTO migration (name, run_on) VALUES ('0001_ledger', now())`);
    await client.query(ROWS);
    await client.end();

    await migrate(database.url);
    await migrate(database.url);
    expect((await audit(pool, null)).runs).toMatchObject([{ balanced: true, counts: { waiting: 3, inFlight: 1, delivered: 1, invalid: 1 } }]);
    const ids = await ensureSync(pool, { sync: 'a', source: 'crm', destination: 'newsletter', account: 'acme', configHash: 'x', configured: ['a'] });
    const lease = await takeLease(pool, ids.accountId);
    await settleAnswered(pool, lease, 2, { failed: [] }, ANSWERED);
    const calls = await deliverAll(pool, lease);
    expect(calls.flatMap((call) => call.rows.map((row) => `${row.key} ${row.action}`)).sort()).toEqual(['bundled 0', 'erased 1', 'waits 0']);
    // With the destination's new ways: known contacts, whose consent is known too.
    const run = await startRun(pool, ids);
    await stageWith(pool, run, { consent: 'whenChanged' }, [{ key: 'delivered', at: 1, sms: 3 }, { key: 'flies', at: 1, sms: 3, value: 'B' }]);
    const again = await deliverAll(pool, lease);
    expect(again.map((call) => [call.form.consent, call.rows.map((row) => row.key)])).toEqual([[false, ['flies']]]);
    expect((await audit(pool, null)).runs.flatMap((one) => one.faults)).toEqual([]);
  } finally {
    await client.end().catch(() => undefined);
    await pool.end();
    await database.drop();
  }
});

/** From here on the version before may still be at work while a migration is applied. */
const BESIDE_THE_OLD = '0006_lane_waits';

it('every migration since only adds: nothing is dropped, renamed, retyped, or made to need what an older version does not give', () => {
  const folder = path.dirname(FIRST);
  const names = readdirSync(folder).filter((name) => name > `${BESIDE_THE_OLD}.sql`);
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) {
    const statements = upOf(readFileSync(path.join(folder, name), 'utf8')).replaceAll(/--.*$/gm, '').split(';');
    const own = new Set(statements.flatMap((statement) => [...statement.matchAll(/^\s*CREATE TABLE (\w+)/gi)].map(([, table]) => table)));
    for (const statement of statements) {
      const [, about] = /^\s*(?:CREATE TABLE|CREATE (?:UNIQUE )?INDEX \w+ ON|ALTER TABLE) (\w+)/i.exec(statement) ?? [];
      const made = about !== undefined && own.has(about);
      expect(statement, name).not.toMatch(/\bDROP\b(?! NOT NULL)|\bRENAME\b|\bTRUNCATE\b|ALTER COLUMN \S+ (SET DATA )?TYPE|SET NOT NULL|\bVALIDATE\b/i);
      // A column that must be filled has a default; a table of its own is nobody's yet.
      for (const [column] of made ? [] : statement.matchAll(/ADD COLUMN[^,;]*/gi)) if (/NOT NULL/i.test(column)) expect(column, name).toMatch(/DEFAULT/i);
      if (!made) expect(statement, name).not.toMatch(/ADD (CONSTRAINT|CHECK|UNIQUE|FOREIGN)|CREATE UNIQUE INDEX/i);
    }
  }
});

it('a migration waits for whoever has a table, without keeping others waiting; and an older version goes on with a newer ledger', async () => {
  const database = await createDatabase();
  const [reader, writer] = [new pg.Client({ connectionString: database.url }), new pg.Client({ connectionString: database.url })];
  try {
    await migrate(database.url);
    await Promise.all([reader.connect(), writer.connect()]);
    await reader.query(`DELETE FROM syncline.migration WHERE name = '0014_trouble'`);
    await reader.query('ALTER TABLE syncline.run DROP COLUMN trouble_of');
    await reader.query('BEGIN; SELECT count(*) FROM syncline.run');
    const migrating = migrate(database.url);
    await until(async () => (await writer.query(`SELECT FROM pg_stat_activity WHERE application_name = 'syncline-migrate' AND wait_event_type = 'Lock'`)).rowCount === 1);
    // Behind the migration, and yet not for as long as the reader takes.
    await writer.query('SELECT count(*) FROM syncline.run');
    await reader.query('COMMIT');
    await migrating;
    expect((await reader.query(`SELECT FROM syncline.migration WHERE name = '0014_trouble'`)).rowCount).toBe(1);
    await reader.query(`INSERT INTO syncline.migration (name, run_on) VALUES ('9999_of_a_newer_version', now())`);
    await migrate(database.url);
  } finally {
    await Promise.all([reader.end(), writer.end()]);
    await database.drop();
  }
});

async function until(reached: () => Promise<boolean>): Promise<void> {
  while (!(await reached())) await new Promise((resolve) => setTimeout(resolve, 20));
}
