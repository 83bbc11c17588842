// SPDX-License-Identifier: Apache-2.0
// The virtual mdev type and its files: docs/reference/vfio-ap.md S0-27 to S0-30, V-01, V-02, V-04, V-13, V-15.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CARDS, MATRIX, read, TYPES, UUIDS, withMachine } from './machines.ts';

const [FIRST, SECOND] = UUIDS as [string, string];
const EXCLUSIVE = `${CARDS}
host: { apmask: "-3,-5,-6", switches: { virtualMdevs: exclusive } }
guests:
  A: { memory: 128KiB }
  B: { memory: 128KiB }
`;
const MIXED = EXCLUSIVE.replace('switches: { virtualMdevs: exclusive }', 'kernel: mixed');
const create = (type: string): string => `${TYPES}/vfio_ap-${type}/create`;

describe('the type vfio_ap-virtual', () => {
  it('V-01, S0-27, S0-28: stands beside the other type with files of its own', async () => {
    await withMachine(EXCLUSIVE, (machine) => {
      const type = `${TYPES}/vfio_ap-virtual`;
      expect(read(machine, `${type}/name`)).toBe('VFIO AP Virtual Device\n');
      expect(read(machine, `${type}/device_api`)).toBe('vfio-ap\n');
      expect(read(machine, `${type}/available_instances`)).toBe('65536\n');
      expect(machine.write(create('virtual'), FIRST)).toBe('ok');
      expect(read(machine, `${type}/available_instances`)).toBe('65535\n');
      expect(read(machine, `${TYPES}/vfio_ap-passthrough/available_instances`)).toBe('65536\n');
      // The path of the first design leads to the same tree.
      const old = `/sys/devices/ap_matrix/matrix/mdev_supported_types/vfio_ap-virtual`;
      expect(read(machine, `${old}/devices/${FIRST}/matrix`)).toBe('');
      expect(machine.write(`${old}/devices/${FIRST}/assign_adapter`, '4:3')).toBe('ok');
    });
  });

  it('VD-29: is not there unless a host has it switched on', async () => {
    await withMachine(CARDS, (machine) => {
      expect(read(machine, `${TYPES}/vfio_ap-virtual/name`)).toBe('ENOENT');
    });
  });

  it('V-02: excludes the other type while an mdev of it lives, in both directions', async () => {
    await withMachine(EXCLUSIVE, (machine) => {
      expect(machine.write(create('passthrough'), FIRST)).toBe('ok');
      expect(machine.write(create('virtual'), SECOND)).toBe('EBUSY');
      expect(machine.write(`${MATRIX}/${FIRST}/remove`, '1')).toBe('ok');
      expect(machine.write(create('virtual'), SECOND)).toBe('ok');
      expect(machine.write(create('passthrough'), FIRST)).toBe('EBUSY');
      expect(machine.write(`${MATRIX}/${SECOND}/remove`, '1')).toBe('ok');
      expect(machine.write(create('passthrough'), FIRST)).toBe('ok');
    });
  });

  it('V-02: profile mixed has both, and keeps their APQNs apart', async () => {
    await withMachine(MIXED, (machine) => {
      expect(machine.write(create('passthrough'), FIRST)).toBe('ok');
      expect(machine.write(create('virtual'), SECOND)).toBe('ok');
      const [passthrough, virtual] = [`${MATRIX}/${FIRST}`, `${MATRIX}/${SECOND}`];
      for (const [path, file, text, outcome] of [
        [passthrough, 'assign_adapter', '3', 'ok'],
        [passthrough, 'assign_domain', '4', 'ok'],
        [virtual, 'assign_adapter', '1:3,5', 'ok'],
        [virtual, 'assign_domain', '0:4', 'EADDRINUSE'],
        [virtual, 'assign_domain', '0:0x47', 'ok'],
        [passthrough, 'assign_domain', '0x47', 'EADDRINUSE'],
      ] as const)
        expect([file, text, machine.write(`${path}/${file}`, text)]).toEqual([file, text, outcome]);
    });
  });

  it.each(['x', `${FIRST}ab`, FIRST.replace('-', 'x')])('refuses %j as a UUID', async (text) => {
    await withMachine(EXCLUSIVE, (machine) => {
      expect(machine.write(create('virtual'), text)).toBe('EINVAL');
      expect(machine.write(create('virtual'), FIRST)).toBe('ok');
      expect(machine.write(create('virtual'), FIRST)).toBe('EEXIST');
    });
  });
});

describe('V-04: assign and unassign', () => {
  const rows: readonly (readonly [string, string, string])[] = [
    ['assign_adapter', '4:3,5,6', 'ok'],
    ['assign_adapter', '4:3,5,6\n', 'ok'],
    ['assign_domain', '0:4,0x47', 'ok'],
    ['assign_domain', '010:04', 'ok'],
    ['assign_adapter', '4', 'EINVAL'],
    ['assign_adapter', '4:', 'EINVAL'],
    ['assign_adapter', ':3', 'EINVAL'],
    ['assign_adapter', '4:3,', 'EINVAL'],
    ['assign_adapter', '4:3 5', 'EINVAL'],
    ['assign_adapter', '4:3:5', 'EINVAL'],
    ['assign_adapter', '4:3\n\n', 'EINVAL'],
    ['assign_adapter', '-1:3', 'EINVAL'],
    ['assign_adapter', '4:99999999999999999999', 'ERANGE'],
    ['assign_adapter', '256:3', 'ENODEV'],
    ['assign_adapter', '4:256', 'ENODEV'],
    ['assign_domain', '0:256', 'ENODEV'],
    ['unassign_adapter', '9', 'ok'],
    ['unassign_adapter', '256', 'ENODEV'],
    ['unassign_adapter', 'x', 'EINVAL'],
    ['unassign_domain', '0:4:', 'EINVAL'],
  ];
  it.each(rows)('%s of %j is %s', async (file, text, outcome) => {
    await withMachine(EXCLUSIVE, (machine) => {
      machine.write(create('virtual'), FIRST);
      expect(machine.write(`${MATRIX}/${FIRST}/${file}`, text)).toBe(outcome);
    });
  });

  it('is EADDRNOTAVAIL where a real APQN would be the host’s', async () => {
    await withMachine(EXCLUSIVE, (machine) => {
      machine.write(create('virtual'), FIRST);
      expect(machine.write(`${MATRIX}/${FIRST}/assign_adapter`, '1:0x10')).toBe('ok');
      expect(machine.write(`${MATRIX}/${FIRST}/assign_domain`, '0:4')).toBe('EADDRNOTAVAIL');
      expect(read(machine, `${MATRIX}/${FIRST}/map`)).toBe('');
    });
  });

  it('keeps the host from taking back what is mapped: EBUSY', async () => {
    await withMachine(EXCLUSIVE, (machine) => {
      machine.write(create('virtual'), FIRST);
      machine.write(`${MATRIX}/${FIRST}/assign_adapter`, '1:3');
      machine.write(`${MATRIX}/${FIRST}/assign_domain`, '0:4');
      expect(machine.write('/sys/bus/ap/apmask', '+3')).toBe('EBUSY');
      expect(machine.write(`${MATRIX}/${FIRST}/unassign_domain`, '0')).toBe('ok');
      expect(machine.write('/sys/bus/ap/apmask', '+3')).toBe('ok');
    });
  });

  it('S0-29, S0-30, V-13: adds to what is mapped, shows virtual numbers in matrix and all in map', async () => {
    await withMachine(EXCLUSIVE, (machine) => {
      for (const uuid of UUIDS.slice(0, 2)) machine.write(create('virtual'), uuid);
      const path = `${MATRIX}/${FIRST}`;
      machine.write(`${path}/assign_adapter`, '4:3,6');
      expect(read(machine, `${path}/matrix`)).toBe('04.\n');
      machine.write(`${path}/assign_domain`, '0:4,0x47');
      machine.write(`${path}/assign_adapter`, '4:5');
      machine.write(`${path}/assign_adapter`, '0xff:5');
      expect(read(machine, `${path}/matrix`)).toBe('04.0000\nff.0000\n');
      expect(read(machine, `${path}/guest_matrix`)).toBe('04.0000\nff.0000\n');
      expect(read(machine, `${path}/map`)).toBe(
        '04.0000: 03.0004 03.0047 05.0004 05.0047 06.0004 06.0047\nff.0000: 05.0004 05.0047\n',
      );
      // Sharing between virtual mdevs is what they are for.
      expect(machine.write(`${MATRIX}/${SECOND}/assign_adapter`, '0:5')).toBe('ok');
      expect(machine.write(`${MATRIX}/${SECOND}/assign_domain`, '0:4')).toBe('ok');
      expect(machine.write(`${path}/unassign_adapter`, '4:3,6')).toBe('ok');
      expect(machine.write(`${path}/unassign_adapter`, '255')).toBe('ok');
      expect(read(machine, `${path}/map`)).toBe('04.0000: 05.0004 05.0047\n');
    });
  });

  it('V-15: has no control domains', async () => {
    await withMachine(EXCLUSIVE, (machine) => {
      machine.write(create('virtual'), FIRST);
      expect(read(machine, `${MATRIX}/${FIRST}/control_domains`)).toBe('');
      expect(machine.write(`${MATRIX}/${FIRST}/assign_control_domain`, '4')).toBe('ENOENT');
    });
  });

  it('VD-53: choice and allow_secure are files', async () => {
    await withMachine(EXCLUSIVE, (machine) => {
      machine.write(create('virtual'), FIRST);
      const path = `${MATRIX}/${FIRST}`;
      expect(read(machine, `${path}/choice`)).toBe('[least] sticky first random\n');
      expect(machine.write(`${path}/choice`, 'random\n')).toBe('ok');
      expect(read(machine, `${path}/choice`)).toBe('least sticky first [random]\n');
      expect(machine.write(`${path}/choice`, 'best')).toBe('EINVAL');
      expect(machine.write(`${path}/allow_secure`, 'y')).toBe('ok');
      expect(read(machine, `${path}/allow_secure`)).toBe('1\n');
      expect(machine.write(`${path}/allow_secure`, 'maybe')).toBe('EINVAL');
    });
  });

  it('answers any text with an errno or ok and keeps a map that can be written again', async () => {
    await withMachine(EXCLUSIVE, (machine) => {
      machine.write(create('virtual'), FIRST);
      const path = `${MATRIX}/${FIRST}`;
      const number = fc.oneof(
        fc.nat(300).map(String),
        fc.nat(255).map((n) => `0x${n.toString(16)}`),
      );
      const mapping = fc
        .tuple(number, fc.array(number, { maxLength: 5 }), fc.constantFrom('', '\n', ',', ':', ' '))
        .map(([virtual, real, end]) => `${virtual}:${real.join(',')}${end}`);
      const text = fc.oneof(fc.string({ maxLength: 30, unit: 'binary-ascii' }), mapping);
      const file = fc.constantFrom(
        ...[
          'assign_adapter',
          'assign_domain',
          'unassign_adapter',
          'unassign_domain',
          'choice',
          'allow_secure',
        ],
      );
      const outcomes = ['ok', 'EINVAL', 'ERANGE', 'ENODEV', 'EADDRNOTAVAIL', 'ENOSPC'];
      fc.assert(
        fc.property(file, text, (name, written) => {
          const before = read(machine, `${path}/map`);
          const outcome = machine.write(`${path}/${name}`, written);
          expect(outcomes).toContain(outcome);
          if (outcome !== 'ok') expect(read(machine, `${path}/map`)).toBe(before);
        }),
        { numRuns: 2000 },
      );
    });
  });
});
