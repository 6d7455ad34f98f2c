import { startSandbox } from '../../../src/sandbox/index.js';
import { BAD } from './rig.js';
import type { Rig } from './rig.js';

const FAULTS: Rig['faults'] = {
  oneBadRow: { settings: { badRows: { keys: [`crm-${BAD}`] } } },
  refusedWhole: { settings: { badRows: { keys: [`crm-${BAD}`], mode: 'request' } } },
  unauthenticated: { settings: { tokenRefused: true, loginRefused: true } },
  forbidden: { settings: { roleMissing: true } },
  throttled: { settings: { burst429: 1 } },
  serverError: { settings: { errorsBeforeCommit: true } },
  cutAfterCommit: { settings: { cutAfterCommit: true } },
  cutBeforeCommit: { settings: { cutBeforeCommit: true } },
  drip: { settings: { drip: { interval: 50 } } },
  hang: { settings: { hang: true } },
  readTrouble: { settings: { readBurst429: 2, readErrors: { first: 1 }, tokenRefused: { first: 1 } } },
};

export async function dengage(): Promise<Rig> {
  const sandbox = await startSandbox();
  const control = sandbox.dengage;
  return {
    config: {
      type: 'dengage',
      name: 'loyalty',
      baseUrl: control.baseUrl,
      userkey: 'secret-user',
      password: 'secret-word',
      insertIfNotExists: true,
      throwExceptionIfInvalidRecord: false,
      columns: { city: 'city', locale: 'locale' },
      batchSize: 1000,
      limits: { calls: 1, per: 60_000, concurrency: 1 },
      timeout: 2000,
      account: 'contract',
      settleDelay: 100,
      linger: 10,
    },
    faults: FAULTS,
    secrets: ['secret-user', 'secret-word'],
    fault: (settings) => control.setFaults(settings),
    held: (key) => control.contact(key),
    size: () => control.size(),
    expected: ({ key, email, phone, locale, emailConsent, smsConsent, firstName, attributes }) => ({
      contact_key: key,
      contact_status: 'A',
      email: email?.toLowerCase() ?? null,
      gsm: phone ?? null,
      name: firstName ?? null,
      city: attributes?.['city'] ?? null,
      locale: locale ?? null,
      email_permission: emailConsent === 'granted',
      gsm_permission: smsConsent === 'granted',
    }),
    erased(key) {
      const { contact_status: status, ...held } = control.contact(key) ?? {};
      const kept = Object.entries(held).filter(([name, value]) => name !== 'contact_key' && !name.endsWith('_status') && value !== null && value !== false);
      return (status === undefined || status === 'P') && kept.length === 0;
    },
    optOut: (key) => control.optOut(key),
    optedIn: (key) => control.contact(key)?.['email_permission'] === true,
    reset: () => control.reset(),
    close: () => sandbox.close(),
  };
}
