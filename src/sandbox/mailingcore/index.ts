import { FaultsError } from '../platform.js';
import type { Platform, PlatformControl } from '../platform.js';
import type { MailingCoreFaults } from './faults.js';
import { addRoutes } from './routes.js';
import { isRow, faultOf } from './rows.js';
import { applyFaults, createState } from './state.js';
import { emailKey, shown } from './store.js';
import { targetOf, type WebhookTarget } from './webhooks.js';

export type { MailingCoreFaults } from './faults.js';

/** MailingCore's own controls beside the common ones. */
export interface MailingCoreControl extends PlatformControl {
  /** Contacts held. */
  size(): number;
  /** One contact by platform id or externalId, as the read route shows it. */
  contact(idOrExternalId: string): Record<string, unknown> | undefined;
  /** As if a person had unsubscribed there, and no webhook told of it: optIn false and suppressed. */
  suppress(email: string): void;
  /**
   * The same with its webhook, where one is configured and the faults let it through. Throws where there is no such contact.
   * @param at milliseconds since 1970. @default now
   */
  unsubscribe(idOrExternalIdOrEmail: string, at?: number): void;
  /** Where webhooks go from now on; null: nowhere. */
  setWebhook(target: WebhookTarget | null): void;
  /** Whether an address is on the suppression list. */
  isSuppressed(email: string): boolean;
  /** Times a contact was opted in while its address was suppressed: what must never happen. */
  violations(): number;
  /** Resolves when every webhook was taken or given up. */
  idle(): Promise<void>;
}

/** A sandboxed MailingCore. Faults are checked, whatever their type says. Throws FaultsError. */
export function createMailingCore(faults: MailingCoreFaults | undefined): Platform & { readonly control: MailingCoreControl } {
  const state = createState(faults);
  const { store, webhooks } = state;
  const control: MailingCoreControl = {
    setFaults: (next) => applyFaults(state, next),
    reset() {
      webhooks.end();
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
      store.unsubscribe(email, 'unsubscribed', Date.now());
    },
    unsubscribe(id, at = Date.now()) {
      const contact = store.find(id) ?? store.findByEmail(id);
      if (contact === undefined) throw new Error('no such contact');
      store.unsubscribe(contact.email, 'unsubscribed', at);
      const { id: contactId, externalId, email } = shown(contact);
      const data = { contactId, externalId, email, unsubscribedAt: new Date(at).toISOString(), source: 'link' };
      webhooks.send('contact.unsubscribed', state.tenant, data, state.faults.webhooks);
    },
    setWebhook(target) {
      webhooks.target = target;
    },
    isSuppressed: (email) => store.suppressions.has(emailKey(email)),
    violations: () => store.violations,
    idle: () => webhooks.idle(),
  };
  const actions: Platform['actions'] = {
    unsubscribe(body) {
      const { contact } = (body ?? {}) as { contact?: unknown };
      if (typeof contact !== 'string') throw new FaultsError('expected {"contact": its externalId, id or e-mail}');
      control.unsubscribe(contact);
      return { ok: true };
    },
    webhook(body) {
      control.setWebhook(targetOf(body));
      return { ok: true };
    },
    violations: () => ({ optedInWhileSuppressed: store.violations }),
  };
  const settings = { apiKey: 'mc_test_sandbox', tenantId: 'sandbox' };
  return { name: 'mailingcore', control, settings, actions, register: (app) => addRoutes(app, state), close: () => webhooks.end() };
}
