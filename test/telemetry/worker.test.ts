import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCliWorld, type CliWorld } from '../cli/world.js';
import { startCollector, type Collector } from './collector.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CLI = join(ROOT, 'dist/src/cli/main.js');

/** People nobody may find again. One of them is quoted by every fault. */
const QUOTED = { name: 'Zebulon', surname: 'Quagmire', email: 'zebulon.quagmire@canary.example', phone: '+12025550117', key: 'canary-17' };
const CANARY = /zebulon|quagmire|canary|ottoline|2025550|202\)? ?555/i;
const SAYS = `${QUOTED.name} ${QUOTED.surname} <${QUOTED.email}> (202) 555-0117 is not wanted`;

let world: CliWorld;
let collector: Collector;
let child: ChildProcess;
let out = '';
let log = '';
let urls: { health: string; ready: string; metrics: string };

/** 40 people; the one at 17 is quoted. */
function plant(): void {
  const rows = Array.from({ length: 40 }, (_, i) =>
    i === 17 ? `${QUOTED.key},${QUOTED.email},${QUOTED.phone},${QUOTED.name},${QUOTED.surname},en,true,2025-01-01T00:00:00Z`
      : `canary-${String(i)},ottoline.${String(i)}@canary.example,+120255501${String(i).padStart(2, '0')},Ottoline,Canary${String(i)},${i % 2 === 0 ? 'en' : 'fr'},true,2025-01-01T00:00:00Z`);
  writeFileSync(join(world.folder, 'contacts.csv'), ['id,email,phone,first,last,locale,opt_in,updated_at', ...rows, ',ottoline.nokey@canary.example,,Ottoline,Canary,en,true,2025-01-01T00:00:00Z', ''].join('\n'));
}

function configure(): void {
  const file = join(world.folder, 'syncline.yaml');
  const { dengage, mainbrainer } = world.sandbox;
  writeFileSync(file, readFileSync(file, 'utf8')
    .replace('fields: {email: email, locale: locale, emailConsent: opt_in}', 'defaultCountry: US, fields: {email: email, phone: phone, firstName: first, lastName: last, locale: locale, emailConsent: opt_in, smsConsent: opt_in}')
    .replace('syncs:\n', `  loyalty: {type: dengage, baseUrl: ${dengage.baseUrl}, userkey: sandbox, password: sandbox, account: ${world.account}-d, batchSize: 20, settleDelay: 1s, limits: {calls: 100000, per: 1s, concurrency: 1}}
  sms: {type: mainbrainer, baseUrl: ${mainbrainer.baseUrl}, userName: sandbox@example.com, password: sandbox, privateToken: sandbox, account: ${world.account}-m, batchSize: 20, settleDelay: 1s, limits: {calls: 100000, per: 1s, concurrency: 4}}
syncs:
  crm-loyalty: {source: export, destination: loyalty}
  crm-sms: {source: export, destination: sms}
`).replace('    destination: newsletter\n', '    destination: newsletter\n    verify: {locales: {en: 1}}\n'));
}

async function until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const read = async (url: string): Promise<{ status: number; body: Record<string, unknown> }> => {
  const answer = await fetch(url);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};
const scrape = async (): Promise<string> => (await fetch(urls.metrics)).text();
/** The value of one series, by its name and labels in any order. */
const valueOf = (text: string, name: string, labels: Record<string, string> = {}): number | undefined => {
  const line = text.split('\n').find((one) => one.startsWith(name) && /[{ ]/.test(one[name.length] ?? '') && Object.entries(labels).every(([key, value]) => one.includes(`${key}="${value}"`)));
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1));
};
const lines = (): Record<string, unknown>[] => log.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);

beforeAll(async () => {
  [world, collector] = await Promise.all([createCliWorld(), startCollector()]);
  plant();
  configure();
  child = spawn(process.execPath, [CLI, 'worker', '--port', '0', '--host', '127.0.0.1', '--json'], {
    cwd: world.folder, stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TEMPORAL_ADDRESS: '', SYNCLINE_CONFIG: '', SYNCLINE_LOG: '', OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_SERVICE_NAME: 'syncline-under-test' },
  });
  child.stdout?.on('data', (part: Buffer) => { out += part.toString(); });
  child.stderr?.on('data', (part: Buffer) => { log += part.toString(); });
  urls = await until(() => {
    if (child.exitCode !== null) throw new Error(`the worker ended: ${log}`);
    return out.includes('\n') ? (JSON.parse(out) as typeof urls) : undefined;
  });
});
afterAll(async () => {
  if (child.exitCode === null) child.kill('SIGKILL');
  await Promise.all([world.close(), collector.close()]);
});

test('what a worker tells of runs whose platforms quote people holds what was done, and nobody', async () => {
  const { mailingcore, dengage, mainbrainer } = world.sandbox;
  mailingcore.setFaults({ refuseAll: { message: SAYS, first: 1 }, badRows: { externalIds: [QUOTED.key], message: SAYS } });
  dengage.setFaults({ refuseAll: { message: SAYS, first: 1 }, badRows: { keys: [QUOTED.key], mode: 'request', message: SAYS } });
  mainbrainer.setFaults({ badRows: { emails: [QUOTED.email], message: SAYS } });
  const runs = await Promise.all(['crm', 'crm-loyalty', 'crm-sms'].map((sync) => world.json('run', sync)));
  for (const { document } of runs) expect(document).toMatchObject({ status: 'completed_with_rejects', counts: { extracted: 41, invalid: 1, delivered: 39, rejected: 1 } });
  // A lane that blocks says so with the platform's words, which quote who is in the call.
  mailingcore.setFaults({ forbidden: { message: 'Ottoline Canary1 <ottoline.one@canary.example> (202) 555-0101 is not wanted' } });
  writeFileSync(join(world.folder, 'contacts.csv'), readFileSync(join(world.folder, 'contacts.csv'), 'utf8').replace('ottoline.1@', 'ottoline.one@'));
  expect((await world.json('run', 'crm')).code).toBe(1);
  await until(() => (log.includes('"state":"blocked"') ? true : undefined));
  mailingcore.setFaults({ badRows: { externalIds: [QUOTED.key], message: SAYS } });
  expect((await world.json('lane', 'resume', world.account)).code).toBe(0);
  await until(async () => (((await world.json<{ runs: { status: string }[] }>('runs', 'crm')).document.runs[0]?.status ?? '').startsWith('completed') ? true : undefined));
  const verified = await world.json<{ verdict: string; locales: { locale: string; expected: number; found: number }[] }>('verify', 'crm');
  expect(verified.document.verdict).toBe('fail');
  await until(() => (log.includes('"event":"verification"') ? true : undefined));

  const text = await until(async () => { const now = await scrape(); return valueOf(now, 'syncline_verification_passed', { sync: 'crm' }) === undefined ? undefined : now; });
  const [second] = (await world.json<{ runs: { counts: Record<string, number> }[] }>('runs', 'crm')).document.runs;
  for (const outcome of ['invalid', 'unchanged', 'delivered', 'rejected', 'overtaken']) {
    expect([outcome, valueOf(text, 'syncline_rows_total', { sync: 'crm', outcome })]).toEqual([outcome, (runs[0]?.document.counts as unknown as Record<string, number>)[outcome]! + second!.counts[outcome]!]);
  }
  expect(valueOf(text, 'syncline_rows_read_total', { sync: 'crm' })).toBe(82);
  expect(valueOf(text, 'syncline_ledger_up')).toBe(1);
  expect(valueOf(text, 'syncline_lane_state', { account: world.account, state: 'blocked' })).toBe(0);
  expect(valueOf(text, 'syncline_lane_wait_seconds_total', { account: world.account, cause: 'blocked' })).toBeGreaterThan(0);
  expect(valueOf(text, 'syncline_open_failures', { sync: 'crm', code: 'invalid' })).toBe(1);
  expect(valueOf(text, 'syncline_verification_passed', { sync: 'crm' })).toBe(0);
  for (const { locale, expected, found } of verified.document.locales) {
    expect(valueOf(text, 'syncline_verification_expected_contacts', { sync: 'crm', locale })).toBe(expected);
    expect(valueOf(text, 'syncline_verification_found_contacts', { sync: 'crm', locale })).toBe(found);
  }
  expect(valueOf(text, 'syncline_last_run_status', { sync: 'crm-sms', status: 'completed_with_rejects' })).toBe(1);
  expect(valueOf(text, 'syncline_cursor_lag_seconds', { sync: 'crm-sms' })).toBeLessThan(60);
  expect(valueOf(text, 'syncline_calls_total', { destination: 'sms', kind: 'send', outcome: 'accepted' })).toBeGreaterThanOrEqual(2);
  expect(valueOf(text, 'syncline_calls_total', { destination: 'newsletter', kind: 'send', outcome: 'misconfigured' })).toBeGreaterThanOrEqual(1);
  expect(valueOf(text, 'syncline_call_duration_seconds_count', { destination: 'loyalty', kind: 'send' })).toBeGreaterThanOrEqual(2);
  expect(valueOf(text, 'temporal_num_pollers', { poller_type: 'activity_task' })).toBeGreaterThan(0);
  expect(valueOf(text, 'temporal_request_latency_seconds_sum') ?? 0).toBeGreaterThan(0);

  const told = lines();
  const run = runs[0]!.document.run;
  expect(told).toContainEqual(expect.objectContaining({ event: 'run_opened', level: 'info', run, sync: 'crm', kind: 'incremental' }));
  expect(told).toContainEqual(expect.objectContaining({ event: 'run_closed', run, status: 'completed_with_rejects', counts: runs[0]!.document.counts }));
  expect(told).toContainEqual(expect.objectContaining({ event: 'call', runs: [run], destination: 'newsletter', rows: 10, outcome: 'answered', httpStatus: 200, batch: expect.any(Number), ms: expect.any(Number) }));
  expect(told).toContainEqual(expect.objectContaining({ event: 'lane', account: world.account, state: 'blocked', reason: expect.stringContaining('is not wanted') }));
  expect(told).toContainEqual(expect.objectContaining({ event: 'verification', sync: 'crm', verdict: 'fail' }));
  for (const [what, said] of Object.entries({ log, text, out })) expect([what, CANARY.exec(said)?.[0]]).toEqual([what, undefined]);
});

test('every metric that dashboard, alerts and documents name is told', async () => {
  const told = new Set([...(await scrape()).matchAll(/^# TYPE (\S+) (\S+)/gm)].flatMap(([, name = '', type]) => (type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix).concat(name) : [name])));
  for (const file of ['docs/monitoring/grafana-dashboard.json', 'docs/monitoring/alerts.yml', 'docs/monitoring.md']) {
    const names = new Set(readFileSync(join(ROOT, file), 'utf8').match(/\b(syncline|temporal)_[a-z_]+[a-z]\b/g));
    expect(names.size).toBeGreaterThan(5);
    expect([file, [...names].filter((name) => !told.has(name))]).toEqual([file, []]);
  }
  for (const name of [...told].filter((one) => one.startsWith('syncline_') && !/_(bucket|sum|count)$/.test(one))) expect(readFileSync(join(ROOT, 'docs/monitoring.md'), 'utf8')).toContain(`\`${name}\``);
});

test('a worker that is told to stop is alive and not ready until its last call has ended, then hands over its traces', async () => {
  expect(await read(urls.ready)).toEqual({ status: 200, body: { status: 'ready', reasons: [], worker: true, polling: true, stopping: false, postgres: true, ledger: true, temporal: true } });
  expect(await read(urls.health)).toEqual({ status: 200, body: { status: 'ok', worker: true, postgres: true, temporal: true } });
  world.sandbox.mailingcore.setFaults({ latency: '2s' });
  writeFileSync(join(world.folder, 'contacts.csv'), readFileSync(join(world.folder, 'contacts.csv'), 'utf8').replace('ottoline.2@', 'ottoline.two@'));
  const { document } = await world.json('run', 'crm', '--detach');
  await until(async () => ((await world.pool.query("SELECT 1 FROM batch WHERE status = 'sending'")).rowCount === 1 ? true : undefined));
  child.kill('SIGTERM');
  const ready = await until(async () => { const now = await read(urls.ready); return now.status === 503 ? now : undefined; });
  expect(ready.body).toMatchObject({ status: 'unready', reasons: expect.arrayContaining(['the worker is stopping']), stopping: true, worker: true });
  expect(await read(urls.health)).toMatchObject({ status: 200, body: { status: 'stopping', worker: true } });
  await once(child, 'exit');
  expect(child.exitCode).toBe(0);
  await expect(fetch(urls.health)).rejects.toThrow();

  const spans = collector.spans();
  expect(collector.services()).toEqual(new Set(['syncline-under-test']));
  const root = spans.find(({ name, attributes }) => name === 'run' && attributes['syncline.sync'] === 'crm')!;
  const below = spans.filter(({ parentSpanId }) => parentSpanId === root.spanId);
  expect(below.every(({ traceId }) => traceId === root.traceId)).toBe(true);
  expect(new Set(below.map(({ name }) => name))).toEqual(new Set(['read', 'call', 'verify']));
  expect(below.find(({ name }) => name === 'read')).toMatchObject({ events: 1, attributes: { temporalWorkflowID: root.attributes['temporalWorkflowID'], temporalRunID: expect.any(String) } });
  expect(spans.some(({ name }) => name === 'poll')).toBe(true);
  expect(spans.find(({ name }) => name === 'verify')).toMatchObject({ attributes: { 'syncline.verdict': 'fail' } });
  // The call that was under way is told, too; its run goes on with the next worker.
  expect(spans.some(({ name, attributes }) => name === 'call' && JSON.stringify(attributes).includes(document.run))).toBe(true);
  expect(CANARY.exec(collector.text())).toBeNull();
  expect(CANARY.exec(log)).toBeNull();
});
