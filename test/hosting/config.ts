/** A configuration that holds, with nobody behind its destination. @param top lines that stand before the sources */
export const smallConfig = (top = ''): string => `version: 1
${top}sources:
  crm: {type: csv, path: ./contacts.csv, key: id, updatedAt: updated_at, fields: {email: email}}
destinations:
  news: {type: mailingcore, baseUrl: "http://127.0.0.1:1", apiKey: mc_test_key, tenantId: t}
syncs:
  one: {source: crm, destination: news}
`;
