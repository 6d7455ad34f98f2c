/** What of the configuration goes with every call, and so can be why one is refused whatever its rows are. */
export interface Configured {
  readonly listId?: string;
  readonly webhookUrl?: string;
  /** Names and uuids of properties. */
  readonly properties: readonly string[];
}

/** Lists that are no list of the CRM's: words of a refused row ("on the mailing list", "in the contact list"). */
const OTHER_LISTS = /\b(?:mailing|e-?mail|contacts?|customers?|suppression|blocked|block|black|white|allow|deny|stop|opt-?out|unsubscribe|property|properties|error|this|the following) list\b/g;
const NOT_THERE = '(?:(?:was|is|are|were|does|do|could|can|has|have|been|be) ?)*(?:not ?(?:be )?(?:found|exist|known|valid|available|recogni[sz]ed|defined)|unknown|invalid|missing|inactive|deleted|nonexistent)';
/** `listId` is a field of the call and of no row. */
const LIST = [/\blist[ _-]?ids?\b/, /\b(?:unknown|invalid|no such|non-?existent|wrong|inactive) list\b(?! of)/, new RegExp(`\\blist ${NOT_THERE}\\b`)];
/** "Invalid property value" is a row's fault, and so is a property that is invalid: only what is not there is meant. */
const UNKNOWN_PROPERTY = [
  /\b(?:unknown|no such|non-?existent|undefined|unrecogni[sz]ed) propert(?:y|ies)\b(?! value)/,
  /\bpropert(?:y|ies)(?: ?(?:name|id|field)s?)?(?: "[^"]*"| '[^']*'| [\w-]+)? (?:was |is |are |were |does |do |could |can )?(?:not (?:be )?(?:found|exist|known|defined|recogni[sz]ed)|unknown|undefined)\b/,
];

/**
 * The hint where a refusal (400, 422) speaks of something that every call carries, so that no row can be at fault;
 * null: a row may be (pure).
 *
 * doc: unknown properties and lists are among the causes; unknown: the words. To be wrong in one direction costs a
 * few more calls (even single rows are refused, and the lane blocks for want of a witness), in the other it blocks a
 * lane for one bad contact: so only words that cannot be about a contact count, and only about what is configured.
 */
export function blameOf(words: string, { listId, webhookUrl, properties }: Configured): string | null {
  const said = words.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase().replace(/n't\b/g, ' not').replace(/["'`]?\b([\w-]+)\b["'`]?/g, '$1').replace(/[ \t\r\n]+/g, ' ').replace(OTHER_LISTS, 'rows');
  if (listId !== undefined && (said.includes(listId.toLowerCase()) || LIST.some((pattern) => pattern.test(said)))) {
    return 'check listId: it has to be the id of a list of this MainBrainer account';
  }
  if (webhookUrl !== undefined && /\bweb ?hook/.test(said)) return 'check webhookUrl: MainBrainer does not take it';
  if (properties.length > 0 && UNKNOWN_PROPERTY.some((pattern) => pattern.test(said))) {
    return 'check properties: each has to be the name or the uuid of a property of this MainBrainer account';
  }
  return null;
}
