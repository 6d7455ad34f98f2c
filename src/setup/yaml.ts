import { stringify } from 'yaml';
import type { Proposal } from './propose.js';
import { SAMPLE_FILE } from './sample.js';

/** Where contacts come from: the sample, or a table. */
export type SetupSource = { readonly kind: 'sample' } | { readonly kind: 'postgres'; readonly proposal: Proposal & { readonly key: string } };
/** Where they go: the sandbox of this machine, or a platform. */
export type SetupDestination = 'sandbox' | 'mailingcore' | 'dengage' | 'mainbrainer';

export const DESTINATIONS: readonly SetupDestination[] = ['sandbox', 'mailingcore', 'dengage', 'mainbrainer'];

export interface Setup {
  readonly source: SetupSource;
  readonly destination: SetupDestination;
}

/** An environment variable the configuration reads. */
export interface Variable {
  readonly name: string;
  readonly about: string;
  /** What its line in .env.example says. */
  readonly example: string;
  /** Whether it must be set. */
  readonly needed: boolean;
}

const DESTINATION_NAMES = { sandbox: 'newsletter', mailingcore: 'newsletter', dengage: 'loyalty', mainbrainer: 'sms' } as const;

/** The sync that the configuration has. */
export function syncName({ source, destination }: Setup): string {
  return `${source.kind === 'sample' ? 'contacts' : 'crm'}-${DESTINATION_NAMES[destination]}`;
}

/** The environment variables of the configuration. */
export function variablesOf({ source, destination }: Setup): readonly Variable[] {
  return [
    ...(source.kind === 'sample' ? [] : [{ name: 'CRM_DATABASE_URL', about: 'the CRM: a role that may only read is enough', example: 'postgres://user:password@host:5432/database', needed: true }]),
    ...VARIABLES[destination],
  ];
}

const needed = (name: string, about: string): Variable => ({ name, about, example: '', needed: true });
const VARIABLES: Readonly<Record<SetupDestination, readonly Variable[]>> = {
  sandbox: [{ name: 'SANDBOX_URL', about: 'where syncline sandbox listens', example: 'http://127.0.0.1:8025', needed: false }],
  mailingcore: [needed('MAILINGCORE_API_KEY', 'mc_live_… or mc_test_…, with contacts:read and contacts:write'), needed('MAILINGCORE_TENANT_ID', 'the tenant of the key')],
  dengage: [needed('DENGAGE_USERKEY', 'of the API user'), needed('DENGAGE_PASSWORD', 'of the API user')],
  mainbrainer: [needed('MB_USER', 'the API user'), needed('MB_PASSWORD', 'of the API user'), needed('MB_TOKEN', 'the private token of the account')],
};

/** The commented configuration. */
export function yamlOf(setup: Setup): string {
  const { source, destination } = setup;
  const name = DESTINATION_NAMES[destination];
  const origin = source.kind === 'sample' ? 'contacts' : 'crm';
  return `# Written by syncline init. Every key is explained in docs/configuration.md; syncline validate checks this file.
version: 1

# Left out, Syncline brings its own Postgres and Temporal and keeps them in .syncline/ beside this file. For a team:
# database:
#   url: \${SYNCLINE_DATABASE_URL}
# temporal:
#   address: temporal.internal:7233

sources:
  ${origin}:
${source.kind === 'sample' ? SAMPLE_SOURCE : tableSource(source.proposal)}
destinations:
  ${name}:
${DESTINATION_BLOCKS[destination]}
syncs:
  ${syncName(setup)}:
    source: ${origin}
    destination: ${name}
    # Runs by themselves once they are applied: syncline schedule apply
    schedule: {every: ${destination === 'sandbox' ? '1m' : '5m'}}
${verifyOf(setup)}`;
}

const SAMPLE_SOURCE = `    type: csv
    path: ./${SAMPLE_FILE}
    key: external_id             # the stable id of a contact
    updatedAt: updated_at        # what changed since the last run is found by it
    fields:                      # contact field: column
      email: email
      phone: phone
      locale: locale
      country: country
      emailConsent: opt_in       # true, false, or empty for nobody asked: never sent as a yes
      firstName: first_name
      lastName: last_name
      attributes: [city]
`;

/** A name in which nothing is taken for a placeholder. */
const escaped = (name: string): string => name.replaceAll('${', () => '$${');
/** A name as YAML takes it. */
const scalar = (name: string): string => stringify(escaped(name), { lineWidth: 0 }).trim();

function tableSource({ table, key, keyUnique, updatedAt, fields, unclear, others }: Proposal & { readonly key: string }): string {
  const lines = [
    'type: postgres',
    'url: ${CRM_DATABASE_URL}',
    `table: ${scalar(table)}`,
    `key: ${scalar(key)}${keyUnique ? '' : '   # not unique by the database: make sure that it names one contact, for ever'}`,
    updatedAt === null ? '# updatedAt: …              # no column looks like it: every run reads the whole table' : `updatedAt: ${scalar(updatedAt)}`,
    ...(fields.phone !== undefined && fields.country === undefined ? ['# defaultCountry: US         # the region of phones without a country code'] : []),
    // A table of nothing but a key has no fields to map, and an empty mapping is none.
    Object.keys(fields).length === 0 ? 'fields: {}' : 'fields:                      # contact field: column, as far as the names tell: look it over',
    ...Object.entries(fields).map(([field, column]) => `  ${field}: ${scalar(column)}`),
    ...Object.entries(unclear).map(([field, column]) => `  # ${field}: {column: ${scalar(column)}, granted: [yes], denied: [no]}   # say which values mean yes; until then nothing is sent as a yes`),
    ...(others.length === 0 ? [] : [`  # attributes: [${others.map((name) => inFlow(name)).join(', ')}]   # not sent unless named here`]),
  ];
  return `${lines.map((line) => `    ${line}`).join('\n')}\n`;
}

/** A name inside brackets; it stands in a comment, for a person to uncomment. */
const inFlow = (name: string): string => (/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) ? scalar(name) : JSON.stringify(escaped(name)));

const DESTINATION_BLOCKS: Readonly<Record<SetupDestination, string>> = {
  sandbox: `    # The sandbox: a local server that behaves like MailingCore (syncline sandbox). For the platform itself:
    #   type: mailingcore
    #   apiKey: \${MAILINGCORE_API_KEY}
    #   tenantId: \${MAILINGCORE_TENANT_ID}
    type: mailingcore
    baseUrl: \${SANDBOX_URL:-http://127.0.0.1:8025}/mailingcore
    apiKey: mc_test_sandbox
    tenantId: sandbox
`,
  mailingcore: `    type: mailingcore
    apiKey: \${MAILINGCORE_API_KEY}
    tenantId: \${MAILINGCORE_TENANT_ID}
    # matchBy: email             # for a first import over contacts that have no externalId there yet
`,
  dengage: `    type: dengage
    baseUrl: https://eu-api.dengage.com   # the host of your region
    userkey: \${DENGAGE_USERKEY}
    password: \${DENGAGE_PASSWORD}
    # columns: {city: city}      # custom column: attribute
`,
  mainbrainer: `    type: mainbrainer
    baseUrl: https://apicrm.mainbrainer.com
    userName: \${MB_USER}
    password: \${MB_PASSWORD}
    privateToken: \${MB_TOKEN}
    # listId: …                  # a list's id; without it all contacts
    # properties: {city: city}   # property name or uuid: attribute
`,
};

function verifyOf({ source, destination }: Setup): string {
  if (source.kind === 'sample') {
    return `    # After each run: at least so many opted-in contacts by locale, and no difference.
    verify: {after: run, locales: {en: 1}}
`;
  }
  const after = destination === 'mailingcore' || destination === 'sandbox' ? 'run' : 'never';
  return `    # Compared contact by contact${after === 'run' ? ' after each run' : ' by syncline verify'}; locales are the least number of opted-in contacts of each.
    verify: {after: ${after}${source.proposal.fields.locale === undefined ? '' : ', locales: {}'}}
    # onDelete: optOut           # what a contact that is deleted in the source becomes: optOut, erase or ignore
`;
}
