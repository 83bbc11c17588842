// SPDX-License-Identifier: Apache-2.0
// `apemu/fast-check`: arbitraries for property tests of drivers: instructions, faults, scenarios. fast-check is the user's own.
// Source: docs/design.md sections 6 and 9.
import fc, { type Arbitrary } from 'fast-check';
import type { FaultObject } from './config/load.ts';
import type { MachineConfig } from './config/types.ts';
import { formatApqn } from './config/units.ts';

/** What arbitraries need of a machine. */
export interface Configured {
  readonly config: MachineConfig;
}

/** APQNs of the partition's queues, `05.0004`. */
export const queues = ({ config }: Configured): Arbitrary<string> => {
  const { adapters, usageDomains } = config.machine;
  const all = [...adapters.keys()].flatMap((apid) =>
    usageDomains.map((domain) => formatApqn((apid << 8) | domain)),
  );
  return fc.constantFrom(...all);
};

/** The vCPUs of the guests, by names such as `Guest1.0`. */
export const vcpus = ({ config }: Configured): Arbitrary<string> =>
  fc.constantFrom(
    ...config.guests.flatMap(({ name, vcpus: count }) =>
      Array.from({ length: count }, (_, n) => `${name}.${n}`),
    ),
  );

/** Addresses of operands: pages from 16 KiB on, as far as 256 KiB. */
const addresses = fc
  .integer({ min: 4, max: 63 })
  .map((page) => `0x${(page * 0x1000).toString(16)}`);

/** Instruction lines of AP programs, of any guest on any queue. */
export const instructions = (machine: Configured): Arbitrary<string> => {
  const cpu = vcpus(machine);
  const queue = queues(machine);
  const on = (name: string): Arbitrary<string> =>
    fc.tuple(cpu, queue).map(([guest, apqn]) => `${guest}: ${name} ${apqn}`);
  const length = fc.integer({ min: 1, max: 12_288 });
  return fc.oneof(
    on('tapq'),
    on('rapq'),
    on('zapq'),
    fc
      .tuple(on('nqap'), fc.nat(0xffff), addresses, length)
      .map(
        ([line, psmid, address, bytes]) => `${line} psmid=${psmid} addr=${address} len=${bytes}`,
      ),
    fc
      .tuple(on('dqap'), addresses, length)
      .map(([line, address, bytes]) => `${line} addr=${address} len=${bytes}`),
    fc
      .tuple(on('aqic'), fc.nat(1), fc.nat(7), addresses)
      .map(([line, ir, isc, nib]) => `${line} ir=${ir} isc=${isc} nib=${nib}`),
  );
};

/** Faults as `machine.fault` takes them: response codes, delays, lost replies, some times. */
export const faults = (machine: Configured): Arbitrary<FaultObject> =>
  fc
    .tuple(
      queues(machine),
      fc.integer({ min: 1, max: 5 }),
      fc.oneof(
        fc.record({
          on: fc.constantFrom('tapq', 'nqap', 'dqap', 'any'),
          rc: fc.integer({ min: 1, max: 5 }),
        }),
        fc.record({
          on: fc.constant('nqap'),
          delay: fc.integer({ min: 1, max: 1_000 }).map((us) => `${us}us`),
        }),
        fc.record({ on: fc.constant('nqap'), drop: fc.constant(true) }),
      ),
    )
    .map(([apqn, count, effect]) => ({ apqn, count, ...effect }) as FaultObject);

/** AP programs: instructions with time passing between them. */
export const scenarios = (
  machine: Configured,
  { maxLines = 30 }: { readonly maxLines?: number } = {},
): Arbitrary<string> => {
  const time = fc.integer({ min: 1, max: 500 }).map((us) => `clock: advance ${us}us`);
  const lines = fc.array(
    fc.oneof({ weight: 4, arbitrary: instructions(machine) }, { weight: 1, arbitrary: time }),
    { minLength: 1, maxLength: maxLines },
  );
  return lines.map((all) => ['apemu-program 1', ...all, ''].join('\n'));
};
