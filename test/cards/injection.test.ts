// SPDX-License-Identifier: Apache-2.0
// Injected replies end to end: declared in a configuration, an AP program or by a call, received by a guest's DQAP.
// Source: docs/design.md section 5 (reply, function); docs/reference/messages.md 3.1, 8.3.
import { afterEach, describe, expect, it } from 'vitest';
import { buildCrt, buildModexpo, buildQuery, buildRng } from '../../src/cex/messages/build.ts';
import { REPLY_CODES } from '../../src/cex/messages/reply-codes.ts';
import { REPLY_SHAPES } from '../../src/cex/shapes.ts';
import type { FaultObject, Machine } from '../../src/index.ts';
import { restoreMachine, saveMachine } from '../../src/index.ts';
import { hex, rsaKey } from '../cex/helpers.ts';
import { cardMachine, exchange } from './support.ts';

const key = rsaKey(1024);
const input = key.n.map((byte, index) => (index === 0 ? 0 : byte));
const rng = buildRng({ domain: 4 });
const modexpo = buildModexpo({ mode: 'cca', input, exponent: key.e, modulus: key.n, domain: 4 });
const fq = buildQuery({ mode: 'cca', keyword: 'STATICSA', domain: 4 });
const info = buildQuery({ mode: 'ep11', domain: 4 });
const crt = buildCrt({ mode: 'accelerator', input, key });
const REQUESTS = { '05.0004': rng, '06.0004': crt, '07.0004': info } as const;

let machine: Machine;
const start = async (...options: Parameters<typeof cardMachine>): Promise<Machine> => {
  machine = await cardMachine(...options);
  return machine;
};
afterEach(() => machine.close());

const send = (apqn: string, message: Uint8Array, guest = 'A') =>
  exchange(machine, guest, apqn, message);

describe('a reply fault of the configuration', () => {
  it('answers the next request of its queue, once, and the one after it is right', async () => {
    await start({ faults: [{ apqn: '05.0004', reply: '82/8A', count: 1 }] });
    expect(hex(send('05.0004', rng).bytes)).toBe('008200008a000000');
    expect(send('05.0004', rng).reply).toMatchObject({ kind: 'cca', rc: 0, function: 'RL' });
  });

  it('counts only requests for its function', async () => {
    await start({ faults: [{ apqn: '05.0004', reply: '82/10', function: 'PK', count: 2 }] });
    const kinds = [rng, modexpo, fq, modexpo, modexpo].map((m) => send('05.0004', m).reply.kind);
    expect(kinds).toEqual(['cca', 'error', 'cca', 'error', 'cca']);
  });

  it.each<readonly [string, keyof typeof REQUESTS, string, unknown]>([
    ['82/90', '06.0004', 'CRB1', { kind: 'error', type: 0x82, code: 0x90 }],
    ['88/85', '06.0004', 'CRB1', { kind: 'error', type: 0x88, code: 0x85 }],
    ['87/10', '07.0004', '38', { kind: 'error', type: 0x87, code: 0x10 }],
    ['86/8b/1234', '05.0004', 'RL', { kind: 'cca', code: 0x8b, apfs: 0x1234 }],
    ['86/90', '07.0004', '38', { kind: 'ep11', code: 0x90 }],
    ['cca/8/2290', '05.0004', 'RL', { kind: 'cca', rc: 8, rs: 2290 }],
    ['cca/12/769', '05.0004', 'RL', { kind: 'cca', rc: 12, rs: 769 }],
    ['ep11/80010001', '07.0004', '38', { kind: 'ep11', rv: 0x80010001, returnCode: 0 }],
    ['ep11/0/c0003', '07.0004', '38', { kind: 'ep11', rv: 0, returnCode: 0xc0003 }],
  ])('%s reaches the guest of %s, for function %s', async (reply, apqn, name, expected) => {
    await start({ faults: [{ apqn, reply, function: name, count: 1 }] });
    expect(send(apqn, REQUESTS[apqn]).reply).toMatchObject(expected as object);
    expect(send(apqn, REQUESTS[apqn]).reply.kind).not.toBe('error');
  });

  it('of another function, mode or queue changes nothing', async () => {
    await start({
      faults: [
        { apqn: '05.0004', reply: '82/10', function: 'PD' },
        { apqn: '05.0007', reply: '82/10' },
        { apqn: '06.0004', reply: 'cca/8/65' },
        { guest: 'B', reply: '82/10' },
      ],
    });
    expect(send('05.0004', rng).reply).toMatchObject({ kind: 'cca', rc: 0 });
    expect(send('06.0004', crt).reply.kind).toBe('result');
  });

  it('of a guest strikes on all its queues, with one count for the whole machine', async () => {
    await start({ faults: [{ guest: 'A', reply: '82/10', count: 3 }] });
    const inB = buildRng({ domain: 7 });
    expect(send('05.0007', inB, 'B').reply.kind).toBe('cca');
    const kinds = Object.entries(REQUESTS).map(([apqn, m]) => send(apqn, m).reply.kind);
    expect(kinds).toEqual(['error', 'error', 'error']);
    expect(send('05.0004', rng).reply.kind).toBe('cca');
  });

  it('with a probability strikes that often, and the seed decides when', async () => {
    const run = async (seed: number): Promise<string> => {
      await start({
        machine: { seed },
        faults: [{ apqn: '05.0004', reply: '82/10', probability: 0.25 }],
      });
      let text = '';
      for (let n = 0; n < 400; n++) text += send('05.0004', rng).bytes.length === 8 ? 'x' : '.';
      machine.close();
      return text;
    };
    const first = await run(1);
    expect(await run(1)).toBe(first);
    expect(await run(2)).not.toBe(first);
    const struck = first.replaceAll('.', '').length;
    expect(struck).toBeGreaterThan(60);
    expect(struck).toBeLessThan(140);
  });

  it('answers a loopback card’s requests too', async () => {
    await start({ faults: [{ apqn: '08.0004', reply: '82/22', function: 'loopback', count: 1 }] });
    expect(hex(send('08.0004', Uint8Array.of(1, 2, 3, 4)).bytes)).toBe('0082000022000000');
    expect(hex(send('08.0004', Uint8Array.of(1, 2, 3, 4)).bytes)).toBe('01020304');
  });

  it('for a request in service survives saving and restoring', async () => {
    await start({
      machine: {
        adapters: { 5: { mode: 'cca', service: { time: '1ms' } } },
        usageDomains: [4, 7],
        controlDomains: [4, 7],
      },
      faults: [{ apqn: '05.0004', reply: 'shape/version/7', function: 'RL', count: 2 }],
    });
    expect(send('05.0004', rng).bytes[50]).toBe(7);
    const saved = saveMachine(machine);
    machine.close();
    machine = await restoreMachine(saved);
    expect(send('05.0004', rng).bytes[50]).toBe(7);
    expect(send('05.0004', rng).bytes[50]).toBe(2);
  });
});

describe('every reply code of the reference', () => {
  it('reaches a guest of every mode, declared by a call', async () => {
    await start();
    for (const { code } of REPLY_CODES) {
      const text = code.toString(16).padStart(2, '0');
      for (const [apqn, message] of Object.entries(REQUESTS)) {
        machine.fault({ apqn, reply: `82/${text}`, count: 1 });
        expect(hex(send(apqn, message).bytes)).toBe(`00820000${text}000000`);
        machine.faults.clear();
      }
    }
  });
});

describe('reply shapes', () => {
  const harmless = REPLY_SHAPES.filter((shape) => shape.danger === undefined);
  const damaging = REPLY_SHAPES.filter((shape) => shape.danger !== undefined);
  const MESSAGES: readonly (readonly [string, Uint8Array])[] = [
    ['05.0004', modexpo],
    ['05.0004', rng],
    ['05.0004', fq],
    ['06.0004', crt],
    ['07.0004', info],
  ];

  /** Queues whose reply of this shape differs from the good one. */
  const spoiled = (name: string): number => {
    let changed = 0;
    for (const [apqn, message] of MESSAGES) {
      const good = send(apqn, message).bytes;
      machine.fault({ apqn, reply: `shape/${name}`, count: 1 });
      const { bytes } = send(apqn, message);
      machine.faults.clear();
      // Random numbers differ by themselves: their length and header are compared.
      const header = message === rng ? 276 : Number.POSITIVE_INFINITY;
      const same = hex(bytes.slice(0, header)) === hex(good.slice(0, header));
      if (!same || bytes.length !== good.length) changed++;
    }
    return changed;
  };

  it.each(harmless.map(({ name }) => name))('%s spoils the reply of some request', async (name) => {
    await start();
    expect(spoiled(name)).toBeGreaterThan(0);
  });

  it.each(damaging.map(({ name }) => name))(
    '%s, which damages a guest kernel, exists only with the switch',
    async (name) => {
      await start();
      const fault: FaultObject = { apqn: '05.0004', reply: `shape/${name}` };
      expect(() => machine.fault(fault)).toThrow(/allowGuestDamage/);
      const line = `apemu-program 1\nfault: 05.0004 reply=shape/${name}\n`;
      expect(() => machine.exec(line)).toThrow(/<program>:2:.*allowGuestDamage/);
      machine.close();
      await start({ machine: { allowGuestDamage: true } });
      expect(spoiled(name)).toBeGreaterThan(0);
    },
  );

  it('that cannot damage by name cannot damage by value', async () => {
    await start();
    for (const name of ['type80-short', 'wrong-length']) {
      for (const value of [529, 1000, 1808]) {
        machine.fault({ apqn: '06.0004', reply: `shape/${name}/${value}`, count: 1 });
        const { bytes } = send('06.0004', crt);
        expect(bytes.length).toBe(144);
        expect((bytes[2] << 8) | bytes[3]).toBe(144);
      }
    }
  });
});
