import type { MailingCoreConfig } from '../../config/index.js';
import type { DestinationKind } from '../registry.js';
import { FACTS } from './config.js';
import { createMailingCore } from './destination.js';

/** MailingCore's line in the registry. */
export const mailingcore: DestinationKind<MailingCoreConfig> = { facts: FACTS, create: createMailingCore };
