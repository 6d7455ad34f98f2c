import { expect, test } from 'vitest';
import { isWorthTelling, showSdkWarnings } from '../../src/runtime/sdk-warnings.js';

const failed = (name: string, attempt: number) => ({ attempt, error: Object.assign(new Error('nobody listens there'), { name }) });

test('the SDK is quiet in a command, and says to an operator what our own code does not', () => {
  expect(isWorthTelling('Activity failed', failed('TypeError', 1))).toBe(false);
  showSdkWarnings();
  expect(isWorthTelling('Activity failed', failed('TypeError', 1))).toBe(true);
  expect(isWorthTelling('Workflow failed', failed('Error', 1))).toBe(false);
  // A source that is away is tried every quarter of a minute: a line each would hide everything else.
  expect([1, 2, 20, 21].map((attempt) => isWorthTelling('Activity failed', failed('ApplicationFailure', attempt)))).toEqual([true, false, false, true]);
});
