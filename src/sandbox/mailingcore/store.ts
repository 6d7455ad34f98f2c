/** A contact as the sandbox keeps it: one object, two index entries. */
export interface StoredContact {
  /** Position in the order of creation; the platform's id is derived from it. */
  readonly seq: number;
  externalId: string | null;
  email: string;
  locale: string | null;
  optIn: boolean;
  attributes: Record<string, unknown>;
  /** consentVersion, source, projectId where they were sent. */
  extra: Record<string, unknown> | null;
  readonly createdAt: number;
  updatedAt: number;
}

/** A row after its form has been checked. */
export interface ContactRow {
  readonly email?: string;
  readonly externalId?: string;
  readonly locale?: string | null;
  readonly optIn?: boolean;
  readonly attributes?: Record<string, unknown>;
  readonly consentVersion?: string;
  readonly source?: string;
  readonly projectId?: string;
}

/** What became of one row: stored, or why it was not. */
export type Stored = 'created' | 'updated' | { readonly refused: string };

const EMAIL_TAKEN: Stored = { refused: 'email already belongs to another contact' };
const EMAIL_NEEDED: Stored = { refused: 'email is required for a new contact' };

/** The contacts and suppressions of the sandboxed tenant. */
export class Store {
  #bySeq: (StoredContact | undefined)[] = [];
  #byExternalId = new Map<string, StoredContact>();
  #byEmail = new Map<string, StoredContact>();
  readonly suppressions = new Map<string, { email: string; reason: string; createdAt: string }>();
  /** Times a contact was opted in while its address was suppressed. */
  violations = 0;

  get size(): number {
    return this.#byEmail.size;
  }

  /** The slots ever used: `slot` 0 to here is the order of creation, with holes where contacts were deleted. */
  get slots(): number {
    return this.#bySeq.length;
  }

  slot(seq: number): StoredContact | undefined {
    return this.#bySeq[seq];
  }

  reset(): void {
    this.#bySeq = [];
    this.#byExternalId = new Map();
    this.#byEmail = new Map();
    this.suppressions.clear();
    this.violations = 0;
  }

  /** By platform id or externalId (doc: `GET /contacts/{id or externalId}`). */
  find(idOrExternalId: string): StoredContact | undefined {
    return this.#byExternalId.get(idOrExternalId) ?? this.#bySeq[seqOf(idOrExternalId)];
  }

  findByEmail(email: string): StoredContact | undefined {
    return this.#byEmail.get(emailKey(email));
  }

  /**
   * Creates or updates one contact.
   * doc: the upsert key is externalId if present, else the e-mail; an e-mail is unique in the tenant, so one that
   * another contact holds is refused, also where that contact has no externalId yet.
   */
  upsert(row: ContactRow, now: number): Stored {
    const known = row.externalId !== undefined ? this.#byExternalId.get(row.externalId) : this.#byEmail.get(emailKey(row.email ?? ''));
    if (known !== undefined) return this.change(known, row, now);
    if (row.email === undefined) return EMAIL_NEEDED;
    const key = emailKey(row.email);
    if (this.#byEmail.has(key)) return EMAIL_TAKEN;
    this.#noteOptIn(row, row.email);
    const contact: StoredContact = {
      seq: this.#bySeq.length,
      externalId: row.externalId ?? null,
      email: row.email,
      // unknown: what the platform does with `locale: null` on a new contact; here it is a contact without one.
      locale: row.locale ?? null,
      // unknown: the consent of a new contact without `optIn`; here none is assumed.
      optIn: row.optIn ?? false,
      attributes: row.attributes === undefined ? {} : withoutNulls(row.attributes),
      extra: extraOf(row),
      createdAt: now,
      updatedAt: now,
    };
    this.#bySeq.push(contact);
    this.#byEmail.set(key, contact);
    if (contact.externalId !== null) this.#byExternalId.set(contact.externalId, contact);
    return 'created';
  }

  /** Changes a contact; what the row does not carry stays (unknown: attributes are merged here, not replaced). */
  change(contact: StoredContact, row: ContactRow, now: number): Stored {
    const { email } = row;
    const moves = email !== undefined && email !== contact.email;
    const holder = moves ? this.#byEmail.get(emailKey(email)) : undefined;
    if (holder !== undefined && holder !== contact) return EMAIL_TAKEN;
    if (row.externalId !== undefined && row.externalId !== contact.externalId) {
      if (this.#byExternalId.has(row.externalId)) return { refused: 'externalId already belongs to another contact' };
      if (contact.externalId !== null) this.#byExternalId.delete(contact.externalId);
      contact.externalId = row.externalId;
      this.#byExternalId.set(row.externalId, contact);
    }
    if (moves) {
      this.#byEmail.delete(emailKey(contact.email));
      this.#byEmail.set(emailKey(email), contact);
      contact.email = email;
    }
    if (row.locale !== undefined) contact.locale = row.locale;
    this.#noteOptIn(row, contact.email);
    if (row.optIn !== undefined) contact.optIn = row.optIn;
    if (row.attributes !== undefined) contact.attributes = withoutNulls({ ...contact.attributes, ...row.attributes });
    const extra = extraOf(row);
    if (extra !== null) contact.extra = { ...contact.extra, ...extra };
    contact.updatedAt = now;
    return 'updated';
  }

  remove(contact: StoredContact): void {
    this.#bySeq[contact.seq] = undefined;
    this.#byEmail.delete(emailKey(contact.email));
    if (contact.externalId !== null) this.#byExternalId.delete(contact.externalId);
  }

  /** As if the person had unsubscribed: optIn false and suppressed (doc). @returns the contact, where there is one */
  unsubscribe(email: string, reason: string, now: number): StoredContact | undefined {
    this.suppressions.set(emailKey(email), { email, reason, createdAt: new Date(now).toISOString() });
    const contact = this.findByEmail(email);
    if (contact !== undefined) this.change(contact, { optIn: false }, now);
    return contact;
  }

  /** unknown: what an opt-in does to a suppressed address; here it is taken, the entry stays, and it is counted. */
  #noteOptIn(row: ContactRow, email: string): void {
    if (row.optIn === true && this.suppressions.has(emailKey(email))) this.violations += 1;
  }

  *all(): IterableIterator<StoredContact> {
    for (const contact of this.#bySeq) if (contact !== undefined) yield contact;
  }
}

/** unknown: whether the platform tells e-mails apart by case; here it does not. */
export function emailKey(email: string): string {
  return email.toLowerCase();
}

/** The contact as the read routes show it. */
export function shown(contact: StoredContact): Record<string, unknown> {
  return {
    id: idOf(contact.seq),
    externalId: contact.externalId,
    email: contact.email,
    locale: contact.locale,
    optIn: contact.optIn,
    attributes: contact.attributes,
    ...contact.extra,
    createdAt: new Date(contact.createdAt).toISOString(),
    updatedAt: new Date(contact.updatedAt).toISOString(),
  };
}

function idOf(seq: number): string {
  return `mcc_${seq.toString(36)}`;
}

function seqOf(id: string): number {
  return id.startsWith('mcc_') ? Number.parseInt(id.slice(4), 36) : -1;
}

/** A null attribute is one that was cleared. */
function withoutNulls(attributes: Record<string, unknown>): Record<string, unknown> {
  let kept: Record<string, unknown> | undefined;
  for (const name in attributes) {
    if (attributes[name] !== null) continue;
    kept ??= { ...attributes };
    delete kept[name];
  }
  return kept ?? attributes;
}

function extraOf(row: ContactRow): Record<string, unknown> | null {
  if (row.consentVersion === undefined && row.source === undefined && row.projectId === undefined) return null;
  const { consentVersion, source, projectId } = row;
  return { ...(consentVersion !== undefined && { consentVersion }), ...(source !== undefined && { source }), ...(projectId !== undefined && { projectId }) };
}
