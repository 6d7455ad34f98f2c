import { startSandbox } from '../../../src/sandbox/index.js';
import { person } from '../people.js';
import { BAD } from './rig.js';
import type { Rig } from './rig.js';

const BAD_ROW = { emails: [`canary${BAD}@example.com`] };

const FAULTS: Rig['faults'] = {
  oneBadRow: { settings: { badRows: BAD_ROW, badRowNamed: 'email' }, expected: { kind: 'refused', httpStatus: 422 } },
  refusedWhole: { settings: { badRows: { ...BAD_ROW, status: 400 } } },
  unauthenticated: { settings: { tokenRefused: true, loginRefused: true } },
  forbidden: { settings: { forbidden: 'Your plan does not include this' } },
  throttled: { settings: { burst429: 1 } },
  quota: { settings: { quota: true } },
  serverError: { settings: { errorsBeforeCommit: true } },
  cutAfterCommit: { settings: { cutAfterCommit: true } },
  cutBeforeCommit: { settings: { cutBeforeCommit: true } },
  drip: { settings: { drip: { interval: 50 } } },
  hang: { settings: { hang: true } },
};

export async function mainbrainer(): Promise<Rig> {
  const sandbox = await startSandbox();
  const control = sandbox.mainbrainer;
  // It holds no key of ours: a contact is found by its pair.
  const held = (key: string): Record<string, unknown> | undefined => {
    const { phone = null, email = null } = person(Number(key.replace('crm-', '')));
    return control.contact({ mobile: phone, email });
  };
  return {
    config: {
      type: 'mainbrainer',
      name: 'sms',
      baseUrl: control.baseUrl,
      userName: 'secret-user@example.com',
      password: 'secret-word',
      privateToken: 'secret-token',
      onKeyChange: 'hold',
      properties: { city: 'city', locale: 'locale' },
      resultsWithin: 2000,
      batchSize: 100,
      limits: { calls: 100, per: 10_000, concurrency: 8 },
      timeout: 2000,
      account: 'contract',
      settleDelay: 100,
      linger: 10,
    },
    faults: FAULTS,
    secrets: ['secret-user', 'secret-word', 'secret-token'],
    fault: (settings) => control.setFaults(settings),
    held,
    size: () => control.size(),
    expected: ({ email, phone, locale, emailConsent, firstName, attributes }) => ({
      email,
      mobileCountryCode: (phone ?? null) === null ? null : 1,
      mobileNumber: phone === null || phone === undefined ? null : Number(phone.slice(2)),
      emailOptIn: emailConsent === 'unknown' ? null : emailConsent === 'granted',
      mobileOptIn: null,
      properties: { firstname: firstName ?? '', city: attributes?.['city'] ?? '', locale: locale ?? '' },
    }),
    // Its page has no way to delete: what can be blanked is, and nobody is written to.
    erased(key) {
      const { emailOptIn, mobileOptIn, properties } = held(key) ?? {};
      return emailOptIn === false && mobileOptIn === false && Object.values(properties as object).every((value) => value === '');
    },
    reset: () => control.reset(),
    close: () => sandbox.close(),
  };
}
