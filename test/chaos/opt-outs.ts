import type { Sandbox } from '../../src/sandbox/index.js';
import type { Crm, CrmRow } from './crm.js';

/**
 * People who opt out at D·engage itself, where nobody tells us of it. It stands until the CRM changes that contact's
 * consent afterwards.
 */
export class OptOuts {
  /** Key → the CRM's version when the person opted out there, or when that was last seen to stand. */
  private readonly since = new Map<string, number>();

  constructor(
    private readonly sandbox: Sandbox,
    private readonly crm: Crm,
  ) {}

  /** So many people opt out. Only while nothing is on its way: which of two that cross is the later one nobody can tell. */
  act(count: number): void {
    for (const key of this.crm.pick(count)) {
      if (this.sandbox.dengage.contact(key)?.['email_permission'] !== true) continue;
      this.sandbox.dengage.optOut(key, 'email');
      this.since.set(key, this.crm.rows.get(key)?.rev ?? 0);
    }
  }

  /** Permissions the platform may show for this version of a contact. */
  allowed({ external_id: key, opt_in: wanted, rev }: CrmRow): readonly boolean[] {
    const since = this.since.get(key);
    if (since === undefined || !wanted) return [wanted];
    // Changed back before it was ever sent, nobody has to have noticed.
    return this.flips(key, since, rev) > 0 ? [true, false] : [false];
  }

  /** All is settled: what the platform shows now is where the next change begins. */
  settled(bad: ReadonlyMap<string, CrmRow>): void {
    for (const key of [...this.since.keys()]) {
      const row = this.crm.rows.get(key);
      if (row === undefined || bad.has(key)) continue;
      const raised = this.sandbox.dengage.contact(key)?.['email_permission'] === true;
      // Denied by the CRM and here: a later consent of the CRM's is a change.
      if (raised || !row.opt_in) this.since.delete(key);
      else this.since.set(key, row.rev);
    }
  }

  private flips(key: string, since: number, until: number): number {
    const versions = this.crm.history(key).filter((row) => row.rev >= since && row.rev <= until);
    return versions.filter((row, i) => i > 0 && row.opt_in !== versions[i - 1]?.opt_in).length;
  }
}
