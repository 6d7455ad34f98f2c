import type { MixResult } from './mix.js';
import type { RoundResult } from './rounds.js';

const seconds = (ms: number | null): string => (ms === null ? '–' : (ms / 1000).toFixed(1));

const COLUMNS: readonly [string, number, (round: RoundResult) => string][] = [
  ['round', 5, (r) => String(r.plan.no)],
  ['killed', 18, (r) => (r.plan.victim === 'worker' ? 'worker' : r.plan.victim === 'dev' ? 'worker, all of dev' : `${r.plan.spared ? 'only' : 'worker,'} ${r.plan.victim}`)],
  ['changed', 8, (r) => `${r.plan.changes}${r.plan.meanwhile ? '+' : ''}`],
  ['at s', 6, (r) => `${seconds(r.killedAt)}${r.inRun ? '' : '*'}`],
  ['call', 5, (r) => String(r.callsThen)],
  ['next call s', 11, (r) => seconds(r.recovered)],
  ['closed s', 8, (r) => seconds(r.closed)],
  ['calls', 6, (r) => String(r.calls)],
  ['unknown', 7, (r) => String(r.unknown)],
  ['429', 4, (r) => String(r.throttled)],
  ['run', 10, (r) => r.status],
  ['result', 6, (r) => (r.faults.length === 0 ? 'ok' : 'BROKEN')],
];

export const HEADING = `${line(COLUMNS.map(([name, width]) => name.padStart(width)))}
  (at, call: when the kill came, * the run had ended already; next call, closed: from the kill; + more changed while it ran)`;

function line(cells: readonly string[]): string {
  return cells.join('  ');
}

/** A round in one line, and its faults below. */
export function roundLine(round: RoundResult): string {
  return [line(COLUMNS.map(([, width, show]) => show(round).padStart(width))), ...faultLines(round.faults)].join('\n');
}

/** A run against a failing platform. */
export function mixLine(mix: MixResult): string {
  const result = mix.faults.length === 0 ? 'ok' : 'BROKEN';
  const text = `faults, bad rows refused by ${mix.mode}: ${mix.changes} changed, ${mix.bad} bad and rejected; ${mix.calls} calls, ${mix.errors} errors, `
    + `${mix.cut} cut, ${mix.throttled} × 429, ${mix.unknown} unknown; ${seconds(mix.tookMs)} s: ${result}`;
  return [text, ...faultLines(mix.faults)].join('\n');
}

const faultLines = (faults: readonly string[]): string[] => faults.map((fault) => `      ${fault}`);

/** The figures of all rounds. */
export function totals(rounds: readonly RoundResult[], mixes: readonly MixResult[], ms: number): string {
  const recovered = rounds.flatMap((round) => (round.recovered === null ? [] : [round.recovered])).sort((a, b) => a - b);
  const sum = (of: (round: RoundResult) => number): number => rounds.reduce((total, round) => total + of(round), 0);
  const kills = (victim: string): number => rounds.filter((round) => round.plan.victim === victim).length;
  const broken = [...rounds, ...mixes].filter((one) => one.faults.length > 0).length;
  return [
    `${rounds.length} rounds: the worker killed in ${rounds.filter((round) => !round.plan.spared).length} (${rounds.filter((round) => round.inRun).length} kills while the run was open), Temporal in ${kills('temporal')}, Postgres in ${kills('postgres')}, the whole of dev in ${kills('dev')}`,
    `${sum((round) => round.calls)} calls, ${sum((round) => round.unknown)} of unknown outcome, ${sum((round) => round.throttled)} refused for the limit; ${sum((round) => round.failed)} runs marked failed and made up for by the next`,
    `from a kill to the next call: median ${seconds(recovered[Math.floor(recovered.length / 2)] ?? null)} s, longest ${seconds(recovered.at(-1) ?? null)} s`,
    broken === 0 ? `every invariant held (${seconds(ms)} s)` : `${broken} of ${rounds.length + mixes.length} BROKEN (${seconds(ms)} s)`,
  ].join('\n');
}
