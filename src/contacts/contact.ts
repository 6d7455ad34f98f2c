/** A value that survives JSON unchanged. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** What a person said about one channel. `unknown` is never sent as granted. */
export type Consent = 'granted' | 'denied' | 'unknown';

/**
 * A contact in Syncline's own words, whatever the source called its columns.
 *
 * `undefined` means the field is not mapped and is left alone at the destination;
 * `null` means it is mapped and empty (or unusable) and is sent as cleared.
 */
export interface Contact {
  /** Stable id of the contact in its source. */
  readonly key: string;
  readonly email?: string | null;
  /** E.164, for example `+16975550142`. */
  readonly phone?: string | null;
  /** Base language in lower case, for example `en`. */
  readonly locale?: string | null;
  readonly emailConsent?: Consent;
  readonly smsConsent?: Consent;
  /** When the person said so: ISO 8601 UTC, microseconds. */
  readonly consentAt?: string | null;
  /** Version of the text the person agreed to. */
  readonly consentVersion?: string | null;
  /** ISO 3166 alpha-2. */
  readonly country?: string | null;
  readonly firstName?: string | null;
  readonly lastName?: string | null;
  /** Set when the source marks the contact as deleted: ISO 8601 UTC. */
  readonly deletedAt?: string | null;
  /** Set when the contact's key changed. */
  readonly previousKey?: string | null;
  readonly attributes?: Readonly<Record<string, Json>>;
}
