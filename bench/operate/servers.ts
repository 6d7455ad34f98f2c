import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { findTemporal, makeRoot, placesOf, postgresPart, postgresUrl, temporalPart, type Part, type PartRecord } from '../../src/runtime/index.js';

/** A server that can be stopped and started again at the same address, with what it held. */
export class Server {
  private record: PartRecord | undefined;
  private ports: { postgres?: number; temporal?: number; ui?: number } = {};

  constructor(private readonly part: Part) {}

  async start(): Promise<void> {
    const record = await this.part.start({ parts: {}, users: [], ports: this.ports }, (spawned) => { this.record = spawned; });
    this.record = record;
    this.ports = { [this.part.name]: record.port, ...(record.uiPort !== undefined && { ui: record.uiPort }) };
  }

  /** The process is gone afterwards. */
  async stop(): Promise<void> {
    const { record } = this;
    this.record = undefined;
    if (record !== undefined) await this.part.stop(record);
  }

  get port(): number {
    return this.ports[this.part.name] ?? 0;
  }
}

/** The servers of an installation in production: the ledger's Postgres, the CRM's, and Temporal, each a process of its own. */
export interface Servers {
  readonly ledger: Server;
  readonly crm: Server;
  readonly temporal: Server;
  ledgerUrl(): string;
  crmUrl(): string;
  /** Starts all three. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Three servers that keep their data in `directory`; none is started. */
export function serversIn(directory: string): Servers {
  const places = (name: string) => {
    const folder = path.join(directory, name);
    mkdirSync(folder);
    const found = placesOf(folder);
    makeRoot(found);
    return found;
  };
  const [ofLedger, ofCrm, ofTemporal] = [places('ledger'), places('crm'), places('temporal')];
  const ledger = new Server(postgresPart(ofLedger));
  const crm = new Server(postgresPart(ofCrm));
  const temporal = new Server(temporalPart(ofTemporal, 'default', () => findTemporal({ env: process.env, report: () => undefined })));
  const all = [ledger, crm, temporal];
  return {
    ledger, crm, temporal,
    ledgerUrl: () => postgresUrl(ofLedger, ledger.port),
    crmUrl: () => postgresUrl(ofCrm, crm.port),
    // One after the other: they choose their ports.
    start: async () => { for (const one of all) await one.start(); },
    stop: async () => { await Promise.all(all.map((one) => one.stop())); },
  };
}
