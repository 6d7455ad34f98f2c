// Every source through the same cases. How a source comes in: source-rigs/rig.ts.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { later, microTime, type Json } from '../../src/contacts/index.js';
import { SOURCE_NAMES, SourceError, type ReadPlan, type ReadRequest, type SourceRow, type SourceState } from '../../src/sources/index.js';
import { SOURCE_RIGS, TROUBLES, type Case, type Row, type SourceRig } from './source-rigs/index.js';

const HOUR = 3_600_000;
const signal = new AbortController().signal;
const ago = (ms: number): string => microTime(Math.floor((Date.now() - ms) / 1000) * 1000);
const row = (i: number, time: string, name = `name ${i}`): Row => ({ key: `k${i}`, time, name });
const rows = (count: number, time: (i: number) => string): Row[] => Array.from({ length: count }, (_, i) => row(i, time(i)));
/** One a second, the newest an hour old. */
const spread = (count: number): Row[] => rows(count, (i) => ago(HOUR + (count - i) * 1000));

it.skip.each(SOURCE_NAMES.filter((type) => SOURCE_RIGS[type] === undefined))('%s has no rig yet', () => undefined);

describe.each(Object.entries(SOURCE_RIGS))('every source keeps the contract: %s', (_type, create) => {
  let rig: SourceRig;
  beforeAll(async () => {
    rig = await create();
  });
  afterAll(() => rig.close());
  beforeEach(() => { rig.trouble(null); });
  const applies = (name: Case): boolean => rig.cases.includes(name);

  interface Run { readonly plan: ReadPlan; readonly read: Map<string, string>; readonly state: SourceState; readonly count: number }

  /** A run, each page from a new instance where `pieces` is set; `between` happens after each page. */
  async function run(state: SourceState | null = null, more: Partial<ReadRequest> & { pieces?: boolean; between?: (page: number) => Promise<void> } = {}): Promise<Run> {
    const { pieces = false, between, ...request } = more;
    let source = rig.source();
    const plan = JSON.parse(JSON.stringify(await source.begin({ kind: 'incremental', state, ...request }, signal))) as ReadPlan;
    const handed: SourceRow[] = [];
    let position: Json | null = null;
    let pages = 0;
    try {
      for (let last = false; !last; ) {
        const had = pages;
        try {
          for await (const page of source.pages(plan, position, signal)) {
            handed.push(...page.rows);
            position = JSON.parse(JSON.stringify(page.position)) as Json;
            last = page.last;
            pages += 1;
            await between?.(pages);
            if (pieces) break;
          }
          if (!pieces) break;
        } catch (error) {
          if (rig.program !== true || pages === had || !(error instanceof SourceError) || error.kind !== 'unreachable') throw error;
        }
        await source.close();
        source = rig.source();
      }
      const times = handed.filter(({ oddTime }) => oddTime !== true).reduce<string | null>((greatest, { time }) => later(greatest, time), null);
      const ended = await source.finish(plan, state, times, signal, position ?? undefined);
      return { plan, count: handed.length, read: new Map(handed.map(({ key, values }) => [key ?? '', String(values[0])])), state: JSON.parse(JSON.stringify(ended)) as SourceState };
    } finally {
      await source.close();
    }
  }
  const expectAll = (read: Map<string, string>, planted: readonly Row[]): void => {
    const missing = planted.filter(({ key, name }) => read.get(key) !== name).map(({ key }) => key);
    expect(missing).toEqual([]);
  };

  it('25,000 rows of one and the same time are all read, and again read in pieces', async () => {
    const time = ago(HOUR);
    const tied = rows(rig.ties ?? 25_000, () => time);
    await rig.plant(tied);
    const first = await run();
    expectAll(first.read, tied);
    expect(first.state.cursor).toBe(time);
    expectAll((await run(null, { pieces: true })).read, tied);
  }, 240_000);

  it('a run goes on from every stored position: a kill after any page loses nothing', async () => {
    const planted = spread(3000);
    await rig.plant(planted);
    const whole = await run(null, { pieces: true });
    expectAll(whole.read, planted);
    const { state } = await run();
    expect(whole.state.cursor).toBe(state.cursor);
    if (rig.program !== true) expect(whole.state).toEqual(state);
  });

  it('an incremental run reads what changed since the last one', async () => {
    const planted = spread(1200);
    await rig.plant(planted);
    const first = await run();
    const changed = [row(3, ago(60_000), 'changed'), row(5000, ago(50_000), 'new')];
    await rig.put(changed);
    const second = await run(first.state);
    expectAll(second.read, changed);
    expect(second.state.cursor).toBe(changed[1]!.time);
    if (applies('unchanged')) expect(second.count).toBeLessThan(400);
  });

  it('a row that is committed late, with an older time, is found through the overlap', async (context) => {
    context.skip(!applies('late'), 'does not apply to it');
    await rig.plant(spread(50));
    const first = await run();
    const late = row(900, microTime(Date.parse(first.state.cursor!) - 60_000), 'late');
    await rig.put([late]);
    expectAll((await run(first.state)).read, [late]);
  });

  it('the cursor never passes the bound that was frozen when the run began, nor falls back', async () => {
    await rig.plant(spread(1200));
    let wrote = false;
    const first = await run(null, {
      between: async () => {
        if (!applies('changing') || wrote) return;
        wrote = true;
        // After the bound of this run by the source's clock.
        await new Promise((resolve) => setTimeout(resolve, 1100));
        await rig.put([row(1, microTime(Date.now()), 'during')]);
      },
    });
    if (first.plan.to !== null) expect(first.state.cursor! <= first.plan.to).toBe(true);
    const second = await run(first.state);
    if (wrote) expect(new Map([...first.read, ...second.read]).get('k1')).toBe('during');
    expect(second.state.cursor! >= first.state.cursor!).toBe(true);
  });

  it('rows that change, come and go while a run reads cost no other row', async (context) => {
    context.skip(!applies('changing'), 'does not apply to it');
    const planted = spread(3000);
    await rig.plant(planted);
    const left = new Map(planted.map((one) => [one.key, one]));
    const touched = new Set<string>();
    const put = async (one: Row): Promise<void> => {
      touched.add(one.key);
      left.set(one.key, one);
      await rig.put([one]);
    };
    const first = await run(null, {
      between: async (page) => {
        await put(row(page * 70, microTime(Date.now()), `changed ${page}`));
        await put(row(9000 + page, microTime(Date.now())));
        touched.add(`k${page * 110 + 1}`);
        left.delete(`k${page * 110 + 1}`);
        await rig.remove([`k${page * 110 + 1}`]);
      },
    });
    expectAll(first.read, planted.filter(({ key }) => !touched.has(key)));
    const second = await run(first.state);
    expectAll(new Map([...first.read, ...second.read]), [...left.values()]);
  });

  it('chosen keys are read alone, and the cursor stays', async (context) => {
    context.skip(!applies('only'), 'does not apply to it');
    const planted = spread(100);
    await rig.plant(planted);
    const { state } = await run();
    const chosen = await run(state, { kind: 'only', keys: ['k7', 'k13', 'nobody'] });
    expect([...chosen.read.keys()].sort()).toEqual(['k13', 'k7']);
    expect(chosen.state.cursor).toBe(state.cursor);
  });

  it('a window is read from its start to before its end', async (context) => {
    context.skip(!applies('window'), 'does not apply to it');
    const planted = spread(600);
    await rig.plant(planted);
    const chosen = await run(null, { kind: 'window', from: planted[100]!.time, to: planted[200]!.time });
    expect([...chosen.read.keys()]).toHaveLength(100);
    expectAll(chosen.read, planted.slice(100, 200));
    expect(chosen.state.cursor).toBeNull();
  });

  it.for(TROUBLES)('nothing is lost through trouble that passes: %s', async (trouble, context) => {
    context.skip(!rig.troubles.includes(trouble), 'cannot happen to it');
    const planted = spread(3000);
    await rig.plant(planted);
    rig.trouble(trouble);
    expectAll((await run()).read, planted);
    expectAll((await run(null, { pieces: true })).read, planted);
  });

  it.for([['down', 'unreachable'], ['rubbish', 'unreachable'], ['refused', 'misconfigured']] as const)('trouble that lasts is said, without a secret: %s is %s', async ([trouble, kind], context) => {
    context.skip(!rig.troubles.includes(trouble), 'cannot happen to it');
    await rig.plant(spread(10));
    rig.trouble(trouble);
    const error = await run().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(SourceError);
    expect(error).toMatchObject({ kind });
    const { message, hint } = error as SourceError;
    for (const secret of [...rig.secrets, 'name 3']) expect(`${message} ${hint}`).not.toContain(secret);
    rig.trouble(null);
    expect((await run()).read.size).toBe(10);
  });
});
