import { formatNumber } from '../format/index.js';
import type { DifferenceCount, VerificationDocument } from '../ledger/index.js';
import { audience } from './audience.js';
import { html } from './markup.js';
import { badge, countsTable, facts, pageOf, section, type Made } from './page.js';
import { howOf, moment } from './words.js';

/** What a verification's page is made of. */
export interface VerificationReport {
  readonly made: Made;
  readonly sync: string;
  readonly document: VerificationDocument;
  readonly differences: readonly DifferenceCount[];
  /** Contacts a repair has queued; null: none was asked for. */
  readonly repaired: number | null;
}

/** A verification as a page that stands by itself. */
export function verificationPage({ made, sync, document, differences, repaired }: VerificationReport): string {
  const pass = document.verdict === 'pass';
  return pageOf(`${sync}: verification ${document.verdict}`, made, html`<header><h1>${sync} ${badge(pass ? 'good' : 'bad', pass ? '✓ pass' : '✗ fail')}</h1>
<p class="under">${howOf(document)}, ${moment(document.at)}</p></header>
${section('The audience by locale', audience(document))}
${section('Why contacts differ', countsTable(['kind', 'why', 'contacts'], differences.map(({ kind, why, count }) => [kind, why, count])))}
${section('Beside it', facts([
    ['foreign contacts', `${formatNumber(document.foreign)}, at the platform and never sent by this sync`],
    ...(document.elsewhere === undefined ? [] : [['of other syncs', formatNumber(document.elsewhere)] as const]),
    ...(repaired === null ? [] : [['queued for repair', `${formatNumber(repaired)} contacts; only another verification knows whether it has mended them`] as const]),
  ]))}`);
}
