// SPDX-License-Identifier: Apache-2.0
// A machine beside guests in QEMU: its time is the host's, also after somebody let it pass at the shell; their programs are their kernels.
import { afterEach, expect, it } from 'vitest';
import { G_EXTERNAL } from '../../native-like/machine/layout.ts';
import { shellSession } from '../../src/cli/shell-session.ts';
import { clusterFromObject, configFromObject } from '../../src/config/load.ts';
import {
  createQemuCluster,
  createQemuMachine,
  type QemuMachine,
} from '../../src/qemu/guest-machine.ts';

const SECOND = 1e9;
let qemu: QemuMachine | undefined;
afterEach(() => qemu?.machine.close());

it.each([
  ['follows the host', 0, [0, 1, 2]],
  ['goes on from where somebody moved it to', 3600 * SECOND, [3600, 3601, 3602]],
])('%s', async (_what, moved, seconds) => {
  const { config } = configFromObject({ apemu: 1, guests: { Guest1: {} } });
  qemu = await createQemuMachine(config, ['Guest1']);
  const { machine } = qemu;
  const service = qemu.service('Guest1');
  service.advance(0);
  const start = machine.nowNs();
  if (moved > 0) machine.advance(moved);
  const times = [0, 1, 2].map((second) => {
    service.advance(second * SECOND);
    return (machine.nowNs() - start) / SECOND;
  });
  expect(times).toEqual(seconds);
});

it('a guest in QEMU is not started with a program of ours', async () => {
  const { config } = configFromObject({ apemu: 1, guests: { Guest1: {} } });
  qemu = await createQemuMachine(config, ['Guest1']);
  qemu.machine.image.i32[qemu.machine.image.guest(1) + G_EXTERNAL] = 1;
  const shell = shellSession(qemu.machine);
  expect(await shell.run('guest start Guest1')).toContain('Guest1 runs under QEMU');
  expect(await shell.run('guest list')).toMatch(/^Guest1 +(off|attached) /m);
});

it('several machines have one time, wherever their guests are', async () => {
  const guests = { Guest1: {} };
  const incoming = { Guest1: { incoming: true } };
  const { config } = clusterFromObject({ machines: { A: { guests }, B: { guests: incoming } } });
  const { cluster, service } = await createQemuCluster(config, ['Guest1']);
  const [a, b] = [...cluster.machines.values()];
  for (const [second, machine] of ['A', 'A', 'B', 'A'].entries()) {
    service('Guest1', machine).advance(second * SECOND);
    expect(b.nowNs()).toBe(a.nowNs());
  }
  expect(a.nowNs()).toBeGreaterThanOrEqual(3 * SECOND);
  expect(() => service('Guest1', 'C')).toThrow('no guest Guest1 on machine C');
  cluster.close();
});
