import { expect, test } from 'vitest';
import { commandsIn } from './extract.js';
import { mistakeOf } from './parse.js';

const TEXT = `
Say \`syncline status\`, or \`npx syncline completion bash|zsh\`; \`syncline\` alone is no command, nor is \`the syncline way\`.

\`\`\`sh
npx syncline schedule pause crm --note "the CRM # moves"   # a comment
syncline backfill crm \\
  --from 2026-01-01 --yes && syncline runs
npm run bench -- pace
\`\`\`

\`\`\`yaml
syncline: no command
\`\`\`
| \`syncline runs [SYNC]\` |
`;

test('commands are found in shell blocks and in code within a line, with their line; comments, other blocks and words are none', () => {
  expect(commandsIn('a.md', TEXT).map(({ where, words }) => [where, ...words])).toEqual([
    ['a.md:2', 'syncline', 'status'],
    ['a.md:2', 'syncline', 'completion', 'bash'],
    ['a.md:2', 'syncline', 'completion', 'zsh'],
    ['a.md:5', 'syncline', 'schedule', 'pause', 'crm', '--note', 'the CRM # moves'],
    ['a.md:6', 'syncline', 'backfill', 'crm', '--from', '2026-01-01', '--yes'],
    ['a.md:6', 'syncline', 'runs'],
    ['a.md:8', 'npm', 'run', 'bench', '--', 'pace'],
    ['a.md:14', 'syncline', 'runs', 'SYNC'],
  ]);
});

test.each([
  ['syncline nonsense', /unknown command/], ['syncline run crm --nope', /unknown option/], ['syncline status crm too-many', /too many arguments/], ['syncline run', /missing required argument/],
  ['syncline schedule nonsense', /unknown command|too many/], ['syncline plan crm --full', null], ['npm run nonsense', /no script/], ['npm run bench -- nonsense', /no benchmark/], ['npm run bench -- pace --seconds 3', null],
])('a command the program would not take is found: %s', async (line, mistake) => {
  const [command] = commandsIn('a.md', `\`\`\`sh\n${line}\n\`\`\``);
  const found = await mistakeOf(command as NonNullable<typeof command>);
  if (mistake === null) expect(found).toBeNull();
  else expect(found).toMatch(mistake);
});
