// SPDX-License-Identifier: Apache-2.0
// Machines with virtual mdevs that several tests use.
import { createMachine, type Machine } from '../../src/index.ts';

export const UUIDS = ['1', '2', '3', '4'].map((n) => `00000000-0000-4000-8000-00000000000${n}`);
export const MATRIX = '/sys/devices/vfio_ap/matrix';
export const TYPES = `${MATRIX}/mdev_supported_types`;

/** Three accelerators, one coprocessor of each other kind, two domains; each card works on one request at a time for a millisecond. */
export const CARDS = `
apemu: 1
machine:
  usageDomains: [4, 0x47]
  adapters:
    3: { mode: loopback, service: { model: fixed, time: 1ms, engines: 1 } }
    5: { mode: loopback, service: { model: fixed, time: 1ms, engines: 1 } }
    6: { mode: loopback, depth: 4, service: { model: fixed, time: 1ms, engines: 1 } }
    0x10: { mode: accelerator }
    0x11: { mode: cca }
    0x12: { mode: ep11 }
`;

/** Two guests that share 3, 5 and 6. */
export const SHARED = `${CARDS}
guests:
  A: { memory: 128KiB, mdev: { type: virtual, adapters: { 1: [3, 5, 6] }, domains: { 0: [4] } } }
  B: { memory: 128KiB, mdev: { type: virtual, adapters: { 2: [5] }, domains: { 9: [4, 0x47] } } }
`;

/** The machine, closed when the test's body has ended. */
export const withMachine = async (
  config: string,
  body: (machine: Machine) => void | Promise<void>,
): Promise<void> => {
  const machine = await createMachine(config);
  try {
    await body(machine);
  } finally {
    machine.close();
  }
};

/** Reads a file of the host's tree. */
export const read = (machine: Machine, path: string): string => {
  const found = machine.sysfs.read(path);
  return found.ok ? found.text : found.errno;
};

/** What differs from the expectations of an AP program, as text. */
export const mismatches = (machine: Machine, lines: string): string[] =>
  machine
    .exec(`apemu-program 1\n${lines}\n`)
    .mismatches.map((one) => `${one.line}: ${JSON.stringify(one)}`);
