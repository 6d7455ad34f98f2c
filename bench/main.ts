import { benchBackfill } from './backfill.js';
import { benchLoad } from './load.js';
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

const options = asked();
if (options === null) {
  console.log(USAGE);
} else if (options.what === 'load') {
  const { platform, rows, latency, concurrency } = options;
  for (const count of rows) for (const late of latency) await benchLoad(platform, count, late, concurrency);
} else if (options.what === 'backfill') {
  await benchBackfill(options.backfill);
} else {
  await benchPace(options.pace);
}
