import type { DestinationConfig } from '../config/index.js';
import type { Destination } from './contract.js';
import { dengage } from './dengage/index.js';
import { mailingcore } from './mailingcore/index.js';
import { mainbrainer } from './mainbrainer/index.js';
import { postgres } from './postgres/index.js';
import type { DestinationFacts, DestinationKind, DestinationOptions } from './registry.js';

export * from './contract.js';
export type { DestinationFacts, DestinationOptions } from './registry.js';

/** Every platform Syncline can send to: a new one is a folder and a line here. */
const REGISTRY: { readonly [Type in DestinationConfig['type']]: DestinationKind<Extract<DestinationConfig, { type: Type }>> } = {
  mailingcore,
  dengage,
  mainbrainer,
  postgres,
};

/** The types a configuration may name. */
export const DESTINATION_TYPES = Object.keys(REGISTRY) as readonly DestinationConfig['type'][];

/** The destination of a checked configuration. Connects to nothing yet; `close` it when done. */
export function createDestination(config: DestinationConfig, options: DestinationOptions = {}): Destination {
  return (REGISTRY[config.type] as DestinationKind<DestinationConfig>).create(config, options);
}

/** What a platform is like: default limits and sizes. */
export function describeDestination(type: DestinationConfig['type']): DestinationFacts {
  return REGISTRY[type].facts;
}
