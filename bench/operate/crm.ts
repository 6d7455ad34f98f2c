import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Sandbox } from '../../src/sandbox/index.js';

/** Contacts that moved to another city in one transaction. */
export interface Change {
  readonly keys: readonly string[];
  readonly city: string;
  /** When it was committed, milliseconds since 1970. */
  readonly at: number;
}

/** Moves the contacts to `city`, dated now. */
export async function moveContacts(crm: pg.Client, keys: readonly string[], city: string): Promise<Change> {
  await crm.query('UPDATE crm_contacts SET city = $2, updated_at = clock_timestamp() WHERE external_id = ANY($1)', [keys, city]);
  return { keys, city, at: Date.now() };
}

/** Whether the platform holds all of a change. */
export function arrived({ mailingcore }: Sandbox, { keys, city }: Change): boolean {
  return keys.every((key) => (mailingcore.contact(key)?.['attributes'] as { city?: string } | undefined)?.city === city);
}

/** Holds what the platform says it has against the CRM's table, field by field. @returns what differs, in words; at most three of each */
export async function differences(crm: pg.Client, { mailingcore }: Sandbox): Promise<string[]> {
  await crm.query('CREATE TEMP TABLE IF NOT EXISTS held (contact jsonb)');
  await crm.query('TRUNCATE held');
  // One JSON text a line; the quote and the delimiter are characters JSON never holds as they are.
  await pipeline(Readable.from(linesOf(mailingcore.contacts())), crm.query(copyFrom(`COPY held FROM STDIN (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')`)));
  const { rows } = await crm.query<{ key: string; wrong: string }>(`
    SELECT coalesce(c.external_id, h.contact->>'externalId') AS key,
      CASE WHEN c.external_id IS NULL THEN 'is at the platform and not in the CRM' WHEN h.contact IS NULL THEN 'is not at the platform' ELSE 'differs' END AS wrong
    FROM crm_contacts c FULL JOIN held h ON c.external_id = h.contact->>'externalId'
    WHERE (c.email, c.locale, c.opt_in, c.phone, c.first_name, c.last_name, c.city) IS DISTINCT FROM (h.contact->>'email', h.contact->>'locale',
      (h.contact->>'optIn')::boolean, h.contact->'attributes'->>'phone', h.contact->'attributes'->>'firstName', h.contact->'attributes'->>'lastName', h.contact->'attributes'->>'city')
    ORDER BY 1 LIMIT 4`);
  const faults = rows.map(({ key, wrong }) => `contact ${key} ${wrong}`);
  return faults.length > 3 ? [...faults.slice(0, 3), '… and others'] : faults;
}

function* linesOf(contacts: Iterable<unknown>): Generator<string> {
  let chunk = '';
  for (const contact of contacts) {
    chunk += `${JSON.stringify(contact)}\n`;
    if (chunk.length < 1_000_000) continue;
    yield chunk;
    chunk = '';
  }
  yield chunk;
}
