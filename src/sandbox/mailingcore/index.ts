import type { Platform, PlatformControl } from '../platform.js';
import type { MailingCoreFaults } from './faults.js';
import { addRoutes } from './routes.js';
import { isRow, faultOf } from './rows.js';
import { applyFaults, createState } from './state.js';
import { shown } from './store.js';

export type { MailingCoreFaults } from './faults.js';

/** MailingCore's own controls beside the common ones. */
export interface MailingCoreControl extends PlatformControl {
  /** Contacts held. */
  size(): number;
  /** One contact by platform id or externalId, as the read route shows it. */
  contact(idOrExternalId: string): Record<string, unknown> | undefined;
  /** As if a person had unsubscribed there: optIn false and suppressed. */
  suppress(email: string): void;
}

/** A sandboxed MailingCore. Faults are checked, whatever their type says. Throws FaultsError. */
export function createMailingCore(faults: MailingCoreFaults | undefined): Platform & { readonly control: MailingCoreControl } {
  const state = createState(faults);
  const { store } = state;
  const control: MailingCoreControl = {
    setFaults: (next) => applyFaults(state, next),
    reset() {
      store.reset();
      state.log.reset();
      applyFaults(state, {});
    },
    plant(contacts) {
      contacts.forEach((row, index) => {
        if (!isRow(row)) throw new Error(`contact ${index}: ${faultOf(row) ?? 'not a contact'}`);
        const stored = store.upsert(row, Date.now());
        if (typeof stored !== 'string') throw new Error(`contact ${index}: ${stored.refused}`);
      });
    },
    *contacts() {
      for (const contact of store.all()) yield shown(contact);
    },
    stats: (windowMs) => state.log.stats(windowMs ?? state.faults.limit?.per ?? 60_000),
    size: () => store.size,
    contact(id) {
      const found = store.find(id);
      return found === undefined ? undefined : shown(found);
    },
    suppress(email) {
      store.suppressions.set(email.toLowerCase(), { email, reason: 'unsubscribed', createdAt: new Date().toISOString() });
      const contact = store.findByEmail(email);
      if (contact !== undefined) store.change(contact, { optIn: false }, Date.now());
    },
  };
  const settings = { apiKey: 'mc_test_sandbox', tenantId: 'sandbox' };
  return { name: 'mailingcore', control, settings, register: (app) => addRoutes(app, state) };
}
