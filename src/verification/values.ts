/** Back from the working tables' `none` to a contact's own words. */
export function localeOrNull(locale: string | null): string | null {
  return locale === 'none' ? null : locale;
}

/** One side of a difference as a person sees it. */
export function shown(fields: string | null, locale: string | null, optedIn: boolean | null, smsOptedIn: boolean | null): Record<string, unknown> {
  const values = fields === null ? {} : (JSON.parse(fields) as Record<string, unknown>);
  return { optedIn, ...(smsOptedIn === null ? {} : { smsOptedIn }), locale: localeOrNull(locale), ...values };
}
