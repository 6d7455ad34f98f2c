import type { Json } from '../../contacts/index.js';
import { signatureOf, type ListPage } from './page.js';

/**
 * What is asked for next, as it is stored.
 *
 * unknown: whether MailingCore's list is paged by cursor or by number, and in which order. A cursor is followed where one
 * comes. Else pages are counted, and a contact that leaves a page already read (it is deleted, or changed and thereby
 * put at the end) draws those behind it one place forward: the first of the page that is asked for next would be
 * missed. So each page is read `again` after the one behind it: whoever slipped onto it meanwhile is found there, as
 * long as fewer than a page's contacts slip between two calls. What changed while it was read comes in the next run,
 * for it is dated after this one's bound. This takes an order in which contacts that do not change keep their places.
 */
export type Step =
  | {
      readonly at: 'page';
      readonly page: number;
      /** Signature of the page before, and how often this one came as the same or as another one. */
      readonly before: string;
      readonly same: number;
    }
  | { readonly at: 'again'; readonly page: number; readonly before: string; readonly same: number; readonly ended: boolean }
  | {
      readonly at: 'cursor';
      readonly cursor: string;
      /** Pages and contacts read so far, whatever came twice among them. */
      readonly pages: number;
      readonly contacts: number;
      readonly same: number;
      /** A cursor met before, moved on ever more rarely, and how often it came again: a circle is found by it. */
      readonly mark: string;
      readonly turns: number;
    }
  | { readonly at: 'done' };

export const START: Step = { at: 'page', page: 1, before: '', same: 0 };
export const DONE: Step = { at: 'done' };

/** How often a page or cursor that repeats is asked for again, and how often a circle is gone round. */
const MOST_SAME = 3;

/** A step as it was stored; anything else starts from the beginning. */
export function stepOf(stored: Json | null): Step {
  return stored !== null && typeof stored === 'object' && !Array.isArray(stored) && typeof stored['at'] === 'string' ? (stored as unknown as Step) : START;
}

/** What a step asks for, as parameters. */
export function queryOf(step: Exclude<Step, { at: 'done' }>): string {
  return step.at === 'cursor' ? `&cursor=${encodeURIComponent(step.cursor)}` : `&page=${step.page}`;
}

/**
 * What follows a page (pure).
 * @returns the next step, or why the list cannot be read to its end
 */
export function nextStep(step: Exclude<Step, { at: 'done' }>, page: ListPage): Step | string {
  if (step.at === 'cursor') return afterCursor(step, page);
  // unknown: whether pages are counted from 1; so a number that stays another one is believed in the end.
  if (page.next === null && page.number !== null && page.number !== step.page && step.same < MOST_SAME) return { ...step, same: step.same + 1 };
  if (step.at === 'again') return step.ended ? DONE : { at: 'page', page: step.page + 2, before: step.before, same: 0 };
  if (page.next !== null) return { at: 'cursor', cursor: page.next, pages: step.page, contacts: page.contacts.length, same: 0, mark: '', turns: 0 };
  const signature = signatureOf(page.contacts);
  const promised = page.totalPages !== null && step.page < page.totalPages;
  if (page.contacts.length > 0 && signature === step.before) {
    // The page before has come again: where nothing tells of more it was the last, else the answer was a wrong one.
    if (page.totalPages === null) return DONE;
    if (step.same < MOST_SAME) return { ...step, same: step.same + 1 };
    if (promised) return `answers page ${step.page} of its list with the contacts of the page before`;
  }
  const ended = page.contacts.length === 0 || (page.totalPages !== null && !promised);
  if (step.page === 1) return ended ? DONE : { at: 'page', page: 2, before: signature, same: 0 };
  return { at: 'again', page: step.page - 1, before: signature, same: 0, ended };
}

function afterCursor(step: Extract<Step, { at: 'cursor' }>, page: ListPage): Step | string {
  const { next } = page;
  const pages = step.pages + 1;
  const contacts = step.contacts + page.contacts.length;
  if (next === null) return DONE;
  if (next === step.cursor) {
    // The same cursor again: an answer that was repeated, or the platform's way to say that it has no more.
    if (page.contacts.length === 0) return DONE;
    if (step.same < MOST_SAME) return { ...step, same: step.same + 1 };
    return page.total !== null && contacts < page.total ? 'gives the same cursor again and again before its list is read' : DONE;
  }
  const turns = step.turns + (next === step.mark ? 1 : 0);
  if (turns > MOST_SAME) return 'gives its cursors in a circle';
  // At every power of two: whatever the length of a circle, the mark comes to lie on it.
  const mark = Number.isInteger(Math.log2(pages)) ? next : step.mark;
  return { at: 'cursor', cursor: next, pages, contacts, same: 0, mark, turns };
}
