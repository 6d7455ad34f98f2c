export { compareSchedules, makeSchedules, type ScheduleChange } from './apply.js';
export { definitionOf, type ScheduleDefinition } from './definition.js';
export { pauseFailing } from './failing.js';
export { findSchedule, ForeignSchedule, listedSyncs, type FoundSchedule } from './find.js';
export { nextStart, schedulesStanding, scheduleStanding, type ScheduleStanding } from './standing.js';
export { pauseSchedule, resumeSchedule, triggerSchedule } from './steer.js';
