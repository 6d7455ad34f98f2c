import { countMapping } from './count-mapping.js';
import { deliver } from './deliver.js';
import type { Dependencies } from './dependencies.js';
import { extractRun } from './extract-run.js';
import { extractSlice, pauseReading } from './extract-slice.js';
import { openRun } from './open-run.js';
import { queueRejected } from './queue-rejected.js';
import { readOptOuts } from './read-opt-outs.js';
import { closeRun, settlement, stopReading } from './settlement.js';
import type { Activities } from './types.js';
import { verifyRun, verifySync } from './verify-run.js';

export type { Dependencies } from './dependencies.js';
export { tellEnded } from './observe.js';

/** The activities of a worker; what they need is handed in once. */
export function createActivities(dependencies: Dependencies): Activities {
  return {
    openRun: openRun(dependencies),
    readOptOuts: readOptOuts(dependencies),
    extractRun: extractRun(dependencies),
    extractSlice: extractSlice(dependencies),
    pauseReading: pauseReading(dependencies),
    queueRejected: queueRejected(dependencies),
    settlement: settlement(dependencies),
    closeRun: closeRun(dependencies),
    stopReading: stopReading(dependencies),
    verifyRun: verifyRun(dependencies),
    verifySync: verifySync(dependencies),
    countMapping: countMapping(dependencies),
    deliver: deliver(dependencies),
  };
}
