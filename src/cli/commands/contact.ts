import type { StoryDocument } from '../../ledger/index.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { failureOf } from '../failure.js';
import { syncOf } from '../names.js';
import { pairs, table } from '../output/index.js';
import type { Cell, Colors } from '../output/index.js';
import { openLedger } from '../session.js';
import type { LedgerSession } from '../session.js';

/** What the source says of the contact now. */
interface SourceSays {
  readonly found: boolean;
  readonly time: string | null;
  readonly fields: unknown;
  readonly emailConsent: string | null;
  readonly smsConsent: string | null;
  /** When the person said so, where the source tells. */
  readonly consentAt: string | null;
  readonly locale: string | null;
  readonly warnings: readonly string[];
  /** Why it cannot be sent. */
  readonly invalid: string | null;
  /** The filter of the sync holds it back. */
  readonly filtered: boolean;
  /** The source could not be asked. */
  readonly error: string | null;
}

type Told = StoryDocument & { readonly source: SourceSays };

const CONSENT = ['unknown', 'denied', 'granted', 'not mapped'] as const;

/** `contact`: one contact's whole story. */
export const register: Register = (program, act) => {
  program
    .command('contact <sync> <key>')
    .description("one contact's story: what the source says, what was sent when, what was answered, what waits, its consent")
    .addHelpText('after', examples('contact crm-newsletter 4711', 'contact crm-newsletter 4711 --json'))
    .action(act((context, sync: string, key: string) => contact(context, sync, key)));
};

async function contact(context: Context, name: string, key: string): Promise<ExitCode> {
  const { output } = context;
  await syncOf(await context.config(), name);
  const session = await openLedger(context);
  const { contactStory } = await import('../../ledger/index.js');
  const { mail, ...source } = await askSource(context, session, name, key);
  const story = await contactStory(session.pool, name, key, source.fields === null ? null : { mail, consentAt: source.consentAt });
  if (story === undefined && !source.found && source.error === null) {
    throw new CliError(`neither the source nor the ledger knows a contact of this key in ${name}`, EXIT.failed, 'the key is the value of the column named by key: in the source, as text');
  }
  const told: Told = { ...(story ?? { sync: name, key, consent: { consentAt: null, suppressions: [] }, erased: null, delivered: null, waiting: null, inFlight: null, rejection: null, events: [] }), source };
  output.printJson(told);
  output.print(viewOf(told, output.colors));
  if (source.error !== null) output.warn(`the source could not be asked: ${source.error}`);
  return EXIT.done;
}

const NOTHING: SourceSays & { readonly mail: string | null } = {
  found: false, time: null, fields: null, emailConsent: null, smsConsent: null, consentAt: null, locale: null, mail: null, warnings: [], invalid: null, filtered: false, error: null,
};

async function askSource(context: Context, { config }: LedgerSession, name: string, key: string): Promise<typeof NOTHING> {
  const { Connectors } = await import('../../control/index.js');
  const { buildPage } = await import('../../extraction/index.js');
  const connectors = new Connectors();
  context.onClose(() => connectors.close());
  const { source, rules } = connectors.wire(config, name);
  try {
    const plan = await source.begin({ kind: 'only', state: null, keys: [key] }, context.signal);
    for await (const page of source.pages(plan, null, context.signal)) {
      const built = buildPage(page, rules);
      const [invalid] = built.invalid;
      const [row] = built.rows;
      const warnings = Object.keys(built.warnings);
      if (invalid !== undefined) return { ...NOTHING, found: true, warnings, invalid: invalid.reason };
      if (row === undefined && built.filtered > 0) return { ...NOTHING, found: true, warnings, filtered: true };
      if (row !== undefined) {
        return {
          ...NOTHING, found: true, warnings, time: row.version, fields: JSON.parse(row.fields), locale: row.locale,
          emailConsent: CONSENT[row.emailConsent], smsConsent: CONSENT[row.smsConsent],
          consentAt: row.consentAt ?? null, mail: row.mail ?? null, filtered: row.onlyIfKnown === 'filtered',
        };
      }
      if (page.last) break;
    }
    return NOTHING;
  } catch (error) {
    if (context.signal.aborted) throw error;
    return { ...NOTHING, error: failureOf(error).message };
  }
}

function viewOf(told: Told, colors: Colors): string {
  const { source, delivered, waiting, inFlight, rejection } = told;
  const lines: (readonly [string, Cell])[] = [
    ['the source says', sourceWords(source)],
    ['the destination holds', delivered === null ? 'nothing that is known' : `${JSON.stringify(delivered.fields)} (since ${delivered.at ?? 'unknown'}, batch ${String(delivered.batch)})`],
    ['waits to be sent', waiting === null ? 'nothing' : `${JSON.stringify(waiting.fields)} (since ${waiting.since}${waiting.notBefore === null ? '' : `, not before ${waiting.notBefore}`}, run ${waiting.run})`],
    ['is being sent', inFlight === null ? 'nothing' : `in batch ${String(inFlight.batch)}, ${inFlight.status} since ${inFlight.since}`],
    ['is refused', rejection === null ? 'no' : `${rejection.reason} (${rejection.code}, since ${rejection.since}, ${String(rejection.attempts)} attempts, run ${rejection.run})`],
    ['e-mail consent', consentWords(told, 'email')],
    ['SMS consent', consentWords(told, 'sms')],
    ...told.consent.suppressions.map((one): readonly [string, Cell] => ['opted out', optOutWords(one)]),
    ...(told.erased === null ? [] : [['erased', `${told.erased.reason}, ${told.erased.at}${told.erased.clean ? '; only hashes are left' : '; the erasures are under way'}. ${told.erased.clean ? `syncline suppress remove ${told.sync} KEY lets the person back in` : ''}`.trim()] as const]),
  ];
  return [
    `${colors.bold(told.key)}  ${told.sync}`,
    pairs(lines),
    ...(told.events.length === 0
      ? ['nothing was sent yet']
      : [table(['when', 'what', 'batch', 'run'], told.events.map((event) => [event.at, event.what, event.batch, event.run]), { colors })]),
  ].join('\n\n');
}

function sourceWords(source: SourceSays): string {
  if (source.error !== null) return 'could not be asked';
  if (!source.found) return 'it does not have this key';
  const warned = source.warnings.length === 0 ? '' : ` (${source.warnings.join('; ')})`;
  if (source.invalid !== null) return `invalid: ${source.invalid}${warned}`;
  const held = source.filtered ? ', held back by the filter' : '';
  return source.fields === null ? `a row${held}${warned}` : `${JSON.stringify(source.fields)}${source.time === null ? '' : ` at ${source.time}`}${held}${warned}`;
}

/** What is meant to hold, and why: what the source says, and the opt-outs that hold against it. */
function consentWords({ source, consent, waiting, delivered }: Told, channel: 'email' | 'sms'): string {
  const field = channel === 'email' ? 'emailConsent' : 'smsConsent';
  const said = source[field];
  const at = source.consentAt === null ? '' : ` since ${source.consentAt}`;
  const words = said === null ? 'the source says nothing' : said === 'not mapped' ? 'the source has no such column' : `the source says ${said}${at}`;
  const held = consent.suppressions.filter((one) => one.channel === channel && one.holds);
  const against = held.length === 0 || said === 'denied' ? '' : ', withheld: the person opted out';
  return `${(waiting ?? delivered)?.[field] ?? 'unknown'}: ${words}${against}`;
}

function optOutWords({ channel, destination, at, origin, reason, learnedAt, key, holds }: StoryDocument['consent']['suppressions'][number]): string {
  const where = destination === null ? 'everywhere' : `at ${destination}`;
  const what = `of ${channel === 'email' ? 'e-mail' : 'SMS'} ${where}${key === null ? ', by address' : ''}: ${reason}, ${at ?? 'at a time that is not known'}`;
  return `${what} (learned by ${origin}, ${learnedAt})${holds ? '' : '; the consent in the source is newer'}`;
}
