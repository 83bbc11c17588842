// SPDX-License-Identifier: Apache-2.0
// What the host shows of cards by asking them: serialnr, mkvps, EP11 properties; the same that a guest's query tells.
// Source: docs/reference/messages.md 1.2, 2.11, 4.1; drivers/s390/crypto/zcrypt_cex4.c (formats).
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildQuery } from '../../src/cex/messages/build.ts';
import { createMachine, type Machine } from '../../src/index.ts';
import { hex } from '../cex/helpers.ts';
import { exchange } from './support.ts';

let machine: Machine;
beforeEach(async () => {
  machine = await createMachine({
    machine: {
      adapters: {
        5: { mode: 'cca', serial: 'EMU00005' },
        6: { mode: 'accelerator' },
        7: { mode: 'ep11', serial: 'EMU00007' },
      },
      usageDomains: [4, 7],
      controlDomains: [4, 7],
    },
    // Domain 4 is the host's, domain 7 the guest's.
    host: { aqmask: '-7' },
    guests: { A: { memory: '256KiB', mdev: { adapters: [5, 7], domains: [7] } } },
  });
});
afterEach(() => machine.close());

const read = (path: string): string => {
  const found = machine.finish(machine.sysfs.readOperation(`/sys/devices/ap/${path}`));
  return found.ok ? found.text : found.errno;
};

describe('a CCA card of the host', () => {
  it('shows its serial number', () => {
    expect(read('card05/serialnr')).toBe('EMU00005\n');
  });

  it('shows states and verification patterns of its master keys', () => {
    expect(read('card05/05.0004/mkvps')).toMatch(
      /^AES NEW: empty 0x0{16}\nAES CUR: valid 0x[0-9a-f]{16}\nAES OLD: invalid 0x0{16}\nAPKA NEW: empty 0x0{16}\nAPKA CUR: valid 0x[0-9a-f]{16}\nAPKA OLD: invalid 0x0{16}\nASYM NEW: empty 0x0{32}\nASYM CUR: valid 0x[0-9a-f]{32}\nASYM OLD: invalid 0x0{32}\n$/,
    );
  });

  it('tells a guest the same serial number, and patterns of the guest’s own domain', () => {
    const ask = (keyword: string) => {
      const request = buildQuery({ mode: 'cca', keyword, domain: 7 });
      const { reply } = exchange(machine, 'A', '05.0007', request);
      if (reply.kind !== 'cca') throw new Error(reply.kind);
      return reply;
    };
    const a = ask('STATICSA');
    expect([a.rules.length, a.rules[0], a.rules[8]?.[0]]).toEqual([10, 'EMU00005', '2']);
    const b = ask('STATICSB');
    expect([b.rules.length, b.vud.length]).toEqual([13, 240]);
    const pattern = hex(a.vud.subarray(184, 192));
    expect(pattern).not.toBe('0'.repeat(16));
    expect(read('card05/05.0004/mkvps')).not.toContain(pattern);
  });

  it('that is offline shows nothing: kernels of today remember no answers', () => {
    read('card05/05.0004/mkvps');
    expect(machine.write('/sys/devices/ap/card05/online', '0\n')).toBe('ok');
    expect(read('card05/05.0004/mkvps')).toMatch(/^AES NEW: - -\n/);
    expect(read('card05/serialnr')).toBe('\n');
    expect(machine.write('/sys/devices/ap/card05/online', '1\n')).toBe('ok');
    expect(read('card05/serialnr')).toBe('EMU00005\n');
  });

  it('whose queues all belong to vfio_ap cannot be asked', async () => {
    expect(machine.write('/sys/bus/ap/aqmask', '-4\n')).toBe('ok');
    machine.run();
    expect(read('card05/serialnr')).toBe('\n');
  });
});

describe('an EP11 card of the host', () => {
  it('shows serial number, API ordinal, firmware version and operating modes', () => {
    expect(read('card07/serialnr')).toBe('        EMU00007\n');
    expect(read('card07/API_ordinalnr')).toBe('4\n');
    expect(read('card07/FW_version')).toBe('7.1\n');
    expect(read('card07/op_modes')).toBe('\n');
  });

  it('shows its wrapping keys as a guest’s query tells those of its domain', () => {
    expect(read('card07/07.0004/mkvps')).toMatch(
      /^WK CUR: valid 0x[0-9a-f]{64}\nWK NEW: empty -\n$/,
    );
    const request = buildQuery({ mode: 'ep11', domain: 7 });
    const { reply } = exchange(machine, 'A', '07.0007', request);
    if (reply.kind !== 'ep11') throw new Error(reply.kind);
    const info = reply.body[0];
    expect(info[71] & 0x02).toBe(0x02);
    const pattern = hex(info.subarray(4, 36));
    expect(pattern).not.toBe('0'.repeat(64));
    expect(read('card07/07.0004/mkvps')).not.toContain(pattern);
  });

  it('that is offline shows no keys', () => {
    expect(machine.write('/sys/devices/ap/card07/07.0004/online', '0\n')).toBe('ok');
    expect(read('card07/07.0004/mkvps')).toBe('WK CUR: - -\nWK NEW: - -\n');
  });
});

describe('an accelerator of the host', () => {
  it('has none of these files', () => {
    expect([read('card06/serialnr'), read('card06/06.0004/mkvps')]).toEqual(['ENOENT', 'ENOENT']);
  });
});
