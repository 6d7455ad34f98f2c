import type { Step } from '../../demo/index.js';
import type { RunPulse } from '../../ledger/index.js';
import { examples } from '../command.js';
import type { Register } from '../command.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import type { ExitCode } from '../exit.js';
import { Rate } from '../following/index.js';

/** `demo`: everything at once on the sample contacts, each claim checked. */
export const register: Register = (program, act) => {
  program
    .command('demo')
    .description('everything at once on 19,972 sample contacts: one CRM, three platforms, with faults, and a proof for every claim')
    .option('--keep', 'stay up afterwards, to be looked at; Ctrl-C ends it')
    .addHelpText('after', examples('demo', 'demo --keep', 'demo --json'))
    .action(act((context, { keep = false }: { keep?: boolean }) => demo(context, keep)));
};

async function demo(context: Context, keep: boolean): Promise<ExitCode> {
  const { output, signal, env } = context;
  const { openWorld, tell } = await import('../../demo/index.js');
  const { headingOf, lookAround, platformsText, stepText, verdictText, webUi } = await import('../views/demo.js');
  const { colors } = output;
  const started = performance.now();
  const world = await openWorld({ env, signal, report: (line) => { output.progress(line); } });
  context.onClose(() => world.close());
  const progress = context.progress();

  output.print(`Temporal, Postgres, the sandboxed MailingCore, D·engage and MainBrainer, and a worker are up; ${world.keys.length.toLocaleString('en')} contacts are in the CRM table.`);
  output.print(`Web UI: ${webUi(world) ?? 'none'}`);
  const steps: Step[] = [];
  const begin = (name: Step['name'], told: string): void => { output.print(headingOf(steps.length + 1, name, told, colors)); };
  let rate = new Rate();
  const onPulse = (pulse: RunPulse): void => { progress.update(rate.snapshot(pulse, performance.now())); };
  for await (const step of tell({ world, onPulse, signal, begin })) {
    progress.stop();
    rate = new Rate();
    steps.push(step);
    output.print(`\n${stepText(step, colors)}`);
  }

  const ok = steps.every((step) => step.proofs.every(({ holds }) => holds));
  const milliseconds = performance.now() - started;
  output.printJson({ ok, seconds: Math.round(milliseconds / 100) / 10, webUi: webUi(world), config: world.config.file, sandbox: world.sandbox.url, steps });
  output.print(platformsText(steps, world.sandbox.mailingcore.size(), colors));
  output.print(verdictText(steps, milliseconds, colors));
  if (keep) {
    if (output.json) output.progress(lookAround(world, output.errorColors));
    else output.print(lookAround(world, colors));
    await new Promise<void>((resolve) => {
      // The signal alone keeps no process alive where everything else is idle.
      const alive = setInterval(() => undefined, 60_000);
      const end = (): void => {
        clearInterval(alive);
        resolve();
      };
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
    });
  }
  return ok ? EXIT.done : EXIT.failed;
}
