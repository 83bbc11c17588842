// SPDX-License-Identifier: Apache-2.0
// Releases of s390-tools, and what their lszcrypt and chzcrypt do differently.
// Source: outputs of the released programs on the same trees, test/golden/s390-tools; 2.16 is the release of Debian 12, 2.35 of Debian 13.

export interface ReleaseRow {
  readonly name: string;
  /** Version as `--version` prints it. */
  readonly version: string;
  /** The table of before 2.17: names, widths and rules of its columns; no options beyond -b, -c, -d and -V; no SE functions. */
  readonly early: boolean;
  /** QDEPTH shows one more than the depth file. */
  readonly depthPlusOne: boolean;
  /** Whether a queue whose facility word is zero has the SESTAT `invalid`. Earlier releases show `usable`. */
  readonly zeroWordIsInvalid: boolean;
  /** A machine without cards is an error. */
  readonly emptyListFails: boolean;
  /** The default domain is held against the usage domains, and shown with two digits. */
  readonly checksDefaultDomain: boolean;
}

const row = (
  name: string,
  patch: number,
  differences: Partial<Omit<ReleaseRow, 'name' | 'version'>>,
): ReleaseRow => ({
  name,
  version: `${name}.${patch}`,
  early: false,
  depthPlusOne: true,
  zeroWordIsInvalid: true,
  emptyListFails: true,
  checksDefaultDomain: false,
  ...differences,
});

const SINCE_2_41 = { depthPlusOne: false };
const SINCE_2_42 = { ...SINCE_2_41, emptyListFails: false, checksDefaultDomain: true };

/** Releases from the oldest to the newest. */
export const RELEASES: readonly ReleaseRow[] = [
  row('2.16', 0, { early: true, zeroWordIsInvalid: false }),
  row('2.35', 0, { zeroWordIsInvalid: false }),
  row('2.36', 0, {}),
  row('2.37', 0, {}),
  row('2.38', 0, {}),
  row('2.39', 0, {}),
  row('2.40', 0, {}),
  row('2.41', 0, SINCE_2_41),
  row('2.42', 0, SINCE_2_42),
  row('2.43', 0, SINCE_2_42),
];

/** The release the host's views follow unless told otherwise: the one of Debian 13, of which there are recordings. */
export const DEFAULT_RELEASE = '2.35';

/** The row of a release. Throws RangeError for an unknown name. */
export function releaseOf(name: string): ReleaseRow {
  const found = RELEASES.find((candidate) => candidate.name === name);
  if (found === undefined) throw new RangeError(`no release ${name} of s390-tools is known`);
  return found;
}
