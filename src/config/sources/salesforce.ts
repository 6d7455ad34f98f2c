import { z } from 'zod';
import { parseTemplate } from '../../contacts/index.js';
import { block, count, duration, isGiven, isMapping, oneOf, text, textThat } from '../schema/helpers.js';
import type { BrokenRule } from '../schema/registry.js';
import { baseUrl, country, LONGEST_CALL } from '../schema/values.js';
import type { FieldsConfig, SalesforceSourceConfig } from '../types.js';
import { defineSource } from './define.js';
import { fields } from './fields.js';
import { consentAtIsNoUpdateTime } from './rules.js';

/** doc: when a user or an automated process last changed the record. */
const UPDATED_AT = 'SystemModstamp';

/** doc: what contacts and leads both have. The field is an opt-out: ticked means denied, and not ticked that nobody said anything. */
const DEFAULT_FIELDS: FieldsConfig = {
  email: 'Email',
  phone: 'MobilePhone|Phone',
  emailConsent: { column: 'HasOptedOutOfEmail', denied: [true], unknown: [false] },
  firstName: 'FirstName',
  lastName: 'LastName',
  deletedAt: 'DeletedAt',
};
const HAVE_DEFAULTS: readonly string[] = ['Contact', 'Lead'];

const FIELD = /^[A-Za-z]\w*(?:\.[A-Za-z]\w*){0,5}$/;
const FIELD_WORDS = 'the API name of a field, such as Email, Region__c or Account.Name';
/**
 * doc: URL and headers of a call take 16,384 bytes together; a query by POST does not exist. Characters of the names of
 * all fields, which leaves room for a token, the conditions and chosen keys.
 */
const MOST_NAMES = 8000;

// YAML reads 64.0 as the number 64.
const version = z.preprocess((value) => (typeof value === 'number' ? value.toFixed(1) : value), textThat((value) => /^[2-9]\d\.0$/.test(value), 'a version of the API, such as 64.0'));

/** The records of an object of a Salesforce org. Columns are API names of its fields. */
export const salesforceSource = defineSource({
  schema: block({
    type: oneOf('salesforce'),
    loginUrl: baseUrl('https://company.my.salesforce.com'),
    clientId: text('the consumer key of an app'),
    clientSecret: text('the consumer secret of an app').optional(),
    refreshToken: text('a refresh token').optional(),
    object: textThat((value) => /^[A-Za-z]\w*$/.test(value), 'the API name of an object, such as Contact, Lead or Person__c').default('Contact'),
    apiVersion: version.default('64.0'),
    key: textThat((value) => FIELD.test(value), FIELD_WORDS).default('Id'),
    // What a transaction wrote shows when it ends, ten minutes later at most.
    overlap: duration().default(600_000),
    defaultCountry: country().optional(),
    fields: fields.optional(),
    pageSize: count(200, 2000).default(2000),
    // doc: Salesforce lets a query run for 120 seconds.
    timeout: duration({ min: 1, max: LONGEST_CALL }).default(120_000),
  }),
  rules: (raw) => [...loginRules(raw), ...fieldRules(raw), ...optOutRules(raw), ...consentAtIsNoUpdateTime({ ...raw, updatedAt: UPDATED_AT })],
  build: (name, parsed): SalesforceSourceConfig => ({ name, ...parsed, updatedAt: UPDATED_AT, fields: parsed.fields ?? DEFAULT_FIELDS }),
});

function loginRules(raw: Readonly<Record<string, unknown>>): BrokenRule[] {
  const { loginUrl } = raw;
  const broken: BrokenRule[] = [];
  if (typeof loginUrl === 'string' && /\.lightning\.force\.com/i.test(loginUrl)) {
    broken.push({ at: ['loginUrl'], found: 'the address of the pages', expected: 'the My Domain address, such as https://company.my.salesforce.com', hint: 'Setup, My Domain' });
  }
  if (!isGiven(raw, 'clientSecret') && !isGiven(raw, 'refreshToken')) {
    broken.push({ at: ['clientSecret'], found: 'nothing', expected: 'the consumer secret of the app (client credentials), or refreshToken' });
  }
  return broken;
}

function fieldRules(raw: Readonly<Record<string, unknown>>): BrokenRule[] {
  const { object = 'Contact', fields: given } = raw;
  if (!isMapping(given)) {
    if (given !== undefined && given !== null) return [];
    const known = typeof object !== 'string' || HAVE_DEFAULTS.some((name) => name.toLowerCase() === object.toLowerCase());
    return known ? [] : [{ at: ['fields'], found: 'nothing', expected: `the fields of ${object}`, hint: `only ${HAVE_DEFAULTS.join(' and ')} have some by themselves` }];
  }
  const named = columnsOf(given);
  const broken = named.flatMap(({ at, written }): BrokenRule[] => {
    if (at.at(-1) === 'deletedAt' && /^IsDeleted$/i.test(written)) {
      return [{ at, found: 'true or false', expected: 'a time', hint: 'DeletedAt is the time of the last change where IsDeleted is true' }];
    }
    const wrong = written.split('|').map((name) => name.trim()).find((name) => !FIELD.test(name));
    return wrong === undefined ? [] : [{ at, found: JSON.stringify(wrong), expected: FIELD_WORDS }];
  });
  const characters = named.reduce((sum, { written }) => sum + written.length + 1, 0);
  if (characters > MOST_NAMES) {
    broken.push({ at: ['fields'], found: `fields whose names take ${characters} characters`, expected: `at most ${MOST_NAMES}, as a query has to fit a URL`, hint: 'map fewer fields' });
  }
  return broken;
}

/** doc: HasOptedOutOfEmail, HasOptedOutOfFax, DoNotCall; packages name theirs alike (et4ae5__HasOptedOutOfMobile__c). */
const OPT_OUT = /^(?:.*\.)?(?:\w+__)?(?:HasOptedOut|DoNot)\w*$/i;

/** Taken as it stands, an opt-out would be a consent: everybody who opted out would be written to, and nobody else. */
function optOutRules({ fields: given }: Readonly<Record<string, unknown>>): BrokenRule[] {
  if (!isMapping(given)) return [];
  return ['emailConsent', 'smsConsent'].flatMap((field): BrokenRule[] => {
    const written = given[field];
    const { column, denied } = isMapping(written) ? written : { column: written, denied: undefined };
    if (typeof column !== 'string' || !OPT_OUT.test(column.trim())) return [];
    const listed: readonly unknown[] = Array.isArray(denied) ? denied : [denied];
    if (listed.some((value) => String(value).toLowerCase() === 'true')) return [];
    return [{ at: ['fields', field], found: `${column}, which is true for those who opted out`, expected: `{column: ${column}, denied: [true], unknown: [false]}` }];
  });
}

interface Named {
  readonly at: readonly string[];
  readonly written: string;
}

/** Every name of a field of Salesforce that is written in `fields`, with its place. */
function columnsOf(given: Readonly<Record<string, unknown>>): Named[] {
  return Object.entries(given).flatMap(([field, value]) => {
    const at = ['fields', field];
    if (field !== 'attributes') return namesOf(value, at);
    if (Array.isArray(value)) return value.flatMap((name) => namesOf(name, at));
    return isMapping(value) ? Object.entries(value).flatMap(([name, written]) => namesOf(written, [...at, name])) : [];
  });
}

/** The names in one place: a column, that of a consent, or those of an expression. What is written wrong has none. */
function namesOf(value: unknown, at: readonly string[]): Named[] {
  if (typeof value === 'string') return [{ at, written: value }];
  if (!isMapping(value)) return [];
  const { column, from, template, default: otherwise } = value;
  return [
    ...(typeof column === 'string' ? namesOf(column, [...at, 'column']) : []),
    ...(typeof from === 'string' ? namesOf(from, [...at, 'from']) : []),
    ...(typeof template === 'string' ? (parseTemplate(template)?.names ?? []).map((written) => ({ at: [...at, 'template'], written })) : []),
    ...(isMapping(otherwise) ? namesOf(otherwise['from'], [...at, 'default', 'from']) : []),
  ];
}
