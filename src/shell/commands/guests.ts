// SPDX-License-Identifier: Apache-2.0
// A guest as its administrator handles it: attaches it to an mdev, starts its program, looks at it, stops it.
// Source: docs/reference/vfio-ap.md sections 4.6 and 7.1 (S4-24); docs/design.md section 3.
import { resetVcpu } from '../../../native-like/machine/image.ts';
import { G_EXTERNAL } from '../../../native-like/machine/layout.ts';
import { finish } from '../../ap-bus/driving.ts';
import { workloadDone } from '../../guest/ap-bus-driver/driver.ts';
import { type ApBusState, SCAN_NONE } from '../../guest/ap-bus-driver/state.ts';
import type { GuestHandle } from '../../host/api/guest-handle.ts';
import { guestProgram, programArgs } from '../../host/machine/guest-program.ts';
import type { RunningProgram } from '../../host/machine/stepper.ts';
import { openVfioDevice } from '../../vfio-ap/fd.ts';
import type { ShellContext } from '../context.ts';

/** Nanoseconds after which a guest's kernel has found its devices, or does not look for any. */
const BOOT_LIMIT_NS = 2_000_000_000;
const DEFAULT_PROGRAM = 'ap-bus';

const isBusState = (state: unknown): state is ApBusState =>
  typeof state === 'object' && state !== null && 'cards' in state && 'scanPart' in state;

/** The program that runs on a guest, if one was started. */
export const programOf = (context: ShellContext, guest: GuestHandle): RunningProgram | undefined =>
  context.machine.stepper.programs.find((running) => running.guest === guest.number);

/** The state of a guest's AP bus driver, if that is the program that runs. */
export function busStateOf(context: ShellContext, guest: GuestHandle): ApBusState | undefined {
  const state = programOf(context, guest)?.state;
  return isBusState(state) ? state : undefined;
}

/** State in a word: off, attached, running, ended, crashed. */
export function stateOf(context: ShellContext, guest: GuestHandle): string {
  const running = programOf(context, guest);
  if (running === undefined) return context.machine.isAttached(guest.name) ? 'attached' : 'off';
  if ((busStateOf(context, guest)?.crashed ?? '') !== '') return 'crashed';
  return running.done ? 'ended' : 'running';
}

/** UUID of the mdev to which a guest is or would be attached. */
export const mdevOf = (context: ShellContext, guest: GuestHandle): string =>
  context.machine.files.get(guest.name)?.mdev.uuid ?? guest.uuid;

/** Opens an mdev's vfio device for a guest. Returns `ok` or an errno name; EBUSY if another guest has it. */
export function attach(context: ShellContext, guest: GuestHandle, uuid: string): string {
  const { machine } = context;
  const users = [...machine.files.values()];
  if (machine.isAttached(guest.name) || users.some((file) => file.mdev.uuid === uuid))
    return 'EBUSY';
  const operation = openVfioDevice(machine.host.matrix, uuid, guest.vm);
  const opened = finish(operation, (ns) => context.advance(ns));
  if (opened.errno !== undefined) return opened.errno;
  machine.files.set(guest.name, opened.file);
  return 'ok';
}

/** Switches a guest on: clears its storage and resets its vCPUs. */
function clear(context: ShellContext, guest: GuestHandle): void {
  guest.storage.fill(0);
  for (let n = 0; n < guest.vcpus; n++)
    resetVcpu(context.machine.image, context.machine.image.vcpu(guest.number, n));
}

/** Whether a guest runs under QEMU, where its registers and storage are, and where its kernel is its program. */
export const isOutside = ({ machine: { image } }: ShellContext, guest: GuestHandle): boolean =>
  image.word(image.guest(guest.number) + G_EXTERNAL) !== 0;

/** What runs on a guest, or would; empty for nothing. */
export const programNameOf = (context: ShellContext, guest: GuestHandle): string =>
  isOutside(context, guest)
    ? 'under QEMU'
    : (programOf(context, guest)?.name ?? guest.config.program ?? '');

/** Starts a guest's program and lets its kernel find its devices. It goes on when its workload has ended, unless told not to. */
export async function start(context: ShellContext, guest: GuestHandle): Promise<void> {
  const { machine } = context;
  const name = guest.config.program ?? DEFAULT_PROGRAM;
  const program = await guestProgram(name);
  clear(context, guest);
  const args = { endWhenDone: false, ...programArgs(machine.config, guest.config) };
  machine.start(guest.name, 0, program, args, name);
  const endNs = machine.nowNs() + BOOT_LIMIT_NS;
  while (!booted(context, guest) && machine.nowNs() < endNs && !context.interrupted) {
    const next = Math.min(machine.stepper.upcomingNs(), endNs);
    context.advance(Math.max(0, next - machine.nowNs()));
    await context.options.breathe?.();
  }
}

function booted(context: ShellContext, guest: GuestHandle): boolean {
  const state = busStateOf(context, guest);
  return state === undefined || state.ended || (state.scans > 0 && state.scanPart === SCAN_NONE);
}

/** Ends a guest's program. Returns whether there was one. */
export function end(context: ShellContext, guest: GuestHandle): boolean {
  const { programs } = context.machine.stepper;
  const index = programs.findIndex((running) => running.guest === guest.number);
  if (index >= 0) programs.splice(index, 1);
  return index >= 0;
}

/** Whether a program has nothing to do but to wait for what may never come. */
export function isQuiet({ done, nextNs, state }: RunningProgram): boolean {
  return done || nextNs === Number.POSITIVE_INFINITY || (isBusState(state) && workloadDone(state));
}
