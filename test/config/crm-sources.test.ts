import { describe, expect, it } from 'vitest';
import { redactedConfig } from '../../src/config/index.js';
import { load, mistakesOf, SMALL } from './support.js';

/** The small configuration with its source exchanged. */
const withSource = (lines: readonly string[]): string =>
  SMALL.replace(/ {4}type: postgres[^]*?(?=destinations:)/, `${lines.map((line) => `    ${line}`).join('\n')}\n`);
const HUBSPOT = ['type: hubspot', 'accessToken: pat-hush'];
const SALESFORCE = ['type: salesforce', 'loginUrl: https://acme.my.salesforce.com/', 'clientId: app', 'clientSecret: sf-hush'];
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

describe('salesforce', () => {
  const mistakes = (lines: readonly string[]) => mistakesOf(withSource(lines)).map(({ key, found }) => `${key}: ${found}`).sort();

  it('needs its address and an app; a ticked opt-out is a denial by itself', () => {
    expect(load(withSource(SALESFORCE)).sources['crm']).toEqual({
      name: 'crm', type: 'salesforce', loginUrl: 'https://acme.my.salesforce.com', clientId: 'app', clientSecret: 'sf-hush', object: 'Contact', apiVersion: '64.0',
      key: 'Id', updatedAt: 'SystemModstamp', overlap: 600_000, pageSize: 2000, timeout: 120_000,
      fields: {
        email: 'Email', phone: 'MobilePhone|Phone', firstName: 'FirstName', lastName: 'LastName', deletedAt: 'DeletedAt',
        emailConsent: { column: 'HasOptedOutOfEmail', denied: [true], unknown: [false] },
      },
    });
    expect(mistakes(['type: salesforce'])).toEqual(['sources.crm.clientId: nothing', 'sources.crm.clientSecret: nothing', 'sources.crm.loginUrl: nothing']);
  });

  it('a refresh token stands for the secret; the version of the API may be written as a number', () => {
    const config = load(withSource([...SALESFORCE.slice(0, 3), 'refreshToken: sf-hush', 'apiVersion: 58.0', 'object: Lead'])).sources['crm'];
    expect(config).toMatchObject({ refreshToken: 'sf-hush', apiVersion: '58.0', object: 'Lead', fields: { email: 'Email' } });
    expect(config).not.toHaveProperty('clientSecret');
  });

  it('an opt-out that is taken for a consent is a mistake', () => {
    const wrong = (fields: string) => mistakes([...SALESFORCE, `fields: {${fields}}`]);
    const out = 'which is true for those who opted out';
    expect(wrong('emailConsent: HasOptedOutOfEmail')).toEqual([`sources.crm.fields.emailConsent: HasOptedOutOfEmail, ${out}`]);
    expect(wrong('smsConsent: {column: et4ae5__HasOptedOutOfMobile__c, granted: [true]}')).toEqual([`sources.crm.fields.smsConsent: et4ae5__HasOptedOutOfMobile__c, ${out}`]);
    expect(wrong('smsConsent: {column: DoNotCall, denied: true}, emailConsent: Newsletter__c')).toEqual([]);
  });

  it('fields are API names wherever they stand, deletions have a time, other objects have fields of their own', () => {
    expect(mistakes([...SALESFORCE, 'key: "Customer No"', 'pageSize: 100', 'apiVersion: v64', 'object: My Object', 'fields: {email: E-Mail, phone: "MobilePhone|Phone 2", deletedAt: IsDeleted, consentAt: SystemModstamp, firstName: {template: "{First Name}"}, locale: {from: "Lang-Code"}, attributes: [Account.Name, "Account Name"]}'])).toEqual([
      'sources.crm.apiVersion: "v64"', 'sources.crm.fields.attributes: "Account Name"', 'sources.crm.fields.consentAt: the column of updatedAt',
      'sources.crm.fields.deletedAt: true or false', 'sources.crm.fields.email: "E-Mail"', 'sources.crm.fields.firstName.template: "First Name"',
      'sources.crm.fields.locale.from: "Lang-Code"', 'sources.crm.fields.phone: "Phone 2"', 'sources.crm.key: "Customer No"', 'sources.crm.object: "My Object"', 'sources.crm.pageSize: 100',
    ]);
    expect(mistakes([...SALESFORCE, 'object: Person__c'])).toEqual(['sources.crm.fields: nothing']);
    expect(mistakes([...SALESFORCE, 'object: Person__c', 'fields: {email: Email__c}'])).toEqual([]);
  });

  it('the address of the pages, and more fields than a URL holds, are said before anything is asked', () => {
    const names = Array.from({ length: 250 }, (_, i) => `A_field_with_a_rather_long_name_${i}__c`);
    expect(mistakes([...SALESFORCE.filter((line) => !line.startsWith('loginUrl')), 'loginUrl: https://acme.lightning.force.com', `fields: {attributes: [${names.join(', ')}]}`])).toEqual([
      expect.stringMatching(/^sources\.crm\.fields: fields whose names take 9\d\d\d characters/), 'sources.crm.loginUrl: the address of the pages',
    ]);
  });
});

it.each([['hubspot', HUBSPOT], ['pipedrive', PIPEDRIVE], ['salesforce', [...SALESFORCE, 'refreshToken: more-hush']]])('the token of %s is not in what is stored', (_type, lines) => {
  expect(JSON.stringify(redactedConfig(load(withSource(lines)), 's'))).not.toMatch(/hush/);
});
