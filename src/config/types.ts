/**
 * The configuration after it has been read, checked and completed: durations are milliseconds,
 * environment variables and secret files are resolved, names point at things that exist.
 */
export interface Config {
  /** The file it came from, absolute. */
  readonly file: string;
  /** The folder of that file, absolute; `.syncline/` lives here and relative paths start here. */
  readonly directory: string;
  readonly database: { readonly url: string } | null;
  readonly temporal: TemporalConfig;
  readonly retention: RetentionConfig;
  /** Who is told when something is wrong; null: nobody. */
  readonly alerts: AlertsConfig | null;
  readonly sources: Readonly<Record<string, SourceConfig>>;
  readonly destinations: Readonly<Record<string, DestinationConfig>>;
  readonly syncs: Readonly<Record<string, SyncConfig>>;
}

/** What somebody can be told of. */
export type AlertEvent = 'laneBlocked' | 'lanePaused' | 'runFailed' | 'runHeld' | 'runLate' | 'gateFailed' | 'rejects' | 'schedulePaused' | 'optOutWaits';

export interface AlertsConfig {
  readonly channels: readonly AlertChannelConfig[];
  /** A scheduled sync is late when so many of its starts have come since its last success. */
  readonly late: number;
  /** Of a run's rows (0 to 1), and no fewer than `least`. */
  readonly rejects: { readonly above: number; readonly least: number };
  /** Milliseconds an opt-out may wait. */
  readonly optOuts: { readonly older: number };
  /** Milliseconds something must be well before it counts as over. */
  readonly quiet: number;
}

interface AlertChannelBase {
  readonly name: string;
  readonly on: readonly AlertEvent[];
}

export interface WebhookChannelConfig extends AlertChannelBase {
  readonly type: 'webhook';
  /** May itself be a secret. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Signs the body. */
  readonly secret?: string;
  /** `text`: as chats show it. */
  readonly format: 'json' | 'text';
}

export interface EmailChannelConfig extends AlertChannelBase {
  readonly type: 'email';
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte; else it is asked for. */
  readonly secure: boolean;
  readonly user?: string;
  readonly password?: string;
  readonly from: string;
  readonly to: readonly string[];
}

export type AlertChannelConfig = WebhookChannelConfig | EmailChannelConfig;

/** How long the ledger keeps what is of no more use to a run. */
export interface RetentionConfig {
  /** Milliseconds after which the payload of a rejected row goes. @default 90 days */
  readonly rejected: number;
}

export interface TemporalConfig {
  /** host:port; null: TEMPORAL_ADDRESS, else a local development server. */
  readonly address: string | null;
  /** @default "default" */
  readonly namespace: string;
  /** As Temporal has it: with the prefix, where there is one. @default "syncline" */
  readonly taskQueue: string;
  /** What the ids of workflows and Schedules begin with, where installations share the namespace. */
  readonly prefix?: string;
  readonly apiKey?: string;
  /** 32 bytes in hexadecimal or base64, with which what Temporal stores is encrypted. */
  readonly encryptionKey?: string;
  /** Keys of before, to read what was encrypted with them. */
  readonly encryptionKeys?: readonly string[];
  readonly tls?: { readonly certFile?: string; readonly keyFile?: string; readonly caFile?: string };
}

/** A consent column: true/false/null by itself, or the values that mean each. */
export interface ConsentField {
  readonly column: string;
  readonly granted?: readonly (string | number | boolean)[];
  readonly denied?: readonly (string | number | boolean)[];
  /** Values that say nothing, where true or false would. */
  readonly unknown?: readonly (string | number | boolean)[];
}

export type PlainValue = string | number | boolean;

/**
 * The value of `from`, or what `map` lists for it. Where that is empty or not listed: `default`, a value or what stands
 * in another place; without it the field is empty, and a value that is not listed is a warning.
 */
export interface Lookup {
  readonly from: string;
  readonly map?: Readonly<Record<string, PlainValue | null>>;
  readonly default?: PlainValue | { readonly from: string };
}

/** What a field is made of, besides one column: a lookup, a constant, or text with names in braces. */
export type Expression = Lookup | { readonly const: PlainValue } | { readonly template: string };

/** Where a field comes from: a column in a source's `fields`, a contact's field or attribute in a sync's `mapping`; or an expression of them. */
export type Mapped = string | Expression;

/** Contact field → column (or JSON path), or an expression of columns. Fields that are absent are not mapped. */
export interface FieldsConfig {
  readonly email?: Mapped;
  readonly phone?: Mapped;
  readonly locale?: Mapped;
  readonly emailConsent?: ConsentField;
  readonly smsConsent?: ConsentField;
  readonly consentAt?: string;
  readonly consentVersion?: Mapped;
  readonly country?: Mapped;
  readonly deletedAt?: string;
  readonly previousKey?: string;
  readonly firstName?: Mapped;
  readonly lastName?: Mapped;
  /** Attribute name → column. A list in the file maps each name to the column of that name. */
  readonly attributes?: Readonly<Record<string, Mapped>>;
  /** Column that holds an object: each of its members is an attribute, after those of `attributes`. Not a key of the file. */
  readonly attributesFrom?: string;
}

/**
 * What a sync makes of its source's contacts before its destination gets them. Consent, its time, keys and deletion
 * are not among it: they come from the source alone.
 */
export interface MappingConfig {
  readonly email?: Mapped;
  readonly phone?: Mapped;
  readonly locale?: Mapped;
  readonly country?: Mapped;
  readonly firstName?: Mapped;
  readonly lastName?: Mapped;
  readonly consentVersion?: Mapped;
  /** Set beside the source's; one of the same name is replaced. */
  readonly attributes?: Readonly<Record<string, Mapped>>;
}

interface SourceBase {
  readonly name: string;
  readonly key: string;
  readonly updatedAt?: string;
  /** Milliseconds re-read before the cursor. @default 120000 */
  readonly overlap: number;
  /** ISO 3166 alpha-2 region of phones where the contact has no country. */
  readonly defaultCountry?: string;
  readonly fields: FieldsConfig;
  /** Rows a page. @default 2000 */
  readonly pageSize: number;
}

export interface PostgresSourceConfig extends SourceBase {
  readonly type: 'postgres';
  readonly url: string;
  /** Schema-qualified table or view; exactly one of table and query. */
  readonly table?: string;
  /** A SELECT. */
  readonly query?: string;
}

export interface CsvSourceConfig extends SourceBase {
  readonly type: 'csv';
  /** Absolute path. */
  readonly path: string;
  /** @default "," */
  readonly delimiter: string;
}

/** MailingCore read as a source. Columns are paths into its contact. */
export interface MailingCoreSourceConfig extends SourceBase {
  readonly type: 'mailingcore';
  /** Without a trailing slash. */
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly tenantId: string;
  /** Of this source's own calls. @default the platform's documented limit */
  readonly limits: { readonly calls: number; readonly per: number };
  /** Milliseconds of a call, from start to last byte. @default 30000 */
  readonly timeout: number;
}

/** A Singer tap: a program that writes what it reads as lines of JSON. */
export interface SingerSourceConfig extends Omit<SourceBase, 'key'> {
  readonly type: 'singer';
  /** The program and its first arguments; no shell. A program with a slash in it is an absolute path. */
  readonly command: readonly [string, ...string[]];
  /** Where the tap runs: the folder of the configuration file, absolute. */
  readonly directory: string;
  /** What the tap is given as its `--config`; may hold secrets anywhere. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Absolute path of a catalog with the stream selected; absent: the tap is asked. */
  readonly catalog?: string;
  /** The same for taps that know `--properties` only. At most one of both. */
  readonly properties?: string;
  readonly stream: string;
  /** Path in a record; absent: the stream's key properties, joined by "|" where there are several. */
  readonly key?: string;
  /** Makes the stream incremental by this property, where no catalog is given. */
  readonly replicationKey?: string;
  /** Milliseconds without a line after which the tap is ended. @default 300000 */
  readonly timeout: number;
}

/** How an HTTP API leads to its next page; `none`: one answer is all. */
export type HttpPaging = 'cursor' | 'url' | 'link' | 'page' | 'offset' | 'none';

/** Any JSON API over HTTP. `key`, `updatedAt` and `fields` are JSON paths into a record. */
export interface HttpSourceConfig extends SourceBase {
  readonly type: 'http';
  /** May carry parameters of its own. */
  readonly url: string;
  readonly method: 'GET' | 'POST';
  /** Secret as a whole: never shown, never stored. */
  readonly headers: Readonly<Record<string, string>>;
  /** Client credentials; `clientAuth` is how the token server wants them. */
  readonly auth?: {
    readonly type: 'oauth2';
    readonly tokenUrl: string;
    readonly clientId: string;
    readonly clientSecret: string;
    readonly scope?: string;
    /** @default "body" */
    readonly clientAuth: 'body' | 'basic';
  };
  readonly paging: HttpPaging;
  /** Names of the query's parameters. A value that `body` takes does not go into the query, too. */
  readonly params: {
    readonly since?: string;
    readonly until?: string;
    readonly limit?: { readonly name: string; readonly count: number };
    readonly cursor?: string;
    readonly page?: { readonly name: string; readonly first: number };
    readonly offset?: string;
  };
  /** JSON in which `{since}`, `{until}`, `{limit}`, `{cursor}`, `{page}` and `{offset}` are replaced. */
  readonly body?: unknown;
  /** @default "iso" */
  readonly sinceFormat: 'iso' | 'epoch' | 'epochMs';
  /** JSON path of the list of records; absent: the answer itself. */
  readonly items?: string;
  readonly nextCursor?: string;
  readonly nextUrl?: string;
  readonly linkHeader: boolean;
  /** JSON path of the page's own number, which is compared with the one asked for. */
  readonly page?: string;
  readonly totalPages?: string;
  /** Rows never move between numbered pages: none is read twice to be sure. @default false */
  readonly stablePages: boolean;
  /** JSON path of the number of records. */
  readonly total?: string;
  /** One record by its key: `{key}` is replaced. */
  readonly keyUrl?: string;
  /** JSON path of the record in such an answer; absent: under `items`, else the answer itself. */
  readonly keyItem?: string;
  /** Milliseconds a call may take, to its last byte. @default 30000 */
  readonly timeout: number;
}

/** The persons of a Pipedrive company. `key` and `fields` are paths into its person. */
export interface PipedriveSourceConfig extends SourceBase {
  readonly type: 'pipedrive';
  /** Without a trailing slash. */
  readonly baseUrl: string;
  readonly apiToken: string;
  /** Milliseconds of a call, from start to last byte. @default 30000 */
  readonly timeout: number;
}

/** The contacts of a HubSpot account. `key` and `fields` are property names; `a|b` is the first that is filled. */
export interface HubspotSourceConfig extends SourceBase {
  readonly type: 'hubspot';
  /** Without a trailing slash. */
  readonly baseUrl: string;
  /** Of a private app. */
  readonly accessToken: string;
  /** Milliseconds of a call, from start to last byte. @default 30000 */
  readonly timeout: number;
}

/** The records of a Salesforce object. `key` and `fields` are API names, `Account.Name` too; `a|b` is the first that is filled. */
export interface SalesforceSourceConfig extends SourceBase {
  readonly type: 'salesforce';
  /** The My Domain address, without a trailing slash. */
  readonly loginUrl: string;
  /** Of an app. */
  readonly clientId: string;
  readonly clientSecret?: string;
  /** Of a user who let the app in; absent: the app's own user (client credentials). */
  readonly refreshToken?: string;
  /** @default "Contact" */
  readonly object: string;
  /** `64.0`. */
  readonly apiVersion: string;
  /** Milliseconds of a call, from start to last byte. @default 120000 */
  readonly timeout: number;
}

export type SourceConfig = PostgresSourceConfig | CsvSourceConfig | MailingCoreSourceConfig | SingerSourceConfig | HttpSourceConfig | PipedriveSourceConfig | HubspotSourceConfig | SalesforceSourceConfig;

/** `calls` calls in any window of `per` milliseconds, at most `concurrency` unanswered. */
export interface Limits {
  readonly calls: number;
  readonly per: number;
  readonly concurrency: number;
  /** Milliseconds between the starts of two calls, at least; absent: `per` / `calls` alone decides. */
  readonly gap?: number;
  /** What the platform counts apart for reads; absent: reads share the budget above. */
  readonly read?: { readonly calls: number; readonly per: number };
}

/** When bulk calls may leave, by a clock on the wall. Opt-outs and erasures leave at any time. */
export interface DeliveryWindow {
  /** Minutes after midnight, 0 to 1440. `to` before `from`: over midnight. */
  readonly from: number;
  readonly to: number;
  readonly timeZone: string;
  /** Days on which it opens, Sunday 0; absent: every day. */
  readonly days?: readonly number[];
}

interface DestinationBase {
  readonly name: string;
  /** Contacts a call, at most what the platform takes. */
  readonly batchSize: number;
  readonly limits: Limits;
  /** Milliseconds, from start to last byte. @default 30000 */
  readonly timeout: number;
  /** Destinations of one account share its pace and its lane. */
  readonly account: string;
  /** Milliseconds to hold the contacts of a call whose outcome is unknown. @default 10000 */
  readonly settleDelay: number;
  /** Milliseconds a part-filled call waits while a run is still extracting. @default 2000 */
  readonly linger: number;
  /** Absent: calls leave at any time. */
  readonly window?: DeliveryWindow;
}

export interface MailingCoreConfig extends DestinationBase {
  readonly type: 'mailingcore';
  /** Without a trailing slash. */
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly tenantId: string;
  readonly webhookSecret?: string;
  /** @default "externalId" */
  readonly matchBy: 'externalId' | 'email';
  /** When who opted out there is read: before each run, before a run once it is `every` milliseconds old, or never. @default beforeRun */
  readonly suppressions: { readonly read: 'beforeRun' | 'never' | { readonly every: number } };
}

export interface DengageConfig extends DestinationBase {
  readonly type: 'dengage';
  /** Without a trailing slash. */
  readonly baseUrl: string;
  readonly userkey: string;
  readonly password: string;
  /** Whether contacts that are not in master_contact are made. @default true */
  readonly insertIfNotExists: boolean;
  /** One invalid record refuses the whole call, which is then split. @default false */
  readonly throwExceptionIfInvalidRecord: boolean;
  /** Custom column → attribute (or `locale`, `country`, `consentVersion`). */
  readonly columns: Readonly<Record<string, string>>;
}

export interface MainBrainerConfig extends DestinationBase {
  readonly type: 'mainbrainer';
  /** Without a trailing slash. */
  readonly baseUrl: string;
  readonly userName: string;
  readonly password: string;
  readonly privateToken: string;
  /** Uuid; absent: all contacts. */
  readonly listId?: string;
  /** Public address of `worker --port`'s /webhooks/NAME; absent: results are only polled for. */
  readonly webhookUrl?: string;
  /** What happens to a contact whose mobile or e-mail changed while its id there is not known. @default "hold" */
  readonly onKeyChange: 'hold' | 'send';
  /** Property name or uuid → attribute (or `locale`, `country`, `consentVersion`). */
  readonly properties: Readonly<Record<string, string>>;
  /** Milliseconds to wait for the result of an accepted batch. @default 1800000 */
  readonly resultsWithin: number;
}

/** A table of a company's own database. */
export interface PostgresDestinationConfig extends DestinationBase {
  readonly type: 'postgres';
  readonly url: string;
  /** Schema-qualified. */
  readonly table: string;
  /** Column of the contact's key; unique. */
  readonly key: string;
  /** Column → contact field (`email`, `emailConsent`, …) or `attributes.NAME`. */
  readonly columns: Readonly<Record<string, string>>;
  /** What stands for each consent; absent: true, false and null, or the words granted, denied and unknown in a column of text. */
  readonly consentWords?: { readonly granted: PlainValue; readonly denied: PlainValue; readonly unknown?: PlainValue };
  /** Column that is set to the time of each change made here. */
  readonly updatedAt?: string;
}

export type DestinationConfig = MailingCoreConfig | DengageConfig | MainBrainerConfig | PostgresDestinationConfig;

export interface VerifyConfig {
  /** When a verification follows by itself. */
  readonly after: 'run' | 'never';
  /** Locale → least number of opted-in contacts. "none" is contacts without a locale. */
  readonly locales: Readonly<Record<string, number>>;
  /** Differences that still pass, a locale. @default 0 */
  readonly tolerance: number;
  /** Of a sample, where the platform cannot be read in full. @default 0.95 */
  readonly confidence: number;
  /** Share of contacts that may differ unseen by a sample. @default 0.01 */
  readonly maxError: number;
  /** The campaign every verdict is about, where the platform can be asked for one. */
  readonly campaign?: string;
}

/** More than a share of the known contacts (0 to 1), and no fewer than `least` of them. */
export interface GuardLimit {
  readonly above: number;
  readonly least: number;
}

/** What a run may do to contacts that are known without asking. null: any number. */
export interface GuardConfig {
  readonly optIns: GuardLimit | null;
  readonly changes: GuardLimit | null;
}

export interface SyncConfig {
  readonly name: string;
  readonly source: string;
  readonly destination: string;
  readonly schedule?: { readonly every: number } | { readonly cron: string; readonly timeZone?: string };
  /** Milliseconds after which a scheduled run closes as delivering; default the interval. */
  readonly settleWithin?: number;
  /** Milliseconds between full re-reads. */
  readonly full?: { readonly every: number };
  /** Made of the source's contacts; absent: they go as they are. */
  readonly mapping?: MappingConfig;
  /** Contact field (or attributes.NAME), as `mapping` leaves it → allowed values. Never holds back an opt-out. */
  readonly filter?: Readonly<Record<string, readonly (string | number | boolean | null)[]>>;
  /** @default "ignore" */
  readonly onDelete: 'optOut' | 'erase' | 'ignore';
  readonly verify?: VerifyConfig;
  /** What a run may do to contacts that are known without asking; absent: the usual limits. */
  readonly guard?: GuardConfig;
  /** Rows that may wait for the destination before a backfill holds. @default 50 calls' worth */
  readonly backfill?: { readonly maxWaiting: number };
}
