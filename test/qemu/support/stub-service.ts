// SPDX-License-Identifier: Apache-2.0
// A small stand-in for the machine: enough of the AP instructions for a kernel's bus, and RSA on accelerators. Not a reference.

import type {
  ApService,
  Executed,
  ServedCpu,
  ServedStorage,
} from '../../../src/qemu/ap-service.ts';

interface Queue {
  irq: boolean;
  nib: number;
  isc: number;
  messages: { psmid: [number, number]; reply: Buffer; dueNs: number }[];
}

/** The stub's cards: APID to functions and type word of TAPQ GR2. */
export const STUB_CARDS: ReadonlyMap<number, readonly [number, number]> = new Map([
  [5, [0xf2800000, 0x0e540307]],
  [6, [0xea800000, 0x0e540307]],
]);
export const STUB_DOMAINS = [0x04, 0xab];

const DEPTH = 8;

/** Fields of the three type 50 formats with modulus: operand size. Source: messages.md 2.1. */
const MEX_SIZES: Record<number, number> = { 1: 128, 2: 256, 3: 512 };
const CRT_SIZES: Record<number, number> = { 17: 64, 18: 128, 19: 256 };

function number(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/** Reply to a request: type 80 for type 50, else an error. */
function answer(request: Buffer): Buffer {
  const format = request[1] === 0x50 ? request.readUInt16BE(8) : 0;
  const field = (at: number, size: number) => number(request.subarray(at, at + size));
  const mex = MEX_SIZES[format];
  const crt = CRT_SIZES[format];
  let size = 0;
  let value = 0n;
  if (mex !== undefined) {
    size = mex;
    value = power(field(16 + 2 * size, size), field(16, size), field(16 + size, size));
  } else if (crt !== undefined) {
    size = 2 * crt;
    const [p, q, dp, dq, u] = [0, 1, 2, 3, 4].map((i) => field(16 + i * crt, crt));
    const input = field(16 + 5 * crt, size);
    const [a, b] = [power(input % p, dp, p), power(input % q, dq, q)];
    value = b + q * (((((a - b) % p) + p) * u) % p);
  }
  if (size === 0) return Buffer.from([0, 0x82, 0, 0, 0x22, 0, 0, 0]);
  const reply = Buffer.alloc(16 + size);
  reply[1] = 0x80;
  reply.writeUInt16BE(reply.length, 2);
  Buffer.from(value.toString(16).padStart(2 * size, '0'), 'hex').copy(reply, 16);
  return reply;
}

export class StubService implements ApService {
  readonly name = 'stub';
  readonly facilities = [12, 15, 65];
  readonly calls = new Map<string, number>();
  readonly queues = new Map<number, Queue>();
  storage: ServedStorage | undefined;
  pending = 0;
  delayNs = 0;
  resets = 0;
  #code = 0;
  #now = 0;
  readonly #cpus: ServedCpu[] = [];

  constructor() {
    for (const card of STUB_CARDS.keys()) {
      for (const domain of STUB_DOMAINS) {
        this.queues.set((card << 8) | domain, { irq: false, nib: 0, isc: 0, messages: [] });
      }
    }
  }

  connect(storage: ServedStorage): void {
    this.storage = storage;
  }

  cpu(address: number): ServedCpu {
    this.#cpus[address] ??= { gr: new Uint32Array(32), psw: new Uint32Array(4) };
    return this.#cpus[address];
  }

  programCode(): number {
    return this.#code;
  }

  pendingIsc(mask: number): number {
    const both = (this.pending & mask) >>> 24;
    return both === 0 ? -1 : Math.clz32(both) - 24;
  }

  takeInterruption(isc: number): number {
    this.pending &= ~(0x80000000 >>> isc);
    return (0x80000000 | (isc << 27)) >>> 0;
  }

  advance(nowNs: number): number {
    this.#now = nowNs;
    for (const queue of this.queues.values()) {
      for (const message of queue.messages) {
        if (message.dueNs > 0 && message.dueNs <= nowNs) {
          message.dueNs = 0;
          this.#notify(queue);
        }
      }
    }
    return Number.POSITIVE_INFINITY;
  }

  reset(): void {
    this.resets++;
    this.pending = 0;
    for (const queue of this.queues.values()) {
      queue.irq = false;
      queue.messages.length = 0;
    }
  }

  execute(address: number, word: number): Executed {
    const { gr, psw } = this.cpu(address);
    if ((psw[0] & 0x00010000) !== 0) return this.#program(2);
    const opcode = word >>> 16;
    const apqn = gr[1] & 0xffff;
    const queue = this.queues.get(apqn);
    const [r1, r2] = [(word >>> 4) & 15, word & 15];
    if (opcode === 0xb2ad) return this.#nqap(address, queue, r1, r2);
    if (opcode === 0xb2ae) return this.#dqap(address, queue, r1, r2);
    const fc = gr[1] >>> 24;
    this.#count(['tapq', 'rapq', 'zapq', 'aqic', 'qci'][fc] ?? `fc${fc}`);
    if (fc === 4) return this.#qci(address);
    if (fc > 4) return this.#program(6);
    if (fc === 0 && queue !== undefined) {
      const [functions, type] = STUB_CARDS.get(apqn >>> 8)!;
      gr[4] = (gr[1] & 0x00800000) !== 0 ? functions : 0;
      gr[5] = type;
    }
    if (queue !== undefined && (fc === 1 || fc === 2)) {
      queue.irq = false;
      queue.messages.length = 0;
    }
    if (queue !== undefined && fc === 3) {
      queue.irq = (gr[2] & 0x8000) !== 0;
      queue.nib = gr[4] * 0x100000000 + gr[5];
      queue.isc = gr[3] & 7;
    }
    return this.#status(address, queue, queue === undefined ? 1 : 0);
  }

  #count(name: string): void {
    this.calls.set(name, (this.calls.get(name) ?? 0) + 1);
  }

  #program(code: number): Executed {
    this.#code = code;
    return 'program';
  }

  #notify(queue: Queue): void {
    if (!queue.irq) return;
    this.storage!.storeAbsolute(queue.nib, 1);
    this.pending |= 0x80000000 >>> queue.isc;
  }

  #status(address: number, queue: Queue | undefined, rc: number): Executed {
    const { gr, psw } = this.cpu(address);
    const messages = queue?.messages ?? [];
    const ready = messages.some((message) => message.dueNs === 0);
    let status = rc << 16;
    if (queue !== undefined) {
      if (messages.length === 0) status |= 0x80000000;
      if (ready) status |= 0x40000000;
      if (messages.length >= DEPTH) status |= 0x20000000;
      if (queue.irq) status |= 0x01000000;
    }
    gr[2] = 0;
    gr[3] = status >>> 0;
    psw[0] = ((psw[0] & ~0x3000) | (rc === 0 ? 0 : 0x3000)) >>> 0;
    return 'completed';
  }

  #qci(address: number): Executed {
    const { gr, psw } = this.cpu(address);
    const block = Buffer.alloc(128);
    block.writeUInt32BE(0xc0000000, 0);
    block[4] = 255;
    block[5] = 255;
    for (const card of STUB_CARDS.keys()) block[0x10 + (card >>> 3)] |= 0x80 >>> (card & 7);
    for (const domain of STUB_DOMAINS) {
      block[0x30 + (domain >>> 3)] |= 0x80 >>> (domain & 7);
      block[0x50 + (domain >>> 3)] |= 0x80 >>> (domain & 7);
    }
    const pgm = this.storage!.store(address, gr[4], gr[5], 128, block);
    if (pgm !== 0) return this.#program(pgm);
    psw[0] = (psw[0] & ~0x3000) >>> 0;
    return 'completed';
  }

  #nqap(address: number, queue: Queue | undefined, r1: number, r2: number): Executed {
    const { gr } = this.cpu(address);
    this.#count('nqap');
    const length = gr[2 * r2 + 3];
    if ((r1 & 1) !== 0 || (r2 & 1) !== 0 || length === 0 || length > 12288) return this.#program(6);
    if (queue === undefined) return this.#status(address, queue, 1);
    if (queue.messages.length >= DEPTH) return this.#status(address, queue, 0x10);
    const request = Buffer.alloc(length);
    const pgm = this.storage!.fetch(address, gr[2 * r2], gr[2 * r2 + 1], length, request);
    if (pgm !== 0) return this.#program(pgm);
    queue.messages.push({
      psmid: [gr[2 * r1 + 1], gr[2 * r1 + 3]],
      reply: answer(request),
      dueNs: this.delayNs === 0 ? 0 : this.#now + this.delayNs,
    });
    if (this.delayNs === 0) this.#notify(queue);
    return this.#status(address, queue, 0);
  }

  #dqap(address: number, queue: Queue | undefined, r1: number, r2: number): Executed {
    const { gr } = this.cpu(address);
    this.#count('dqap');
    if ((r1 & 1) !== 0 || (r2 & 1) !== 0 || gr[2 * r2 + 3] === 0) return this.#program(6);
    if (queue === undefined) return this.#status(address, queue, 1);
    const at = queue.messages.findIndex((message) => message.dueNs === 0);
    if (at < 0) return this.#status(address, queue, 0x10);
    const { psmid, reply } = queue.messages[at];
    const pgm = this.storage!.store(address, gr[2 * r2], gr[2 * r2 + 1], reply.length, reply);
    if (pgm !== 0) return this.#program(pgm);
    queue.messages.splice(at, 1);
    gr[2 * r1 + 1] = psmid[0];
    gr[2 * r1 + 3] = psmid[1];
    gr[2 * r2 + 1] += reply.length;
    gr[2 * r2 + 3] -= reply.length;
    gr[5] = 0;
    return this.#status(address, queue, 0);
  }
}
