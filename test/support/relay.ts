import { createServer, connect, type AddressInfo, type Socket } from 'node:net';

/** Passes bytes between a process and a server, and can hold the server's answers back in the middle. */
export interface Relay {
  readonly port: number;
  /** After so many more bytes of answers nothing passes any more; `held` is called when something does not. */
  hold(bytes: number, held: () => void): void;
  /** Passes everything again, on new connections; those that are held are cut. */
  release(): void;
  close(): Promise<void>;
}

/** Starts one before a server of this machine. */
export async function startRelay(port: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  let room = Infinity;
  let held = (): void => undefined;
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      // A cut is what this is for.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.on('data', (part: Buffer) => {
      if (room > 0) near.write(part.subarray(0, Math.min(part.length, room)));
      room -= part.length;
      if (room < 0) held();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => { for (const socket of sockets) socket.destroy(); };
  return {
    port: (server.address() as AddressInfo).port,
    hold: (bytes, call) => {
      room = bytes;
      held = call;
    },
    release: () => {
      if (room !== Infinity) cut();
      room = Infinity;
      held = () => undefined;
    },
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
