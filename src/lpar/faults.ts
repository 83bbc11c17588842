// SPDX-License-Identifier: Apache-2.0
// Declares faults in the machine image: what is to go wrong, where, when and how often.
// Source: docs/design.md sections 5 and 6 (`faults`, `fault:`).

import {
  FUNCTION_COUNT,
  FUNCTION_DQAP,
  FUNCTION_NAMES,
  FUNCTION_NQAP,
} from '../../native-like/arch/function-numbers.ts';
import { selectMasks } from '../../native-like/machine/guest-setup.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  ATTENTION_FAULT,
  C_FAULT_COUNT,
  F_ACTION,
  F_ACTIVE,
  F_AT,
  F_CHANCE,
  F_COUNT,
  F_DELAY,
  F_FUNCTIONS,
  F_ID,
  F_RANDOM,
  F_REPLY,
  F_REQUEST,
  F_SCOPE,
  F_VALUE,
  FAULT_WORDS,
  FAULTS_MAX,
  G_FAULTS,
  Q_ATTENTION,
} from '../../native-like/machine/layout.ts';
import { checkInjection, type InjectedReply } from '../cex/inject.ts';
import { injectionWords } from '../cex/inject-words.ts';
import { functionWord } from '../cex/request-function.ts';
import { ApemuError } from '../errors.ts';
import { ArmedFault } from './armed-fault.ts';
import { actionOf, effectValue, type FaultEffect, MESSAGE_ACTIONS } from './fault-effect.ts';
import type { Exclusive, Partition } from './partition.ts';
import { selectDevice } from './queue-records.ts';
import { seedRandom } from './random.ts';

export type { FaultEffect };

/** One fault. Without guest and APQN it strikes everywhere. */
export interface Fault {
  /** Guest number in the image. */
  readonly guest?: number | undefined;
  readonly apqn?: number | undefined;
  /** Lower-case instruction name or `any`. */
  readonly on: string;
  readonly effect: FaultEffect;
  /** How often it strikes; undefined: for ever. */
  readonly count?: number | undefined;
  /** Chance of each matching instruction, above 0 and at most 1; undefined: 1. */
  readonly probability?: number | undefined;
  /** Not before this time. */
  readonly atNs?: number | undefined;
}

const SCOPE_ANY = 0;
const SCOPE_GUEST = 1;
const SCOPE_APQN = 2;

/** The faults of one machine. */
export class Faults {
  readonly #image: MachineImage;
  readonly #partition: Partition;
  readonly #exclusive: Exclusive;
  readonly #seed: number;
  readonly #allowGuestDamage: boolean;
  /** Record kept for an armed fault, or -1. */
  #reserved = -1;

  /** @param allowGuestDamage whether replies that crash or corrupt a guest kernel may be declared */
  constructor(partition: Partition, seed: number, exclusive: Exclusive, allowGuestDamage = false) {
    this.#image = partition.image;
    this.#partition = partition;
    this.#exclusive = exclusive;
    this.#seed = seed;
    this.#allowGuestDamage = allowGuestDamage;
  }

  /**
   * Declares a fault.
   * @throws ApemuError when the table is full, the instruction is unknown, or the reply cannot be injected (APEMU_ERR_CEX_…)
   */
  declare(fault: Fault): void {
    const functions = functionMask(fault);
    if (fault.effect.kind === 'reply') checkInjection(fault.effect.reply, this.#allowGuestDamage);
    this.#exclusive(() => {
      this.#write(this.#append(), fault, functions);
      this.#mark();
    });
  }

  /** Takes all faults back. */
  clear(): void {
    this.#exclusive(() => {
      for (let n = 0; n < this.#image.word(C_FAULT_COUNT); n++)
        this.#image.i32[this.#image.fault(n) + F_ACTIVE] = 0;
      this.#image.i32[C_FAULT_COUNT] = 0;
      if (this.#reserved >= 0) this.#keepRecord();
      this.#mark();
    });
  }

  /** Marks queues and guests again, after queues came or went. */
  refresh(): void {
    this.#exclusive(() => this.#mark());
  }

  /** Record for one more fault, behind all others: the first that matches strikes, in the order of declaration. */
  #append(): number {
    let count = this.#image.word(C_FAULT_COUNT);
    if (count === FAULTS_MAX) count = this.#dropEnded();
    if (count === FAULTS_MAX) {
      throw new ApemuError(
        'APEMU_ERR_FAULT_LIMIT',
        `there are ${FAULTS_MAX} active faults already`,
      );
    }
    this.#image.i32[C_FAULT_COUNT] = count + 1;
    return count;
  }

  /** Moves the active faults together, keeping their order. Returns their number. */
  #dropEnded(): number {
    const { i32 } = this.#image;
    let kept = 0;
    for (let n = 0; n < FAULTS_MAX; n++) {
      const record = this.#image.fault(n);
      if (i32[record + F_ACTIVE] === 0 && n !== this.#reserved) continue;
      if (n === this.#reserved) this.#reserved = kept;
      i32.copyWithin(this.#image.fault(kept), record, record + FAULT_WORDS);
      kept++;
    }
    i32[C_FAULT_COUNT] = kept;
    return kept;
  }

  #write(number: number, fault: Fault, functions: number): void {
    const { i32, f64 } = this.#image;
    const record = this.#image.fault(number);
    const { effect } = fault;
    i32[record + F_SCOPE] =
      fault.apqn !== undefined ? SCOPE_APQN : fault.guest !== undefined ? SCOPE_GUEST : SCOPE_ANY;
    i32[record + F_ID] =
      fault.apqn ?? (fault.guest === undefined ? 0 : this.#image.guest(fault.guest));
    i32[record + F_FUNCTIONS] = functions;
    i32[record + F_ACTION] = actionOf(effect);
    i32[record + F_VALUE] = effectValue(effect);
    i32[record + F_COUNT] = fault.count ?? -1;
    const chance = fault.probability ?? 1;
    i32[record + F_CHANCE] = chance >= 1 ? 0 : Math.max(1, Math.floor(chance * 0x100000000)) | 0;
    i32[record + F_RANDOM] = seedRandom(this.#seed, 0x1000 + number);
    f64[(record + F_AT) >> 1] = fault.atNs ?? 0;
    f64[(record + F_DELAY) >> 1] = effect.kind === 'delay' ? effect.delayNs : 0;
    i32[record + F_REQUEST] = 0;
    if (effect.kind === 'reply') this.#writeReply(record, effect.reply);
    i32[record + F_ACTIVE] = 1;
  }

  #writeReply(record: number, reply: InjectedReply): void {
    const { i32 } = this.#image;
    const [head, first, second] = injectionWords(reply, this.#allowGuestDamage);
    i32[record + F_VALUE] = head;
    i32[record + F_REPLY] = first;
    i32[record + F_REPLY + 1] = second;
    i32[record + F_REQUEST] = functionWord(reply.function ?? '');
  }

  /**
   * Keeps a record for a fault that is armed for single instructions, and has every message go through the service of its adapter, where
   * what becomes of a reply can be decided.
   */
  reserve(): ArmedFault {
    if (this.#reserved < 0) this.#exclusive(() => this.#keepRecord());
    return new ArmedFault(this.#image, () => this.#image.fault(this.#reserved));
  }

  #keepRecord(): void {
    const { i32 } = this.#image;
    this.#reserved = this.#append();
    const record = this.#image.fault(this.#reserved);
    i32.fill(0, record, record + FAULT_WORDS);
    i32[record + F_FUNCTIONS] = (1 << FUNCTION_COUNT) - 1;
    this.#mark();
  }

  /** Sets the marks by which the fast paths see that there is something to look at. */
  #mark(): void {
    const image = this.#image;
    const marks = this.#scan();
    for (let guest = 0; guest < image.guests; guest++) {
      image.i32[image.guest(guest) + G_FAULTS] =
        marks.all || marks.guests.has(image.guest(guest)) ? 1 : 0;
      selectMasks(image, guest);
    }
    for (let n = 1; n < image.queues; n++) this.#markQueue(image.queueRecord(n), marks);
  }

  #markQueue(q: number, marks: Marks): void {
    const image = this.#image;
    const apqn = image.apqnOf(q);
    const attention = image.word(q + Q_ATTENTION) & ~ATTENTION_FAULT;
    image.i32[q + Q_ATTENTION] = marks.apqns.has(apqn) ? attention | ATTENTION_FAULT : attention;
    selectDevice(image, q, this.#partition.adapters.get(apqn >>> 8), marks.messages);
  }

  #scan(): Marks {
    const image = this.#image;
    const marks: Marks = {
      all: false,
      guests: new Set(),
      apqns: new Set(),
      messages: this.#reserved >= 0,
    };
    for (let n = 0; n < image.word(C_FAULT_COUNT); n++) {
      const record = image.fault(n);
      if (image.word(record + F_ACTIVE) === 0) continue;
      const scope = image.word(record + F_SCOPE);
      if (scope === SCOPE_ANY) marks.all = true;
      else if (scope === SCOPE_GUEST) marks.guests.add(image.word(record + F_ID));
      else marks.apqns.add(image.word(record + F_ID));
      if (MESSAGE_ACTIONS.includes(image.word(record + F_ACTION))) marks.messages = true;
    }
    return marks;
  }
}

interface Marks {
  all: boolean;
  readonly guests: Set<number>;
  readonly apqns: Set<number>;
  messages: boolean;
}

/** Only these two can end with condition codes 1 and 2. */
const MESSAGE_FUNCTIONS = (1 << FUNCTION_NQAP) | (1 << FUNCTION_DQAP);

/** Bits of the functions a fault strikes. Message effects belong to NQAP whatever `on` says about the reply. */
const functionMask = (fault: Fault): number => {
  const mask = namedFunctions(fault);
  return fault.effect.kind === 'cc' ? mask & MESSAGE_FUNCTIONS : mask;
};

const namedFunctions = (fault: Fault): number => {
  if (MESSAGE_ACTIONS.includes(actionOf(fault.effect))) return 1 << FUNCTION_NQAP;
  if (fault.on === 'any') return (1 << FUNCTION_COUNT) - 1;
  const index = FUNCTION_NAMES.findIndex((name) => name.toLowerCase() === fault.on);
  if (index < 0) {
    throw new ApemuError(
      'APEMU_ERR_FAULT_FUNCTION',
      `no instruction ${fault.on} (expected tapq … dqap, any)`,
    );
  }
  return 1 << index;
};
