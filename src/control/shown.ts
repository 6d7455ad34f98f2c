import type { WorkflowStartOptions } from '@temporalio/client';
import { destinationAttribute, kindAttribute, phaseAttribute, syncAttribute } from '../../workflows/names.js';
import type { Orchestrator } from './start.js';

/** What the Web UI tells of a workflow before it has done anything. Names, ids and commands only. */
export interface Shown {
  /** A line beside its id. */
  readonly summary: string;
  /** More of it, in Markdown. */
  readonly details: string;
  readonly kind: string;
  readonly phase?: string;
  readonly sync?: string;
  readonly destination?: string | undefined;
}

/** The options of a start that have a workflow found by its search attributes, also while no worker has taken it up. */
export function shownBy({ attributes }: Pick<Orchestrator, 'attributes'>, { summary, details, kind, phase, sync, destination }: Shown): Pick<WorkflowStartOptions, 'staticSummary' | 'staticDetails' | 'typedSearchAttributes'> {
  const values = [
    { key: kindAttribute, value: kind },
    ...(phase === undefined ? [] : [{ key: phaseAttribute, value: phase }]),
    ...(sync === undefined ? [] : [{ key: syncAttribute, value: sync }]),
    ...(destination === undefined ? [] : [{ key: destinationAttribute, value: destination }]),
  ];
  return { staticSummary: summary, staticDetails: details, ...(attributes ? { typedSearchAttributes: values } : {}) };
}

/** What is shown of a run, by what it is. */
export const shownRun = (what: string, of: { readonly sync: string; readonly run: string; readonly kind: string; readonly destination?: string | undefined }): Shown => ({
  ...of, phase: 'opening', summary: `${what} of ${of.sync}`,
  details: [
    `Run \`${of.run}\` of the sync **${of.sync}**${of.destination === undefined ? '' : `, to **${of.destination}**`}.`,
    `What the ledger knows of it: \`syncline runs show ${of.run}\``,
    `Rows that did not make it: \`syncline failures ${of.sync}\``,
  ].join('\n\n'),
});

/** What is shown of a verification. */
export const shownVerification = (what: string, of: { readonly sync: string; readonly destination?: string | undefined }): Shown => ({
  ...of, kind: 'verify', phase: 'verifying', summary: `${what} of ${of.sync}`,
  details: `Compares what the source says with what the destination${of.destination === undefined ? '' : ` **${of.destination}**`} holds.\n\nAgain, with the differences: \`syncline verify ${of.sync}\``,
});

/** What is shown of an account's lane. */
export const shownLane = (account: string): Shown => ({
  kind: 'lane', summary: `the calls to ${account}, at its pace`,
  details: `Makes every call to the account **${account}**, at the pace it allows, and ends when nothing is left to send.\n\nWhy it waits: \`syncline status\`\n\nTo hold it: \`syncline lane pause ${account}\``,
});
