/** Two clocks agree within this, as a Postgres interval: an act within the margin of another is not certainly newer. */
export const CONSENT_MARGIN = '5 minutes';
