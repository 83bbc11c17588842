// SPDX-License-Identifier: Apache-2.0
// `apemu qemu` as a function: boots guests of a configuration (or the partition itself, or attaches to a guest that runs), serves them
// until the last has ended, and closes everything, however that ends.

import { StringDecoder } from 'node:string_decoder';
import type { ClusterConfig, GuestConfig, MachineConfig } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import type { PartitionMachine } from '../host/machine/partition-machine.ts';
import { type MachineWatch, watchOf } from '../trace/machine-event.ts';
import type { ApService } from './ap-service.ts';
import type { LaunchOptions } from './arguments.ts';
import {
  createLparMachine,
  createQemuCluster,
  createQemuMachine,
  PARTITION,
} from './guest-machine.ts';
import { MovingGuest } from './moving-guest.ts';
import { Poller } from './poller.ts';
import type { Scenario, Several } from './scenario.ts';
import { attachGuest, bootGuest, type ServedGuest, type ServeOptions } from './serve.ts';
import { openShellSocket, type ShellSession } from './shell-socket.ts';

/** What `apemu qemu` was asked for. */
export interface QemuCommand extends ServeOptions, MachineWatch {
  /** With several machines, guests are booted on the machine they belong to, and can migrate. */
  readonly config: MachineConfig | ClusterConfig;
  /** Guests to boot; default all of the configuration. */
  readonly guests?: readonly string[];
  /** Whether AP instructions are the partition's own; then guests in the configuration are ignored. */
  readonly lpar?: boolean;
  /** Monitor socket of a QEMU that runs already, for one guest only. */
  readonly attach?: string;
  /** How to boot; not needed with `attach`. The default of `cpus` is the guest's number of vCPUs. */
  readonly launch?: LaunchOptions;
  /** Path of a Unix socket for the administrator's shell. */
  readonly shellSocket?: string;
  /** Opens such a shell for a connection. */
  readonly shell?: (machine: PartitionMachine, several: Several) => ShellSession;
  /** Is given the console output of each guest that is not on apemu's terminal. */
  readonly onConsole?: (guest: string, text: string) => void;
  /** The same for all guests, with the machine's time at which the output came. */
  readonly onConsoleAt?: (guest: string, text: string, nowNs: number) => void;
  /** What the operator does meanwhile. */
  readonly scenario?: Scenario;
  /** Called once all guests are served. */
  readonly onServed?: (served: ReadonlyMap<string, ServedGuest>) => void;
  /** Ends the command early: QEMUs are ended, and guests that were attached to are released. */
  readonly signal?: AbortSignal;
}

/** A guest to serve: its AP facility, its number of CPUs, and how it is booted. */
interface Target {
  readonly name: string;
  readonly service: ApService;
  readonly cpus: number;
  readonly boot: (poller: Poller, launch: LaunchOptions) => Promise<ServedGuest>;
}

/** What is served: a machine, or the first of several machines. */
interface Prepared extends Several {
  readonly machine: PartitionMachine;
  readonly targets: readonly Target[];
  readonly close: () => void;
}

/**
 * Runs the command until every guest has ended or `signal` aborts.
 *
 * @throws ApemuError as the launcher; APEMU_ERR_QEMU_GUEST for a guest the configuration does not have; APEMU_ERR_GUEST_ENDED when a guest or its QEMU ended badly
 */
export async function runQemu(command: QemuCommand): Promise<void> {
  const { machine, targets, close, ...several } = await prepare(command);
  const poller = new Poller();
  const served = new Map<string, ServedGuest>();
  let socket: Awaited<ReturnType<typeof openShellSocket>> | undefined;
  try {
    if (command.shellSocket !== undefined && command.shell !== undefined) {
      const open = command.shell;
      socket = await openShellSocket(command.shellSocket, () => open(machine, several));
    }
    const now = (): number => machine.nowNs();
    for (const target of targets)
      served.set(target.name, await serve(command, poller, target, now));
    command.onServed?.(served);
    command.scenario?.begin(machine, several);
    const ended = Promise.all([...served].map(async ([name, guest]) => [name, await guest.ended]));
    const ends = (await Promise.race([ended, aborted(command.signal)])) ?? [];
    const problems = ends.filter(([, problem]) => problem !== undefined);
    if (problems.length > 0) {
      const text = problems.map(([name, problem]) => `${name}: ${problem}`).join('; ');
      throw new ApemuError('APEMU_ERR_GUEST_ENDED', text);
    }
  } finally {
    await Promise.all([...served.values()].map((guest) => guest.close()));
    await socket?.close();
    close();
  }
}

function prepare(command: QemuCommand): Promise<Prepared> {
  const { config } = command;
  if ('machines' in config) return prepareCluster(command, config);
  return command.lpar === true ? preparePartition(command, config) : prepareOne(command, config);
}

async function preparePartition(command: QemuCommand, config: MachineConfig): Promise<Prepared> {
  const { machine, service } = await createLparMachine(config, watchOf(command));
  const target = booted({ ...command, serviceCalls: true }, service, PARTITION, 1);
  return { machine, targets: [target], close: () => machine.close() };
}

async function prepareOne(command: QemuCommand, config: MachineConfig): Promise<Prepared> {
  const names = guestNames(command);
  const { machine, service } = await createQemuMachine(config, names, watchOf(command));
  const targets = names.map((name) =>
    booted(command, service(name), name, machine.guest(name).vcpus),
  );
  return { machine, targets, close: () => machine.close() };
}

const booted = (command: QemuCommand, service: ApService, name: string, vcpus: number): Target => ({
  name,
  service,
  cpus: command.launch?.cpus ?? vcpus,
  boot: (poller, launch) => bootGuest(service, poller, launch, command),
});

/** Prepares several machines. Each guest is booted on its machine. */
async function prepareCluster(command: QemuCommand, config: ClusterConfig): Promise<Prepared> {
  if (command.lpar === true || command.attach !== undefined)
    throw new ApemuError(
      'APEMU_ERR_USAGE_OPTIONS',
      'several machines have guests that we boot ourselves: --lpar and --attach take a configuration of one machine',
    );
  const names = guestNames(command);
  const { cluster, service } = await createQemuCluster(config, names, watchOf(command));
  const targets = names.map((name): Target => {
    const home = cluster.whereIs(name);
    const options = command;
    return {
      ...booted(command, service(name, home), name, cluster.guest(name).vcpus),
      boot: async (poller, launch) => {
        const parts = { service: (to: string) => service(name, to), poller, launch, options };
        const guest = await MovingGuest.boot(parts, home);
        cluster.outside.set(name, guest);
        return guest;
      },
    };
  });
  const [machine] = cluster.machines.values();
  return { machine, cluster, targets, close: () => cluster.close() };
}

/** The guests that start on some machine of the configuration. */
export const guestsOf = (config: MachineConfig | ClusterConfig): readonly GuestConfig[] =>
  'machines' in config
    ? [...config.machines.values()].flatMap(({ guests }) => guests.filter((one) => !one.incoming))
    : config.guests;

/**
 * The guests to boot.
 *
 * @param named default: all
 * @throws ApemuError APEMU_ERR_QEMU_GUEST for one that the configuration does not have, or when there is none
 */
export function wantedGuests(
  config: MachineConfig | ClusterConfig,
  named: readonly string[] | undefined,
): readonly string[] {
  const known = guestsOf(config).map((guest) => guest.name);
  const wanted = named ?? known;
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined || wanted.length === 0) {
    throw new ApemuError(
      'APEMU_ERR_QEMU_GUEST',
      unknown === undefined
        ? 'the configuration has no guests: add some, or use --lpar'
        : `the configuration has no guest ${unknown} (it has ${known.join(', ')})`,
    );
  }
  return wanted;
}

function guestNames(command: QemuCommand): readonly string[] {
  const wanted = wantedGuests(command.config, command.guests);
  if (command.attach !== undefined && wanted.length > 1) {
    throw new ApemuError('APEMU_ERR_QEMU_GUEST', 'name the one guest to attach with --guest');
  }
  return wanted;
}

async function serve(
  command: QemuCommand,
  poller: Poller,
  target: Target,
  nowNs: () => number,
): Promise<ServedGuest> {
  if (command.attach !== undefined) {
    return attachGuest(target.service, poller, command.attach, command);
  }
  if (command.launch === undefined) {
    throw new ApemuError(
      'APEMU_ERR_QEMU_KERNEL',
      'name a kernel with --kernel, or make one with `apemu guest-image`',
    );
  }
  const launch = { ...command.launch, cpus: target.cpus };
  const guest = await target.boot(poller, launch);
  const decoder = new StringDecoder('utf8');
  // Commands whose output is read from the console need single bytes.
  guest.qemu?.output?.setEncoding('latin1').on('data', (bytes: string) => {
    const text = decoder.write(Buffer.from(bytes, 'latin1'));
    command.onConsole?.(target.name, text.replaceAll('\r', ''));
    command.onConsoleAt?.(target.name, text, nowNs());
    command.scenario?.console(target.name, text);
  });
  return guest;
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) resolve();
    signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}
