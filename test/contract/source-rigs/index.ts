import { csv } from './csv.js';
import { http } from './http.js';
import { hubspot } from './hubspot.js';
import { mailingcore } from './mailingcore.js';
import { pipedrive } from './pipedrive.js';
import { postgres } from './postgres.js';
import { salesforce } from './salesforce.js';
import type { SourceRig } from './rig.js';
import { singer } from './singer.js';

export { TROUBLES, type Case, type Row, type SourceRig, type Trouble } from './rig.js';

/** A line each: a type of source, and what more of it there is to hold to the contract (`http by offset`). */
export const SOURCE_RIGS: Readonly<Record<string, () => Promise<SourceRig>>> = {
  postgres,
  csv,
  mailingcore,
  hubspot,
  pipedrive,
  singer,
  salesforce,
  http: () => http('cursor'),
  'http by next URL': () => http('url'),
  'http by Link header': () => http('link'),
  'http by page number': () => http('page'),
  'http by offset': () => http('offset'),
};
