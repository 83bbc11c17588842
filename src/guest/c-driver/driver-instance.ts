// SPDX-License-Identifier: Apache-2.0
// The instance of a driver's module that is at work: its memory is the guest's storage, and its calls are instructions of one vCPU.
// Source: include/apemu/ap.c (the contract); docs/c-drivers.md.
import { ApemuError } from '../../errors.ts';
import { COMPLETED, type Cpu } from '../cpu.ts';
import type { DriverEnding } from '../driver.ts';
import { apCpuOf, countInstruction } from '../instructions.ts';
import { ByteCopies } from './byte-copies.ts';
import { currentPlace, explained, failureHere } from './driver-failure.ts';
import { type DriverModule, type HOST_FUNCTIONS, OUTER_COVERAGE, textAt } from './driver-module.ts';
import { type DriverFunction, type DriverParts, instantiate } from './driver-parts.ts';
import { errorName } from './error-names.ts';
import { undefinedBehaviourWords } from './undefined-behaviour.ts';
import type { WasmFunction } from './webassembly.ts';

/** Number of branches that a driver may take in one step, which takes some ten milliseconds. */
const FUEL = 4_000_000;
/** Number of lines of the log that are kept. */
const LOG_MAX = 1000;
/** Longest line of a log, and longest message of a panic, in characters. */
const WORDS_MAX = 1000;
/** Words of `struct shared` in ap.c. */
const S_FUEL = 0;
const S_HEAP_END = 1;
const S_REQUESTS = 3;
const S_TIMERS = 4;
/** The lowcore, into which the machine stores by itself, lies below this address. */
export const LOWCORE_END = 0x2000;
/** Registers of `struct ap_registers`. */
const REGISTERS = 8;
const NO_FUEL = 1;

/** A line of a driver's log. */
export interface LogLine {
  readonly atNs: number;
  readonly text: string;
}

const text = new TextDecoder();

export class DriverInstance {
  readonly module: DriverModule;
  ended: DriverEnding[] = [];
  log: LogLine[] = [];
  readonly #copies = new ByteCopies();
  /** Another one when the driver has made the memory of the one before grow. */
  #parts: DriverParts;
  #cpu: Cpu | undefined;

  constructor(module: DriverModule) {
    this.module = module;
    this.#parts = instantiate(module, this.#imports());
    this.#checkLayout();
  }

  /** All memory of the WebAssembly instance. */
  get memory(): Uint8Array {
    return this.#parts.memory;
  }

  /** How often each branch ran since somebody set it back: a view of the memory. */
  get counters(): Uint32Array {
    return this.#parts.counters;
  }

  /** Number of requests that have not ended. */
  get requests(): number {
    return this.#parts.words[this.#parts.shared + S_REQUESTS];
  }

  get timers(): number {
    return this.#parts.words[this.#parts.shared + S_TIMERS];
  }

  /** The 32-bit number at an address. */
  word(at: number): number {
    return this.#parts.words[at >>> 2] >>> 0;
  }

  /** Makes this vCPU execute the driver's instructions from now on. */
  use(cpu: Cpu): void {
    this.#cpu = cpu;
  }

  /**
   * Calls a function of the driver.
   *
   * @throws DriverFailure if the driver does what it must not do; errors of the machine are passed on
   */
  call(name: DriverFunction, ...values: number[]): number {
    this.#parts.words[this.#parts.shared + S_FUEL] = FUEL;
    let answer: number;
    try {
      answer = (this.#parts.functions[name] as WasmFunction)(...values);
    } catch (error) {
      throw explained(error, this.module);
    }
    this.#refuseGrowth();
    return answer;
  }

  /** Remembers everything as it is between two steps. The function that is returned puts it back. */
  keep(): () => void {
    const { ended, log } = this;
    const { memory: kept, stackTop: top } = this.#parts;
    const lowcore = kept.slice(0, LOWCORE_END);
    const data = kept.slice(top, this.#heapEnd());
    const keptEnd = top + data.length;
    const [endings, lines] = [[...ended], [...log]];
    return () => {
      if (this.#hasGrown) this.#renew();
      const { memory, stackPointer } = this.#parts;
      const end = this.#heapEnd();
      memory.set(lowcore);
      memory.fill(0, LOWCORE_END, top);
      memory.set(data, top);
      if (end > keptEnd) memory.fill(0, keptEnd, end);
      stackPointer.value = top;
      this.ended = [...endings];
      this.log = [...lines];
    };
  }

  /** Memory that has grown cannot shrink: the module begins anew, and is the guest's storage again. */
  #renew(): void {
    this.#parts = instantiate(this.module, this.#imports());
    this.#cpu?.bringStorage?.(this.memory);
  }

  /** Where its code is now; undefined if it is not running. */
  place(): string | undefined {
    return currentPlace(this.module);
  }

  /**
   * Checks the order lowcore, stack, data, heap. With it, an overflow of the stack is noticed, and between two steps nothing but the
   * lowcore is in use below the data.
   */
  #checkLayout(): void {
    const { stackTop, heapBase } = this.#parts;
    if (stackTop > LOWCORE_END && stackTop < heapBase) return;
    throw new ApemuError(
      'APEMU_ERR_DRIVER_WASM',
      `${this.module.name} has its stack at ${stackTop} (expected between the lowcore, ${LOWCORE_END} bytes, and the data: wasm-ld --stack-first)`,
    );
  }

  /** End of the memory that was handed out. The word may have been overwritten, so it is limited to what there is. */
  #heapEnd(): number {
    const end = this.#parts.words[this.#parts.shared + S_HEAP_END];
    return Math.min(this.memory.length, Math.max(this.#parts.heapBase, end >>> 0));
  }

  #imports(): Record<string, Record<string, unknown>> {
    const host: Record<(typeof HOST_FUNCTIONS)[number], (...args: number[]) => number | undefined> =
      {
        execute: (word, at) => this.#execute(word as number, at as number),
        facility: (bit) => Number(this.#vcpu().facility(bit as number)),
        now: () => this.#vcpu().nowNs(),
        interruption: () => this.#vcpu().takeInterruption(),
        log: (at, length) => this.#note(at as number, length as number),
        ended: (...ending) => this.#end(ending),
        panic: (...words) => this.#panic(words),
        exhausted: (reason) => {
          throw failureHere(
            reason === NO_FUEL
              ? `an endless loop: more than ${FUEL} branches in one step`
              : 'stack overflow',
            this.module,
          );
        },
      };
    const env = new Proxy(
      {},
      {
        get: (_target, name: string) =>
          OUTER_COVERAGE.includes(name)
            ? (guard: number) => this.#count(name, guard)
            : (...args: number[]) => this.#undefinedBehaviour(name, args),
      },
    );
    return { apemu: host, env };
  }

  get #hasGrown(): boolean {
    return this.memory.length === 0;
  }

  /** Throws if the memory has grown, since the new memory would not be the guest's storage. */
  #refuseGrowth(): void {
    if (!this.#hasGrown) return;
    throw failureHere(
      'the driver made its memory grow: it is the storage of the guest, whose size is fixed (apemu cc --memory)',
      this.module,
    );
  }

  #vcpu(): Cpu {
    this.#refuseGrowth();
    if (this.#cpu !== undefined) return this.#cpu;
    throw failureHere('the driver runs before its vCPU does', this.module);
  }

  /** Executes an instruction with the registers at an address. */
  #execute(word: number, at: number): number {
    const cpu = this.#vcpu();
    const { words } = this.#parts;
    if ((at & 7) !== 0 || at < 0 || at + REGISTERS * 8 + 8 > this.memory.length)
      throw failureHere(
        `struct ap_registers at address ${at >>> 0}, where none can be`,
        this.module,
      );
    const first = at >> 2;
    for (let n = 0; n < REGISTERS; n++)
      cpu.setGr(n, words[first + 2 * n + 1], words[first + 2 * n]);
    const ended = cpu.execute(word);
    countInstruction(apCpuOf(cpu), word, words[first], ended === COMPLETED);
    for (let n = 0; n < REGISTERS; n++) {
      words[first + 2 * n] = cpu.grLow(n);
      words[first + 2 * n + 1] = cpu.grHigh(n);
    }
    if (ended === COMPLETED) return cpu.conditionCode();
    words[first + 2 * REGISTERS] = cpu.programInterruption();
    return -1;
  }

  #end([id, at, length, error]: number[]): undefined {
    if (error !== 0) {
      this.ended.push({ id: id >>> 0, error: errorName(error as number) });
      return;
    }
    const reply = this.#copies.of(this.#bytes(at as number, length as number));
    this.ended.push({ id: id >>> 0, reply });
  }

  #note(at: number, length: number): undefined {
    if (this.log.length >= LOG_MAX) return;
    this.log.push({ atNs: this.#vcpu().nowNs(), text: this.#text(at, length) });
  }

  #panic([words, length, place, placeLength]: number[]): never {
    const where = this.#text(place as number, placeLength as number);
    const what = this.#text(words as number, length as number);
    throw failureHere(where === '' ? what : `${what} (${where})`, this.module);
  }

  #undefinedBehaviour(name: string, args: readonly number[]): never {
    const first = (args[0] ?? 0) >>> 2;
    const file = textAt(this.memory, this.#parts.words[first] ?? 0);
    const line = this.#parts.words[first + 1] ?? 0;
    const column = this.#parts.words[first + 2] ?? 0;
    const words = `undefined behaviour: ${undefinedBehaviourWords(name, args)}`;
    throw failureHere(words, this.module, file === '' ? undefined : { file, line, column });
  }

  /** Counts a branch, for modules that were built without ap.c's counting. */
  #count(name: string, guard: number): void {
    if (name === OUTER_COVERAGE[0]) this.#parts.words[guard >>> 2]++;
  }

  #text(at: number, length: number): string {
    return text.decode(this.#bytes(at, Math.min(length >>> 0, WORDS_MAX)));
  }

  /** The bytes of the memory that the driver has named. */
  #bytes(at: number, length: number): Uint8Array {
    const from = at >>> 0;
    const to = from + (length >>> 0);
    if (to > this.memory.length)
      throw failureHere(
        `${length >>> 0} bytes at address ${from} are outside of memory`,
        this.module,
      );
    return this.memory.subarray(from, to);
  }
}
