/** A property as it came: its name or uuid in lower case, and as it was written. */
export interface PropertyValue {
  readonly name: string;
  readonly shown: string;
  readonly value: string;
}

/** A row after its form has been checked. Absent: not in the request; null: blank. */
export interface ContactRow {
  readonly contactId?: number;
  readonly email?: string | null;
  /** Country code and number with a space between. */
  readonly mobile?: string | null;
  readonly emailOptIn?: boolean | null;
  readonly mobileOptIn?: boolean | null;
  readonly properties: readonly PropertyValue[];
}

interface StoredContact {
  readonly contactId: number;
  email: string | null;
  mobile: string | null;
  /** Null: no consent. */
  emailOptIn: boolean | null;
  mobileOptIn: boolean | null;
  readonly properties: Map<string, string>;
  readonly lists: Set<string>;
}

/** What became of a row. */
export interface Written {
  readonly result: 'inserted' | 'updated' | 'skipped';
  readonly contactId: number;
}

/** Ids are numbers that nobody takes for a position. */
const FIRST_ID = 234_567;

/** The contacts of the sandboxed account. */
export class Store {
  #byId = new Map<number, StoredContact>();
  #byPair = new Map<string, StoredContact>();
  #next = FIRST_ID;

  get size(): number {
    return this.#byId.size;
  }

  reset(): void {
    this.#byId = new Map();
    this.#byPair = new Map();
    this.#next = FIRST_ID;
  }

  has(contactId: number): boolean {
    return this.#byId.has(contactId);
  }

  byId(contactId: number): Record<string, unknown> | undefined {
    const found = this.#byId.get(contactId);
    return found && shown(found);
  }

  /** By the pair that matches: a missing one is null on the record too. */
  byPair(mobile: string | null, email: string | null): Record<string, unknown> | undefined {
    const found = this.#byPair.get(pairOf(mobile, email));
    return found && shown(found);
  }

  /**
   * Writes one row as the page says: by contactId, where an unknown one makes a new record under a new id; else by the
   * combination of mobile and e-mail, where a missing one must be null on the record.
   * unknown: what follows when an update would give a record the pair of another; here it is skipped.
   * @param known lower-case names of properties; others are ignored
   */
  write(row: ContactRow, listId: string | undefined, known: ReadonlySet<string>): Written {
    const byId = row.contactId === undefined ? undefined : this.#byId.get(row.contactId);
    const found = row.contactId === undefined ? this.#byPair.get(pairOf(row.mobile ?? null, row.email ?? null)) : byId;
    const contact: StoredContact = found ?? {
      contactId: this.#next++, email: null, mobile: null, emailOptIn: null, mobileOptIn: null, properties: new Map(), lists: new Set(),
    };
    const email = row.email === undefined ? contact.email : row.email;
    const mobile = row.mobile === undefined ? contact.mobile : row.mobile;
    const pair = pairOf(mobile, email);
    const holder = this.#byPair.get(pair);
    if (found !== undefined && holder !== undefined && holder !== found) return { result: 'skipped', contactId: found.contactId };
    const before = pairOf(contact.mobile, contact.email);
    if (found !== undefined && before !== pair && this.#byPair.get(before) === found) this.#byPair.delete(before);
    if (holder === undefined) this.#byPair.set(pair, contact);
    contact.email = email;
    contact.mobile = mobile;
    // doc: an opt-in that is not in the request is added or updated as no consent.
    contact.emailOptIn = row.emailOptIn ?? null;
    contact.mobileOptIn = row.mobileOptIn ?? null;
    for (const { name, value } of row.properties) if (known.has(name)) contact.properties.set(name, value);
    if (listId !== undefined) contact.lists.add(listId);
    this.#byId.set(contact.contactId, contact);
    return { result: found === undefined ? 'inserted' : 'updated', contactId: contact.contactId };
  }

  *all(): IterableIterator<Record<string, unknown>> {
    for (const contact of this.#byId.values()) yield shown(contact);
  }
}

function pairOf(mobile: string | null, email: string | null): string {
  // unknown: whether e-mails are told apart by case; here they are, so that a client that relies on either is found out.
  return `${mobile ?? ''}|${email ?? ''}`;
}

function shown({ properties, lists, mobile, ...contact }: StoredContact): Record<string, unknown> {
  const [code, number] = mobile?.split(' ') ?? [];
  return {
    ...contact,
    mobileCountryCode: code === undefined ? null : Number(code),
    mobileNumber: number === undefined ? null : Number(number),
    properties: Object.fromEntries(properties),
    lists: [...lists],
  };
}
