import type { Config, DestinationConfig, Limits, SourceConfig, SyncConfig } from '../../config/index.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import { EXIT } from '../exit.js';
import { failureOf } from '../failure.js';
import { formatDuration, formatNumber, table } from '../output/index.js';
import type { Colors } from '../output/index.js';

/** `validate`: checks the configuration, connects nowhere. */
export const register: Register = (program, act) => {
  program
    .command('validate')
    .description('check the configuration: every mistake at once, with its line; connects nowhere')
    .addHelpText('after', examples('validate', 'validate --config staging.yaml --json'))
    .action(
      act(async (context) => {
        const { output } = context;
        let config: Config;
        try {
          config = await context.config();
        } catch (error) {
          const { mistakes } = failureOf(error);
          if (mistakes !== undefined) output.printJson({ valid: false, mistakes });
          throw error;
        }
        output.printJson(documentOf(config));
        output.print(summaryOf(config, output.colors));
        return EXIT.done;
      }),
    );
};

function documentOf({ file, sources, destinations, syncs }: Config): object {
  return {
    valid: true,
    file,
    sources: Object.values(sources).map(({ name, type }) => ({ name, type })),
    destinations: Object.values(destinations).map(({ name, type, account, batchSize, limits }) => ({ name, type, account, batchSize, limits })),
    syncs: Object.values(syncs).map(({ name, source, destination, schedule = null }) => ({ name, source, destination, schedule })),
  };
}

function summaryOf({ file, sources, destinations, syncs }: Config, colors: Colors): string {
  const parts = [`${colors.green('valid')} ${file}`];
  const section = (headings: readonly string[], rows: readonly (readonly (string | number)[])[]): void => {
    if (rows.length > 0) parts.push(table(headings, rows, { colors }));
  };
  section(['source', 'type', 'reads'], Object.values(sources).map((source) => [source.name, source.type, placeOf(source)]));
  section(
    ['destination', 'type', 'account', 'batch', 'limits'],
    Object.values(destinations).map(({ name, type, account, batchSize, limits }: DestinationConfig) => [name, type, account, batchSize, limitsOf(limits)]),
  );
  section(
    ['sync', 'source', 'destination', 'schedule'],
    Object.values(syncs).map((sync) => [sync.name, sync.source, sync.destination, scheduleOf(sync)]),
  );
  return parts.join('\n\n');
}

function placeOf(source: SourceConfig): string {
  switch (source.type) {
    case 'csv':
      return source.path;
    case 'singer':
      return `${source.command[0]}: ${source.stream}`;
    case 'postgres':
      return source.table ?? 'a query';
    case 'mailingcore':
    case 'hubspot':
    case 'pipedrive':
      return source.baseUrl;
    case 'salesforce':
      return `${source.object} at ${source.loginUrl}`;
    case 'http':
      return new URL(source.url).origin + new URL(source.url).pathname;
  }
}

function limitsOf({ calls, per, concurrency, read }: Limits): string {
  const reads = read === undefined ? '' : `, reads ${formatNumber(read.calls)} / ${formatDuration(read.per)}`;
  return `${formatNumber(calls)} calls / ${formatDuration(per)}, ${formatNumber(concurrency)} at once${reads}`;
}

function scheduleOf({ schedule }: SyncConfig): string {
  if (schedule === undefined) return 'none';
  if ('every' in schedule) return `every ${formatDuration(schedule.every)}`;
  return `${schedule.cron}${schedule.timeZone === undefined ? '' : ` (${schedule.timeZone})`}`;
}
