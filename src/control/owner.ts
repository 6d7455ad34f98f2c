import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { ulid } from 'ulid';
import { isAlive, ownProcess } from '../runtime/index.js';

/**
 * Where process ids mean the same as here: this machine since its last start and, on Linux, this PID namespace
 * (two containers of one host name must not take each other for dead).
 */
function machine(): string {
  const read = (how: () => string): string => {
    try {
      return how().trim();
    } catch {
      return '';
    }
  };
  return [hostname(), read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')), read(() => readlinkSync('/proc/self/ns/pid'))].join(' ');
}

/** Names a worker of this process in leases, so that others can tell whether it still lives. */
export function workerName(): string {
  const { pid, start } = ownProcess();
  return [machine(), String(pid), start, ulid()].map(encodeURIComponent).join('/');
}

/** Whether the worker of this name was a process of this machine that is gone. False wherever that cannot be known. */
export function isDeadHere(name: string): boolean {
  const [where, pid, start] = name.split('/').map(decodeURIComponent);
  if (where !== machine() || pid === undefined || start === undefined) return false;
  return !isAlive({ pid: Number(pid), start });
}
