// Takes the pictures of Temporal's Web UI in docs/img: node scripts/screenshots.mjs [chromium], after `npm run build`.
// A folder of its own with the sample contacts, the sandbox with some faults, `syncline dev`; then Chromium, headless.
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const cli = path.join(root, 'dist', 'src', 'cli', 'main.js');
const images = path.join(root, 'docs', 'img');
const chromium = process.argv[2] ?? 'chromium';
const folder = mkdtempSync(path.join(tmpdir(), 'syncline-screenshots-'));
const servers = [];

/** Starts a command that stays up. Resolves to its JSON. */
function serve(...argv) {
  const child = spawn(process.execPath, [cli, ...argv, '--json'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  servers.push(child);
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
      try {
        resolve(JSON.parse(text));
      } catch {
        // Not whole yet.
      }
    });
    child.on('exit', (code) => reject(new Error(`${argv.join(' ')} ended with ${code}`)));
  });
}

async function leaveNothing() {
  for (const server of servers.reverse()) {
    server.removeAllListeners('exit');
    if (server.exitCode !== null) continue;
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGINT');
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
}

// Interrupted, it leaves nothing either.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => { void leaveNothing().finally(() => process.exit(130)); });

/** Runs a command to its end; exit codes above 0 are part of the story. */
function run(...argv) {
  const done = spawnSync(process.execPath, [cli, ...argv, '--json'], { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 28 });
  console.error(`syncline ${argv.join(' ')}: ${done.status}`);
  return done.stdout === '' ? undefined : JSON.parse(done.stdout);
}

const config = (sandbox) => `version: 1
sources:
  crm: {type: csv, path: ./contacts.csv, key: external_id, updatedAt: updated_at, fields: {email: email, phone: phone, locale: locale, country: country, emailConsent: opt_in, firstName: first_name, attributes: [city]}}
  moved: {type: csv, path: ./contacts.csv, key: contact_no, fields: {email: email}}
destinations:
  newsletter: {type: mailingcore, baseUrl: ${sandbox}/mailingcore, apiKey: mc_test_key, tenantId: tenant-1, account: mailingcore-acme}
  loyalty: {type: dengage, baseUrl: ${sandbox}/dengage, userkey: dengage_test_user, password: dengage_test_password, account: dengage-acme}
syncs:
  crm-newsletter: {source: crm, destination: newsletter, verify: {after: run, locales: {en: 1}}}
  crm-loyalty: {source: crm, destination: loyalty}
  shop-newsletter: {source: moved, destination: newsletter}
`;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Chromium by its debugging pipe: pages of running workflows load for ever, so what they say tells when they are there. */
function browser() {
  const child = spawn(chromium, ['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--remote-debugging-pipe', `--user-data-dir=${path.join(folder, 'chromium')}`],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  servers.push(child);
  const waiting = new Map();
  let text = '';
  let last = 0;
  child.stdio[4].on('data', (chunk) => {
    const messages = (text += chunk).split('\0');
    text = messages.pop();
    for (const { id, result } of messages.map((message) => JSON.parse(message))) waiting.get(id)?.(result);
  });
  const send = (method, params = {}, sessionId = undefined) => new Promise((resolve) => {
    waiting.set((last += 1), resolve);
    child.stdio[3].write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`);
  });
  /** A picture of a page, a moment after it shows what it is about. */
  return async (name, url, height) => {
    const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
    await send('Emulation.setDeviceMetricsOverride', { width: 1400, height, deviceScaleFactor: 1, mobile: false }, sessionId);
    await send('Page.navigate', { url }, sessionId);
    for (let tries = 0; tries < 60 && !(await send('Runtime.evaluate', { expression: '/Task Queue|Workflow ID/.test(document.body.innerText)' }, sessionId)).result.value; tries += 1) await pause(500);
    await pause(2_500);
    const { data } = await send('Page.captureScreenshot', { format: 'png' }, sessionId);
    writeFileSync(path.join(images, `web-ui-${name}.png`), Buffer.from(data, 'base64'));
    await send('Target.closeTarget', { targetId });
    console.error(`web-ui-${name}.png`);
  };
}

try {
  copyFileSync(path.join(root, 'data', 'adventureworks-contacts.csv'), path.join(folder, 'contacts.csv'));
  writeFileSync(path.join(folder, 'faults.json'), JSON.stringify({ mailingcore: { badRows: { externalIds: ['17', '4711', '12001'], message: 'mailbox does not exist' } } }));
  const sandbox = await serve('sandbox', '--port', '0', '--faults', 'faults.json');
  writeFileSync(path.join(folder, 'syncline.yaml'), config(sandbox.url));
  const { webUi } = await serve('dev');
  const sync = run('run', 'crm-newsletter');
  const failed = run('run', 'shop-newsletter');
  const backfill = run('backfill', 'crm-newsletter');
  const retry = run('failures', 'retry', 'crm-newsletter');
  run('run', 'crm-loyalty', '--detach');
  // Its second call waits for its minute.
  for (let waits = false; !waits;) waits = run('status').lanes.some((lane) => lane.account === 'dengage-acme' && lane.state === 'waiting');
  /** A page of the last execution of a workflow. */
  const pageOf = async (workflowId, tab) => {
    const id = encodeURIComponent(workflowId);
    const { workflowExecutionInfo } = await (await fetch(`${webUi}/api/v1/namespaces/default/workflows/${id}`)).json();
    return `${webUi}/namespaces/default/workflows/${id}/${workflowExecutionInfo.execution.runId}/${tab}`;
  };
  const shoot = browser();
  await shoot('lane', await pageOf('lane/dengage-acme', 'timeline'), 1000);
  await shoot('lane-details', await pageOf('lane/dengage-acme', 'user-metadata'), 900);
  await shoot('workflows', `${webUi}/namespaces/default/workflows?query=${encodeURIComponent('`SynclineDestination`="newsletter"')}`, 620);
  await shoot('run', await pageOf(sync.workflowId, 'user-metadata'), 1050);
  await shoot('backfill', await pageOf(backfill.workflowId, 'user-metadata'), 1100);
  await shoot('retry', await pageOf(retry.workflowId, 'timeline'), 1120);
  await shoot('failed', await pageOf(failed.workflowId, 'timeline'), 900);
} finally {
  await leaveNothing();
}
