// SPDX-License-Identifier: Apache-2.0
// An apt of our own for another architecture and suite, without root and without touching the system's apt state.
// The mirror is the one the system's own apt configuration names. Source: docs/reference/qemu-attach.md section 3.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApemuError } from '../../errors.ts';
import { matching } from './paths.ts';
import { runProgram } from './run-process.ts';
import { DEBIAN_RELEASES, GUEST_ARCHITECTURE, type GuestSuite, suiteName } from './suites.ts';

/** Code of the errors for packages that cannot be had, now or here. */
export const NO_PACKAGES = 'APEMU_ERR_GUEST_IMAGE_PACKAGES';

/** One archive of the system's apt configuration. */
export interface Archive {
  readonly uri: string;
  readonly release: string;
  readonly origin: string;
}

/** What to do when packages cannot be had; ends messages about them. */
export const SUPPLY_INSTEAD =
  'Supply your own instead: --kernel FILE (an s390x kernel image whose command line knows facilities=) and --initrd FILE.';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Reads what `apt-get indextargets` printed: one archive a line, fields separated by `|`. */
export function parseArchives(text: string): Archive[] {
  const archives: Archive[] = [];
  for (const line of text.split('\n')) {
    const [uri, release, origin] = line.split('|');
    if (uri === undefined || release === undefined || origin === undefined) continue;
    if (!archives.some((known) => known.uri === uri && known.release === release)) {
      archives.push({ uri, release, origin });
    }
  }
  return archives;
}

/**
 * The lines of a private sources.list: the system's Debian archives with the wanted suite in place of theirs.
 *
 * @returns an empty list when the system names no Debian archive
 */
export function sourcesFor(
  archives: readonly Archive[],
  row: Pick<GuestSuite, 'suite' | 'kernelSuite'>,
): string[] {
  const { suite } = row;
  const option = existsSync(KEYRING) ? `[signed-by=${KEYRING}] ` : '';
  const lines = new Set<string>();
  for (const archive of archives) {
    const [base = '', pocket = ''] = archive.release.split('-', 2);
    const debian = archive.origin === 'Debian' || DEBIAN_RELEASES.includes(base);
    if (!debian || (pocket !== '' && pocket !== 'security' && pocket !== 'updates')) continue;
    const wanted = pocket === '' ? suite : `${suite}-${pocket}`;
    lines.add(`deb ${option}${archive.uri} ${wanted} main`);
    if (pocket === '' && row.kernelSuite !== undefined) {
      lines.add(`deb ${option}${archive.uri} ${suiteName(row)} main`);
    }
  }
  return [...lines];
}

/**
 * The configuration of a private apt: everything it reads or writes lies in `root`.
 *
 * @param release the release whose versions win over newer and older ones: a kernel of another suite would not be taken otherwise
 */
export function aptConfiguration(root: string, asRoot: boolean, release: string): string {
  const settings: readonly [string, string][] = [
    ['APT::Architecture', GUEST_ARCHITECTURE],
    ['APT::Default-Release', release],
    ['Dir::State', `${root}/state`],
    ['Dir::State::Lists', `${root}/lists`],
    ['Dir::State::status', '/dev/null'],
    ['Dir::Cache', `${root}/cache`],
    ['Dir::Etc::sourcelist', `${root}/sources.list`],
    ['Dir::Etc::sourceparts', '-'],
    ['Acquire::Languages', 'none'],
    ['Acquire::Retries', '2'],
    ...(asRoot ? ([['APT::Sandbox::User', 'root']] as [string, string][]) : []),
  ];
  const lines = settings.map(([name, value]) => `${name} "${value}";`);
  return [...lines, `APT::Architectures { "${GUEST_ARCHITECTURE}"; };`, ''].join('\n');
}

/** The apt of one image: all it reads and writes lies in a folder. */
export class PrivateApt {
  readonly root: string;
  readonly #row: GuestSuite;

  private constructor(root: string, row: GuestSuite) {
    this.root = root;
    this.#row = row;
  }

  /**
   * Makes the folder's apt and reads the package lists.
   *
   * @throws ApemuError APEMU_ERR_GUEST_IMAGE_PACKAGES when apt or the mirror is missing; says what to supply instead
   */
  static async open(root: string, row: GuestSuite): Promise<PrivateApt> {
    const apt = new PrivateApt(root, row);
    await apt.#readLists(await apt.#configure());
    return apt;
  }

  /** Runs a program with this apt's configuration. @throws ApemuError APEMU_ERR_GUEST_IMAGE_PACKAGES when it fails */
  async run(command: string, args: readonly string[], cwd = this.root): Promise<string> {
    const done = await runProgram(command, args, { cwd, env: this.#environment });
    if (done.status === 0) return done.stdout;
    const reason = done.missing ? `${command} is not installed` : done.stderr.trim();
    throw new ApemuError(
      NO_PACKAGES,
      `cannot fetch ${GUEST_ARCHITECTURE} packages: ${reason}. ${SUPPLY_INSTEAD}`,
      { cause: done },
    );
  }

  /** What apt-cache says, and nothing of what it does not know. */
  async query(...args: string[]): Promise<string> {
    const done = await runProgram('apt-cache', args, { cwd: this.root, env: this.#environment });
    return done.stdout;
  }

  /** Architectures the mirror says it has the suite for; empty when it does not say. */
  architectures(): string[] {
    const release = new RegExp(`_dists_${suiteName(this.#row)}_(?:In)?Release$`);
    const files = matching(this.root, 'lists/*Release').filter((file) => release.test(file));
    const texts = files.map((file) => readFileSync(file, 'utf8'));
    const named = texts.flatMap(
      (text) => /^Architectures: (.+)$/m.exec(text)?.[1].split(' ') ?? [],
    );
    return [...new Set(named)].filter((name) => name !== 'all');
  }

  get #environment(): Record<string, string> {
    return { APT_CONFIG: `${this.root}/apt.conf` };
  }

  async #configure(): Promise<string[]> {
    const row = this.#row;
    const format = '$(REPO_URI)|$(RELEASE)|$(ORIGIN)';
    const targets = ['indextargets', '--format', format, 'Created-By: Packages'];
    const listed = await runProgram('apt-get', targets);
    const sources = sourcesFor(parseArchives(listed.stdout), row);
    if (sources.length === 0) {
      throw new ApemuError(
        NO_PACKAGES,
        `the apt configuration of this system names no Debian archive to take ${row.suite} from. ${SUPPLY_INSTEAD}`,
      );
    }
    for (const folder of ['lists/partial', 'cache/archives/partial', 'state']) {
      mkdirSync(join(this.root, folder), { recursive: true });
    }
    const configuration = aptConfiguration(this.root, process.getuid?.() === 0, suiteName(row));
    writeFileSync(join(this.root, 'apt.conf'), configuration);
    return sources;
  }

  /** A mirror whose update and security pockets are broken at the moment serves by its main pocket. */
  async #readLists(sources: readonly string[]): Promise<void> {
    const file = join(this.root, 'sources.list');
    const needed = [this.#row.suite, suiteName(this.#row)];
    const main = sources.filter((line) => needed.some((name) => line.includes(` ${name} `)));
    writeFileSync(file, `${sources.join('\n')}\n`);
    try {
      await this.run('apt-get', ['update', '-q']);
    } catch (error) {
      if (main.length === 0 || main.length === sources.length) throw error;
      writeFileSync(file, `${main.join('\n')}\n`);
      await this.run('apt-get', ['update', '-q']);
    }
  }
}
