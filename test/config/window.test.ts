import { expect, test } from 'vitest';
import { formatMistake, type DeliveryWindow } from '../../src/config/index.js';
import { SMALL, load, mistakesOf, withLine } from './support.js';

test.each<[string, DeliveryWindow]>([
  ['{from: 08:00, to: 20:00, timeZone: Europe/Paris}', { from: 480, to: 1200, timeZone: 'Europe/Paris' }],
  ['{from: "22:30", to: "06:00", timeZone: UTC}', { from: 1350, to: 360, timeZone: 'UTC' }],
  ['{from: 09:00, to: 24:00, timeZone: UTC, days: [fri-mon, wed]}', { from: 540, to: 1440, timeZone: 'UTC', days: [0, 1, 3, 5, 6] }],
])('a delivery window %s', (text, expected) => {
  expect(load(withLine(SMALL, '13+', `    window: ${text}`)).destinations['news']?.window).toEqual(expected);
});

test.each([
  ['{from: 8:00, to: 20:00, timeZone: UTC}', 'window.from: found "8:00", expected a time of day such as 08:00'],
  ['{from: 08:00, to: 08:00, timeZone: UTC}', 'window.to: found "08:00", expected two different times: without a window, leave it out'],
  ['{from: 08:00, to: 20:00, timeZone: Pariis}', 'window.timeZone: found "Pariis", expected a time zone such as Europe/Paris or UTC'],
  ['{from: 08:00, to: 20:00}', 'window.timeZone: found nothing, expected a time zone such as Europe/Paris or UTC'],
  ['{from: 08:00, to: 20:00, timeZone: UTC, days: [someday]}', 'window.days: found a list, expected a list of days, each one of sun, mon, tue, wed, thu, fri, sat or a span such as mon-fri'],
  ['daytime', 'window: found "daytime", expected a mapping such as {from: 08:00, to: 20:00, timeZone: Europe/Paris}'],
])('window: %s is a mistake in words', (text, message) => {
  expect(mistakesOf(withLine(SMALL, '13+', `    window: ${text}`)).map(formatMistake)).toContain(`syncline.yaml:14 destinations.news.${message}`);
});
