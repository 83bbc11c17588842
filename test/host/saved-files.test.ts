// SPDX-License-Identifier: Apache-2.0
// Files of saved machines of the last two versions: one is read and goes on, the other is refused; nothing is guessed. Each file was saved by
// a build of its version from examples/two-guests.yaml, 20 ms after its guests (program of the configuration, 4 messages) had begun.
// Whoever changes a version (LAYOUT_VERSION, or that of the host's records) stores a file of the new one.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Packr } from 'msgpackr';
import { expect, it } from 'vitest';
import { LAYOUT_VERSION } from '../../native-like/machine/layout.ts';
import { restoreMachine } from '../../src/host/state/snapshot.ts';

const HEAD_BYTES = 16;
const DIGEST_BYTES = 32;

const stored = (layout: number): Uint8Array =>
  gunzipSync(readFileSync(new URL(`saved/layout-${layout}.machine.gz`, import.meta.url)));

/** The same file with its contents changed, and a digest that fits. */
const changed = (bytes: Uint8Array, change: (saved: { layout: number }) => void): Uint8Array => {
  const packr = new Packr({ structuredClone: true, moreTypes: true });
  const saved = packr.unpack(bytes.subarray(HEAD_BYTES + DIGEST_BYTES)) as { layout: number };
  change(saved);
  const body = packr.pack(saved);
  const digest = createHash('sha256').update(body).digest();
  return Buffer.concat([bytes.subarray(0, HEAD_BYTES), digest, body]);
};

it('a file of this version is read, and its machine goes on to the end of its programs', async () => {
  const machine = await restoreMachine(stored(LAYOUT_VERSION));
  machine.stepper.runPrograms(machine.nowNs() + 1_000_000_000);
  expect(machine.stepper.programs.map(({ done }) => done)).toEqual([true, true]);
  expect(machine.isAttached('Guest1')).toBe(true);
  machine.close();
});

it.each<[string, () => Uint8Array, string]>([
  [
    'of the version before',
    () => stored(LAYOUT_VERSION - 1),
    `image layout ${LAYOUT_VERSION - 1} (expected ${LAYOUT_VERSION})`,
  ],
  [
    'of a later version',
    () =>
      changed(stored(LAYOUT_VERSION), (saved) => {
        saved.layout = LAYOUT_VERSION + 1;
      }),
    `image layout ${LAYOUT_VERSION + 1} (expected ${LAYOUT_VERSION})`,
  ],
  [
    'of a later file format',
    () => {
      const bytes = Buffer.from(stored(LAYOUT_VERSION));
      bytes.write('2', HEAD_BYTES - 2, 'latin1');
      return bytes;
    },
    'file format 2 (expected 1)',
  ],
])('a file %s is refused by its version', async (_, bytes, message) => {
  await expect(restoreMachine(bytes())).rejects.toMatchObject({
    code: 'APEMU_ERR_SNAPSHOT_VERSION',
    message: expect.stringContaining(message),
  });
});
