import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig, type Config } from '../../src/config/index.js';
import { DESTINATIONS, propose, variablesOf, yamlOf, type Setup } from '../../src/setup/index.js';
import { parseConfig } from '../../src/config/index.js';
import { createDatabase, type TestDatabase } from '../support/runtime.js';
import { run, type Ran } from './support.js';

/** An empty folder for the time of `use`. */
async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'syncline-init-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const read = (folder: string, name: string): string => readFileSync(join(folder, name), 'utf8');

/** A person who has typed all answers, one a line. */
function person(...answers: readonly string[]): PassThrough & { isTTY: true } {
  const stdin = Object.assign(new PassThrough(), { isTTY: true as const });
  stdin.write(answers.map((answer) => `${answer}\n`).join(''));
  return stdin;
}

describe('init --yes in an empty folder', () => {
  test('writes a configuration that works as it is, what it needs beside it, and the next commands', async () => {
    await inFolder(async (cwd) => {
      const ran = await run(['init', '--yes'], { cwd });
      expect(ran).toMatchObject({ code: 0, err: '' });
      for (const words of ['syncline doctor', 'syncline sandbox', 'syncline dev', 'syncline run contacts-newsletter']) expect(ran.out).toContain(words);
      const config = loadConfig({ cwd, env: {} });
      expect(config.destinations['newsletter']).toMatchObject({ type: 'mailingcore', baseUrl: 'http://127.0.0.1:8025/mailingcore' });
      expect(read(cwd, '.gitignore')).toBe('.syncline/\n.env\n');
      const preview = await run(['source', 'preview', 'contacts', '--limit', '50', '--json'], { cwd });
      const { records } = JSON.parse(preview.out) as { records: { invalid: string | null; warnings: string[] }[] };
      expect(records).toHaveLength(12);
      expect(records.filter(({ invalid, warnings }) => invalid !== null || warnings.length > 0)).toEqual([]);
    });
  });

  test('what is there is not overwritten without --force, and nothing else is written then', async () => {
    await inFolder(async (cwd) => {
      writeFileSync(join(cwd, 'sample-contacts.csv'), 'mine\n');
      const refused = await run(['init', '--yes', '--json'], { cwd });
      expect(refused.code).toBe(2);
      expect(JSON.parse(refused.out)).toMatchObject({ error: { message: expect.stringContaining('sample-contacts.csv') as string, hint: expect.stringContaining('--force') as string } });
      expect(() => read(cwd, 'syncline.yaml')).toThrow();
      writeFileSync(join(cwd, '.gitignore'), 'node_modules\n.env');
      writeFileSync(join(cwd, '.env.example'), 'MINE=1\n');
      expect((await run(['init', '--yes', '--force'], { cwd })).code).toBe(0);
      expect(read(cwd, 'sample-contacts.csv')).toContain('external_id');
      // These are everybody's: added to, never replaced.
      expect(read(cwd, '.gitignore')).toBe('node_modules\n.env\n.syncline/\n');
      expect(read(cwd, '.env.example')).toMatch(/^MINE=1\n[^]*SANDBOX_URL=/);
      expect((await run(['init'], { cwd })).code).toBe(2);
    });
  });

  test('--config names the file, and a second time changes nothing of what is shared', async () => {
    await inFolder(async (cwd) => {
      expect((await run(['init', '--config', 'staging.yaml', '--destination', 'dengage'], { cwd })).code).toBe(0);
      const before = read(cwd, '.env.example');
      const again = await run(['init', '--config', 'staging.yaml', '--destination', 'dengage', '--force', '--json'], { cwd });
      expect(JSON.parse(again.out)).toMatchObject({ written: ['sample-contacts.csv', 'staging.yaml'], extended: [], variables: ['DENGAGE_USERKEY', 'DENGAGE_PASSWORD'] });
      expect(read(cwd, '.env.example')).toBe(before);
    });
  });
});

describe('questions', () => {
  test('are asked at a terminal, a wrong answer again, and lines typed ahead are heard', async () => {
    await inFolder(async (cwd) => {
      const ran = await run(['init'], { cwd, stdin: person('', 'nowhere', 'mainbrainer') });
      expect(ran.code).toBe(0);
      expect(ran.err).toContain('there is no nowhere');
      expect(read(cwd, 'syncline.yaml')).toContain('type: mainbrainer');
      expect(ran.out).toContain('MB_USER, MB_PASSWORD, MB_TOKEN');
    });
  });

  test('a stdin that ends leaves nothing written', async () => {
    await inFolder(async (cwd) => {
      const stdin = person();
      stdin.end();
      expect(await run(['init'], { cwd, stdin })).toMatchObject({ code: 2, out: '' });
      expect(() => read(cwd, 'syncline.yaml')).toThrow();
    });
  });
});

describe('a Postgres source', () => {
  let database: TestDatabase;
  const sql = async (text: string): Promise<void> => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(text);
    await client.end();
  };
  beforeAll(async () => {
    database = await createDatabase();
    await sql(`CREATE TABLE orders (id bigint PRIMARY KEY, email text, updated_at timestamptz, total numeric);
      CREATE TABLE contacts (id bigint PRIMARY KEY, external_id text NOT NULL UNIQUE, "E-Mail" text, mobile text, lang text, opt_in boolean, "SMS Opt-In" text,
        first_name text, surname text, city text, "odd ""name" text, updated_at timestamptz NOT NULL, deleted_at timestamptz);
      CREATE SCHEMA crm; CREATE TABLE crm.leads (mail text, note text); CREATE TABLE crm.keyless (mail text NOT NULL UNIQUE)`);
  });
  afterAll(async () => { await database.drop(); });

  const init = (cwd: string, ...more: string[]): Promise<Ran> => run(['init', '--yes', '--source-url', database.url, ...more], { cwd });
  const load = (cwd: string): Config => loadConfig({ cwd, env: { CRM_DATABASE_URL: database.url } });

  test('the table that looks like contacts is taken, its columns mapped, and the file works against it', async () => {
    await inFolder(async (cwd) => {
      const ran = await init(cwd, '--json');
      expect(ran.code).toBe(0);
      expect(JSON.parse(ran.out)).toMatchObject({ proposal: { table: 'public.contacts', key: 'external_id', keyUnique: true, updatedAt: 'updated_at', unclear: { smsConsent: 'SMS Opt-In' } }, sync: 'crm-newsletter' });
      expect(load(cwd).sources['crm']).toMatchObject({
        table: 'public.contacts', key: 'external_id', updatedAt: 'updated_at',
        fields: { email: 'E-Mail', phone: 'mobile', locale: 'lang', emailConsent: { column: 'opt_in' }, firstName: 'first_name', lastName: 'surname', deletedAt: 'deleted_at' },
      });
      // Words that nobody has explained are no consent.
      expect(load(cwd).sources['crm']?.fields.smsConsent).toBeUndefined();
      const preview = await run(['source', 'preview', 'crm'], { cwd, env: { CRM_DATABASE_URL: database.url } });
      expect(preview.code, preview.err).toBe(0);
    });
  });

  test('its address is written nowhere', async () => {
    await inFolder(async (cwd) => {
      const ran = await init(cwd);
      const { password, pathname } = new URL(database.url);
      for (const text of [read(cwd, 'syncline.yaml'), read(cwd, '.env.example'), ran.out, ran.err]) {
        if (password !== '') expect(text).not.toContain(password);
        expect(text).not.toContain(pathname);
      }
      expect(ran.out).toContain('CRM_DATABASE_URL');
      const quiet = await run(['init', '--yes', '--force', '--source-url', '--json'], { cwd, env: { CRM_DATABASE_URL: database.url } });
      expect(JSON.parse(quiet.out)).toMatchObject({ proposal: { table: 'public.contacts' }, variables: [] });
      expect((await run(['init', '--yes', '--force', '--source-url'], { cwd })).code).toBe(2);
    });
  });

  test('a table and a key that are named are taken, unknown ones refused with those there are', async () => {
    await inFolder(async (cwd) => {
      expect(await init(cwd, '--table', 'contact')).toMatchObject({ code: 2, err: expect.stringContaining('public.contacts') as string });
      expect(await init(cwd, '--table', 'crm.leads')).toMatchObject({ code: 2, err: expect.stringContaining('--key') as string });
      expect(await init(cwd, '--table', 'crm.leads', '--key', 'nope')).toMatchObject({ code: 2, err: expect.stringContaining('mail, note') as string });
      expect((await init(cwd, '--table', 'crm.leads', '--key', 'note')).code).toBe(0);
      expect(load(cwd).sources['crm']).toMatchObject({ table: 'crm.leads', key: 'note', fields: { email: 'mail' } });
    });
  });

  test('a server that is not there is 5, one that refuses us 2, an address that is none 2; nothing is written', async () => {
    await inFolder(async (cwd) => {
      expect((await run(['init', '--yes', '--source-url', 'postgres://nobody@127.0.0.1:1/crm'], { cwd })).code).toBe(5);
      const missing = new URL(database.url);
      missing.pathname = '/not_there';
      expect((await run(['init', '--yes', '--source-url', missing.href], { cwd })).code).toBe(2);
      const odd = await run(['init', '--yes', '--source-url', 'mysql://root:hush@db/crm'], { cwd });
      expect(odd.code).toBe(2);
      expect(odd.err).not.toContain('hush');
      expect((await run(['init', '--yes', '--table', 'contacts'], { cwd })).code).toBe(2);
      expect(() => read(cwd, 'syncline.yaml')).toThrow();
    });
  });
});

test('every configuration that can be written is one without a mistake, whatever the columns are called', () => {
  const columns = ['id', 'true', '${NAME}', 'a: b', "it's", 'x"y', '- z', '#c', 'e-mail', '1', 'naïve col', 'a, b'].map((name) => ({ name, type: 'text' as const, unique: false }));
  const proposal = propose({ name: '${odd}."ta.ble"', columns });
  const sources: Setup['source'][] = [{ kind: 'sample' }, { kind: 'postgres', proposal: { ...proposal, key: 'true' } }, { kind: 'postgres', proposal: { ...proposal, key: '${NAME}' } }];
  for (const source of sources) {
    for (const destination of DESTINATIONS) {
      const setup = { source, destination };
      const env = Object.fromEntries(variablesOf(setup).filter(({ needed }) => needed).map(({ name }) => [name, name === 'CRM_DATABASE_URL' ? 'postgres://a@b/c' : 'x']));
      const config = parseConfig(yamlOf(setup), { file: '/tmp/syncline.yaml', shown: 'syncline.yaml', env });
      if (source.kind === 'postgres') expect(config.sources['crm']).toMatchObject({ key: source.proposal.key, table: '${odd}."ta.ble"' });
      // What is only proposed must hold once it is uncommented.
      const open = yamlOf(setup).replace(/^( +)# (attributes|defaultCountry|onDelete|columns|properties|matchBy):/gm, '$1$2:');
      expect(Object.keys(parseConfig(open, { file: '/tmp/syncline.yaml', shown: 'syncline.yaml', env }).syncs)).toHaveLength(1);
    }
  }
});
