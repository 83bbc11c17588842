// SPDX-License-Identifier: Apache-2.0
// The state of a guest that moves to another machine in addition to its AP configuration: storage, CPUs, what is pending for it, and the
// program that runs.
// Source: docs/reference/migration.md sections 1 and 9; KVM's floating interruptions (KVM_DEV_FLIC_GET_ALL_IRQS takes those of the GISA
// along). Decision VD-69.
import { GISA_IPM } from '../../native-like/arch/sie.ts';
import {
  G_CRWS,
  G_MACHINE_CHECK,
  G_SEI_PENDING,
} from '../../native-like/machine/channel-layout.ts';
import { V_CR6, V_GR, V_PSW_MASK_HIGH } from '../../native-like/machine/layout.ts';
import type { GuestHandle } from '../host/api/guest-handle.ts';
import type { Machine } from '../host/machine/machine.ts';
import type { RunningProgram } from '../host/machine/stepper.ts';

/** Ranges of a vCPU's words that are its own: [first, length]. The others say where the machine keeps it. */
const CPU_WORDS = [
  [V_PSW_MASK_HIGH, 4],
  [V_GR, 32],
  [V_CR6, 1],
] as const;

/** Channel reports go along; event information about a device stays with the device. */
const CHANNEL_WORDS = [G_SEI_PENDING, G_CRWS, G_MACHINE_CHECK] as const;

/** A guest on one of the machines. */
export interface GuestPlace {
  readonly machine: Machine;
  readonly guest: GuestHandle;
}

/** Takes the programs of a guest off the machine: its vCPUs run no more. */
export const takePrograms = ({ machine, guest }: GuestPlace): RunningProgram[] => {
  const { programs } = machine.stepper;
  const taken = programs.filter((running) => running.guest === guest.number);
  for (const running of taken) programs.splice(programs.indexOf(running), 1);
  return taken;
};

/** The programs run on this machine from now on; what was due while they were stopped is due now. */
export const givePrograms = (
  { machine, guest }: GuestPlace,
  programs: readonly RunningProgram[],
): void => {
  const now = machine.nowNs();
  for (const running of programs) {
    machine.stepper.programs.push({
      ...running,
      guest: guest.number,
      cpu: guest.cpu(running.vcpu).cpu,
      nextNs: Math.max(running.nextNs, now),
      readyNs: Math.max(running.readyNs, now),
    });
  }
};

/** Copies storage, CPUs, pending interruptions and channel reports; what was pending is taken from where it was. */
export const moveState = (from: GuestPlace, to: GuestPlace): void => {
  to.guest.storage.set(from.guest.storage);
  for (let n = 0; n < from.guest.vcpus; n++) moveCpu(from, to, n);
  moveInterruptions(from, to);
  const [source, target] = [from.machine.image, to.machine.image];
  for (const word of CHANNEL_WORDS) {
    const at = source.guest(from.guest.number) + word;
    target.i32[target.guest(to.guest.number) + word] = source.word(at);
    source.i32[at] = 0;
  }
};

const moveCpu = (from: GuestPlace, to: GuestPlace, n: number): void => {
  const [source, target] = [from.guest.cpu(n).cpu, to.guest.cpu(n).cpu];
  for (const [first, length] of CPU_WORDS)
    for (let word = first; word < first + length; word++)
      to.machine.image.i32[target.block + word] = from.machine.image.word(source.block + word);
  target.loadsNewPsw = source.loadsNewPsw;
};

const moveInterruptions = (from: GuestPlace, to: GuestPlace): void => {
  const [source, target] = [from.machine.image, to.machine.image];
  const pending = Atomics.exchange(source.u8, source.gisa(from.guest.number) + GISA_IPM, 0);
  Atomics.or(target.u8, target.gisa(to.guest.number) + GISA_IPM, pending);
};
