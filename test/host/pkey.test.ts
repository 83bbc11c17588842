// SPDX-License-Identifier: Apache-2.0
// /sys/class/misc/pkey: keys of the host, made by its cards and its processors.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openCipherToken, openDataToken } from '../../src/cex/cca/tokens.ts';
import { openBlob } from '../../src/cex/ep11/blob.ts';
import { parseConfig } from '../../src/config/load.ts';
import { Machine } from '../../src/host/machine/machine.ts';
import { exportSnapshot } from '../../src/sysfs/export.ts';

const PKEY = '/sys/class/misc/pkey';
const machines: Machine[] = [];
afterEach(() => {
  for (const machine of machines.splice(0)) machine.close();
});

interface Wishes {
  readonly adapters?: string;
  readonly kernel?: string;
  readonly seed?: number;
}

const ALL = '5: { type: CEX8, mode: cca }, 6: { type: CEX8, mode: ep11 }';

async function made({ adapters = ALL, kernel = 'current', seed = 1 }: Wishes = {}) {
  const { config } = parseConfig(
    `apemu: 1
machine: { profile: z16, seed: ${seed}, adapters: { ${adapters} }, usageDomains: [4, 0x47], controlDomains: [4] }
host: { kernel: ${kernel} }
`,
    'pkey.yaml',
  );
  const machine = await Machine.create(config);
  machines.push(machine);
  const { sysfs } = machine.host;
  const key = (file: string): Uint8Array | string => {
    const read = sysfs.read(`${PKEY}/${file}`);
    return read.ok ? Buffer.from(read.text, 'latin1') : read.errno;
  };
  const text = (path: string): string => {
    const read = sysfs.read(path);
    return read.ok ? read.text : read.errno;
  };
  const echo = (word: string, path: string): unknown => sysfs.write(path, `${word}\n`).next().value;
  return { machine, sysfs, key, text, echo };
}

const FILES: readonly [string, number][] = [
  ['protkey', 80],
  ['ccadata', 64],
  ['ccacipher', 136],
  ['ep11', 336],
].flatMap(([group, bytes]) =>
  [
    ['128', 1],
    ['192', 1],
    ['256', 1],
    ['128_xts', 2],
    ['256_xts', 2],
  ].map(([name, keys]): [string, number] => [
    `${group}/${group}_aes_${name}`,
    Number(bytes) * Number(keys),
  ]),
);
const NEWER = ['aes_xts_128', 'aes_xts_256', 'hmac_1024', 'hmac_512'].map(
  (name) => `protkey_${name}`,
);

/** Fields of an AES CIPHER token from the pattern on, as Linux 6.12.117 gives them: the length of the payload differs. */
const CIPHER_FIELDS =
  /^000000000000000000000000(0100)001a00000000(0200|0240|0280)0002000102c000ff000308c800000000$/;

describe('pkey', () => {
  it.each(FILES)('%s has another key of %i bytes at each reading', async (file, bytes) => {
    const { key } = await made();
    const [one, two] = [key(file), key(file)];
    expect(one).toHaveLength(bytes);
    expect(two).toHaveLength(bytes);
    expect(one).not.toEqual(two);
  });

  it('has the same keys again from the same seed, and others from another', async () => {
    const keys = async (seed: number) => {
      const { key } = await made({ seed });
      return FILES.map(([file]) => Buffer.from(key(file)).toString('hex'));
    };
    const first = await keys(1);
    expect(await keys(1)).toEqual(first);
    const other = await keys(2);
    expect(other.filter((hex, n) => hex === first[n])).toEqual([]);
  });

  it('gives tokens that its cards open', async () => {
    const { machine, key } = await made();
    const [cca, ep11] = [machine.cards.get(5), machine.cards.get(6)];
    if (cca === undefined || ep11 === undefined) throw new Error('no cards');
    for (const bits of [128, 192, 256]) {
      const data = key(`ccadata/ccadata_aes_${bits}`) as Uint8Array;
      expect(openDataToken(cca, 4, data)).toHaveLength(bits / 8);
      const cipher = key(`ccacipher/ccacipher_aes_${bits}`) as Uint8Array;
      expect(Buffer.from(cipher.subarray(18, 56)).toString('hex')).toMatch(CIPHER_FIELDS);
      const length = cipher[2] * 256 + cipher[3];
      expect(openCipherToken(cca, 4, cipher.subarray(0, length))).toMatchObject({ parts: 0xff });
      const blob = key(`ep11/ep11_aes_${bits}`) as Uint8Array;
      expect([...blob.subarray(0, 8)]).toEqual([0, 0, 1, 16, 6, 0, bits >> 8, bits & 255]);
      expect(openBlob(ep11, 4, blob.subarray(0, 272))).toMatchObject({ attributes: 0x200c00 });
      expect(blob.subarray(272).every((byte) => byte === 0)).toBe(true);
    }
  });

  it('gives protected keys with head, key and the pattern of one wrapping key', async () => {
    const { key } = await made();
    const tokens = [128, 192, 256].map((bits) => key(`protkey/protkey_aes_${bits}`) as Uint8Array);
    expect(tokens.map((token) => [...token.subarray(0, 16)])).toEqual([
      [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 48],
      [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 56],
      [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 64],
    ]);
    const patterns = tokens.map((token, n) => token.subarray(32 + 8 * n, 64 + 8 * n));
    expect(patterns[1]).toEqual(patterns[0]);
    expect(patterns[2]).toEqual(patterns[0]);
  });

  it('has none of a card that is not there, offline, or given away', async () => {
    const { key, echo } = await made({ adapters: '5: { type: CEX8, mode: cca }' });
    expect(key('ep11/ep11_aes_128')).toBe('ENODEV');
    expect(key('ccadata/ccadata_aes_128')).toHaveLength(64);
    echo('0', '/sys/devices/ap/card05/online');
    for (const group of ['ccadata', 'ccacipher'])
      for (const name of ['128', '256_xts'])
        expect(key(`${group}/${group}_aes_${name}`)).toBe('ENODEV');
    expect(key('protkey/protkey_aes_256')).toHaveLength(80);
  });

  it('has no EP11 keys of a CEX6 and no CIPHER keys of a CEX5', async () => {
    const { key } = await made({
      adapters: '5: { type: CEX5, mode: cca }, 6: { type: CEX6, mode: ep11 }',
    });
    expect(key('ccadata/ccadata_aes_128')).toHaveLength(64);
    expect(key('ccacipher/ccacipher_aes_128')).toBe('ENODEV');
    expect(key('ep11/ep11_aes_128')).toBe('ENODEV');
  });

  it('has files of XTS and HMAC keys since 6.12, which the processors cannot make', async () => {
    const { key, text, sysfs } = await made();
    const area = '/sys/kernel/debug/s390dbf/pkey/sprintf';
    for (const name of NEWER) {
      expect(key(`protkey/${name}`)).toBe('ENODEV');
      expect(text(area)).toMatch(/pckmo_clr2protkey pckmo functions not available\n$/);
    }
    // Twice each: there could be a module that has not been loaded.
    expect(text(area).split('\n')).toHaveLength(2 * NEWER.length + 1);
    const old = await made({ kernel: 'linux-6.1' });
    const names = ({ sysfs: tree }: Pick<typeof old, 'sysfs'>): readonly string[] => {
      const listing = tree.list(`${PKEY}/protkey`);
      return listing.ok ? listing.names : [];
    };
    const added = names({ sysfs }).filter((name) => !names(old).includes(name));
    expect(added).toEqual(NEWER);
  });

  it('asks the cards for what it needs to know, and once for each key', async () => {
    const { key, text } = await made({ adapters: '5: { type: CEX8, mode: cca }' });
    const count = () =>
      ['0004', '0047'].map((domain) =>
        Number(text(`/sys/devices/ap/card05/05.${domain}/request_count`)),
      );
    const before = count();
    key('ccadata/ccadata_aes_128');
    // Each queue is asked twice about itself; the first one makes the key.
    expect(count()).toEqual([before[0] + 3, before[1] + 2]);
    const old = await made({ adapters: '5: { type: CEX8, mode: cca }', kernel: 'linux-6.1' });
    const card = () => Number(old.text('/sys/devices/ap/card05/request_count'));
    const first = card();
    old.key('ccadata/ccadata_aes_128');
    expect(card()).toBe(first + 1);
  });

  it('is only read, and a copy of the tree does not make keys', async () => {
    const { sysfs, echo, text } = await made();
    expect(echo('x', `${PKEY}/protkey/protkey_aes_128`)).toBe('EACCES');
    expect(text(`${PKEY}/dev`)).toBe('10:258\n');
    expect(text(`${PKEY}/uevent`)).toBe('MAJOR=10\nMINOR=258\nDEVNAME=pkey\nDEVMODE=0666\n');
    const folder = mkdtempSync(join(tmpdir(), 'pkey-'));
    try {
      exportSnapshot(sysfs, folder);
      const file = join(folder, 'sys/devices/virtual/misc/pkey/protkey/protkey_aes_128');
      expect(statSync(file).size).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
