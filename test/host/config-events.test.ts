// SPDX-License-Identifier: Apache-2.0
// A card that the host's administrator deconfigures and configures: the machine tells of it, the bus scans, and each device has its event once.
// Source: drivers/s390/crypto/ap_card.c config_store, which takes note after the SCLP command has ended.

import { describe, expect, it } from 'vitest';
import { shellSession } from '../../src/cli/shell-session.ts';
import { configFromObject } from '../../src/config/load.ts';
import { Machine } from '../../src/host/machine/machine.ts';
import { GOLDEN_CONFIG } from '../../src/recorder/golden-host.ts';

const CARD = '/devices/ap/card05';
const QUEUES = ['0004', '0047', '00ab', '00ff'].map((domain) => `${CARD}/05.${domain}`);

describe.each(['linux-6.1', 'linux-6.12', 'current'])('profile %s', (kernel) => {
  it.each([
    ['echo 0 > config', 'CONFIG=0', [CARD, ...QUEUES]],
    ['echo 0 > config; echo 1 > config', 'CONFIG=1', [CARD, ...QUEUES]],
    ['echo 0 > config; echo 0 > config', 'CONFIG=0', [CARD, ...QUEUES, CARD]],
    ['chzcrypt --config-off 05', 'CONFIG=0', [CARD, ...QUEUES]],
  ])('%s: %s of the card, then of each queue', async (commands, key, paths) => {
    const { config } = configFromObject({ ...GOLDEN_CONFIG, host: { kernel } });
    const machine = await Machine.create(config, { bare: true });
    try {
      const told: string[] = [];
      machine.host.journal.onUevent(({ path, keys }) => {
        if (keys.some(([name, value]) => `${name}=${value}` === key)) told.push(path);
      });
      expect(await shellSession(machine).run(`cd /sys${CARD}; ${commands}`)).toBe('');
      expect(told).toEqual(paths);
    } finally {
      machine.close();
    }
  });
});
