import { Option } from 'commander';
import { count, timeOf } from '../arguments.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { syncOf } from '../names.js';
import { formatNumber, table } from '../output/index.js';
import { openLedger, wakeLanes } from '../session.js';

/** Opt-outs that are named unless more are asked for. */
const SHOWN = 100;

interface Whom {
  readonly email?: string;
  readonly channel?: 'email' | 'sms';
}

const channel = (): Option => new Option('--channel <channel>', 'what the person opted out of, or wants back (default: email; of remove: both)').choices(['email', 'sms']);
const email = (): Option => new Option('--email <address>', 'by address, for every destination, instead of by sync and key');

/** `suppress`: opt-outs that hold against the source, by hand. */
export const register: Register = (program, act) => {
  const suppress = program
    .command('suppress')
    .description('people who opted out elsewhere: add one, list them, let one back in')
    .addHelpText('after', examples('suppress add crm-newsletter 4711', 'suppress list crm-newsletter', 'suppress remove crm-newsletter 4711'));
  suppress
    .command('add [sync] [key]')
    .description('a person opted out: taken back at once, ahead of everything that waits, and held against every older consent of the source')
    .addOption(email())
    .addOption(channel())
    .option('--at <time>', 'when they did it, as ISO 8601 (default: now)')
    .addHelpText('after', examples('suppress add crm-newsletter 4711', 'suppress add crm-newsletter 4711 --channel sms', 'suppress add --email somebody@example.com --at 2026-01-31T12:00:00Z'))
    .action(act((context, sync: string | undefined, key: string | undefined, options: Whom & { readonly at?: string }) => add(context, sync, key, options)));
  suppress
    .command('list [sync]')
    .description('the opt-outs that hold, newest first; of addresses only hashes are kept')
    .addOption(new Option('--limit <n>', 'at most so many').argParser(count).default(SHOWN))
    .addHelpText('after', examples('suppress list', 'suppress list crm-newsletter --limit 1000 --json'))
    .action(act((context, sync: string | undefined, { limit }: { readonly limit: number }) => list(context, sync, limit)));
  suppress
    .command('remove [sync] [key]')
    .description("let a person back in: the source's consent counts again, until a later opt-out")
    .addOption(email())
    .addOption(channel())
    .addHelpText('after', examples('suppress remove crm-newsletter 4711', 'suppress remove --email somebody@example.com'))
    .action(act((context, sync: string | undefined, key: string | undefined, options: Whom) => remove(context, sync, key, options)));
};

interface Named {
  readonly key: string | null;
  readonly email: string | null;
  /** The destination of the sync; null: all of them. */
  readonly destination: string | null;
  readonly source: string | null;
}

/** Whom a command means. A key that is an address counts as both. */
async function whom(context: Context, sync: string | undefined, key: string | undefined, { email: address }: Whom): Promise<Named> {
  const config = await context.config();
  if (address !== undefined) {
    if (sync !== undefined) throw new CliError('a person is named by SYNC KEY or by --email, not by both', EXIT.misused, 'the address counts for every destination; SYNC KEY for one');
    if (!address.includes('@') || address.trim() !== address) throw new CliError('--email: what was given is no e-mail address', EXIT.misused, 'expected an address such as somebody@example.com');
    return { key: null, email: address, destination: null, source: null };
  }
  if (sync === undefined || key === undefined || key === '') throw new CliError('nobody is named', EXIT.misused, 'expected SYNC KEY, or --email ADDRESS');
  const { destination, source } = await syncOf(config, sync);
  return { key, email: key.includes('@') ? key : null, destination, source };
}

/** @throws CliError (exit 2) where no destination that is meant is told of this channel */
async function checkChannel(context: Context, { destination }: Named, asked: 'email' | 'sms'): Promise<void> {
  const { destinations } = await context.config();
  const { takesConsent } = await import('../../control/index.js');
  const meant = Object.values(destinations).filter(({ name }) => destination === null || name === destination);
  const takes = await Promise.all(meant.map((one) => takesConsent(one, asked)));
  if (takes.includes(true)) return;
  const words = asked === 'sms' ? 'SMS' : 'e-mail';
  throw new CliError(
    destination === null ? `no destination is told of consent to ${words}` : `the destination ${destination} is not told of consent to ${words}: there is nothing to opt out of there`,
    EXIT.misused, asked === 'sms' ? 'without --channel it is e-mail' : undefined);
}

async function add(context: Context, sync: string | undefined, key: string | undefined, options: Whom & { readonly at?: string }): Promise<ExitCode> {
  const { output } = context;
  const named = await whom(context, sync, key, options);
  const { channel: asked = 'email' } = options;
  await checkChannel(context, named, asked);
  const at = options.at === undefined ? new Date().toISOString() : timeOf(options.at, '--at');
  const { pool, config } = await openLedger(context);
  const { contactsReached, learnOptOuts } = await import('../../ledger/index.js');
  const account = named.destination === null ? undefined : config.destinations[named.destination]?.account;
  // First stored, then woken: from here on it holds, whatever becomes of Temporal.
  const { learned, queued, accounts } = await learnOptOuts(
    pool,
    { destination: named.destination === null || account === undefined ? null : { name: named.destination, account }, origin: 'hand' },
    [{ key: named.key, email: named.email, channel: asked, at, evidence: 'act', reason: 'opted out by hand' }],
  );
  const contacts = await contactsReached(pool, { ...(named.destination === null ? {} : { destination: named.destination }), ...(named.key === null ? {} : { key: named.key }), ...(named.email === null ? {} : { email: named.email }) });
  const awake = accounts.length === 0 || (await wakeLanes(context, accounts));
  output.printJson({ sync: sync ?? null, key: named.key, channel: asked, at, learned, contacts, queued, accounts });
  const reached = contacts === 0 ? 'no contact is known by it yet: it holds when one comes' : `it reaches ${formatNumber(contacts)} ${contacts === 1 ? 'contact' : 'contacts'}`;
  output.print(learned === 0 ? `held already, and since no later (${reached})` : `held from now on; ${reached}${queued > 0 ? `, and goes out ahead of everything else` : ''}`);
  if (!awake) output.warn('no lane could be woken: it goes out with the next sweep of a worker (within a minute), or the next run');
  return EXIT.done;
}

async function list(context: Context, sync: string | undefined, limit: number): Promise<ExitCode> {
  const { output } = context;
  const destination = sync === undefined ? undefined : (await syncOf(await context.config(), sync)).destination;
  const { pool } = await openLedger(context);
  const { listSuppressions } = await import('../../ledger/index.js');
  const document = await listSuppressions(pool, destination === undefined ? {} : { destination }, limit);
  output.printJson(document);
  const { suppressions, total } = document;
  if (total === 0) {
    output.print('nobody is held: no opt-out was learned elsewhere than from a source');
    return EXIT.done;
  }
  const rows = suppressions.map((one) => [one.key ?? 'by address', one.channel, one.destination ?? 'every destination', one.at ?? 'unknown', one.origin, one.reason, one.learnedAt]);
  output.print(table(['key', 'channel', 'destination', 'since', 'learned by', 'reason', 'learned'], rows, { colors: output.colors }));
  if (total > suppressions.length) output.print(`\n${formatNumber(suppressions.length)} of ${formatNumber(total)}: --limit shows more`);
  return EXIT.done;
}

async function remove(context: Context, sync: string | undefined, key: string | undefined, options: Whom): Promise<ExitCode> {
  const { output } = context;
  const named = await whom(context, sync, key, options);
  const { pool } = await openLedger(context);
  const { contactStory, liftSuppressions } = await import('../../ledger/index.js');
  const lifted = await liftSuppressions(
    pool,
    {
      ...(named.destination === null ? {} : { destination: named.destination }), ...(named.key === null ? {} : { key: named.key }),
      ...(named.email === null ? {} : { email: named.email }), ...(options.channel === undefined ? {} : { channel: options.channel }),
    },
    named.source,
  );
  const story = sync === undefined || named.key === null ? undefined : await contactStory(pool, sync, named.key);
  const held = story?.consent.suppressions.filter((one) => options.channel === undefined || one.channel === options.channel).length ?? 0;
  output.printJson({ sync: sync ?? null, key: named.key, channel: options.channel ?? null, lifted, held });
  const again = sync === undefined || key === undefined ? 'syncline run SYNC --only KEY' : `syncline run ${sync} --only ${key}`;
  output.print(lifted === 0 ? 'nobody was held by it' : `${formatNumber(lifted)} lifted. Nothing is sent by this alone: ${again} sends the source's consent again`);
  if (held > 0) output.warn(`${formatNumber(held)} more ${held === 1 ? 'holds' : 'hold'} by the contact's address: suppress remove --email ADDRESS lifts ${held === 1 ? 'it' : 'them'}`);
  if (story?.erased?.clean === false) output.warn('the person is just being erased: let them back in when that is done');
  return EXIT.done;
}
