// SPDX-License-Identifier: Apache-2.0
// The machine's time beside guests in QEMU: the host's, also after somebody let it pass at the administrator's shell.
import { afterEach, expect, it } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import { createQemuMachine, type QemuMachine } from '../../src/qemu/guest-machine.ts';

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
