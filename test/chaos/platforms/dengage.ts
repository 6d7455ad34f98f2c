import type { Sandbox } from '../../../src/sandbox/index.js';
import type { Platform } from './platform.js';
import { emailOf, filled, phoneOf } from './values.js';

/** Its minute, scaled. Milliseconds. */
const GAP = 250;
const BULK = '/rest/bulk/contacts';
/** What holds in every phase: the account's columns, and the platform's hard habit. */
const HABIT = { columns: ['city', 'rev'], gap: GAP, gapCountsRefused: true, parallel: 'refuse' } as const;

interface Record_ {
  readonly contact_key: string;
  readonly rev: number;
}

/** D·engage: one call at a time and never two close together; it may tell of an opt-out to nobody. */
export const dengage: Platform = {
  name: 'dengage',
  sync: 'crm-loyalty',
  // Few and full calls, as with its real minute.
  pace: (batchSize) => ({ batchSize: Math.min(batchSize * 4, 1_000), calls: 1, perMs: GAP, concurrency: 1 }),
  settings: `userkey: chaos
    password: chaos
    columns: {city: city, rev: rev}
    settleDelay: 1s`,
  revSql: `(br.fields::jsonb ->> 'rev')::int`,
  rows(method, path, body) {
    if (method !== 'POST' || !path.endsWith(BULK)) return undefined;
    return (JSON.parse(body) as { contactDatas: Record_[] }).contactDatas.map(({ contact_key: key, rev }) => ({ key, rev }));
  },
  refused(answer, rows) {
    const { errors } = (JSON.parse(answer) as { data: { errors: readonly { contact_key: string }[] } }).data;
    const keys = new Set(errors.map((error) => error.contact_key));
    return new Set(rows.flatMap(({ key }, index) => (keys.has(key) ? [index] : [])));
  },
  expected: (row) => ({
    // Not mapped: no permission by SMS.
    email_permission: row.opt_in, gsm_permission: false,
    ...filled({ email: emailOf(row).toLowerCase(), gsm: phoneOf(row), name: row.first_name, city: row.city, rev: row.rev }),
  }),
  *held(sandbox) {
    for (const { contact_key: key, contact_status: _, email_status: __, gsm_status: ___, ...fields } of sandbox.dengage.contacts()) {
      yield { key: String(key), rev: Number(fields['rev']), fields: filled(fields) };
    }
  },
  unrest: (sandbox, seed) => {
    sandbox.dengage.setFaults({ ...HABIT, seed, latency: 60, errorsBeforeCommit: 0.02, cutAfterCommit: 0.02, tokenLife: '20s' });
  },
  mix(sandbox, seed, mode, bad) {
    sandbox.dengage.setFaults({
      ...HABIT, seed, latency: 20, errorsBeforeCommit: 0.05, cutBeforeCommit: 0.02, cutAfterCommit: 0.02, tokenLife: '3s', tokenStatus: seed % 2 === 0 ? 401 : 403,
      badRows: { keys: bad.map((row) => row.external_id), mode },
    });
  },
  calm: (sandbox) => { sandbox.dengage.setFaults(HABIT); },
  trespasses(sandbox: Sandbox) {
    const { minGapMs, maxOpen, refused } = sandbox.dengage.stats(GAP);
    return [
      ...(maxOpen > 1 ? [`${maxOpen} bulk calls were open at once`] : []),
      ...(minGapMs !== null && minGapMs < GAP ? [`two bulk calls came ${minGapMs.toFixed(1)} ms apart, the least is ${GAP} ms`] : []),
      ...(refused > 0 ? [`${refused} calls were refused for coming too soon`] : []),
    ];
  },
};
