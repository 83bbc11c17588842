// SPDX-License-Identifier: Apache-2.0
// Which Debian suites have which guest kernel, and which packages are taken from each: names only, no mirror and no versions.
// Source: docs/reference/qemu-attach.md section 3.

/** One guest system that can be made from packages. */
export interface GuestSuite {
  /** Kernel series, as a user names it. */
  readonly kernel: '5.10' | '6.1' | '6.12' | '7.2' | '7.3';
  /** Debian suite. */
  readonly suite: string;
  /** Suite from which the kernel is taken, if it is another one. */
  readonly kernelSuite?: string;
  /** An old release, which few mirrors still have for this architecture; archives of old releases do. */
  readonly old?: true;
  /** Packages whose name does not change within the suite. */
  readonly packages: readonly string[];
}

/** The package that depends on the suite's current kernel image. */
export const KERNEL_META_PACKAGE = 'linux-image-s390x';

/** Debian's architecture name of the guest. */
export const GUEST_ARCHITECTURE = 's390x';

const COMMON = [
  'busybox-static',
  's390-tools',
  'libc6',
  'libica-utils',
  'zlib1g',
  'perl-base',
  'libcrypt1',
  'openssl',
  'openssl-ibmca',
] as const;

const BOOKWORM = [...COMMON, 'libica3', 'libssl3'] as const;
const NEWEST = [...COMMON, 'libica4', 'libssl3t64', 'libzstd1'] as const;

/** The suite in which a kernel appears first. */
export const NEWEST_SUITE = 'experimental';

/** The guest systems. A series may have several rows: the next one is taken when the packages of one cannot be had. */
const GUEST_SUITES: readonly GuestSuite[] = [
  { kernel: '5.10', suite: 'bullseye', old: true, packages: [...COMMON, 'libica3', 'libssl1.1'] },
  { kernel: '6.1', suite: 'bookworm', packages: BOOKWORM },
  { kernel: '6.12', suite: 'trixie', packages: [...COMMON, 'libica3', 'libssl3t64', 'libzstd1'] },
  {
    kernel: '6.12',
    suite: 'bookworm',
    kernelSuite: 'bookworm-backports',
    packages: BOOKWORM,
  },
  // What Debian tests at the moment, so that these series change.
  { kernel: '7.2', suite: 'forky', packages: NEWEST },
  { kernel: '7.2', suite: 'sid', packages: NEWEST },
  { kernel: '7.3', suite: 'sid', kernelSuite: NEWEST_SUITE, packages: NEWEST },
];

/** Kernel series for which there are images, the oldest first. */
export const KERNEL_SERIES: readonly string[] = [...new Set(GUEST_SUITES.map((row) => row.kernel))];

/** Series that can be had from nearly every mirror. */
export const CURRENT_SERIES: readonly string[] = KERNEL_SERIES.filter((kernel) =>
  GUEST_SUITES.some((row) => row.kernel === kernel && row.old === undefined),
);

/** The series that is taken where none is named: of a stable release. */
export const DEFAULT_SERIES = '6.12';

/** A row of the table, and the series its kernel is to be of; without: whatever the suite has. */
export interface SuiteChoice extends GuestSuite {
  readonly series: string | undefined;
}

/** Suites whose kernel moves on, the newest first: with what it has it is known whether there is such a kernel at all. */
const MOVING: readonly string[] = [NEWEST_SUITE, 'sid', 'forky'];

/**
 * Where to look for a kernel, in this order.
 *
 * @param kernel a series of the table, a newer one, or a suite, whose kernel is taken whatever its series
 * @returns nothing for what is none of these
 */
export function suitesFor(kernel: string): readonly SuiteChoice[] {
  const ofSeries = GUEST_SUITES.filter((row) => row.kernel === kernel);
  if (ofSeries.length > 0) return ofSeries.map((row) => ({ ...row, series: kernel }));
  const named = GUEST_SUITES.find((row) => suiteName(row) === kernel);
  if (named !== undefined) return [{ ...named, series: undefined }];
  if (!/^\d+\.\d+$/.test(kernel) || isOlder(kernel)) return [];
  const moving = MOVING.flatMap((name) => {
    const row = GUEST_SUITES.findLast((each) => suiteName(each) === name);
    return row === undefined ? [] : [row];
  });
  return moving.map((row) => ({ ...row, series: kernel }));
}

/** Whether a series is older than the newest of the table: no suite that moves will have it. */
const isOlder = (kernel: string): boolean =>
  kernel.localeCompare(KERNEL_SERIES.at(-1) ?? '', 'en', { numeric: true }) < 0;

/** The suite of the kernel, as apt and people write it. */
export function suiteName(row: Pick<GuestSuite, 'suite' | 'kernelSuite'>): string {
  return row.kernelSuite ?? row.suite;
}

/** Names that a Debian archive may have in the apt configuration if its Release file was not read yet. */
export const DEBIAN_RELEASES: readonly string[] = [
  'oldstable',
  'stable',
  'testing',
  'unstable',
  'bullseye',
  'bookworm',
  'trixie',
  'forky',
  'sid',
];
