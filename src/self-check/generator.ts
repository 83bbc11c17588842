// SPDX-License-Identifier: Apache-2.0
// An endless stream of program lines for a configuration: instructions mostly, with clock, faults, operator and administrator.
// Source: docs/reference/ap-architecture.md sections 1 to 3; docs/design.md section 6.
import type { Random, Weighted } from '../lpar/random.ts';
import type { CpuName, Statement } from '../program/ast.ts';
import type { Ending } from './action.ts';
import { hostLine } from './generate-host.ts';
import {
  type InstructionContext,
  instructionLines,
  messageOperands,
} from './generate-instruction.ts';
import { sceneLines } from './generate-scene.ts';
import type { MachineFacts } from './machine-facts.ts';
import { clockLine, instructionLine, ioLine, writeLine } from './statements.ts';

type Kind = 'instruction' | 'clock' | 'write' | 'io' | 'host' | 'scene';

const KINDS: Weighted<Kind> = [
  [74, 'instruction'],
  [10, 'clock'],
  [4, 'write'],
  [3, 'io'],
  [5, 'host'],
  [5, 'scene'],
];
const TIMES: readonly (number | 'run')[] = [1_000, 50_000, 100_000, 1_000_000, 5_000_000, 'run'];

/** Chance in percent that something is repaired instead. */
const REPAIR = 12;

export class Generator {
  readonly #random: Random;
  readonly #facts: MachineFacts;
  /** The queue most instructions of a guest name, so that something builds up. */
  readonly #focus = new Map<string, number>();
  readonly #planned: Statement[] = [];
  /** What takes back what was done to the host and the partition. */
  readonly #repairs: (readonly Statement[])[] = [];
  #last:
    | { readonly statement: Statement; readonly ending: Ending; readonly gr0: bigint }
    | undefined;

  constructor(facts: MachineFacts, random: Random) {
    this.#facts = facts;
    this.#random = random;
  }

  /** The next line. */
  next(): Statement {
    const planned = this.#planned.shift();
    if (planned !== undefined) return planned;
    const more = this.#goOn();
    if (more !== undefined) return more;
    const random = this.#random;
    if (this.#repairs.length > 0 && random.chance(REPAIR)) return this.#repair();
    switch (random.weighted(KINDS)) {
      case 'clock':
        return clockLine(random.pick(TIMES));
      case 'write':
        return this.#write();
      case 'io':
        return ioLine(this.#cpu());
      case 'host':
        return this.#host();
      case 'scene':
        return this.#plan(sceneLines(this.#context(this.#cpu()), random));
      default:
        return this.#plan(instructionLines(this.#context(this.#anyCpu()), random));
    }
  }

  /** Is told how an instruction ended and what it left in GR0, so that a partial message or reply can be continued. */
  ended(statement: Statement, ending: Ending, gr0: bigint): void {
    this.#last = { statement, ending, gr0 };
  }

  #host(): Statement {
    const { line, repair } = hostLine(this.#facts, this.#random);
    if (repair.length > 0) this.#repairs.push(repair);
    return line;
  }

  #repair(): Statement {
    return this.#plan([...(this.#repairs.shift() ?? [])]);
  }

  #plan([first, ...rest]: Statement[]): Statement {
    this.#planned.push(...rest);
    return first as Statement;
  }

  #cpu(): CpuName {
    const { cpus } = this.#facts;
    return cpus.length === 0 ? { guest: undefined, vcpu: 0 } : this.#random.pick(cpus);
  }

  #anyCpu(): CpuName {
    return this.#random.chance(8) ? { guest: undefined, vcpu: 0 } : this.#cpu();
  }

  #context(cpu: CpuName): InstructionContext {
    const random = this.#random;
    const { queues, queuesOf, hostQueues } = this.#facts;
    const own = (cpu.guest === undefined ? hostQueues : queuesOf.get(cpu.guest)) ?? [];
    const key = cpu.guest ?? '';
    if (own.length > 0 && (!this.#focus.has(key) || random.chance(3)))
      this.#focus.set(key, random.pick(own));
    return { cpu, own, queues, focus: this.#focus.get(key) };
  }

  /** After CC 1 or 2: the rest of the message or of the reply, mostly. */
  #goOn(): Statement | undefined {
    const last = this.#last;
    this.#last = undefined;
    if (last === undefined || last.statement.kind !== 'instruction') return undefined;
    const { ending, statement } = last;
    const open = ending.program === 0 && (ending.cc === 1 || ending.cc === 2);
    if (!open || !this.#random.chance(80)) return undefined;
    const { cpu, mnemonic, apqn } = statement;
    const { addr, len } = messageOperands(this.#random);
    if (mnemonic === 'dqap')
      return instructionLine(cpu, 'dqap', apqn, { addr, len, token: last.gr0 });
    if (mnemonic !== 'nqap') return undefined;
    const psmid = statement.operands.find((operand) => operand.name === 'psmid')?.value;
    return instructionLine(cpu, 'nqap', apqn, { psmid, addr, len, l: this.#random.below(2) });
  }

  #write(): Statement {
    const random = this.#random;
    const digits = Array.from({ length: 8 }, () => random.word().toString(16).padStart(8, '0'));
    const address = 0x2000 + 8 * random.below(0x600);
    return writeLine(this.#cpu(), address, digits.join(''), random.pick([1, 2, 8, 128]));
  }
}
