import { expect, test } from 'vitest';
import { commandsOf, documents } from './extract.js';
import { mistakeOf } from './parse.js';

test('the program takes every command the documents show', async () => {
  const all = documents().flatMap(commandsOf);
  expect(all.length).toBeGreaterThan(50);
  const mistakes: string[] = [];
  for (const command of all) {
    const mistake = await mistakeOf(command);
    if (mistake !== null) mistakes.push(`${command.where}: ${command.text}: ${mistake}`);
  }
  expect(mistakes.join('\n')).toBe('');
});
