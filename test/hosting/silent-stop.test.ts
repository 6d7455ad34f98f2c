import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { parseConfig } from '../../src/config/index.js';
import { LiveConfig } from '../../src/control/index.js';
import { hostWorker } from '../../src/hosting/index.js';
import { openRuntime } from '../../src/runtime/index.js';
import { startRelay } from '../support/relay.js';
import { createDatabase } from '../support/runtime.js';
import { smallConfig } from './config.js';

test('a worker with nothing under way ends within seconds of being told, also where Temporal does not end its polls', async () => {
  const database = await createDatabase();
  const directory = mkdtempSync(join(tmpdir(), 'syncline-silent-'));
  const relay = await startRelay(Number(new URL(`http://${inject('temporalAddress')}`).port));
  const config = parseConfig(smallConfig(`database: {url: "${database.url}"}\ntemporal: {address: "127.0.0.1:${relay.port}", taskQueue: silent}\n`), { file: join(directory, 'syncline.yaml'), shown: 'syncline.yaml', env: {} });
  const runtime = await openRuntime({ directory, database: { url: database.url }, temporal: config.temporal, report: () => undefined });
  const host = await hostWorker({ config: new LiveConfig(config), runtime, directory, warn: () => undefined });
  try {
    while (!host.polls()) await new Promise((resolve) => setTimeout(resolve, 20));
    relay.hold(0, () => undefined);
    const began = performance.now();
    await host.stop();
    expect(host.state()).toBe('stopped');
    // The polls last a minute.
    expect(performance.now() - began).toBeLessThan(20_000);
  } finally {
    await relay.close();
    await runtime.close();
    await database.drop();
    rmSync(directory, { recursive: true, force: true });
  }
});
