import { emailOf, filled, phoneOf } from './values.js';
import type { Platform } from './platform.js';

interface BulkRow {
  readonly externalId: string;
  readonly attributes: { readonly rev: number };
}

/** MailingCore: answers at once for every row. */
export const mailingcore: Platform = {
  name: 'mailingcore',
  sync: 'crm-newsletter',
  pace: (batchSize) => ({ batchSize, calls: 12, perMs: 1_000, concurrency: 4 }),
  settings: `apiKey: mc_test_key
    tenantId: tenant-1
    settleDelay: 1s`,
  revSql: `(br.fields::jsonb -> 'attributes' ->> 'rev')::int`,
  rows(method, path, body) {
    if (method !== 'POST' || !path.endsWith('/contacts/bulk')) return undefined;
    return (JSON.parse(body) as { contacts: BulkRow[] }).contacts.map(({ externalId, attributes: { rev } }) => ({ key: externalId, rev }));
  },
  refused: (answer) => new Set((JSON.parse(answer) as { failed: readonly { index: number }[] }).failed.map((row) => row.index)),
  expected: (row) => ({
    email: emailOf(row), locale: row.locale, optIn: row.opt_in,
    attributes: filled({ external_id: row.external_id, firstName: row.first_name, phone: phoneOf(row), city: row.city, rev: row.rev }),
  }),
  *held(sandbox) {
    for (const { externalId, email, locale, optIn, attributes } of sandbox.mailingcore.contacts()) {
      yield { key: String(externalId), rev: (attributes as { rev: number }).rev, fields: { email, locale, optIn, attributes } };
    }
  },
  unrest: (sandbox, seed) => { sandbox.mailingcore.setFaults({ seed, latency: 60, errorsBeforeCommit: 0.01, cutAfterCommit: 0.01 }); },
  mix(sandbox, seed, mode, bad, pace) {
    sandbox.mailingcore.setFaults({
      seed, latency: 20, errorsBeforeCommit: 0.05, cutAfterCommit: 0.02,
      badRows: { externalIds: bad.map((row) => row.external_id), mode },
      limit: { calls: Math.ceil(pace.calls * 0.8), per: pace.perMs, window: 'sliding' },
    });
  },
  calm: (sandbox) => { sandbox.mailingcore.setFaults({}); },
};
