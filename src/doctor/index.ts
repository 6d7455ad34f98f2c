import type { Config } from '../config/index.js';
import { probeEmbedded } from '../runtime/index.js';
import { lookAtAll, well, type Check } from './check.js';
import { destinationProbes, localPort, sourceProbes } from './connectors.js';
import { postgresProbe, temporalProbe } from './services.js';

export type { Check, CheckKind, Probe } from './check.js';
export { lookAtAll } from './check.js';

export interface DoctorDocument {
  readonly ok: boolean;
  readonly checks: readonly Check[];
  /** The next commands, in their order. */
  readonly next: readonly string[];
}

export interface DoctorRequest {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds one check may take. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/**
 * Looks at everything a configuration needs, at once, and starts, registers, stores and sends nothing.
 * A destination is asked by one harmless read, after a log-in where it takes one.
 */
export async function examine({ config, env, deadlineMs, signal }: DoctorRequest): Promise<DoctorDocument> {
  const probes = [temporalProbe(config, env, deadlineMs), postgresProbe(config, env, deadlineMs), ...sourceProbes(config), ...destinationProbes(config)];
  const found = await lookAtAll(probes, deadlineMs, signal);
  const checks = [well({ name: 'configuration', kind: 'configuration' }, `${config.file}: without a mistake`), ...alertChecks(config), ...found];
  return { ok: checks.every(({ ok }) => ok), checks, next: nextOf(config, env, checks) };
}

/** Who is told when something is wrong. Nothing is sent to them: there is a command for that. */
function alertChecks({ alerts }: Config): readonly Check[] {
  return (alerts?.channels ?? []).map(({ name, type, on }) =>
    well({ name: `alerts ${name}`, kind: 'configuration' }, `${type}, told of ${on.join(', ')}`, 'whether it is heard: syncline alerts test'));
}

/** What a person does next: start what is not there, then run; where that does not mend everything, look again. */
function nextOf(config: Config, env: DoctorRequest['env'], checks: readonly Check[]): readonly string[] {
  const failed = checks.filter(({ ok }) => !ok);
  const isWorker = ({ name, kind }: Check): boolean => kind === 'temporal' && name === 'worker';
  const sandboxOf = ({ name, kind, fault }: Check): string | undefined => {
    const destination = kind === 'destination' && fault === 'unreached' ? config.destinations[name] : undefined;
    return destination === undefined ? undefined : localPort(destination);
  };
  const ports = new Set(failed.flatMap((check) => sandboxOf(check) ?? []));
  const embedded = config.temporal.address === null && (env['TEMPORAL_ADDRESS'] ?? '') === '';
  const starts = [
    ...[...ports].map((port) => `syncline sandbox --port ${port}`),
    ...(embedded && probeEmbedded(config.directory, env).temporalAddress === null ? ['syncline dev'] : []),
    ...(failed.some(isWorker) ? ['syncline worker'] : []),
  ];
  if (failed.some((check) => !isWorker(check) && sandboxOf(check) === undefined)) return [...starts, 'syncline doctor'];
  const [sync] = Object.keys(config.syncs);
  return sync === undefined ? starts : [...starts, `syncline run ${sync}`];
}
