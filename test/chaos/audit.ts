import type { Installation } from './installation.js';

/** At any moment: `audit` balances. @returns what does not, in words */
export async function audit(place: Installation): Promise<string[]> {
  const { code, stdout, stderr } = await place.command('audit', '--json');
  try {
    const { balanced, runs } = JSON.parse(stdout) as { balanced: boolean; runs: { run: string; balanced: boolean; faults?: string[] }[] };
    if (balanced && code === 0) return [];
    return [`audit (exit ${code}): ${runs.filter((run) => !run.balanced).map((run) => `${run.run}: ${run.faults?.join(', ') ?? 'unbalanced'}`).join('; ')}`];
  } catch {
    return [`audit gave no document (exit ${code}): ${stderr.trim().slice(-300)}`];
  }
}
