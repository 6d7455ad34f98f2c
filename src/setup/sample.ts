/** The file of the sample contacts, beside the configuration. */
export const SAMPLE_FILE = 'sample-contacts.csv';

/** Invented people at domains and numbers kept for examples: opted in, opted out, never asked. */
export const SAMPLE = `external_id,email,phone,first_name,last_name,locale,country,city,opt_in,updated_at
1001,anna.schmidt@example.com,,Anna,Schmidt,de,DE,Hamburg,true,2025-01-06T09:00:00Z
1002,ben.carter@example.com,+12025550101,Ben,Carter,en,US,Boston,true,2025-01-06T09:05:00Z
1003,chloe.martin@example.com,,Chloé,Martin,fr,FR,Lyon,true,2025-01-06T09:10:00Z
1004,david.evans@example.com,,David,Evans,en,GB,Leeds,true,2025-01-06T09:15:00Z
1005,emma.fischer@example.com,,Emma,Fischer,de,DE,Leipzig,false,2025-01-06T09:20:00Z
1006,frank.green@example.com,+12025550102,Frank,Green,en,US,Denver,true,2025-01-06T09:25:00Z
1007,gabriel.petit@example.com,,Gabriel,Petit,fr,FR,Nantes,,2025-01-06T09:30:00Z
1008,hannah.jones@example.com,+12025550103,Hannah,Jones,en,US,Austin,true,2025-01-06T09:35:00Z
1009,ines.moreau@example.com,,Inès,Moreau,fr,FR,Lille,true,2025-01-06T09:40:00Z
1010,jonas.weber@example.com,,Jonas,Weber,de,DE,Bremen,true,2025-01-06T09:45:00Z
1011,kate.miller@example.com,,Kate,Miller,en,GB,Bristol,false,2025-01-06T09:50:00Z
1012,luis.garcia@example.com,,Luis,García,,ES,Valencia,true,2025-01-06T09:55:00Z
`;
