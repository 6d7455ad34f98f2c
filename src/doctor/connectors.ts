import type { Config, DestinationConfig, Limits, SourceConfig } from '../config/index.js';
import { formatDurationExact, PLATFORMS } from '../config/index.js';
import { compileContactReader } from '../contacts/index.js';
import { createDestination, type Outcome } from '../destinations/index.js';
import { createSource } from '../sources/index.js';
import { ill, well, type Check, type Probe } from './check.js';

/** Every source: its connection, and whether what the mapping names is there. */
export function sourceProbes({ sources }: Config): readonly Probe[] {
  return Object.values(sources).map((config) => {
    const at = { name: config.name, kind: 'source' } as const;
    return { ...at, look: async (signal) => [well(at, await checkSource(config, signal))] };
  });
}

async function checkSource(config: SourceConfig, signal: AbortSignal): Promise<string> {
  const { columns } = compileContactReader(config.fields, { attributes: [], ...(config.defaultCountry === undefined ? {} : { defaultCountry: config.defaultCountry }) });
  const source = createSource(config, columns);
  try {
    return await source.check(signal);
  } finally {
    await source.close();
  }
}

/** Every destination: its credentials by one harmless read, and the pace it is sent to at. */
export function destinationProbes({ destinations }: Config): readonly Probe[] {
  return Object.values(destinations).map((config) => {
    const at = { name: config.name, kind: 'destination' } as const;
    return {
      ...at,
      look: async (signal) => {
        const destination = createDestination(config);
        try {
          return [checkOf(config, await destination.check(signal))];
        } finally {
          await destination.close();
        }
      },
    };
  });
}

/** What the outcome of the read says about the destination. */
function checkOf(config: DestinationConfig, outcome: Outcome): Check {
  const at = { name: config.name, kind: 'destination' } as const;
  switch (outcome.kind) {
    case 'answered':
      return well(at, `${config.type} at ${placeOf(config)}: the credentials are good; ${limitsWords(config.limits)}`, aboveDocumented(config));
    case 'throttled':
      return ill(at, 'unreached', `${outcome.message}; reached, but it takes no more calls just now`, outcome.retryAfterMs === null ? 'try again in a minute' : `try again in ${String(Math.ceil(outcome.retryAfterMs / 1000))} s`);
    case 'quota':
      return ill(at, 'wrong', outcome.message, outcome.until === null ? 'the quota is used up: rows wait until it is given anew' : `the quota is used up until ${outcome.until}: rows wait until then`);
    case 'unauthenticated':
    case 'misconfigured':
      return ill(at, 'wrong', outcome.message, outcome.hint);
    case 'unavailable':
    case 'unknown':
      return ill(at, 'unreached', outcome.message, wayTo(config));
    case 'expired':
    case 'refused':
    case 'failed':
      return ill(at, 'wrong', outcome.message, 'see the platform\'s words, and its status page');
    case 'unclear':
    case 'accepted':
      return ill(at, 'wrong', `${config.type} at ${placeOf(config)} answers a read in a way nobody expects`, `check ${config.type === 'postgres' ? 'url' : 'baseUrl'}`);
  }
}

const placeOf = (config: DestinationConfig): string => new URL(config.type === 'postgres' ? config.url : config.baseUrl).host;

function limitsWords({ calls, per, concurrency, read }: Limits): string {
  const reads = read === undefined ? '' : `, and ${String(read.calls)} reads in ${formatDurationExact(read.per)}`;
  return `${String(calls)} ${calls === 1 ? 'call' : 'calls'} in ${formatDurationExact(per)}, ${String(concurrency)} at once${reads}`;
}

/** A pace above the documented one is allowed (other plans have it), and worth a word. */
function aboveDocumented({ type, limits }: DestinationConfig): string | null {
  // A company's own database has no documented limit.
  if (type === 'postgres') return null;
  const documented = PLATFORMS[type].limits;
  if (limits.calls / limits.per <= documented.calls / documented.per && limits.concurrency <= documented.concurrency) return null;
  return `limits are above what ${type} documents (${limitsWords(documented)}): right only where your plan says so`;
}

/** Names of this machine. */
const LOCAL = new Set(['127.0.0.1', 'localhost', '[::1]', '0.0.0.0']);

function wayTo(config: DestinationConfig): string {
  if (config.type === 'postgres') return 'check host and port in url, and that the server runs';
  const port = localPort(config);
  if (port !== undefined) return `if this is the sandbox, start it: syncline sandbox --port ${port}`;
  return 'check baseUrl, and that this machine may reach it; rows wait while the platform is away';
}

/** The port of a platform on this machine, as the sandbox is; undefined for any other destination. */
export function localPort(config: DestinationConfig): string | undefined {
  if (config.type === 'postgres') return undefined;
  const { hostname, port, protocol } = new URL(config.baseUrl);
  return LOCAL.has(hostname) ? port || (protocol === 'https:' ? '443' : '80') : undefined;
}
