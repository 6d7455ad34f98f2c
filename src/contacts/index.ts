export type { Consent, Contact, Json } from './contact.js';
export { compileContactReader, type Built, type ContactReader, type ReadableRow } from './reader.js';
export { compileFilter, FILTER_FIELDS, type FilterConfig } from './filter.js';
export { EARLIEST, earlier, later, microTime, parseTime, subtractMs } from './time.js';
export { normaliseEmail } from './email.js';
export { normalisePhone } from './phone.js';
export { normaliseCountry, normaliseLocale } from './locale.js';
