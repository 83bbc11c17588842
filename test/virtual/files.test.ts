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
});

/** Every answer of the files of V-04 that is not `ok`, by the write that causes it on a machine with a passthrough mdev of 05.0004. */
const REFUSALS: readonly (readonly [errno: string, file: string, text: string, before?: string])[] =
  [
    ['EINVAL', 'assign_adapter', '4'],
    ['EINVAL', 'assign_domain', '0:'],
    ['EINVAL', 'unassign_adapter', 'four'],
    ['EINVAL', 'unassign_domain', ','],
    ['ERANGE', 'assign_adapter', '4:18446744073709551616'],
    ['ERANGE', 'unassign_domain', '18446744073709551616'],
    ['ENODEV', 'assign_adapter', '256:3'],
    ['ENODEV', 'assign_domain', '0:256'],
    ['ENODEV', 'unassign_adapter', '4:256'],
    ['ENODEV', 'unassign_domain', '256'],
    ['EADDRNOTAVAIL', 'assign_adapter', '1:0x10', 'assign_domain 0:4'],
    ['EADDRNOTAVAIL', 'assign_domain', '0:4', 'assign_adapter 1:3,0x10'],
    ['EADDRINUSE', 'assign_adapter', '1:3,5', 'assign_domain 0:4'],
    ['EADDRINUSE', 'assign_domain', '0:4', 'assign_adapter 1:5'],
    ['EINVAL', 'choice', 'best'],
    ['EINVAL', 'allow_secure', 'maybe'],
  ];

describe('V-04: each errno', () => {
  const rows = REFUSALS.map((row) => [row[0], row[1], row[2], row[3] ?? ''] as const);
  it.each(rows)('%s: %s of %j', async (errno, file, text, before) => {
    await withMachine(MIXED, (machine) => {
      machine.write(create('passthrough'), SECOND);
      machine.write(`${MATRIX}/${SECOND}/assign_adapter`, '5');
      machine.write(`${MATRIX}/${SECOND}/assign_domain`, '4');
      machine.write(create('virtual'), FIRST);
      const [name = '', value = ''] = before.split(' ');
      if (before !== '') expect(machine.write(`${MATRIX}/${FIRST}/${name}`, value)).toBe('ok');
      const map = read(machine, `${MATRIX}/${FIRST}/map`);
      expect(machine.write(`${MATRIX}/${FIRST}/${file}`, text)).toBe(errno);
      expect(read(machine, `${MATRIX}/${FIRST}/map`)).toBe(map);
    });
  });

  it('ENOSPC: more virtual queues than there is room for', async () => {
    await withMachine(EXCLUSIVE, (machine) => {
      machine.write(create('virtual'), FIRST);
      const path = `${MATRIX}/${FIRST}`;
      for (let n = 0; n < 64; n++)
        expect(machine.write(`${path}/assign_adapter`, `${n}:3`)).toBe('ok');
      machine.attach('A');
      const outcomes = Array.from({ length: 17 }, (_, n) =>
        machine.write(`${path}/assign_domain`, `${n}:4`),
      );
      expect(outcomes).toEqual([...Array.from({ length: 16 }, () => 'ok'), 'ENOSPC']);
    });
  });

  it('EAGAIN: in kernels that do not wait, while somebody else holds the locks', async () => {
    const switches = 'kernel: v13, switches: { virtualMdevs: exclusive }';
    await withMachine(
      EXCLUSIVE.replace('switches: { virtualMdevs: exclusive }', switches),
      (machine) => {
        machine.write(create('virtual'), FIRST);
        const { mdevsLock } = machine.host.matrix;
        mdevsLock.held = true;
        expect(machine.write(`${MATRIX}/${FIRST}/assign_adapter`, '4:3')).toBe('EAGAIN');
        expect(machine.write(`${MATRIX}/${FIRST}/assign_domain`, '0:4')).toBe('EAGAIN');
        mdevsLock.release();
        expect(machine.write(`${MATRIX}/${FIRST}/assign_adapter`, '4:3')).toBe('ok');
      },
    );
  });
});

/** All files of a virtual mdev and of its type. */
const FILES = [
  ...[
    'assign_adapter',
    'assign_domain',
    'unassign_adapter',
    'unassign_domain',
    'control_domains',
    'matrix',
    'guest_matrix',
    'map',
    'choice',
    'allow_secure',
    'uevent',
  ].map((name) => `${MATRIX}/${FIRST}/${name}`),
  ...['name', 'device_api', 'available_instances', 'create'].map(
    (name) => `${TYPES}/vfio_ap-virtual/${name}`,
  ),
];

describe('every file', () => {
  it('is in the corpus below', async () => {
    await withMachine(EXCLUSIVE, (machine) => {
      machine.write(create('virtual'), FIRST);
      const own = machine.sysfs.list(`${MATRIX}/${FIRST}`);
      const type = machine.sysfs.list(`${TYPES}/vfio_ap-virtual`);
      const names = FILES.map((path) => path.split('/').at(-1));
      const links = [
        'devices',
        'mdev_type',
        'subsystem',
        'driver',
        'iommu_group',
        'power',
        'remove',
        'vfio-dev',
      ];
      for (const { ok, ...found } of [own, type]) {
        expect(ok).toBe(true);
        const left = 'names' in found ? found.names.filter((name) => !links.includes(name)) : [];
        expect(names).toEqual(expect.arrayContaining(left));
      }
    });
  });

  it('takes any text with ok or an errno, shows text that ends its lines, and nothing of it changes the map when it is refused', async () => {
    await withMachine(EXCLUSIVE, (machine) => {
      machine.write(create('virtual'), FIRST);
      const number = fc.oneof(
        fc.nat(300).map(String),
        fc.constantFrom('0x47', '010', '-1', '1e3', ''),
      );
      const mapping = fc
        .tuple(
          number,
          fc.array(number, { maxLength: 4 }),
          fc.constantFrom('', '\n', ',', ':', '\0'),
        )
        .map(([virtual, real, end]) => `${virtual}:${real.join(',')}${end}`);
      const text = fc.oneof(
        fc.string({ maxLength: 40, unit: 'binary' }),
        fc.string({ minLength: 4000, maxLength: 5000 }),
        mapping,
        fc.constantFrom(...UUIDS, 'add', '1', 'y', 'least', 'sticky\n'),
      );
      const outcome = /^(ok|EINVAL|ERANGE|ENODEV|EADDRNOTAVAIL|ENOSPC|EACCES|EEXIST|E2BIG)$/;
      fc.assert(
        fc.property(fc.constantFrom(...FILES), text, (file, written) => {
          const before = read(machine, `${MATRIX}/${FIRST}/map`);
          const ended = machine.write(file, written);
          expect(ended).toMatch(outcome);
          if (ended !== 'ok') expect(read(machine, `${MATRIX}/${FIRST}/map`)).toBe(before);
          const shown = machine.sysfs.read(file);
          if (shown.ok) expect(shown.text).toMatch(/^([ -~]*\n)*$/);
          else expect(shown.errno).toBe('EACCES');
        }),
        { numRuns: 1500 },
      );
    });
  });
});
