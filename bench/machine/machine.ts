// SPDX-License-Identifier: Apache-2.0
// Machines for benchmarks: an image with guests that may use every queue, loopback adapters that answer at once, a kernel.
import {
  FACILITY_AP,
  FACILITY_APFT,
  FACILITY_APXA,
  FACILITY_AQIC,
  FACILITY_QCI,
  FACILITY_SIE,
} from '../../native-like/arch/facilities.ts';
import { DEFAULT_DEPTH, DEFAULT_ML } from '../../native-like/arch/limits.ts';
import { setFacilities } from '../../native-like/machine/guest-setup.ts';
import { createImage, type MachineImage } from '../../native-like/machine/image.ts';
import { MASK_WORDS, V_GR } from '../../native-like/machine/layout.ts';
import { type Kernel, loadKernel } from '../../src/lpar/kernel.ts';
import { Partition } from '../../src/lpar/partition.ts';
import { INSTANT_SERVICE } from '../../src/lpar/profile.ts';
import { TRACE_RECORDS } from '../../src/trace/ring.ts';
import { loadReference } from '../reference/build.ts';
import type { BuiltReference, Reference } from '../reference/reference.ts';
import { dqap, type Instruction, nqap } from './tables.ts';

export interface BenchShape {
  /** Guests beside the host. Default 1. */
  readonly guests?: number;
  /** vCPUs of each guest. Default 1. */
  readonly vcpus?: number;
  /** Storage of each guest. Default 64 KiB. */
  readonly storageBytes?: number;
  /** Adapters 0..n-1 and domains 0..n-1. Default 1 each. */
  readonly adapters?: number;
  readonly domains?: number;
  /** Messages a queue holds. */
  readonly depth?: number;
  readonly messageBytes?: number;
  /** The machine is laid out for a trace. */
  readonly traced?: boolean;
  /** Guests without masks: what they name is refused. Default none. */
  readonly isRefused?: (guest: number) => boolean;
}

export interface BenchMachine {
  readonly image: MachineImage;
  readonly kernel: Kernel;
  readonly partition: Partition;
  /** vCPU blocks of guests 1 to n, guest by guest. */
  readonly vcpus: readonly number[];
}

const GUEST_FACILITIES =
  FACILITY_AP | FACILITY_APXA | FACILITY_APFT | FACILITY_AQIC | FACILITY_QCI | FACILITY_SIE;
const HOST_FACILITIES = GUEST_FACILITIES & ~FACILITY_SIE;

export const DEFAULT_STORAGE_BYTES = 0x10000;

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

const openGuest = (
  image: MachineImage,
  guest: number,
  vcpus: number,
  refused: boolean,
): number[] => {
  setFacilities(image, guest, GUEST_FACILITIES);
  const masks = image.masks(guest);
  image.i32.fill(refused ? 0 : -1, masks, masks + MASK_WORDS);
  return numbers(vcpus).map((n) => image.vcpu(guest, n));
};

/** A machine of this shape with a kernel of its own. */
export const buildMachine = async (shape: BenchShape = {}): Promise<BenchMachine> => {
  const { guests = 1, storageBytes = DEFAULT_STORAGE_BYTES, adapters = 1, domains = 1 } = shape;
  const perGuest = shape.vcpus ?? 1;
  const host = { vcpus: 1, storageBytes: 0x1000 };
  const image = createImage({
    guests: [host, ...numbers(guests).map(() => ({ vcpus: perGuest, storageBytes }))],
    messageBytes: shape.messageBytes ?? 0x1000000,
    traceRecords: shape.traced === true ? TRACE_RECORDS : 0,
  });
  const kernel = await loadKernel(image);
  setFacilities(image, 0, HOST_FACILITIES);
  const profile = {
    adapters: numbers(adapters).map((apid) => ({
      apid,
      type: 14,
      mode: 'loopback' as const,
      depth: shape.depth ?? DEFAULT_DEPTH,
      ml: DEFAULT_ML,
      service: INSTANT_SERVICE,
    })),
    usageDomains: numbers(domains),
    controlDomains: [],
    seed: 1,
  };
  const partition = new Partition(image, kernel, profile, (change) => change());
  const isRefused = shape.isRefused ?? (() => false);
  const vcpus = numbers(guests).flatMap((n) => openGuest(image, n + 1, perGuest, isRefused(n + 1)));
  return { image, kernel, partition, vcpus };
};

/** Gives queues their slots, as the first NQAP does, so that no stream meets it: the reference does not know that path. */
export const primeQueues = (
  machine: BenchMachine,
  vcpu: number,
  apqns: readonly number[],
): void => {
  const length = 8;
  for (const apqn of apqns) {
    executeRow(machine, nqap(vcpu, apqn, 0, length, 0));
    executeRow(machine, dqap(vcpu, apqn, 0, length));
  }
};

/** Loads the registers an instruction names. */
export const loadRegisters = (image: MachineImage, row: Instruction): void => {
  const low = row.vcpu + V_GR + 1;
  image.i32[low] = row.gr0;
  image.i32[low + 8] = row.psmidHigh ?? 0;
  image.i32[low + 10] = row.psmidLow ?? 0;
  image.i32[low + 12] = row.address ?? 0;
  image.i32[low + 14] = row.length ?? 0;
};

/** Executes one instruction with the registers it names. */
export const executeRow = ({ image, kernel }: BenchMachine, row: Instruction): number => {
  loadRegisters(image, row);
  return kernel.execute(row.vcpu, row.word);
};

/** The reference, bound to this machine. */
export const attachReference = async (
  built: BuiltReference,
  image: MachineImage,
): Promise<Reference> => {
  const reference = await loadReference(built);
  reference.attach(image.i32);
  return reference;
};
