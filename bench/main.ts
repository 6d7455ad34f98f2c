import { benchBackfill } from './backfill.js';
import { benchLoad } from './load.js';
import { benchOperate } from './operate/operate.js';
import { benchOutage } from './operate/outage.js';
import { Interrupted } from './operate/place.js';
import { readOptions, USAGE, type Options } from './options.js';
import { benchPace } from './pace.js';

function asked(): Options | null {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(2);
  }
}

/** @returns the exit code */
async function measured(options: Options): Promise<number> {
  switch (options.what) {
    case 'load':
      for (const count of options.rows) for (const late of options.latency) await benchLoad(options.platform, count, late, options.concurrency);
      return 0;
    case 'backfill':
      await benchBackfill(options.backfill);
      return 0;
    case 'pace':
      await benchPace(options.pace);
      return 0;
    case 'operate':
      return (await benchOperate(options.operate)) ? 0 : 1;
    case 'outage':
      return (await benchOutage(options.outage)) ? 0 : 1;
  }
}

const options = asked();
if (options === null) {
  console.log(USAGE);
} else {
  process.exitCode = await measured(options).catch((error: unknown) => {
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof Interrupted ? 130 : 1;
  });
}
