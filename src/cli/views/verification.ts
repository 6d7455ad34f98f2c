import type { VerificationDocument } from '../../ledger/index.js';
import { formatNumber, table } from '../output/index.js';
import type { Colors } from '../output/index.js';

/** A verification by locale, for a person. */
export function verificationView(document: VerificationDocument, colors: Colors): string {
  const verdict = document.verdict === 'pass' ? colors.green('pass') : colors.red('fail');
  const notes = [`foreign: ${formatNumber(document.foreign)}`];
  if (document.elsewhere !== undefined && document.elsewhere > 0) notes.push(`of other syncs: ${formatNumber(document.elsewhere)}`);
  return [
    `verification: ${verdict} (${document.method}, against the ${document.against})  ${notes.join('  ')}`,
    table(
      ['locale', 'expected', 'found', 'missing', 'unexpected', 'different', 'pending', 'minimum', 'verdict'],
      document.locales.map((one) => [
        one.locale, one.expected, one.found, one.missing, one.unexpected, one.different, one.pending, one.minimum, one.pass ? 'pass' : 'fail',
      ]),
      { colors },
    ),
  ].join('\n');
}
