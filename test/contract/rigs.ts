import type { DestinationConfig } from '../../src/config/index.js';
import type { Contact } from '../../src/contacts/index.js';
import { startSandbox } from '../../src/sandbox/index.js';

/** What the contract suite needs to know of a platform; a registered destination without a rig fails the suite. */
export interface Rig {
  readonly config: DestinationConfig;
  /** Turns on one misbehaviour of the sandbox, and only that. */
  fault(name: FaultName): void;
  /** Stored contacts by key, as the platform shows them. */
  held(key: string): Record<string, unknown> | undefined;
  size(): number;
  /** The contact as the platform ought to show it. */
  expected(contact: Contact): Record<string, unknown>;
  reset(): void;
  close(): Promise<void>;
}

export const FAULTS = ['oneBadRow', 'refusedWhole', 'unauthenticated', 'forbidden', 'throttled', 'quota', 'serverError', 'cutAfterCommit', 'cutBeforeCommit', 'drip', 'hang', 'readTrouble'] as const;
export type FaultName = (typeof FAULTS)[number];

/** The key and index of the row that `oneBadRow` refuses. */
export const BAD = 7;

const MAILINGCORE: Readonly<Record<FaultName, object>> = {
  oneBadRow: { badRows: { externalIds: [`crm-${BAD}`] } },
  refusedWhole: { badRows: { externalIds: [`crm-${BAD}`], mode: 'request' } },
  unauthenticated: { unauthorized: true },
  forbidden: { forbidden: 'Missing contacts:write scope' },
  throttled: { burst429: 1 },
  quota: { quota: true },
  serverError: { errorsBeforeCommit: true },
  cutAfterCommit: { cutAfterCommit: true },
  cutBeforeCommit: { cutBeforeCommit: true },
  drip: { drip: { interval: 50 } },
  hang: { hang: true },
  readTrouble: { limit: { calls: 1, per: '60ms' }, pagination: 'page' },
};

export const RIGS: Readonly<Record<DestinationConfig['type'], () => Promise<Rig>>> = {
  async mailingcore() {
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
        batchSize: 1000,
        limits: { calls: 300, per: 60_000, concurrency: 4 },
        timeout: 2000,
        account: 'contract',
        settleDelay: 100,
        linger: 10,
      },
      fault: (name) => control.setFaults(MAILINGCORE[name]),
      held: (key) => control.contact(key),
      size: () => control.size(),
      expected: ({ key, email, locale, emailConsent, firstName, phone, attributes }) => ({
        externalId: key,
        email,
        locale: locale ?? null,
        optIn: emailConsent === 'granted',
        attributes: Object.fromEntries(Object.entries({ firstName, phone, ...attributes }).filter(([, value]) => value !== null && value !== undefined)),
      }),
      reset: () => control.reset(),
      close: () => sandbox.close(),
    };
  },
};
