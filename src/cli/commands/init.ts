import { Option } from 'commander';
import type { Proposal, Setup, SetupDestination, Written } from '../../setup/index.js';
import type { TableFound } from '../../sources/index.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { unknownName } from '../names.js';

interface Options {
  readonly yes?: true;
  readonly force?: true;
  /** true: from the environment. */
  readonly sourceUrl?: string | true;
  readonly table?: string;
  readonly key?: string;
  readonly destination?: SetupDestination;
}

/** Milliseconds looking at the columns may take. */
const LOOK_MS = 15_000;
/** Tables named in a message. */
const NAMED = 12;

/** What the configuration that is written reads the address from. */
const URL_VARIABLE = 'CRM_DATABASE_URL';

const DESTINATIONS = ['sandbox', 'mailingcore', 'dengage', 'mainbrainer'] as const satisfies readonly SetupDestination[];

/** `init`: the first configuration. */
export const register: Register = (program, act) => {
  program
    .command('init')
    .description('write a commented syncline.yaml, .env.example and .gitignore after a few questions; what it proposes for a table comes from its columns, no row is read')
    .option('-y, --yes', 'ask nothing: sample contacts into the sandbox, unless the options say otherwise')
    .option('--force', 'replace a configuration that is there')
    .option('--source-url [url]', `of the Postgres that has the contacts (alone: what ${URL_VARIABLE} says, so that it is in no history); it is used to look at the columns, and not written down`)
    .option('--table <name>', 'the table or view of the contacts (default: the one that looks most like it)')
    .option('--key <column>', 'the column of the stable id of a contact (default: by its name and its uniqueness)')
    .addOption(new Option('--destination <name>', 'where contacts go (default: sandbox)').choices(DESTINATIONS))
    .addHelpText('after', examples('init', 'init --yes', "init --yes --source-url 'postgres://reader:secret@db.internal/crm' --destination mailingcore", 'init --yes --source-url --table public.contacts'))
    .action(act((context, options: Options) => init(context, options)));
};

async function init(context: Context, options: Options): Promise<ExitCode> {
  const { output } = context;
  const { filesInTheWay, FilesThereError, syncName, variablesOf, writeSetup } = await import('../../setup/index.js');
  const force = options.force === true;
  // Nobody should answer questions for nothing.
  refuseToReplace(filesInTheWay(context.configFile, { source: { kind: 'sample' }, destination: 'sandbox' }).slice(0, 1), force, context);
  const setup = await setupOf(context, options);
  let written: Written;
  try {
    written = writeSetup(context.configFile, setup, force);
  } catch (error) {
    if (error instanceof FilesThereError) refuseToReplace(error.files, force, context);
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    if (code === undefined) throw error;
    throw new CliError(`the files could not be written beside ${context.configFile} (${code})`, EXIT.failed, 'see that the folder is there and may be written to');
  }
  const missing = variablesOf(setup).filter(({ name, needed }) => needed && (context.env[name] ?? '') === '').map(({ name }) => name);
  const sync = syncName(setup);
  const next = missing.length > 0
    ? ['cp .env.example .env', 'set -a; . ./.env; set +a', 'syncline doctor']
    : ['syncline doctor', ...(setup.destination === 'sandbox' ? ['syncline sandbox'] : []), 'syncline dev', `syncline run ${sync}`];
  output.printJson({ file: context.configFile, ...written, sync, destination: setup.destination, proposal: setup.source.kind === 'sample' ? null : setup.source.proposal, variables: missing, next });
  output.print(viewOf(setup, written, missing, next));
  return EXIT.done;
}

function refuseToReplace(files: readonly string[], force: boolean, { configFile }: Context): void {
  if (force || files.length === 0) return;
  throw new CliError(`${files.join(' and ')} ${files.length === 1 ? 'is' : 'are'} there already: nothing was written`, EXIT.misused, `--force replaces ${files.length === 1 ? 'it' : 'them'}; syncline validate checks ${configFile}`);
}

async function setupOf(context: Context, options: Options): Promise<Setup> {
  const asking = options.yes !== true && context.asks;
  const known = context.env[URL_VARIABLE] ?? '';
  if (options.sourceUrl === true && known === '') throw new CliError(`--source-url has no value, and ${URL_VARIABLE} is not set`, EXIT.misused, `set ${URL_VARIABLE}, or name the address`);
  const url = options.sourceUrl === true ? known : (options.sourceUrl ?? (asking ? await context.ask('Postgres URL of the contacts (nothing: sample contacts)', '') : ''));
  if (url === '' && (options.table !== undefined || options.key !== undefined)) {
    throw new CliError('--table and --key are of no use without --source-url', EXIT.misused, 'name the Postgres that has the contacts with --source-url');
  }
  const proposal = url === '' ? undefined : await proposalOf(context, url, options, asking);
  return {
    source: proposal === undefined ? { kind: 'sample' } : { kind: 'postgres', proposal },
    destination: options.destination ?? (asking ? await askDestination(context) : 'sandbox'),
  };
}

async function askDestination(context: Context): Promise<SetupDestination> {
  for (;;) {
    const answer = await context.ask(`Where contacts go: ${DESTINATIONS.join(', ')}`, 'sandbox');
    const found = DESTINATIONS.find((name) => name === answer);
    if (found !== undefined) return found;
    context.output.warn(`there is no ${answer}`);
  }
}

/** Tries the connection, looks at the tables, and proposes what their columns mean. */
async function proposalOf(context: Context, url: string, { table, key }: Options, asking: boolean): Promise<Proposal & { readonly key: string }> {
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
    throw new CliError('the address of the source is no Postgres URL', EXIT.misused, 'write it as postgres://user:password@host:5432/database, special characters in the password percent-encoded');
  }
  const [{ withDeadline }, { listTables }, { likeliest, propose }] = await Promise.all([import('../../http/index.js'), import('../../sources/index.js'), import('../../setup/index.js')]);
  context.output.progress('looking at the tables (no row is read)');
  let late = false;
  const tables = await withDeadline(context.signal, LOOK_MS, (signal) => {
    signal.addEventListener('abort', () => { late = !context.signal.aborted; }, { once: true });
    return listTables(url, signal);
  }).catch((error: unknown) => {
    if (!late) throw error;
    throw new CliError(`the database did not tell its tables within ${String(LOOK_MS / 1000)} s`, EXIT.unreached, 'see that it runs and is not overloaded, then ask again');
  });
  const guess = likeliest(tables);
  const name = table ?? (asking ? await context.ask(`Table of the contacts (${namesOf(tables)})`, guess?.table ?? '') : guess?.table);
  if (name === undefined || name === '') throw new CliError('no table looks like one of contacts: none has a key and an address', EXIT.misused, `name it with --table; there are ${namesOf(tables)}`);
  const chosen = tables.find((one) => one.name === name) ?? tables.find((one) => one.name === `public.${name}`);
  if (chosen === undefined) throw await unknownName('table', name, tables.map((one) => one.name).slice(0, NAMED), 'this database that the role may read');
  const proposal = propose(chosen);
  if (key !== undefined) return withKey(chosen, proposal, key);
  if (proposal.key !== null) return { ...proposal, key: proposal.key };
  const answer = asking ? await context.ask(`Column of the stable id of a contact (${chosen.columns.map((column) => column.name).join(', ')})`, '') : '';
  if (answer === '') throw new CliError(`no column of ${chosen.name} looks like the stable id of a contact`, EXIT.misused, `name it with --key; there are ${chosen.columns.map((column) => column.name).join(', ')}`);
  return withKey(chosen, proposal, answer);
}

async function withKey({ name, columns }: TableFound, proposal: Proposal, key: string): Promise<Proposal & { readonly key: string }> {
  const column = columns.find((one) => one.name === key);
  if (column === undefined) throw await unknownName('column', key, columns.map((one) => one.name), name);
  const freed = proposal.key === null || proposal.key === key ? [] : [proposal.key];
  return { ...proposal, key, keyUnique: column.unique, others: [...freed, ...proposal.others.filter((other) => other !== key)] };
}

function namesOf(tables: readonly TableFound[]): string {
  if (tables.length === 0) return 'none that this role may read';
  const more = tables.length > NAMED ? ` and ${String(tables.length - NAMED)} more` : '';
  return tables.slice(0, NAMED).map(({ name }) => name).join(', ') + more;
}

function viewOf({ source }: Setup, { written, extended }: Written, missing: readonly string[], next: readonly string[]): string {
  const lines = [`written: ${written.join(', ')}${extended.length === 0 ? '' : `; added to: ${extended.join(', ')}`}`];
  if (source.kind === 'postgres') {
    const { table, key, updatedAt, fields, unclear } = source.proposal;
    lines.push(`proposed from the columns of ${table}: key ${key}, ${updatedAt === null ? 'no updatedAt (every run reads everything)' : `updatedAt ${updatedAt}`}, ${Object.entries(fields).map(([field, column]) => `${field} ${column}`).join(', ') || 'no field'}`);
    for (const [field, column] of Object.entries(unclear)) lines.push(`${field}: ${column} holds words or numbers; say in the file which of them mean yes`);
    lines.push('look it over: a name is only a hint');
  }
  if (missing.length > 0) lines.push(`to be set in the environment: ${missing.join(', ')}`);
  return [...lines, '', 'Next:', ...next.map((command) => `  ${command}${command === 'syncline sandbox' || command === 'syncline dev' ? '   (stays up: in a terminal of its own)' : ''}`)].join('\n');
}
