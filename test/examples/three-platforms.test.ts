import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/index.js';
import { createDestination } from '../../src/destinations/index.js';
import type { Contact } from '../../src/contacts/index.js';

const folder = fileURLToPath(new URL('../../examples/three-platforms/', import.meta.url));
const read = (name: string): string => readFileSync(path.join(folder, name), 'utf8');

/** What loading the file of variables sets, the commented lines at its end too where asked. */
function variables(sandbox: boolean): Record<string, string> {
  const lines = read('.env.example').split('\n').map((line) => (sandbox ? line.replace(/^# (?=[A-Z_]+=)/, '') : line));
  return Object.fromEntries(lines.flatMap((line) => (/^[A-Z_]+=/.test(line) ? [line.split(/=(.*)/s).slice(0, 2)] : [])) as [string, string][]);
}

test.each([false, true])('the example is a configuration without a mistake, its variables set from the file beside it (sandbox: %s)', (sandbox) => {
  const config = loadConfig({ path: path.join(folder, 'syncline.yaml'), cwd: folder, env: variables(sandbox) });
  expect(Object.values(config.syncs).map((sync) => [sync.source, config.destinations[sync.destination]?.type])).toEqual([
    ['crm', 'mailingcore'], ['crm', 'dengage'], ['crm', 'mainbrainer'],
  ]);
  // One account each: no platform waits for another.
  expect(new Set(Object.values(config.destinations).map(({ account }) => account)).size).toBe(3);
  expect(Object.values(config.destinations).every((one) => 'baseUrl' in one && one.baseUrl.startsWith(sandbox ? 'http://127.0.0.1' : 'https://'))).toBe(true);
});

test('every variable of the example is in the file of variables, and the other way round', () => {
  const used = [...read('syncline.yaml').matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name);
  expect([...new Set(used)].sort()).toEqual(Object.keys(variables(true)).sort());
});

test('one contact of the table goes to all three, and none is told of an SMS consent that nobody gave', async () => {
  const config = loadConfig({ path: path.join(folder, 'syncline.yaml'), cwd: folder, env: variables(true) });
  const contact: Contact = {
    key: '1', email: 'ken0@adventure-works.com', phone: '+16975550142', locale: 'en', country: 'US', emailConsent: 'granted', firstName: 'Ken', attributes: { city: 'Newport Hills' },
  };
  for (const one of Object.values(config.destinations)) {
    const destination = createDestination(one);
    const prepared = destination.prepare(contact);
    if ('invalid' in prepared) throw new Error(prepared.invalid);
    expect(prepared.fields).toContain('Newport Hills');
    expect([prepared.emailConsent, prepared.smsConsent]).toEqual([2, 3]);
    await destination.close();
  }
});
