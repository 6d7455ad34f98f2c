import { describe, expect, test } from 'vitest';
import { redactedConfig } from '../../src/config/index.js';
import { load, mistakesOf, SMALL } from './support.js';

const withSource = (lines: string): string => SMALL.replace(/ {4}type: postgres\n[\s\S]*?(?=destinations:)/, `    type: singer\n${lines}`);
const MINIMAL = '    command: tap-hubspot\n    stream: contacts\n    fields: {email: properties.email}\n';

describe('a Singer tap', () => {
  test('needs a command, a stream and fields; key and time come from the stream', () => {
    expect(load(withSource(MINIMAL)).sources['crm']).toEqual({
      name: 'crm', type: 'singer', command: ['tap-hubspot'], directory: '/etc/app', config: {}, stream: 'contacts',
      fields: { email: 'properties.email' }, overlap: 120_000, pageSize: 2000, timeout: 300_000,
    });
  });

  test('is started without a shell: text is parted at blanks, a list is taken as it is; paths start at the file', () => {
    const command = (lines: string): unknown => load(withSource(MINIMAL.replace('tap-hubspot', lines))).sources['crm'];
    expect(command('./venv/bin/tap --log "x y"')).toMatchObject({ command: ['/etc/app/venv/bin/tap', '--log', '"x', 'y"'] });
    expect(command('[uvx, "tap with blanks"]\n    catalog: ./catalog.json')).toMatchObject({ command: ['uvx', 'tap with blanks'], catalog: '/etc/app/catalog.json' });
  });

  test('keeps its own configuration as it is, and none of its values is stored with a run', () => {
    const config = load(withSource(`${MINIMAL}    config: {start_date: 2024-01-01, pat: hush-1, nested: {any: hush-2}, list: [hush-3]}\n`));
    expect(config.sources['crm']).toMatchObject({ config: { start_date: '2024-01-01', pat: 'hush-1', nested: { any: 'hush-2' }, list: ['hush-3'] } });
    const stored = redactedConfig(config, 's').config;
    expect(stored.source).toMatchObject({ config: ['list', 'nested', 'pat', 'start_date'] });
    expect(JSON.stringify(stored)).not.toContain('hush');
  });

  test('every mistake is told', () => {
    const mistakes = mistakesOf(withSource('    command: []\n    config: hush\n    catalog: a\n    properties: b\n    replicationKey: c\n    timeout: 1ms\n    streams: x\n'));
    expect(mistakes.map(({ key }) => key).sort()).toEqual(
      ['command', 'config', 'fields', 'properties', 'replicationKey', 'stream', 'streams', 'timeout'].map((key) => `sources.crm.${key}`),
    );
    expect(mistakes.find(({ key }) => key.endsWith('.streams'))?.hint).toContain('stream');
  });
});
