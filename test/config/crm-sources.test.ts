import { describe, expect, it } from 'vitest';
import { redactedConfig } from '../../src/config/index.js';
import { load, mistakesOf, SMALL } from './support.js';

/** The small configuration with its source exchanged. */
const withSource = (lines: readonly string[]): string =>
  SMALL.replace(/ {4}type: postgres[^]*?(?=destinations:)/, `${lines.map((line) => `    ${line}`).join('\n')}\n`);
const HUBSPOT = ['type: hubspot', 'accessToken: pat-hush'];
const PIPEDRIVE = ['type: pipedrive', 'baseUrl: https://acme.pipedrive.com/', 'apiToken: pipe-hush'];

describe('hubspot', () => {
  it('needs a token and nothing else', () => {
    expect(load(withSource(HUBSPOT)).sources['crm']).toEqual({
      name: 'crm', type: 'hubspot', accessToken: 'pat-hush', baseUrl: 'https://api.hubapi.com', key: 'hs_object_id', updatedAt: 'lastmodifieddate',
      overlap: 600_000, pageSize: 200, timeout: 30_000,
      fields: {
        email: 'email', phone: 'phone|mobilephone', locale: 'hs_language', country: 'country', firstName: 'firstname', lastName: 'lastname', deletedAt: 'archivedAt',
      },
    });
  });

  it('takes the fields that are given for all of them', () => {
    expect(load(withSource([...HUBSPOT, 'fields: {email: work_email}'])).sources['crm']?.fields).toEqual({ email: 'work_email' });
  });

  it('no more than 200 contacts a page, no column of changes, and no time of changes as the time of consent', () => {
    const mistakes = mistakesOf(withSource([...HUBSPOT, 'pageSize: 500', 'updatedAt: createdate', 'fields: {consentAt: lastmodifieddate}']));
    expect(mistakes.map(({ key, found }) => `${key}: ${found}`).sort()).toEqual([
      'sources.crm.fields.consentAt: the column of updatedAt',
      expect.stringMatching(/^sources\.crm\.pageSize: 500/),
      expect.stringMatching(/^sources\.crm\.updatedAt: /),
    ]);
  });
});

describe('pipedrive', () => {
  it('needs its address and a token', () => {
    expect(load(withSource(PIPEDRIVE)).sources['crm']).toEqual({
      name: 'crm', type: 'pipedrive', apiToken: 'pipe-hush', baseUrl: 'https://acme.pipedrive.com', key: 'id', updatedAt: 'update_time',
      overlap: 120_000, pageSize: 500, timeout: 30_000,
      fields: { email: 'email', phone: 'phone', firstName: 'first_name', lastName: 'last_name', deletedAt: 'deleted_at' },
    });
    expect(mistakesOf(withSource(['type: pipedrive'])).map(({ key }) => key).sort()).toEqual(['sources.crm.apiToken', 'sources.crm.baseUrl']);
  });
});

it.each([['hubspot', HUBSPOT], ['pipedrive', PIPEDRIVE]])('the token of %s is not in what is stored', (_type, lines) => {
  expect(JSON.stringify(redactedConfig(load(withSource(lines)), 's'))).not.toMatch(/hush/);
});
