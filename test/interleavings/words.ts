// SPDX-License-Identifier: Apache-2.0
// Words of the cases R-01 to R-44: lines of AP programs that come again, and a rule as a case for the explorer.
import { testBit } from '../../src/ap-bus/mask.ts';
import type { Machine } from '../../src/host/machine/machine.ts';
import { configuration, type Raw } from '../kvm/bench.ts';
import type { ExploreCase } from './explore.ts';

/** Makes a machine of the program under test: the sources, or a changed copy of the build. */
export type Create = (raw: Raw) => Promise<Machine>;

/** One rule of section 6.2 as a case: what is concurrent, and what must hold at the end besides the rules of the host. */
export interface Rule {
  readonly id: string;
  readonly subject: string;
  readonly config?: { readonly guest1?: Raw; readonly guest2?: Raw; readonly machine?: Raw };
  readonly before?: readonly string[];
  readonly concurrent: readonly (readonly string[])[];
  readonly after?: readonly string[];
  /** What lines of a program cannot say: its program does not show the break. */
  readonly watch?: (machine: Machine) => () => string | undefined;
  /** Why the defect itself cannot exist here: the test is of what could be seen. */
  readonly note?: string;
  /** The rule broken on purpose in a copy of the built program. */
  readonly mutation: { readonly file: string; readonly find: string; readonly put: string };
}

export const VFIO = '/sys/bus/ap/drivers/vfio_ap';
export const GUEST1 = '/sys/devices/vfio_ap/matrix/$Guest1';
export const GUEST2 = '/sys/devices/vfio_ap/matrix/$Guest2';
export const FREE_GUEST2 = { mdev: { adapters: [6], domains: [4] } };

export const echo = (text: string, file: string): string => `sysfs: echo ${text} > ${file}`;
export const matrixIs = (guest: string, ...apqns: readonly string[]): string =>
  `sysfs: cat /sys/devices/vfio_ap/matrix/$${guest}/guest_matrix => "${apqns.map((apqn) => `${apqn}\\n`).join('')}"`;

const MESSAGE = 'psmid=1 addr=0x4000 len=64';
export const NQAP_A = `Guest1.0: nqap 05.0004 ${MESSAGE}`;
export const NQAP_B = `Guest1.0: nqap 05.0047 ${MESSAGE}`;
export const AQIC_A = 'Guest1.0: aqic 05.0004 ir=1 isc=6 nib=0x2000';
export const AQIC_B = 'Guest1.0: aqic 05.0047 ir=1 isc=6 nib=0x2000';
export const DQAP_A = 'Guest1.0: dqap 05.0004 addr=0x5000 len=0x3000';

export const DETACHED = ['sysfs: detach Guest1'];
export const ENABLED = [`${AQIC_A} => rc=00`, 'clock: advance 1ms'];
/** A reply nobody took is in 05.0004. */
export const EXCHANGED = ['Guest1.0: nqap 05.0004 psmid=9 addr=0x4000 len=64 => rc=00'];

/** Whether a guest's mdev has an adapter in its matrix. */
export const attached = (machine: Machine, guest: string, apid: number): boolean => {
  const { uuid } = machine.guest(guest);
  const mdev = machine.host.matrix.mdevs.find((one) => one.uuid === uuid);
  return mdev !== undefined && testBit(mdev.matrix.apm, apid);
};

export const configOf = (rule: Rule): Raw => configuration({ ...rule.config });

/** The case of a rule on a given build of the program. */
export const caseOf = (rule: Rule, create: Create): ExploreCase => ({
  create: () => create(configOf(rule)),
  config: `${rule.id}.yaml`,
  before: rule.before ?? [],
  concurrent: rule.concurrent,
  after: rule.after ?? [],
  ...(rule.watch === undefined ? {} : { watch: rule.watch }),
});
