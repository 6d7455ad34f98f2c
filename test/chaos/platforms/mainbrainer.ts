import { parsePhoneNumberFromString } from 'libphonenumber-js/min';
import type { CrmRow } from '../crm.js';
import type { Held, Platform } from './platform.js';
import { emailOf, filled, phoneOf } from './values.js';

/** Of the account, beside those it has by itself. It holds no key of ours: `crm_key` is for us who look. */
const PROPERTIES = ['rev', 'crm_key'];
/** Results come so late, and out of order; what is settled later than that is sent again. Milliseconds. */
const PROCESSING = { delay: 200, jitter: 400 };

interface Property {
  readonly propertyname: string;
  readonly propertyvalue: string;
}

const emailAt = (row: CrmRow): string => emailOf(row).toLowerCase();

function mobileOf(row: CrmRow): { readonly mobileCountryCode: number | null; readonly mobileNumber: number | null } {
  const phone = phoneOf(row);
  const code = phone === null ? undefined : parsePhoneNumberFromString(phone)?.countryCallingCode;
  if (phone === null || code === undefined) return { mobileCountryCode: null, mobileNumber: null };
  return { mobileCountryCode: Number(code), mobileNumber: Number(phone.slice(1 + code.length)) };
}

/** MainBrainer: takes a batch or refuses it whole, and tells the result later, or never. */
export const mainbrainer: Platform = {
  name: 'mainbrainer',
  sync: 'crm-sms',
  pace: (batchSize) => ({ batchSize, calls: 20, perMs: 1_000, concurrency: 8 }),
  settings: `userName: chaos@example.com
    password: chaos
    privateToken: chaos
    onKeyChange: send
    properties: {city: city, rev: rev, crm_key: external_id}
    resultsWithin: 3s
    settleDelay: 1500ms`,
  revSql: `(SELECT (p ->> 'propertyvalue')::int FROM jsonb_array_elements(br.fields::jsonb -> 'propertyfields') p WHERE p ->> 'propertyname' = 'rev')`,
  rows(method, path, body) {
    if (method !== 'POST' || !path.endsWith('/contacts/batch')) return undefined;
    return (JSON.parse(body) as { createUpdateContacts: { propertyfields: readonly Property[] }[] }).createUpdateContacts.map(({ propertyfields }) => {
      const values = new Map(propertyfields.map(({ propertyname, propertyvalue }) => [propertyname, propertyvalue]));
      return { key: values.get('crm_key') ?? '', rev: Number(values.get('rev')) };
    });
  },
  refused: () => new Set(),
  later: {
    accepted: (answer) => (JSON.parse(answer) as { data: { BatchId: string } }).data.BatchId,
    ended(path, answer) {
      const id = /\/contacts\/([^/]+)\/Status$/.exec(path)?.[1];
      return id !== undefined && (JSON.parse(answer) as { status: number }).status >= 2 ? id : undefined;
    },
  },
  expected: (row) => ({
    email: emailAt(row), ...mobileOf(row), emailOptIn: row.opt_in, mobileOptIn: null,
    properties: filled({ firstname: row.first_name, city: row.city, rev: String(row.rev), crm_key: row.external_id }),
  }),
  *held(sandbox) {
    for (const { email, mobileCountryCode, mobileNumber, emailOptIn, mobileOptIn, properties } of sandbox.mainbrainer.contacts()) {
      const known = properties as Record<string, string>;
      const fields: Held['fields'] = { email, mobileCountryCode, mobileNumber, emailOptIn, mobileOptIn, properties: filled(known) };
      yield { key: known['crm_key'] ?? '', rev: Number(known['rev']), fields };
    }
  },
  identity: ({ email, mobileCountryCode, mobileNumber }) => `${String(mobileCountryCode)} ${String(mobileNumber)} ${String(email)}`,
  unrest(sandbox, seed) {
    sandbox.mainbrainer.setFaults({
      properties: PROPERTIES, seed, latency: 60, errorsBeforeCommit: 0.01, cutAfterCommit: 0.01, processing: PROCESSING, failedBatches: 0.01, tokenLife: '20s',
    });
  },
  mix(sandbox, seed, mode, bad, pace) {
    const picks = { emails: bad.map(emailAt) };
    sandbox.mainbrainer.setFaults({
      properties: PROPERTIES, seed, latency: 20, errorsBeforeCommit: 0.05, cutBeforeCommit: 0.02, cutAfterCommit: 0.02, processing: PROCESSING,
      failedBatches: 0.02, statusLost: 0.02, statusErrors: 0.02, tokenLife: '3s', limit: { calls: Math.ceil(pace.calls * 0.8), per: pace.perMs, window: 'sliding' },
      ...(mode === 'row' ? { skippedRows: picks } : { badRows: picks }),
    });
  },
  calm: (sandbox) => { sandbox.mainbrainer.setFaults({ properties: PROPERTIES, processing: PROCESSING }); },
};
