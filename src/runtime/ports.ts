import { createServer } from 'node:net';

/** Whether a server could listen on 127.0.0.1:`port` now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

function anyFree(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen({ port: 0, host: '127.0.0.1', exclusive: true }, () => {
      const address = probe.address();
      probe.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no free port'))));
    });
  });
}

/** The first free one of `preferred` that is not in `taken`, else any free one. */
export async function choosePort(preferred: readonly (number | undefined)[], taken: readonly number[] = []): Promise<number> {
  for (const port of preferred) {
    if (port !== undefined && !taken.includes(port) && (await isFree(port))) return port;
  }
  for (;;) {
    const port = await anyFree();
    if (!taken.includes(port)) return port;
  }
}
