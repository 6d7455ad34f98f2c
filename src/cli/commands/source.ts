import type { PreviewDocument, PreviewRecord } from '../../control/index.js';
import { count } from '../arguments.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { unknownName } from '../names.js';
import { table } from '../output/index.js';
import type { Colors } from '../output/index.js';

/** `source preview`: the first records of a source, and what becomes of them. */
export const register: Register = (program, act) => {
  const source = program
    .command('source')
    .description('look into a source')
    .addHelpText('after', examples('source preview crm'));
  source
    .command('preview <name>')
    .description('the first records as contacts, and what each field came from; shows personal data, stores and sends nothing')
    .option('--limit <n>', 'records to show', count, 10)
    .addHelpText('after', examples('source preview crm', 'source preview crm --limit 3 --json'))
    .action(act((context, name: string, { limit }: { readonly limit: number }) => preview(context, name, limit)));
};

async function preview(context: Context, name: string, limit: number): Promise<ExitCode> {
  const { output, signal } = context;
  const { sources, file } = await context.config();
  const config = Object.hasOwn(sources, name) ? sources[name] : undefined;
  if (config === undefined) throw await unknownName('source', name, Object.keys(sources), file);
  const { previewSource } = await import('../../control/index.js');
  const document = await previewSource(config, limit, signal);
  output.printJson(document);
  output.print(viewOf(document, output.colors));
  return EXIT.done;
}

function viewOf({ source, type, records }: PreviewDocument, colors: Colors): string {
  if (records.length === 0) return `${colors.bold(source)}  ${type}: there is no record`;
  return [`${colors.bold(source)}  ${type}  (nothing was stored or sent)`, ...records.map((record) => recordView(record, colors))].join('\n\n');
}

function recordView({ key, updatedAt, place, contact, invalid, warnings, from }: PreviewRecord, colors: Colors): string {
  const head = [colors.bold(key ?? 'no key'), ...(updatedAt === null ? [] : [updatedAt]), ...(place === null ? [] : [place])].join('  ');
  const rows = Object.entries(from).map(([field, { column, value }]) => [field, shown(became(contact, field)), column, shown(value)]);
  return [
    head,
    ...(invalid === null ? [] : [`${colors.red('invalid:')} ${invalid}`]),
    table(['field', 'contact', 'from', 'as it stands there'], rows, { colors, widest: 40 }),
    ...warnings.map((warning) => `${colors.yellow('warning:')} ${warning}`),
  ].join('\n');
}

function became(contact: PreviewRecord['contact'], field: string): unknown {
  if (contact === null) return null;
  if (field.startsWith('attributes.')) return contact.attributes?.[field.slice('attributes.'.length)];
  return (contact as unknown as Record<string, unknown>)[field];
}

/** A value in a cell: text as it is, nothing as a dash, the rest as JSON. Control characters would move the cursor. */
function shown(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  const text = typeof value === 'string' ? value : value instanceof Date ? value.toISOString() : JSON.stringify(value);
  return text.replace(/\p{Cc}/gu, ' ');
}
