// SPDX-License-Identifier: Apache-2.0
// Words for interleaving cases: what guests and the host do, each with its line in an AP program.
import { K_MDEV } from '../../native-like/machine/layout.ts';
import { testBit } from '../../src/ap-bus/mask.ts';
import { apqnName } from '../../src/ap-bus/partition.ts';
import type { Concurrent, ExploreCase, GuestAction, HostAction } from '../../src/host/explore.ts';
import type { Machine, MachineOptions } from '../../src/host/machine.ts';
import { configuration, type Raw } from '../kvm/bench.ts';
import { HookBeforeMasks, OwnMessages, violated } from './invariants.ts';

/** Makes a machine of the program under test: the sources, or a changed copy of the build. */
export type Create = (raw: Raw, options: MachineOptions) => Promise<Machine>;

/** What happened in one interleaving, for the conditions at its end. */
export interface World {
  readonly machine: Machine;
  readonly own: OwnMessages;
  readonly hooks: HookBeforeMasks;
  /** Results of guest actions and host operations, in order. */
  readonly log: string[];
  /** Steps the machine reported. */
  readonly steps: string[];
  readonly startNs: number;
}

/** One rule of section 6.2 as a case: what is concurrent, and what must hold at the end besides the invariants. */
export interface Rule {
  readonly id: string;
  readonly subject: string;
  readonly config?: { readonly guest1?: Raw; readonly guest2?: Raw; readonly kernel?: string };
  readonly before?: (machine: Machine) => void;
  readonly concurrent: (world: () => World) => Concurrent;
  readonly atEnd?: (world: World) => string | undefined;
  /** Why the defect itself cannot exist here: the test is of what could be seen. */
  readonly note?: string;
  /** The rule broken on purpose in a copy of the built program. */
  readonly mutation?: { readonly file: string; readonly find: string; readonly put: string };
}

const path = (machine: Machine, guest: string): string =>
  `/sys/devices/vfio_ap/matrix/${machine.guest(guest).uuid}`;

/** The host side's words. */
export const hostWords = (world: () => World) => {
  const logged = (line: string, start: HostAction['start']): HostAction => ({
    line,
    *start(machine) {
      const outcome = yield* start(machine);
      world().log.push(`${line} -> ${String(outcome)}`);
      return outcome;
    },
  });
  return {
    write: (guest: string, file: string, text: string): HostAction =>
      logged(`sysfs: echo ${text} > /sys/devices/vfio_ap/matrix/$${guest}/${file}`, (machine) =>
        machine.sysfs.write(`${path(machine, guest)}/${file}`, `${text}\n`),
      ),
    echo: (text: string, file: string): HostAction =>
      logged(`sysfs: echo ${text} > ${file}`, (machine) => machine.sysfs.write(file, `${text}\n`)),
    detach: (guest: string): HostAction =>
      logged(`# detach ${guest}`, (machine) => machine.detachOperation(guest)),
    attach: (guest: string): HostAction =>
      logged(`# attach ${guest}`, (machine) => machine.attachOperation(guest)),
    /** Opens one guest's mdev for the machine of another: section 4.6, EPERM. */
    attachTo: (mdevOf: string, vmOf: string): HostAction =>
      logged(`# attach ${vmOf} to the mdev of ${mdevOf}`, (machine) =>
        machine.attachOperation(vmOf, mdevOf),
      ),
    reset: (guest: string): HostAction =>
      logged(`# VFIO_DEVICE_RESET of ${guest}`, function* (machine) {
        const file = machine.files.get(guest);
        if (file === undefined) return 'closed';
        const { errno } = yield* file.ioctl({ name: 'VFIO_DEVICE_RESET' });
        return errno ?? 'ok';
      }),
    lpar: (line: string, act: (machine: Machine) => void): HostAction =>
      // biome-ignore lint/correctness/useYield: the partition does it at once, the scan follows by timers.
      logged(`lpar: ${line}`, function* (machine) {
        act(machine);
        machine.run();
        return 'ok';
      }),
  };
};

/** A guest's words; each logs the response code. */
export const guestWords = (world: () => World, name: string, vcpu = 0) => {
  const act = (line: string, run: (machine: Machine) => number | string): GuestAction => ({
    line: `${name}.${vcpu}: ${line}`,
    run: (machine) => {
      world().log.push(`${name} ${line} -> ${run(machine)}`);
    },
  });
  const cpu = (machine: Machine) => machine.guest(name).cpu(vcpu);
  return {
    tapq: (apqn: number) => act(`tapq ${apqnName(apqn)}`, (m) => cpu(m).tapq(apqn).status.rc),
    nqap: (apqn: number) =>
      act(`nqap ${apqnName(apqn)} psmid=1 addr=0x4000 len=64`, (m) => {
        const { rc } = cpu(m).nqap(apqn, { psmid: 1n, address: 0x4000, length: 64 }).status;
        if (rc === 0) world().own.sent(apqn, m.guest(name).number);
        return rc;
      }),
    dqap: (apqn: number) =>
      act(`dqap ${apqnName(apqn)} addr=0x5000 len=0x3000`, (m) => cpu(m).dqap(apqn).status.rc),
    enable: (apqn: number, isc = 6) =>
      act(`aqic ${apqnName(apqn)} ir=1 isc=${isc} nib=0x2000`, (m) => {
        const result = cpu(m).aqic(apqn, { enable: true, isc, nib: 0x2000 });
        const noHook = result.cc === 3 && cpu(m).cpu.grHigh(1) !== 0;
        return noHook ? 'no hook' : result.status.rc;
      }),
    disable: (apqn: number) =>
      act(`aqic ${apqnName(apqn)} ir=0`, (m) => cpu(m).aqic(apqn, { enable: false }).status.rc),
    io: () => act('io', (m) => cpu(m).takeInterruption() ?? 'none'),
  };
};

/** Links are bound and assigned, in the tables and in the image. */
export const linksAreRight = (machine: Machine): string | undefined => {
  const { matrix } = machine.host;
  for (const { apqn } of matrix.queues.filter((queue) => queue !== undefined)) {
    const wanted = matrix.mdevOf(apqn);
    const queue = matrix.queues[apqn];
    const inImage = machine.image.word(machine.image.cold(machine.image.queue(apqn)) + K_MDEV);
    if ((queue?.mdev ?? undefined) !== wanted || inImage !== (wanted?.mdev ?? 0))
      return `the link of ${apqnName(apqn)} is wrong`;
    if (wanted !== undefined && wanted.table.get(apqn) !== queue)
      return `${apqnName(apqn)} is in no table`;
  }
  for (const mdev of matrix.mdevs)
    for (const apqn of mdev.table.keys())
      if (matrix.queues[apqn]?.mdev !== mdev)
        return `${mdev.uuid} has the dead queue ${apqnName(apqn)}`;
  return undefined;
};

/** O-3 between host drivers and mdevs. */
export const ownerIsOne = (machine: Machine): string | undefined => {
  const { bus, matrix } = machine.host;
  for (const mdev of matrix.mdevs)
    for (let apid = 0; apid < 256; apid++)
      for (const apqi of [4, 0x47])
        if (
          testBit(mdev.matrix.apm, apid) &&
          testBit(mdev.matrix.aqm, apqi) &&
          bus.hostOwns((apid << 8) | apqi)
        )
          return `O-3: ${apqnName((apid << 8) | apqi)} belongs to the host and to an mdev`;
  return undefined;
};

/** Writes to hook and masks happen with the update locks held (O-2, O-5). */
const lockedWrite = (machine: Machine, what: string): string | undefined => {
  const { guestsLock, mdevsLock } = machine.host.matrix;
  const held = guestsLock.held && mdevsLock.held;
  return /hook|CRYCB/.test(what) && !held ? `O-5: ${what} without the locks` : undefined;
};

/** The case of a rule on a given build of the program. */
export const caseOf = (rule: Rule, create: Create): ExploreCase => {
  let current: World | undefined;
  let pending: string | undefined;
  let armed = false;
  const world = (): World => current as World;
  return {
    create: async (onStep) => {
      armed = false;
      pending = undefined;
      return create(configuration({ ...rule.config }), {
        onStep: (what) => {
          if (armed) {
            world().steps.push(what);
            pending ??= lockedWrite(world().machine, what);
          }
          onStep(what);
        },
      });
    },
    before: ['config interleavings.yaml'],
    prepare: (machine) => {
      rule.before?.(machine);
      current = {
        machine,
        own: new OwnMessages(),
        hooks: new HookBeforeMasks(),
        log: [],
        steps: [],
        startNs: machine.nowNs(),
      };
      armed = true;
    },
    concurrent: () => rule.concurrent(world),
    check: (machine) =>
      pending ?? world().hooks.check(machine) ?? violated(machine) ?? world().own.check(machine),
    atEnd: (machine) => {
      machine.run();
      return (
        violated(machine) ?? linksAreRight(machine) ?? ownerIsOne(machine) ?? rule.atEnd?.(world())
      );
    },
  };
};
