// SPDX-License-Identifier: Apache-2.0
// Ioctls and state machine: docs/reference/migration.md sections 1 to 3, each row and each errno.
import { describe, expect, it } from 'vitest';
import { STATE_RESUMING, STATE_STOP_COPY } from '../../src/vfio-ap/migration/states.ts';
import { FakeVm } from '../vfio-ap/fake-vm.ts';
import { MATRIX, TypedHost, UUID1 } from '../vfio-ap/typed.ts';
import { GUEST, Side } from './support.ts';

const [GET, SET, PROBE] = [1 << 16, 1 << 17, 1 << 18];
const [MIGRATION, DEVICE_STATE, DATA_SIZE] = [1, 2, 9];

describe('VFIO_DEVICE_FEATURE', () => {
  it.each<[string, number, number, object, object]>([
    ['MIGRATION GET: STOP_COPY only', MIGRATION, GET, {}, { flags: 1 }],
    ['MIGRATION PROBE GET', MIGRATION, PROBE | GET, { argsz: 8 }, {}],
    ['MIGRATION SET is EINVAL', MIGRATION, SET, {}, { errno: 'EINVAL' }],
    ['MIGRATION PROBE SET is EINVAL', MIGRATION, PROBE | SET, {}, { errno: 'EINVAL' }],
    ['DEVICE_STATE GET: RUNNING', DEVICE_STATE, GET, {}, { device_state: 2, data_fd: -1 }],
    ['DEVICE_STATE PROBE GET and SET', DEVICE_STATE, PROBE | GET | SET, {}, {}],
    ['DEVICE_STATE GET and SET is EINVAL', DEVICE_STATE, GET | SET, {}, { errno: 'EINVAL' }],
    ['DEVICE_STATE neither is EINVAL', DEVICE_STATE, 0, {}, { errno: 'EINVAL' }],
    ['DATA_SIZE GET: 48 + 16 n', DATA_SIZE, GET, {}, { stop_copy_length: 48 + 16 * 4 }],
    ['DATA_SIZE SET is EINVAL', DATA_SIZE, SET, {}, { errno: 'EINVAL' }],
    ['argsz short of the header is EINVAL', MIGRATION, GET, { argsz: 7 }, { errno: 'EINVAL' }],
    ['argsz short of the data is EINVAL', MIGRATION, GET, { argsz: 15 }, { errno: 'EINVAL' }],
    ['unknown flags are EINVAL', MIGRATION, GET | (1 << 19), {}, { errno: 'EINVAL' }],
    [
      'an unreadable header is EFAULT',
      MIGRATION,
      GET,
      { badPointer: 'header' },
      { errno: 'EFAULT' },
    ],
    ['unreadable data is EFAULT', DEVICE_STATE, SET, { badPointer: 'data' }, { errno: 'EFAULT' }],
    ['another feature is ENOTTY', 3, GET, {}, { errno: 'ENOTTY' }],
  ])('%s', (_, feature, operation, over, answer) => {
    expect(new Side('strict', GUEST).feature(feature, operation, over)).toEqual(answer);
  });

  it.each([MIGRATION, DEVICE_STATE, DATA_SIZE])(
    'feature %i is ENOTTY without migration, on a host that is itself protected, and of a virtual mdev',
    (feature) => {
      expect(new Side('off', GUEST).feature(feature, GET)).toEqual({ errno: 'ENOTTY' });
      const side = new Side('strict');
      side.host.timers.run(side.file.close());
      side.host.host.matrix.secureHost = true;
      const file = side.host.start(side.vm);
      const request = { name: 'VFIO_DEVICE_FEATURE', argsz: 16, flags: feature | GET };
      expect(side.host.timers.run(file.ioctl(request))).toEqual({ errno: 'ENOTTY' });
      const host = new TypedHost({ switches: { migration: 'strict', virtualMdevs: 'exclusive' } });
      host.echo(UUID1, `${MATRIX}/mdev_supported_types/vfio_ap-virtual/create`);
      const virtual = host.start(new FakeVm('Guest1'));
      expect(host.timers.run(virtual.ioctl(request))).toEqual({ errno: 'ENOTTY' });
    },
  );

  it('DATA_SIZE of form A is 40 + 16 n', () => {
    expect(new Side('posted-a', GUEST).feature(DATA_SIZE, GET)).toEqual({ stop_copy_length: 104 });
  });

  it.each([
    ['off', 'guest_matrix hotplug ap_config\n'],
    ['posted-a', 'guest_matrix hotplug ap_config migratable\n'],
    ['posted-b', 'guest_matrix hotplug ap_config migratable\n'],
    ['strict', 'guest_matrix hotplug ap_config migratable\n'],
  ] as const)('migration: %s: features', (migration, features) => {
    expect(new Side(migration).host.cat(`${MATRIX}/features`)).toBe(features);
  });
});

describe('the state machine', () => {
  const [ERROR, STOP, RUNNING] = [0, 1, 2];
  const NAMES = ['ERROR', 'STOP', 'RUNNING', 'STOP_COPY', 'RESUMING'];
  const ARCS: readonly (readonly [number, number, boolean])[] = [
    [RUNNING, STOP, false],
    [STOP, RUNNING, false],
    [STOP, STATE_STOP_COPY, true],
    [STATE_STOP_COPY, STOP, false],
    [STOP, STATE_RESUMING, true],
    [STATE_RESUMING, STOP, false],
    [RUNNING, STATE_STOP_COPY, true],
    [RUNNING, STATE_RESUMING, true],
    [STATE_STOP_COPY, RUNNING, false],
    [STATE_RESUMING, RUNNING, false],
    [STATE_STOP_COPY, STATE_RESUMING, true],
    [STATE_RESUMING, STATE_STOP_COPY, true],
    ...[STOP, RUNNING, STATE_STOP_COPY, STATE_RESUMING].map((s) => [s, s, false] as const),
  ];
  it.each(ARCS.map(([from, to, fd]) => [NAMES[from], NAMES[to], fd, from, to] as const))(
    '%s to %s: a data file is made: %s',
    (_from, _to, fd, from, to) => {
      const side = new Side('strict', GUEST);
      side.set(from);
      const answer = side.set(to);
      expect(answer).toMatchObject({ device_state: to, data_fd: fd ? 0 : -1 });
      expect(side.state).toBe(to);
      expect(side.vm.calls).toEqual([]);
    },
  );

  it.each([
    ['ERROR', ERROR],
    ['RUNNING_P2P', 5],
    ['PRE_COPY', 6],
    ['PRE_COPY_P2P', 7],
    ['a number above 7', 8],
    ['a number far above', 0xffffffff],
  ])('to %s is EINVAL, data_fd -1, state unchanged', (_, to) => {
    const side = new Side('strict', GUEST);
    for (const from of [STOP, RUNNING, STATE_STOP_COPY, STATE_RESUMING]) {
      side.set(from);
      expect(side.set(to)).toEqual({ errno: 'EINVAL', data_fd: -1 });
      expect(side.state).toBe(from);
    }
  });

  it('stays in STOP when RUNNING to RESUMING fails to make its file', () => {
    const side = new Side('strict', GUEST);
    side.host.host.matrix.descriptors = 0;
    expect(side.set(STATE_RESUMING)).toEqual({ errno: 'EMFILE', data_fd: -1 });
    expect(side.state).toBe(STOP);
  });

  it('out of ERROR nothing leads but a reset: SET is a success without a file', () => {
    const side = new Side('strict', GUEST);
    side.state;
    (side.host.mdev().migration as { state: number }).state = ERROR;
    expect(side.set(STATE_STOP_COPY)).toEqual({ device_state: STATE_STOP_COPY, data_fd: -1 });
    expect(side.state).toBe(ERROR);
    side.host.timers.run(side.file.ioctl({ name: 'VFIO_DEVICE_RESET' }));
    expect(side.state).toBe(RUNNING);
  });

  it('any SET while the host is a secure-execution guest is EPERM, logged once', () => {
    const side = new Side('strict', GUEST);
    side.state;
    side.host.host.matrix.secureHost = true;
    expect(side.set(STOP)).toEqual({ errno: 'EPERM', data_fd: -1 });
    expect(side.set(RUNNING)).toEqual({ errno: 'EPERM', data_fd: -1 });
    const lines = side.host.log().filter((line) => line.includes('Secure Execution'));
    expect(lines).toEqual(['Migration not allowed from or to a Secure Execution guest']);
  });
});

describe('reset and close', () => {
  it('a reset resets all queues, drops the data and leads to RUNNING; open files are EINVAL and ENXIO', () => {
    for (const [state, errno] of [
      [STATE_STOP_COPY, 'EINVAL'],
      [STATE_RESUMING, 'ENXIO'],
    ] as const) {
      const side = new Side('strict', GUEST);
      const file = side.stream(state);
      side.host.timers.run(side.file.ioctl({ name: 'VFIO_DEVICE_RESET' }));
      expect([side.state, side.partition.zapqs.length]).toEqual([2, 4]);
      const answer =
        state === STATE_STOP_COPY ? side.read(file, 8) : side.write(file, new Uint8Array(8));
      expect(answer).toEqual({ errno });
    }
  });

  it('a reset with an adapter in standby is EIO and leaves the migration alone', () => {
    const side = new Side('strict', GUEST);
    const file = side.stream(STATE_STOP_COPY);
    side.partition.deconfigure(5);
    expect(side.host.timers.run(side.file.ioctl({ name: 'VFIO_DEVICE_RESET' }))).toEqual({
      errno: 'EIO',
    });
    expect([side.state, side.read(file, 4).errno]).toEqual([STATE_STOP_COPY, undefined]);
  });

  it.each([STATE_STOP_COPY, STATE_RESUMING])(
    'after close files of state %i are ENODEV, and removal of the mdev waits for them',
    (state) => {
      const side = new Side('strict', GUEST);
      const file = side.stream(state);
      side.host.timers.run(side.file.close());
      const answer =
        state === STATE_STOP_COPY ? side.read(file, 8) : side.write(file, new Uint8Array(8));
      expect(answer).toEqual({ errno: 'ENODEV' });
      const removal = side.host.host.sysfs.write(`${MATRIX}/${UUID1}/remove`, '1\n');
      expect(removal.next().value).toMatchObject({ pending: true });
      file.close();
      expect(removal.next()).toEqual({ done: true, value: 'ok' });
    },
  );

  it('a device opened again is RUNNING', () => {
    const side = new Side('strict', GUEST);
    side.set(STATE_STOP_COPY);
    side.host.timers.run(side.file.close());
    side.host.start(side.vm);
    expect(side.host.mdev().migration).toBeNull();
  });
});
