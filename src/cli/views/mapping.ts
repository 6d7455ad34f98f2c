import type { MappingDocument } from '../../ledger/index.js';
import { formatDuration, formatNumber } from '../output/index.js';
import type { Colors } from '../output/index.js';

/** What a changed configuration touches, in a line with the way out; nothing where it did not change. */
export function mappingLine(sync: string, mapping: MappingDocument | null, colors: Colors): readonly string[] {
  if (mapping === null) return [];
  return [`${colors.yellow('the configuration changed:')} ${touched(sync, mapping)}`];
}

function touched(sync: string, { contacts, calls, seconds }: MappingDocument): string {
  if (contacts === null) return `what is delivered is not sent again by itself. syncline plan ${sync} counts the contacts that come out different, run ${sync} --full sends them`;
  if (contacts === 0) return 'no contact comes out different';
  const cost = `${formatNumber(calls ?? 0)} ${calls === 1 ? 'call' : 'calls'}, ${formatDuration((seconds ?? 0) * 1000)}`;
  return `${formatNumber(contacts)} ${contacts === 1 ? 'contact comes' : 'contacts come'} out different (${cost}) and ${contacts === 1 ? 'is' : 'are'} not sent again by ${contacts === 1 ? 'itself' : 'themselves'}: syncline run ${sync} --full sends exactly ${contacts === 1 ? 'that one' : 'those'}`;
}
