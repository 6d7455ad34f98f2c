import { startSandbox } from '../../../src/sandbox/index.js';
import { BAD } from './rig.js';
import type { Rig } from './rig.js';

const FAULTS: Rig['faults'] = {
  oneBadRow: { settings: { badRows: { externalIds: [`crm-${BAD}`] } } },
  refusedWhole: { settings: { badRows: { externalIds: [`crm-${BAD}`], mode: 'request' } } },
  unauthenticated: { settings: { unauthorized: true } },
  forbidden: { settings: { forbidden: 'Missing contacts:write scope' } },
  throttled: { settings: { burst429: 1 } },
  quota: { settings: { quota: true } },
  serverError: { settings: { errorsBeforeCommit: true } },
  cutAfterCommit: { settings: { cutAfterCommit: true } },
  cutBeforeCommit: { settings: { cutBeforeCommit: true } },
  drip: { settings: { drip: { interval: 50 } } },
  hang: { settings: { hang: true } },
  readTrouble: { settings: { limit: { calls: 1, per: '2s' }, pagination: 'page' } },
};

export async function mailingcore(): Promise<Rig> {
  const sandbox = await startSandbox();
  const control = sandbox.mailingcore;
  return {
    config: {
      type: 'mailingcore',
      name: 'newsletter',
      baseUrl: control.baseUrl,
      apiKey: 'mc_test_secret',
      tenantId: 'tenant',
      matchBy: 'externalId',
      suppressions: { read: 'beforeRun' },
      batchSize: 1000,
      limits: { calls: 300, per: 60_000, concurrency: 4 },
      timeout: 2000,
      account: 'contract',
      settleDelay: 100,
      linger: 10,
    },
    faults: FAULTS,
    secrets: ['mc_test_secret'],
    fault: (settings) => control.setFaults(settings),
    held: (key) => control.contact(key),
    size: () => control.size(),
    expected: ({ key, email, locale, emailConsent, firstName, phone, attributes }) => ({
      externalId: key,
      email,
      locale: locale ?? null,
      optIn: emailConsent === 'granted',
      attributes: Object.fromEntries(Object.entries({ firstName, phone, ...attributes }).filter(([, value]) => value !== null && value !== undefined)),
    }),
    erased: (key) => control.contact(key) === undefined,
    reset: () => control.reset(),
    close: () => sandbox.close(),
  };
}
