import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunDocument } from '../../../src/ledger/index.js';
import { commandsOf, documents, type DocumentedCommand } from './extract.js';
import { filled } from './parse.js';
import { createReadersWorld, type ReadersWorld } from './world.js';

/** What is not run here, and why. */
const NOT_RUN: readonly (readonly [RegExp, string])[] = [
  [/^(?!syncline )/, 'not a command of ours'],
  [/^syncline init$/, 'asks: test/cli/init.test.ts answers'],
  [/^syncline (?:dev|worker)\b/, 'stays up: started at the beginning; test/hosting has the rest'],
  [/^syncline sandbox\b/, 'stays up: started at the beginning'],
  [/--watch/, 'stays up'],
  [/^syncline demo\b/, 'takes a minute: test/e2e'],
  [/^syncline ledger restored$/, 'holds every lane until all is read again: test/workflows/restored.test.ts'],
  [/^syncline codec\b/, 'stays up, where there is a key: test/hosting/codec.test.ts'],
  [/^syncline alerts test\b/, 'tells a receiver of one: test/cli/alerts.test.ts'],
  [/^syncline backfill (?:pause|resume|cancel)\b/, 'of a backfill under way: test/cli/backfill.test.ts'],
];

/** What ends otherwise than well, as the documents say beside it. */
const ENDS: readonly (readonly [RegExp, number])[] = [[/--campaign spring\b/, 4]];

/** The README's first steps: the first block that begins so, and how long it is. */
const FIRST_STEPS = ['init', 'doctor', 'sandbox', 'dev', 'run', 'verify'] as const;
const readme = commandsOf('README.md').filter(({ inline }) => !inline);
const begin = readme.findIndex(({ text }) => text.startsWith('syncline init --yes'));
const firstSteps = readme.slice(begin, begin + FIRST_STEPS.length);

let world: ReadersWorld;
let lastRun = '';
beforeAll(async () => { world = await createReadersWorld(); });
afterAll(() => world.close());

/** Runs a command as it stands there. @returns what is wrong, in words */
async function tried({ where, text, words, inline }: DocumentedCommand, done: Set<string>): Promise<string | null> {
  if (NOT_RUN.some(([pattern]) => pattern.test(text))) return null;
  const own: Readonly<Record<string, string>> = {
    SYNC: 'crm-newsletter', KEY: '4711', RUN: lastRun, ADDRESS: 'person4712@example.com', FILE: 'file.txt', 'FILE.csv': 'file.csv', ID: 'welcome', NAME: words[1] === 'lane' ? 'newsletter' : 'crm',
  };
  const mine = filled(words).map((word) => own[word] ?? word);
  const line = mine.join(' ');
  if (done.has(line)) return null;
  done.add(line);
  const { code, out, err } = await (words[1] === 'init' ? world.elsewhere : world.cli)(mine.slice(1));
  // In prose a command is named, or an option, and what it needs is left out.
  if (code === (ENDS.find(([pattern]) => pattern.test(text))?.[1] ?? 0) || (inline && /missing required argument|argument missing/.test(err))) return null;
  return `${where}: ${line}: exit code ${code}: ${err.trim() || out.slice(0, 500)} (mend the document, or list it under NOT_RUN with the reason)`;
}

test('the first steps of the README, as they stand there, each naming the next', async () => {
  expect(firstSteps.map(({ words }) => words[1])).toEqual(FIRST_STEPS);
  const said: string[] = [];
  for (const { text, words: [, ...words] } of firstSteps) {
    // Nothing is up yet, and the doctor says what starts it.
    const code = words[0] === 'doctor' ? 5 : 0;
    if (words[0] === 'sandbox') said.push(await world.stay(['sandbox', '--port', '0'], /next: syncline/));
    else if (words[0] === 'dev') said.push(await world.stay(['dev'], /next: syncline/));
    else {
      const ran = await world.cli(words);
      expect(ran.code, `${text}: ${ran.err}${ran.out}`).toBe(code);
      said.push(ran.out + ran.err);
    }
  }
  for (const [index, next] of ['doctor', 'sandbox', 'dev', 'run contacts-newsletter', 'verify contacts-newsletter', 'schedule apply'].entries()) {
    expect(said[index], `after ${firstSteps[index]?.text ?? ''}`).toContain(`syncline ${next}`);
  }
}, 300_000);

test('every other command of the documents that can be run does what it says, in their order', async () => {
  world.useExample();
  const { code, out, err } = await world.cli(['run', 'crm-newsletter', '--json']);
  expect(code, err).toBe(0);
  lastRun = (JSON.parse(out) as RunDocument).run;
  const faults: string[] = [];
  const done = new Set<string>();
  const steps = new Set(firstSteps.map(({ where }) => where));
  for (const command of documents().flatMap(commandsOf).filter(({ where }) => !steps.has(where))) {
    const fault = await tried(command, done);
    if (fault !== null) faults.push(fault);
  }
  expect(faults.join('\n')).toBe('');
}, 480_000);
