/** A contact as master_contact holds it. Columns that were never written are absent. */
export type StoredContact = Record<string, unknown> & { contact_key: string };

export type Inserted = 'inserted' | 'updated' | 'absent' | { readonly refused: string };

/** doc: what a new contact gets where the call does not say. */
const NEW = { contact_status: 'A', email_permission: true, gsm_permission: true, email_status: 'A', gsm_status: 'A' } as const;

/** master_contact of the sandboxed account. */
export class Store {
  #contacts = new Map<string, StoredContact>();

  get size(): number {
    return this.#contacts.size;
  }

  find(key: string): StoredContact | undefined {
    return this.#contacts.get(key);
  }

  all(): IterableIterator<StoredContact> {
    return this.#contacts.values();
  }

  reset(): void {
    this.#contacts = new Map();
  }

  /**
   * Writes one record: every listed column, also where the record has no value for it (doc), which blanks it.
   * @param insert whether a contact that is not there is made
   */
  write(record: Readonly<Record<string, unknown>>, columns: readonly string[], insert: boolean): Inserted {
    const key = record['contact_key'] as string;
    const held = this.#contacts.get(key);
    if (held === undefined && !insert) return 'absent';
    const newKey = record['new_contact_key'];
    if (typeof newKey === 'string' && newKey !== key) {
      if (this.#contacts.has(newKey)) return { refused: 'new_contact_key already exists' };
    }
    const contact: StoredContact = held ?? { contact_key: key, ...NEW };
    for (const column of columns) {
      if (column === 'contact_key' || column === 'new_contact_key') continue;
      const value = shownValue(column, record[column] ?? null);
      // doc: email_status and gsm_status become 'A' when the address changes.
      if ((column === 'email' || column === 'gsm') && contact[column] !== value) contact[`${column}_status`] = 'A';
      contact[column] = value;
    }
    if (typeof newKey === 'string') {
      this.#contacts.delete(key);
      contact.contact_key = newKey;
    }
    this.#contacts.set(contact.contact_key, contact);
    return held === undefined ? 'inserted' : 'updated';
  }
}

/** doc: e-mails are stored in lower case, a status left out of its record is 'A'. unknown: how a blank is held; here as null. */
function shownValue(column: string, value: unknown): unknown {
  if (column.endsWith('_status') && value === null) return 'A';
  if (value === '' || value === null) return null;
  return column === 'email' && typeof value === 'string' ? value.toLowerCase() : value;
}
