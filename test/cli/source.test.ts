import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SMALL } from '../config/support.js';
import { httpCrm, TOKEN } from '../sources/http-crm.js';
import { run, withConfig } from './support.js';

const CSV = SMALL.replace(/ {4}type: postgres[\s\S]*?fields: .*\n/, '    type: csv\n    path: c.csv\n    key: id\n    defaultCountry: US\n    fields: {email: mail, phone: tel, emailConsent: {column: ok, granted: [ja]}, attributes: {town: city}}\n');

describe('source preview', () => {
  test('shows the first records as contacts and what each field came from; the rest is not read', async () => {
    await withConfig(CSV, async (cwd) => {
      writeFileSync(join(cwd, 'c.csv'), 'id,mail,tel,ok,city\n1, Ann@Example.com ,697-555-0142,ja,Oslo\n,b@example.com,,,\n3,c@example.com,12,no,\n');
      const { code, out } = await run(['source', 'preview', 'crm', '--limit', '2', '--json'], { cwd });
      expect(code).toBe(0);
      expect(JSON.parse(out)).toMatchObject({
        source: 'crm', type: 'csv',
        records: [
          { key: '1', place: 'line 2', invalid: null, contact: { email: 'Ann@example.com', phone: '+16975550142', emailConsent: 'granted', attributes: { town: 'Oslo' } }, from: { email: { column: 'mail', value: ' Ann@Example.com ' }, emailConsent: { column: 'ok', value: 'ja' }, 'attributes.town': { column: 'city', value: 'Oslo' } } },
          { key: null, contact: null, invalid: 'key: missing' },
        ],
      });
      const shown = await run(['source', 'preview', 'crm'], { cwd });
      expect(shown.out).toMatch(/phone +\+16975550142 +tel +697-555-0142/);
      expect(shown.out).toContain('warning: phone: not possible for its country');
      expect(shown.out).toContain('invalid: key: missing');
      expect(shown.err).toBe('');
    });
  });

  test('the example of the documentation reads an API, with paths', async () => {
    const crm = await httpCrm('cursor');
    try {
      for (let i = 0; i < 4; i++) crm.rows.set(`k${i}`, { key: `k${i}`, time: `2025-01-01T00:00:0${i}.000000Z`, name: `Ann ${i}` });
      const http = SMALL.replace(/ {4}type: postgres[\s\S]*?fields: .*\n/, `    type: http
    url: ${crm.url}
    headers: {Authorization: "Bearer \${CRM_TOKEN}"}
    params: {since: updatedSince, limit: [limit, 500], cursor: cursor}
    items: data
    nextCursor: meta.next
    key: id
    updatedAt: updated
    fields: {firstName: "profile.names[0]"}
`);
      await withConfig(http, async (cwd) => {
        const { code, out } = await run(['source', 'preview', 'crm', '--limit', '3', '--json'], { cwd, env: { CRM_TOKEN: TOKEN } });
        expect(code).toBe(0);
        expect((JSON.parse(out) as { records: unknown[] }).records).toMatchObject([0, 1, 2].map((i) => ({ key: `k${i}`, contact: { firstName: `Ann ${i}` } })));
        expect(await run(['source', 'preview', 'crm'], { cwd, env: { CRM_TOKEN: 'wrong-hush' } })).toMatchObject({ code: 2, err: expect.not.stringContaining('hush') as string });
        expect((await run(['source', 'preview', 'cmr'], { cwd, env: { CRM_TOKEN: TOKEN } })).err).toContain('did you mean "crm"?');
        expect((await run(['validate'], { cwd, env: { CRM_TOKEN: TOKEN } })).out).toMatch(/crm +http +http:\S+\/api\/contacts/);
      });
    } finally {
      await crm.close();
    }
  });
});
