// SPDX-License-Identifier: Apache-2.0
// Through NQAP and DQAP every request is answered once, with its own PSMID and within the queue's limit, whatever it says.

import { describe, expect, it } from 'vitest';
import { internalFailures } from '../../src/cex/adapter.ts';
import { buildCrt, buildQuery, buildRng } from '../../src/cex/messages/build.ts';
import { WORKLOAD_KEYS } from '../../src/cex/messages/workload-keys.ts';
import { completed } from '../../src/host/api/results.ts';
import { Seeded } from '../cex/helpers.ts';
import { cardMachine } from './support.ts';

const SEED = 0x0a11_5e44;
const ROUNDS = 1500;
const DEPTH = 8;
const crt = buildCrt({ mode: 'accelerator', input: new Uint8Array(256), key: WORKLOAD_KEYS[0] });
const QUEUES: readonly (readonly [string, readonly Uint8Array[]])[] = [
  [
    '05.0004',
    [buildRng({ domain: 4 }), buildQuery({ mode: 'cca', keyword: 'STATICSA', domain: 4 })],
  ],
  ['06.0004', [crt]],
  [
    '07.0004',
    [buildQuery({ mode: 'ep11', domain: 4 }), buildQuery({ mode: 'ep11', query: 1, domain: 4 })],
  ],
  ['08.0004', [buildRng({ domain: 4 })]],
];

/** A template with some bytes of its head changed, cut, or longer; or as it is. */
const mutated = (random: Seeded, template: Uint8Array): Uint8Array => {
  const length = [template.length, 1 + random.below(template.length), template.length + 9];
  const message = new Uint8Array(length[random.below(3)]);
  message.set(template.subarray(0, message.length));
  for (let n = random.below(5); n > 0; n--)
    message[random.below(Math.min(message.length, 330))] = random.next() & 0xff;
  return message;
};

describe(`${ROUNDS * DEPTH} requests, mutated and good (seed ${SEED})`, () => {
  it.each(QUEUES)('on %s', async (apqn, templates) => {
    const random = new Seeded(SEED);
    const machine = await cardMachine();
    const cpu = machine.guest('A').cpu();
    const failures = internalFailures();
    let psmid = 0n;
    let longest = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const waiting = new Set<bigint>();
      for (let n = 0; n < DEPTH; n++) {
        const message = mutated(random, templates[random.below(templates.length)]);
        expect(completed(cpu.nqap(apqn, { psmid: ++psmid, message })).status.rc).toBe(0);
        waiting.add(psmid);
      }
      machine.run();
      for (let n = 0; n < DEPTH; n++) {
        const taken = completed(cpu.dqap(apqn));
        expect(taken.cc).toBe(0);
        expect(waiting.delete(taken.psmid)).toBe(true);
        longest = Math.max(longest, taken.length);
      }
      expect(completed(cpu.dqap(apqn)).status).toMatchObject({ rc: 0x10, queueEmpty: true });
    }
    expect(longest).toBeLessThanOrEqual(12288);
    expect(internalFailures()).toBe(failures);
    machine.close();
  });
});
