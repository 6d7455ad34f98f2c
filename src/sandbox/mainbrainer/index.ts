import type { Platform, PlatformControl } from '../platform.js';
import type { MainBrainerFaults } from './faults.js';
import { addRoutes } from './routes.js';
import { readRow } from './rows.js';
import { applyFaults, createState } from './state.js';

export type { MainBrainerFaults } from './faults.js';

/** MainBrainer's own controls beside the common ones. Contacts are planted as rows of the batch route. */
export interface MainBrainerControl extends PlatformControl {
  /** Contacts held. */
  size(): number;
  /** One contact by its id there, or by its mobile (E.164, null: none) and e-mail (null: none), as it is held. */
  contact(by: number | { readonly mobile?: string | null; readonly email?: string | null }): Record<string, unknown> | undefined;
  /** Ends every token at once. */
  endTokens(): void;
  /** Resolves when every accepted batch has been processed and its webhooks have been called. */
  idle(): Promise<void>;
}

/** A sandboxed MainBrainer. Faults are checked, whatever their type says. Throws FaultsError. */
export function createMainBrainer(faults: MainBrainerFaults | undefined): Platform & { readonly control: MainBrainerControl } {
  const state = createState(faults);
  const { store, batches } = state;
  const control: MainBrainerControl = {
    setFaults: (next) => applyFaults(state, next),
    reset() {
      batches.end();
      store.reset();
      state.log.reset();
      applyFaults(state, {});
    },
    plant(contacts) {
      contacts.forEach((one, index) => {
        const row = readRow(one);
        if ('status' in row) throw new Error(`contact ${index}: ${row.message}`);
        store.write(row, undefined, state.properties);
      });
    },
    contacts: () => store.all(),
    stats: (windowMs) => state.log.stats(windowMs ?? state.faults.limit?.per ?? 10_000),
    size: () => store.size,
    contact(by) {
      if (typeof by === 'number') return store.byId(by);
      const digits = by.mobile?.replace(/\D/g, '');
      if (digits === undefined) return store.byPair(null, by.email ?? null);
      // Where the country code ends is not told: at most one of the places is a contact's.
      return [1, 2, 3].map((at) => store.byPair(`${digits.slice(0, at)} ${Number(digits.slice(at))}`, by.email ?? null)).find((found) => found !== undefined);
    },
    endTokens: () => state.tokens.clear(),
    idle: () => batches.idle(),
  };
  const settings = { userName: 'sandbox@example.com', password: 'sandbox', privateToken: 'sandbox' };
  return { name: 'mainbrainer', control, settings, register: (app) => addRoutes(app, state), close: () => batches.end() };
}
