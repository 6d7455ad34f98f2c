import { Option } from 'commander';
import type { AlertsConfig } from '../../config/index.js';
import type { AlertDocument } from '../../ledger/index.js';
import { count } from '../arguments.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { table } from '../output/index.js';
import type { Colors } from '../output/index.js';
import { openLedger } from '../session.js';

/** Alerts that are shown unless more are asked for. */
const SHOWN = 50;

/** `alerts`: what is wrong, who was told; `alerts test` tries the channels. */
export const register: Register = (program, act) => {
  const alerts = program
    .command('alerts')
    .description('what is wrong and was wrong lately, and who was told')
    .addOption(new Option('--limit <n>', 'at most so many').argParser(count).default(SHOWN))
    .addHelpText('after', examples('alerts', 'alerts --json', 'alerts test'))
    .action(act((context, { limit }: { readonly limit: number }) => list(context, limit)));
  alerts
    .command('test')
    .description('send a test message to each channel, and say what the receiver said')
    .addHelpText('after', examples('alerts test'))
    .action(act((context) => test(context)));
};

async function list(context: Context, limit: number): Promise<ExitCode> {
  const { pool, config } = await openLedger(context);
  const { listAlerts } = await import('../../ledger/index.js');
  const alerts = await listAlerts(pool, limit);
  const { output } = context;
  output.printJson({ alerts, open: alerts.filter(({ resolvedAt }) => resolvedAt === null).length });
  output.print(alerts.length === 0 ? 'no alerts' : viewOf(alerts, output.colors));
  if (config.alerts === null) output.warn('nobody is told: the configuration has no alerts (alerts: {channels: {ops: {type: webhook, url: "https://…"}}})');
  return EXIT.done;
}

function viewOf(alerts: readonly AlertDocument[], colors: Colors): string {
  const told = ({ messages }: AlertDocument): string => messages.map(({ channel, state, toldAt, error }) =>
    `${channel}${state === 'resolved' ? ' (over)' : ''}: ${toldAt ?? (error === null ? 'not yet' : `not yet, ${error}`)}`).join('; ');
  return table(
    ['alert', 'of', 'since', 'over', 'reason', 'told', 'what to do'],
    alerts.map((alert) => [alert.event, alert.subject, alert.openedAt, alert.resolvedAt, alert.reason, told(alert), alert.resolvedAt === null ? alert.command : null]),
    { colors },
  );
}

async function test(context: Context): Promise<ExitCode> {
  const { output, signal } = context;
  const { channels } = await configured(context);
  const { testChannels } = await import('../../alerts/index.js');
  output.progress(`sending a test message to ${channels.map(({ name }) => name).join(', ')}`);
  const told = await testChannels(channels, signal);
  output.printJson({ channels: told });
  output.print(table(['channel', 'type', 'told', 'the receiver'], told.map(({ channel, type, ok, words }) => [channel, type, ok ? 'yes' : 'no', words]), { colors: output.colors }));
  const failed = told.filter(({ ok }) => !ok).map(({ channel }) => channel);
  if (failed.length > 0) output.error(`${failed.join(', ')} could not be told`, 'look at alerts: in the configuration, and at the receiver');
  return failed.length === 0 ? EXIT.done : EXIT.failed;
}

/** @throws CliError where nobody is to be told */
async function configured(context: Context): Promise<AlertsConfig> {
  const { alerts, file } = await context.config();
  if (alerts === null || alerts.channels.length === 0) throw new CliError(`there are no alerts in ${file}`, EXIT.misused, 'alerts: {channels: {ops: {type: webhook, url: "https://…"}}}');
  return alerts;
}
