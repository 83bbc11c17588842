// SPDX-License-Identifier: Apache-2.0
// Fetches Debian packages of another architecture and suite with apt, without root and without touching the system's apt state.
// The mirror is the one the system's own apt configuration names. Source: docs/reference/qemu-attach.md section 3.

import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApemuError } from '../../errors.ts';
import { runProgram } from './run-process.ts';
import {
  DEBIAN_RELEASES,
  GUEST_ARCHITECTURE,
  type GuestSuite,
  KERNEL_META_PACKAGE,
  suiteName,
} from './suites.ts';

/** Code of the errors for packages that cannot be had, now or here. */
export const NO_PACKAGES = 'APEMU_ERR_GUEST_IMAGE_PACKAGES';

/** One archive of the system's apt configuration. */
export interface Archive {
  readonly uri: string;
  readonly release: string;
  readonly origin: string;
}

/** What to do when packages cannot be had; ends every message of this file. */
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

async function apt(root: string, command: string, args: string[], cwd = root): Promise<string> {
  const done = await runProgram(command, args, { cwd, env: { APT_CONFIG: `${root}/apt.conf` } });
  if (done.status === 0) return done.stdout;
  const reason = done.missing ? `${command} is not installed` : done.stderr.trim();
  throw new ApemuError(
    NO_PACKAGES,
    `cannot fetch ${GUEST_ARCHITECTURE} packages: ${reason}. ${SUPPLY_INSTEAD}`,
    { cause: done },
  );
}

/** Reads the package lists; a mirror whose update and security pockets are broken at the moment serves by its main pocket. */
async function readLists(root: string, sources: readonly string[], row: GuestSuite): Promise<void> {
  const file = join(root, 'sources.list');
  const needed = [row.suite, suiteName(row)];
  const main = sources.filter((line) => needed.some((name) => line.includes(` ${name} `)));
  writeFileSync(file, `${sources.join('\n')}\n`);
  try {
    await apt(root, 'apt-get', ['update', '-q']);
  } catch (error) {
    if (main.length === 0 || main.length === sources.length) throw error;
    writeFileSync(file, `${main.join('\n')}\n`);
    await apt(root, 'apt-get', ['update', '-q']);
  }
}

async function privateApt(root: string, row: GuestSuite): Promise<string[]> {
  const listed = await runProgram('apt-get', [
    'indextargets',
    '--format',
    '$(REPO_URI)|$(RELEASE)|$(ORIGIN)',
    'Created-By: Packages',
  ]);
  const sources = sourcesFor(parseArchives(listed.stdout), row);
  if (sources.length === 0) {
    throw new ApemuError(
      NO_PACKAGES,
      `the apt configuration of this system names no Debian archive to take ${row.suite} from. ${SUPPLY_INSTEAD}`,
    );
  }
  for (const folder of ['lists/partial', 'cache/archives/partial', 'state', 'debs']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  const configuration = aptConfiguration(root, process.getuid?.() === 0, suiteName(row));
  writeFileSync(join(root, 'apt.conf'), configuration);
  return sources;
}

/** The package of the suite's current kernel image, from the dependency of the meta package. */
export function kernelPackage(dependsText: string): string | undefined {
  const match = /^\s*\|?Depends:\s+(linux-image-\d[^\s]*)/m.exec(dependsText);
  return match?.[1];
}

/** Packages a kernel image is made of since 7.2, from the dependencies of its package. */
export function kernelParts(dependsText: string): string[] {
  const parts = dependsText.matchAll(/^\s*Depends:\s+(linux-(?:binary|modules)-\d[^\s]*)/gm);
  return [...parts].map((match) => match[1]);
}

/**
 * Fetches a suite's packages into `root` and unpacks them into `root/tree`.
 *
 * @returns the folder of the unpacked tree
 * @throws ApemuError APEMU_ERR_GUEST_IMAGE_PACKAGES when apt, the mirror or a package is missing; says what to supply instead
 */
export async function fetchPackages(
  root: string,
  row: GuestSuite,
  log: (line: string) => void,
): Promise<string> {
  const sources = await privateApt(root, row);
  log(`reading the package lists of ${suiteName(row)} for ${GUEST_ARCHITECTURE}`);
  await readLists(root, sources, row);
  const depends = await apt(root, 'apt-cache', ['depends', KERNEL_META_PACKAGE]);
  const kernel = kernelPackage(depends);
  if (kernel === undefined) {
    throw new ApemuError(
      NO_PACKAGES,
      `${suiteName(row)} has no ${KERNEL_META_PACKAGE} that names a kernel. ${SUPPLY_INSTEAD}`,
    );
  }
  const parts = kernelParts(await apt(root, 'apt-cache', ['depends', kernel]));
  log(`fetching ${[kernel, ...parts].join(', ')} and ${row.packages.join(', ')}`);
  const debs = join(root, 'debs');
  await apt(root, 'apt-get', ['download', '-q', kernel, ...parts, ...row.packages], debs);
  const tree = join(root, 'tree');
  mkdirSync(tree, { recursive: true });
  for (const file of readdirSync(debs)
    .filter((name) => name.endsWith('.deb'))
    .sort()) {
    await apt(root, 'dpkg-deb', ['-x', join(debs, file), tree]);
  }
  return tree;
}
