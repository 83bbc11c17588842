// SPDX-License-Identifier: Apache-2.0
// Fetches the Debian packages of a guest: a kernel, the programs of each image, and packages a user asks for.
// Source: docs/reference/qemu-attach.md section 3.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ApemuError } from '../../errors.ts';
import { NO_PACKAGES, PrivateApt, SUPPLY_INSTEAD } from './apt.ts';
import { matching } from './paths.ts';
import {
  GUEST_ARCHITECTURE,
  KERNEL_META_PACKAGE,
  NEWEST_SUITE,
  type SuiteChoice,
  suiteName,
} from './suites.ts';

/** Unpacked packages. */
export interface FetchedPackages {
  /** The kernel, its modules and the programs of each image. */
  readonly tree: string;
  /** What was asked for besides; nothing where nothing was. */
  readonly more: string | undefined;
}

/** Name of the package with the suite's current kernel image, from the dependencies of the meta package. */
export function kernelPackage(dependsText: string): string | undefined {
  const match = /^\s*\|?Depends:\s+(linux-image-\d[^\s]*)/m.exec(dependsText);
  return match?.[1];
}

/** Names of the packages of which a kernel image consists since 7.2, from the dependencies of its package. */
export function kernelParts(dependsText: string): string[] {
  const parts = dependsText.matchAll(/^\s*Depends:\s+(linux-(?:binary|modules)-\d[^\s]*)/gm);
  return [...parts].map((match) => match[1]);
}

/** Series of a kernel by the name of its package. */
const seriesOf = (name: string): string | undefined => /^linux-image-(\d+\.\d+)/.exec(name)?.[1];

/**
 * The package of a kernel: the suite's current one, or the newest other one of the series that is asked for.
 *
 * @param current what the meta package names
 * @param searchText what `apt-cache search --names-only` printed
 */
export function kernelOfSeries(
  series: string | undefined,
  current: string | undefined,
  searchText: string,
): string | undefined {
  if (series === undefined || (current !== undefined && seriesOf(current) === series))
    return current;
  const names = searchText.split('\n').map((line) => line.split(' ', 1)[0]);
  const fitting = names.filter((name) => seriesOf(name) === series && name.endsWith('-s390x'));
  return fitting.sort(compareSeries).at(-1);
}

/** Numbers in names as numbers: 6.9 before 6.12. */
const compareSeries = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

async function findKernel(apt: PrivateApt, row: SuiteChoice): Promise<string> {
  const current = kernelPackage(await apt.query('depends', KERNEL_META_PACKAGE));
  const all = await apt.query('search', '--names-only', '^linux-image-[0-9].*-s390x$');
  const name = kernelOfSeries(row.series, current, all);
  if (name !== undefined) return name;
  const known = apt.architectures();
  const has = current === undefined ? '' : `: it has ${current}`;
  if (
    row.series !== undefined &&
    row.kernelSuite === NEWEST_SUITE &&
    isUnborn(row.series, [current ?? '', ...all.split('\n')])
  )
    throw new ApemuError(
      'APEMU_ERR_GUEST_IMAGE_KERNEL',
      `no guest image for kernel ${row.series}: the newest of Debian is ${current}, of ${NEWEST_SUITE}. ${SUPPLY_INSTEAD}`,
    );
  const reason =
    known.length > 0 && !known.includes(GUEST_ARCHITECTURE)
      ? `the mirror has ${suiteName(row)} no longer for ${GUEST_ARCHITECTURE}, only for ${known.join(', ')}`
      : `${suiteName(row)} has no kernel ${row.series ?? ''} for ${GUEST_ARCHITECTURE}${has}`;
  throw new ApemuError(NO_PACKAGES, `${reason}. ${SUPPLY_INSTEAD}`);
}

/**
 * Whether a series is newer than any kernel of a suite that has the newest: then it is in no other either.
 *
 * @param names of packages in that suite
 */
export const isUnborn = (series: string, names: readonly string[]): boolean => {
  const known = names.flatMap((name) => seriesOf(name) ?? []);
  return known.length > 0 && known.every((one) => compareSeries(one, series) < 0);
};

/**
 * Fetches a suite's packages into `root` and unpacks them there.
 *
 * @param more names of packages that are wanted besides, with what they depend on
 * @throws ApemuError APEMU_ERR_GUEST_IMAGE_PACKAGES when apt, the mirror or a package is missing; says what to supply instead
 */
export async function fetchPackages(
  root: string,
  row: SuiteChoice,
  more: readonly string[],
  log: (line: string) => void,
): Promise<FetchedPackages> {
  log(`reading the package lists of ${suiteName(row)} for ${GUEST_ARCHITECTURE}`);
  const apt = await PrivateApt.open(root, row);
  const kernel = await findKernel(apt, row);
  await refuseUnknown(apt, row, more);
  const parts = kernelParts(await apt.query('depends', kernel));
  log(`fetching ${[kernel, ...parts].join(', ')} and ${[...row.packages, ...more].join(', ')}`);
  const debs = join(root, 'debs');
  mkdirSync(debs);
  await apt.run('apt-get', ['download', '-q', kernel, ...parts], debs);
  // Programs of the suite itself go together; a suite that has the kernel alone may be far ahead of it.
  await apt.run('apt-get', ['download', '-q', '-t', row.suite, ...row.packages], debs);
  const tree = await unpack(apt, 'debs', 'tree');
  if (more.length === 0) return { tree, more: undefined };
  const options = ['-q', '-y', '--download-only', '--no-install-recommends', '-t', row.suite];
  await apt.run('apt-get', ['install', ...options, ...more]);
  return { tree, more: await unpack(apt, 'cache/archives', 'more') };
}

async function refuseUnknown(
  apt: PrivateApt,
  row: SuiteChoice,
  names: readonly string[],
): Promise<void> {
  for (const name of names) {
    if ((await apt.query('show', name)) !== '') continue;
    throw new ApemuError(
      NO_PACKAGES,
      `--packages: ${suiteName(row)} has no package ${name} for ${GUEST_ARCHITECTURE}`,
    );
  }
}

async function unpack(apt: PrivateApt, from: string, to: string): Promise<string> {
  const tree = join(apt.root, to);
  mkdirSync(tree);
  for (const file of matching(apt.root, `${from}/*.deb`).sort())
    await apt.run('dpkg-deb', ['-x', file, tree]);
  return tree;
}
