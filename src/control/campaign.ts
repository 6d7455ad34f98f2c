import { DestinationError, type CampaignLocale } from '../destinations/index.js';
import { pacedCalls } from '../lanes/index.js';
import type { CampaignVerdict } from '../ledger/index.js';
import { judgeCampaign, type Verification } from '../verification/index.js';
import type { VerifyRequest } from './verify.js';

/** A campaign the platform was asked about before the contacts are read. */
export interface AskedCampaign {
  /** Asks once more, now that they were read, and holds both counts against what was found. @throws DestinationError */
  judge(verification: Verification): Promise<CampaignVerdict>;
}

/**
 * Asks the platform about the campaign a verification is for; null: it is for none. One that is not known, or may not
 * be read, fails its verdict; whatever may pass by itself is thrown.
 * @throws DestinationError, or an Error where the platform cannot be asked at all
 */
export async function askCampaign({ pool, ids, wired, campaign, signal }: VerifyRequest): Promise<AskedCampaign | null> {
  const { destination, destinationConfig: { type, limits, timeout }, sync: { verify } } = wired;
  const id = campaign ?? verify?.campaign;
  if (id === undefined) return null;
  if (destination.coverage === undefined) throw new Error(`${type} cannot be asked about the campaign ${id}`);
  const coverage = destination.coverage.bind(destination);
  const paced = pacedCalls(pool, ids.accountId, limits, timeout, signal);
  const ask = async (): Promise<readonly CampaignLocale[] | DestinationError> => {
    try {
      return await coverage(id, paced, signal);
    } catch (error) {
      if (error instanceof DestinationError && (error.kind === 'misconfigured' || error.kind === 'unauthenticated')) return error;
      throw error;
    }
  };
  const before = await ask();
  return {
    judge: async (verification) => {
      if (before instanceof DestinationError) return unread(id, before);
      const after = await ask();
      if (after instanceof DestinationError) return unread(id, after);
      const expected = new Map(verification.document.locales.map((one) => [one.locale, one.expected]));
      return judgeCampaign(id, { before, after, found: await verification.optedIn(), expected, tolerance: verify?.tolerance ?? 0 });
    },
  };
}

function unread(id: string, { message, hint }: DestinationError): CampaignVerdict {
  return { id, pass: false, locales: [], fault: `campaign ${id}: ${message}${hint === undefined ? '' : ` (${hint})`}` };
}
