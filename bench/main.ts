import { parseArgs } from 'node:util';
import { benchLoad } from './load.js';
import { benchPace } from './pace.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: 'string', default: '100000,1000000' },
    latency: { type: 'string', default: '0,50' },
    concurrency: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '60' },
  },
});
const numbers = (text: string): number[] => text.split(',').map(Number);

const [what = 'load'] = positionals;
if (what === 'load') {
  for (const rows of numbers(values.rows)) for (const latency of numbers(values.latency)) await benchLoad(rows, latency, Number(values.concurrency));
} else if (what === 'pace') {
  await benchPace(Number(values.seconds));
} else {
  console.error(`bench: there is no benchmark "${what}": load, pace`);
  process.exitCode = 2;
}
