import { describe, expect, test } from 'vitest';
import { ENV, EXAMPLE, SMALL } from '../config/support.js';
import { run, withConfig } from './support.js';

describe('validate', () => {
  test('a good file is summed up, with its account, limits and schedule', async () => {
    await withConfig(EXAMPLE, async (cwd) => {
      const ran = await run(['validate'], { cwd, env: ENV });
      expect(ran).toMatchObject({ code: 0, err: '' });
      expect(ran.out).toMatch(/^valid \S+syncline\.yaml\n/);
      expect(ran.out).toMatch(/crm +postgres +public\.contacts/);
      expect(ran.out).toMatch(/newsletter +mailingcore +mailingcore:api\.mailingcore\.com:[0-9a-f]{6} +1,000 +300 calls \/ 1 m 00 s, 4 at once/);
      expect(ran.out).toMatch(/crm-newsletter +crm +newsletter +every 5 m 00 s/);
    });
  });

  test('the JSON document names everything and no secret', async () => {
    await withConfig(EXAMPLE, async (cwd) => {
      const ran = await run(['validate', '--json'], { cwd, env: ENV });
      expect(JSON.parse(ran.out)).toMatchObject({
        valid: true,
        sources: [{ name: 'crm', type: 'postgres' }, { name: 'export', type: 'csv' }],
        destinations: [{ name: 'newsletter', type: 'mailingcore', limits: { calls: 300, per: 60_000, concurrency: 4 } }],
        syncs: [{ name: 'crm-newsletter', source: 'crm', destination: 'newsletter', schedule: { every: 300_000 } }],
      });
      expect(ran.out).not.toContain('hush');
    });
  });

  test('all mistakes of a bad file are told, with exit code 2', async () => {
    const bad = SMALL.replace('key: id', 'key: 5').replace('source: crm', 'source: cmr');
    await withConfig(bad, async (cwd) => {
      const ran = await run(['validate'], { cwd });
      expect(ran).toMatchObject({ code: 2, out: '' });
      expect(ran.err).toContain('the configuration has 2 mistakes:\nsyncline.yaml:7 sources.crm.key: found 5');
      expect(ran.err).toContain('\nsyncline.yaml:16 syncs.s.source: found "cmr", expected one of the sources: crm (did you mean "crm"?)');
      const json = await run(['validate', '--json'], { cwd });
      expect(json.code).toBe(2);
      expect(JSON.parse(json.out)).toMatchObject({
        valid: false,
        mistakes: [{ file: 'syncline.yaml', line: 7, key: 'sources.crm.key', found: '5', expected: 'the name of a column' }, { line: 16 }],
      });
    });
  });

  test('--config and SYNCLINE_CONFIG name the file; a missing one says how to get one', async () => {
    await withConfig(SMALL, async (cwd) => {
      expect((await run(['validate', '--config', `${cwd}/syncline.yaml`])).code).toBe(0);
      expect((await run(['validate'], { env: { SYNCLINE_CONFIG: `${cwd}/syncline.yaml` } })).code).toBe(0);
      const ran = await run(['validate', '-c', 'nope.yaml'], { cwd });
      expect(ran.code).toBe(2);
      expect(ran.err).toContain('syncline init');
    });
  });
});
