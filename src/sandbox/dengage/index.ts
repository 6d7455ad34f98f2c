import type { Platform, PlatformControl } from '../platform.js';
import type { DengageFaults } from './faults.js';
import { addRoutes } from './routes.js';
import { faultOf } from './rows.js';
import { applyFaults, createState } from './state.js';

export type { DengageFaults } from './faults.js';

/** D·engage's own controls beside the common ones. */
export interface DengageControl extends PlatformControl {
  /** Contacts held. */
  size(): number;
  /** One contact by key, as the read route shows it. */
  contact(key: string): Record<string, unknown> | undefined;
  /** Ends every token at once. */
  endTokens(): void;
  /** As if a person had opted out there: of both channels, or of one. */
  optOut(key: string, channel?: 'email' | 'gsm'): void;
}

/** A sandboxed D·engage. Faults are checked, whatever their type says. Throws FaultsError. */
export function createDengage(faults: DengageFaults | undefined): Platform & { readonly control: DengageControl } {
  const state = createState(faults);
  const { store } = state;
  const control: DengageControl = {
    setFaults: (next) => applyFaults(state, next),
    reset() {
      store.reset();
      state.log.reset();
      state.current = null;
      state.lastArrival = null;
      applyFaults(state, {});
    },
    plant(contacts) {
      contacts.forEach((record, index) => {
        const columns = Object.keys(record);
        const fault = faultOf(record, new Set(columns));
        if (fault !== null) throw new Error(`contact ${index}: ${fault}`);
        store.write(record, columns, true);
      });
    },
    *contacts() {
      for (const contact of store.all()) yield { ...contact };
    },
    stats: (windowMs) => state.log.stats(windowMs ?? 60_000),
    size: () => store.size,
    contact(key) {
      const found = store.find(key);
      return found === undefined ? undefined : { ...found };
    },
    endTokens: () => state.tokens.clear(),
    optOut(key, channel) {
      const found = store.find(key);
      if (found === undefined) throw new Error('no contact of that key');
      if (channel !== 'gsm') found['email_permission'] = false;
      if (channel !== 'email') found['gsm_permission'] = false;
    },
  };
  const settings = { userkey: 'sandbox', password: 'sandbox' };
  return { name: 'dengage', control, settings, register: (app) => addRoutes(app, state) };
}
