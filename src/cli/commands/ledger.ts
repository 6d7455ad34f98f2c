import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { tellNext } from '../next.js';
import { openSession } from '../session.js';

/** `ledger`: what has to be said of the ledger itself. */
export const register: Register = (program, act) => {
  const ledger = program.command('ledger').description('say that the ledger was restored from a back-up').addHelpText('after', examples('ledger restored'));
  ledger
    .command('restored')
    .description('the ledger was restored and Temporal with it, so that nobody notices: hold every lane until its syncs have been read again')
    .addHelpText('after', examples('ledger restored', 'ledger restored --json'))
    .action(act((context) => restored(context)));
};

async function restored(context: Context): Promise<ExitCode> {
  const { pool, temporal, config } = await openSession(context);
  const [{ tellRestored }, { heldAccounts }] = await Promise.all([import('../../control/index.js'), import('../../ledger/index.js')]);
  await tellRestored(pool, temporal, config);
  const held = await heldAccounts(pool);
  const { output } = context;
  output.printJson({ held });
  output.print(held.length === 0
    ? 'nothing is held: no account has a sync that has run'
    : held.map(({ account, unread }) => `${account} holds until ${unread.join(', ')} ${unread.length === 1 ? 'has' : 'have'} been read again; scheduled syncs do that by themselves`).join('\n'));
  const [first] = held.flatMap(({ unread }) => unread);
  if (first !== undefined) tellNext(context, `run ${first}`);
  return EXIT.done;
}
