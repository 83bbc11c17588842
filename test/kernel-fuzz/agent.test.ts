// SPDX-License-Identifier: Apache-2.0
// Orders to the agent in a guest, and what the agent tells.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AGENT_MAGIC, Agent, type OrderResult } from '../../src/kernel-fuzz/agent/agent.ts';
import { AGENT_SOURCE, agentProgram } from '../../src/kernel-fuzz/agent/agent-image.ts';
import {
  type Block,
  encodeOrder,
  ioctl,
  OPEN,
  ORDER_BYTES,
  open,
  write,
} from '../../src/kernel-fuzz/agent/orders.ts';
import type { ServedStorage } from '../../src/qemu/ap-service.ts';

const SOURCE = new URL('../../src/kernel-fuzz/agent/agent.c', import.meta.url);
const CALL_AT = 8;
const CALL_BYTES = 56;

/** Storage of a guest of one buffer, at this address. */
const BUFFER = 0x2000;
const storageOf = (bytes: Buffer, refuse = false): ServedStorage => ({
  size: bytes.length,
  fetch: (_cpu, _high, low, length, target) => {
    bytes.copy(target, 0, low - BUFFER, low - BUFFER + length);
    return 0;
  },
  store: (_cpu, _high, low, length, source) => {
    if (refuse) return 4;
    bytes.set(source.subarray(0, length), low - BUFFER);
    return 0;
  },
  storeAbsolute: () => true,
});

const registers = (fn: number, a: number, b = 0, c = 0): Uint32Array => {
  const gr = new Uint32Array(32);
  gr[0] = AGENT_MAGIC;
  gr[1] = fn;
  gr[3] = a;
  gr[4] = b < 0 ? 0xffffffff : 0;
  gr[5] = b >>> 0;
  gr[7] = c;
  return gr;
};

describe('the program in the guest', () => {
  it('was built from the source beside it (node scripts/agent.js)', () => {
    expect(AGENT_SOURCE).toBe(createHash('sha256').update(readFileSync(SOURCE)).digest('hex'));
  });

  it('is an ELF file for s390x of a page', () => {
    const program = agentProgram();
    expect(program.toString('latin1', 0, 4)).toBe('\u007fELF');
    expect(program.readUInt16BE(18)).toBe(22);
    expect(program.length).toBeLessThan(4096);
  });
});

describe('an order', () => {
  it('has calls with numbers, files and offsets of what they point at', () => {
    const inner: Block = { bytes: Uint8Array.of(1, 2, 3) };
    const outer: Block = { bytes: new Uint8Array(16), pointers: [[8, inner]] };
    const { bytes, places } = encodeOrder([open('/dev/z90crypt', OPEN.both), ioctl(5, outer)]);
    expect(bytes.readUInt32BE(0)).toBe(2);
    expect(bytes.readUInt32BE(4)).toBe(1);
    const second = CALL_AT + CALL_BYTES;
    expect(bytes.readUInt32BE(second)).toBe(54);
    expect([bytes[second + 4], bytes[second + 5]]).toEqual([0b100, 0b001]);
    const at = places.get(outer) ?? 0;
    expect(bytes.readBigUInt64BE(second + 8 + 16)).toBe(BigInt(at));
    expect(bytes.readBigUInt64BE(at + 8)).toBe(BigInt(places.get(inner) ?? 0));
  });

  it('of more bytes than the buffer has is refused', () => {
    expect(() => encodeOrder([write('x'.repeat(ORDER_BYTES))])).toThrow(RangeError);
  });
});

describe('the agent', () => {
  it('wakes a process, gives it the order, and tells what came of it', () => {
    const agent = new Agent();
    const storage = storageOf(Buffer.alloc(ORDER_BYTES));
    let woken = 0;
    agent.wake = () => woken++;
    const results: OrderResult[] = [];
    agent.perform('a write', [write('1')], (result) => results.push(result));
    expect(woken).toBe(1);
    const which = registers(1, 0);
    agent.call(0, which, storage);
    expect([which[4], which[5]]).toEqual([0, 0b10]);
    const next = registers(2, 1, BUFFER, ORDER_BYTES);
    agent.call(0, next, storage);
    expect(next[5]).toBe(1);
    agent.signal();
    const signals = registers(1, 0);
    agent.call(0, signals, storage);
    expect([signals[4], signals[5]]).toEqual([0b10, 0]);
    agent.call(0, registers(3, 1, -19, BUFFER), storage);
    expect(results.map(({ errno }) => errno)).toEqual([19]);
  });

  it('kills processes that are in a call, and names those that survive', () => {
    const agent = new Agent();
    const storage = storageOf(Buffer.alloc(ORDER_BYTES));
    for (const [n, what] of ['a write', 'a read'].entries()) {
      agent.perform(what, [write('1')], () => {});
      agent.call(0, registers(2, n + 1, BUFFER, ORDER_BYTES), storage);
    }
    expect(agent.survivors).toEqual([]);
    agent.kill();
    const which = registers(1, 0);
    agent.call(0, which, storage);
    // Bits 1 and 2: the processes; bit 0: they are killed.
    expect([which[4], which[5]]).toEqual([0b111, 0]);
    agent.call(0, registers(4, 1), storage);
    expect(agent.survivors).toEqual(['a read']);
    agent.kill();
    const again = registers(1, 0);
    agent.call(0, again, storage);
    expect(again[4]).toBe(0b101);
    agent.reset();
    expect(agent.survivors).toEqual([]);
  });

  it('keeps an order that could not be stored, and gives nothing to who has nothing to do', () => {
    const agent = new Agent();
    agent.perform('a write', [write('1')], () => {});
    const refused = registers(2, 1, BUFFER, ORDER_BYTES);
    agent.call(0, refused, storageOf(Buffer.alloc(ORDER_BYTES), true));
    expect(refused[5]).toBe(0);
    const others = registers(2, 2, BUFFER, ORDER_BYTES);
    agent.call(0, others, storageOf(Buffer.alloc(ORDER_BYTES)));
    expect(others[5]).toBe(0);
    const again = registers(2, 1, BUFFER, ORDER_BYTES);
    agent.call(0, again, storageOf(Buffer.alloc(ORDER_BYTES)));
    expect(again[5]).toBe(1);
  });

  it.each([
    ['no function', 9, 0],
    ['no process', 2, 77],
    ['an ending nobody waits for', 3, 5],
  ])('answers %s with 0', (_what, fn, a) => {
    const gr = registers(fn, a, BUFFER);
    new Agent().call(0, gr, storageOf(Buffer.alloc(ORDER_BYTES)));
    expect([gr[4], gr[5]]).toEqual([0, 0]);
  });
});
