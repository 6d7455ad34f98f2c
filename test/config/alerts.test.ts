import { expect, test } from 'vitest';
import { formatMistake } from '../../src/config/index.js';
import { SMALL, load, mistakesOf } from './support.js';

const withAlerts = (text: string): string => `${SMALL}alerts: ${text}\n`;
const HOOK = '{type: webhook, url: "https://chat.example/T0/secret-path"}';

test('who is told of what, with its defaults; nobody where the file does not say', () => {
  expect(load(SMALL).alerts).toBeNull();
  const alerts = load(withAlerts(`{late: 2, rejects: {above: 1%}, channels: {ops: ${HOOK}, team: {type: email, host: smtp.example.com, from: "Syncline <s@example.com>", to: o@example.com, on: [runHeld]}}}`)).alerts;
  expect(alerts).toMatchObject({ late: 2, rejects: { above: 0.01, least: 20 }, optOuts: { older: 3_600_000 }, quiet: 300_000 });
  expect(alerts?.channels).toMatchObject([
    { name: 'ops', type: 'webhook', format: 'json', headers: {} },
    { name: 'team', type: 'email', port: 587, secure: false, to: ['o@example.com'], on: ['runHeld'] },
  ]);
  expect(alerts?.channels[0]?.on).toHaveLength(9);
});

test.each([
  ['{channels: {ops: {type: pager}}}', 'alerts.channels.ops.type: found "pager", expected one of webhook, email'],
  ['{channels: {ops: {type: webhook, url: chat/secret-path}}}', 'alerts.channels.ops.url: found a value that is not shown, expected a URL such as https://ops.example/alerts'],
  [`{channels: {ops: ${HOOK.replace('}', ', on: [laneBlock]}')}}}`, 'alerts.channels.ops.on.0: found "laneBlock", expected one of laneBlocked'],
  ['{channels: {ops: {type: email, host: h, user: u, from: a@b.c, to: a@b.c}}}', 'alerts.channels.ops.password: found nothing, expected both user and password, or neither'],
  ['{channels: {"a b": {type: email}}}', 'alerts.channels.a b'],
  ['{}', 'alerts.channels: found nothing, expected a mapping of name: channel'],
])('alerts: %s is a mistake in words, without a secret', (text, message) => {
  const told = mistakesOf(withAlerts(text)).map(formatMistake).join('\n');
  expect(told).toContain(message);
  expect(told).not.toContain('secret-path');
});
