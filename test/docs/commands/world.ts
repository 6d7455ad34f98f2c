import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { run, type Ran } from '../../cli/support.js';
import { createDatabase } from '../../support/runtime.js';
import { ROOT } from './extract.js';

const EXAMPLE = path.join(ROOT, 'examples', 'three-platforms');

/** An empty folder, a CRM's table elsewhere, and what a reader would have set in the environment. */
export interface ReadersWorld {
  readonly folder: string;
  /** Runs a command here, to its end. */
  cli(words: readonly string[]): Promise<Ran>;
  /** The same in an empty folder within this one. */
  elsewhere(words: readonly string[]): Promise<Ran>;
  /** Starts one that stays, as in a terminal of its own, until `ready` is said. @returns what it said until then */
  stay(words: readonly string[], ready: RegExp): Promise<string>;
  /** From now on the folder has the configuration of the example: crm-newsletter, crm-loyalty and crm-sms. */
  useExample(): void;
  close(): Promise<void>;
}

export async function createReadersWorld(): Promise<ReadersWorld> {
  const crm = await createDatabase();
  await plant(crm.url);
  const folder = mkdtempSync(path.join(tmpdir(), 'syncline-docs-'));
  const env: Record<string, string> = { ...plainEnvironment(), ...exampleVariables(), TEMPORAL_ADDRESS: '', CRM_DATABASE_URL: crm.url };
  const staying: ChildProcess[] = [];
  return {
    folder,
    cli: (words) => run(words, { cwd: folder, env }),
    elsewhere: (words) => run(words, { cwd: mkdtempSync(path.join(folder, 'empty-')), env }),
    stay: async (words, ready) => {
      const child = spawn(process.execPath, [path.join(ROOT, 'dist', 'src', 'cli', 'main.js'), ...words], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
      staying.push(child);
      const said = await untilSaid(child, words, ready);
      // Where the configurations of both look for the sandbox.
      const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(said) ?? [];
      if (words[0] === 'sandbox' && url !== undefined) Object.assign(env, { SANDBOX_URL: url, MAILINGCORE_URL: `${url}/mailingcore`, DENGAGE_URL: `${url}/dengage`, MB_URL: `${url}/mainbrainer` });
      return said;
    },
    useExample: () => {
      const example = readFileSync(path.join(EXAMPLE, 'syncline.yaml'), 'utf8');
      writeFileSync(path.join(folder, 'syncline.yaml'), example
        // Scheduled, and never due while this runs.
        .replace('destination: newsletter\n', 'destination: newsletter\n    schedule: {cron: "0 0 29 2 *"}\n')
        // The sandbox asks for no minute between calls, so none is waited for.
        .replace('type: dengage\n', 'type: dengage\n    limits: {calls: 60, per: 60s, concurrency: 1, read: {calls: 600, per: 60s}}\n'));
    },
    close: async () => {
      for (const child of staying.reverse()) {
        if (child.exitCode !== null) continue;
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGINT');
        await ended;
      }
      await crm.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function untilSaid(child: ChildProcess, words: readonly string[], ready: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      if (ready.test(said)) resolve(said);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('exit', (code) => { reject(new Error(`syncline ${words.join(' ')} ended with ${code ?? 'a signal'}:\n${said}`)); });
  });
}

/** The table of the example, with the contact the documents name; few, since each is read back at one a second by a sample. */
async function plant(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE TABLE contacts (external_id text PRIMARY KEY, email text, phone text, locale text, country text, opt_in boolean, first_name text, city text, updated_at timestamptz NOT NULL)`);
  await client.query(`INSERT INTO contacts SELECT i::text, 'person' || i || '@example.com', '+1425' || (2000000 + i), 'en', 'US', true, 'First' || i, 'City', '2026-01-15'::timestamptz + i * interval '1 second'
    FROM generate_series(4710, 4712) i`);
  await client.end();
}

function exampleVariables(): Record<string, string> {
  const lines = readFileSync(path.join(EXAMPLE, '.env.example'), 'utf8').matchAll(/^([A-Z_]+)=(.*)$/gm);
  return Object.fromEntries([...lines].map(([, name = '', value = '']) => [name, value]));
}

const plainEnvironment = (): Record<string, string> => Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
