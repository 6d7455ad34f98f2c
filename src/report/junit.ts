import { formatNumber } from '../format/index.js';
import type { CampaignVerdict, VerificationDocument } from '../ledger/index.js';
import { html, type Markup } from './markup.js';
import { countsOf, evidenceOf, howOf, otherFaults, whyOf } from './words.js';

interface Case {
  readonly name: string;
  /** Counts and the like, shown of what passes too. */
  readonly says: string;
  /** Why it fails; undefined: it passes. */
  readonly failure?: string;
}

/**
 * A verification as JUnit XML, for CI systems: a suite a sync, a case for each locale, each locale of the campaign, and
 * each other fault. Counts and reasons, no contact.
 */
export function asJunit(sync: string, document: VerificationDocument): string {
  const cases: Case[] = document.locales.map((locale) => ({
    name: `locale ${locale.locale}`, says: countsOf(locale), ...(locale.pass ? {} : { failure: [whyOf(locale), countsOf(locale)].filter((one) => one !== '').join(': ') }),
  }));
  if (document.campaign !== undefined) cases.push(...campaignCases(document.campaign));
  for (const fault of otherFaults(document)) cases.push({ name: fault, says: fault, failure: fault });
  // A suite without a case is a broken one to some readers.
  if (cases.length === 0) cases.push({ name: 'audience', says: 'nobody is expected, nobody was found', ...(document.verdict === 'pass' ? {} : { failure: 'the verification failed' }) });
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  const seconds = document.seconds ?? 0;
  const properties: readonly (readonly [string, string])[] = [
    ['verdict', document.verdict], ['how', howOf(document)], ['foreign', String(document.foreign)],
    ...(document.campaign === undefined ? [] : [['campaign', document.campaign.id] as const]),
    ...evidenceOf(document).map((line) => ['evidence', line] as const), ...(document.notices ?? []).map((notice) => ['notice', notice] as const),
  ];
  return html`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="syncline verify" tests="${cases.length}" failures="${failures}" errors="0" time="${seconds}">
  <testsuite name="${sync}" tests="${cases.length}" failures="${failures}" errors="0" skipped="0" time="${seconds}" timestamp="${document.at.slice(0, 19)}">
    <properties>
${properties.map(([name, value]) => html`      <property name="${name}" value="${value}"/>
`)}    </properties>
${cases.map((one) => caseMarkup(sync, one))}  </testsuite>
</testsuites>
`.text;
}

function campaignCases({ id, locales, fault }: CampaignVerdict): readonly Case[] {
  if (fault !== undefined) return [{ name: `campaign ${id}`, says: fault, failure: fault }];
  return locales.map(({ locale, count, found, hasTemplate, faults }) => ({
    name: `campaign ${id}: locale ${locale}`,
    says: `${formatNumber(count)} counted by the platform, ${formatNumber(found)} found opted in, ${hasTemplate ? 'a template' : 'no template'}`,
    ...(faults === undefined ? {} : { failure: faults.join('; ') }),
  }));
}

function caseMarkup(sync: string, { name, says, failure }: Case): Markup {
  return html`    <testcase classname="syncline.${sync}" name="${name}" time="0">
${failure === undefined ? null : html`      <failure type="verification" message="${failure}">${says}</failure>
`}      <system-out>${says}</system-out>
    </testcase>
`;
}
