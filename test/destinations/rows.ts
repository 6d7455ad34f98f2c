import { ACTION, CONSENT } from '../../src/destinations/index.js';
import type { OutgoingRow } from '../../src/destinations/index.js';

/** A row as the ledger would hand it over: contact n, `crm-n`, `p<n>@example.com`. */
export function row(ord: number, more: Partial<OutgoingRow> = {}): OutgoingRow {
  const fields = `{"email":"p${ord}@example.com","attributes":{"firstName":"Canary${ord}"},"locale":"en"}`;
  return { ord, key: `crm-${ord}`, action: ACTION.upsert, fields, emailConsent: CONSENT.granted, smsConsent: CONSENT.unmapped, known: false, previousKey: null, platformId: null, ...more };
}

export function rowsOf(count: number): OutgoingRow[] {
  return Array.from({ length: count }, (_, ord) => row(ord));
}
