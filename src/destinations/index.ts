import type { DestinationConfig } from '../config/index.js';
import type { Destination } from './contract.js';
import { mailingcore } from './mailingcore/index.js';
import type { AccountParts, DestinationFacts, DestinationKind, DestinationOptions } from './registry.js';

export * from './contract.js';
export { maskPersonal } from './mask.js';
export type { AccountParts, DestinationFacts, DestinationOptions } from './registry.js';

/** Every platform Syncline can send to: a new one is a folder and a line here. */
const REGISTRY: { readonly [Type in DestinationConfig['type']]: DestinationKind<Extract<DestinationConfig, { type: Type }>> } = {
  mailingcore,
};

/** The types a configuration may name. */
export const DESTINATION_TYPES = Object.keys(REGISTRY) as readonly DestinationConfig['type'][];

/** The destination of a checked configuration. Connects to nothing yet; `close` it when done. */
export function createDestination(config: DestinationConfig, options: DestinationOptions = {}): Destination {
  return REGISTRY[config.type].create(config, options);
}

/** What a platform is like: default limits and sizes. */
export function describeDestination(type: DestinationConfig['type']): DestinationFacts {
  return REGISTRY[type].facts;
}

/** The default name of a destination's account, which holds no secret: `mailingcore:api.mailingcore.com:3f9a1c`. */
export function accountOf(config: AccountParts & { readonly type: DestinationConfig['type'] }): string {
  return REGISTRY[config.type].account(config);
}
