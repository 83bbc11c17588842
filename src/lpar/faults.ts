// SPDX-License-Identifier: Apache-2.0
// Declares faults in the machine image: what is to go wrong, where, when and how often.
// Source: docs/design.md sections 5 and 6 (`faults`, `fault:`).

import { FUNCTION_COUNT } from '../../native-like/arch/function-numbers.ts';
import { selectMasks } from '../../native-like/machine/guest-setup.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  ATTENTION_FAULT,
  C_FAULT_COUNT,
  F_ACTION,
  F_ACTIVE,
  F_COUNT,
  F_FUNCTIONS,
  F_ID,
  F_SCOPE,
  FAULT_WORDS,
  FAULTS_MAX,
  G_FAULTS,
  Q_ATTENTION,
  SCOPE_ANY,
  SCOPE_GUEST,
} from '../../native-like/machine/layout.ts';
import { checkInjection } from '../cex/inject.ts';
import { ApemuError } from '../errors.ts';
import { ArmedFault } from './armed-fault.ts';
import { DeclaredFault, type FaultTable } from './declared-fault.ts';
import { MESSAGE_ACTIONS } from './fault-effect.ts';
import { type Fault, type FaultSwitches, functionMask, writeFault } from './fault-record.ts';
import type { Exclusive, Partition } from './partition.ts';
import { selectDevice } from './queue-records.ts';
import { type PutBack, rememberList } from './remember.ts';

/** Whom a fault record belongs to. */
interface Owner {
  readonly declared: DeclaredFault;
  /** Value of F_COUNT when the record was written. */
  readonly count: number;
}

/** The same as plain data: to which of the faults a record belongs. */
export interface FaultOwner {
  readonly number: number;
  readonly fault: number;
  readonly text: string;
  readonly count: number;
}

/** The faults of one machine. */
export class Faults implements FaultTable {
  /** Owner of each record. A record that was armed instead of declared has none. */
  readonly #owners: (Owner | undefined)[] = [];
  readonly #image: MachineImage;
  readonly #partition: Partition;
  readonly #exclusive: Exclusive;
  readonly #switches: FaultSwitches;
  /** Number of the record that is reserved for an armed fault, or -1. */
  #reserved = -1;

  /** @param allowGuestDamage whether replies may be declared that crash or corrupt a guest kernel */
  constructor(partition: Partition, seed: number, exclusive: Exclusive, allowGuestDamage = false) {
    this.#image = partition.image;
    this.#partition = partition;
    this.#exclusive = exclusive;
    this.#switches = { seed, allowGuestDamage };
  }

  /**
   * Declares a fault.
   *
   * @throws ApemuError when the table is full, the instruction is unknown, or the reply cannot be injected (APEMU_ERR_CEX_…)
   */
  declare(fault: Fault): DeclaredFault {
    return this.declareAll([fault], fault.on);
  }

  /**
   * Declares faults that are one fault for the user: a list of times. `text` names them together.
   *
   * @throws as `declare`
   */
  declareAll(faults: readonly Fault[], text: string): DeclaredFault {
    const masks = faults.map((fault) => functionMask(fault));
    for (const { effect } of faults)
      if (effect.kind === 'reply') checkInjection(effect.reply, this.#switches.allowGuestDamage);
    const declared = new DeclaredFault(text, this);
    this.#exclusive(() => {
      for (const [index, fault] of faults.entries()) {
        const number = this.#append();
        writeFault(this.#image, number, fault, masks[index], this.#switches);
        this.#owners[number] = { declared, count: fault.count ?? -1 };
      }
      this.#mark();
    });
    return declared;
  }

  /** The faults in the table, in the order of their declaration. Faults that have ended stay until their room is needed. */
  list(): DeclaredFault[] {
    return [...new Set(this.#owners.flatMap((owner) => owner?.declared ?? []))];
  }

  firedOf(fault: DeclaredFault): number {
    let fired = 0;
    for (const [number, owner] of this.#owners.entries())
      if (owner?.declared === fault)
        fired += owner.count - this.#image.word(this.#image.fault(number) + F_COUNT);
    return fired;
  }

  isActive(fault: DeclaredFault): boolean {
    return this.#owners.some(
      (owner, number) =>
        owner?.declared === fault && this.#image.word(this.#image.fault(number) + F_ACTIVE) !== 0,
    );
  }

  end(fault: DeclaredFault): void {
    if (!this.isActive(fault)) return;
    this.#exclusive(() => {
      for (const [number, owner] of this.#owners.entries())
        if (owner?.declared === fault) this.#image.i32[this.#image.fault(number) + F_ACTIVE] = 0;
      this.#mark();
    });
  }

  /** Remembers what the image does not contain; calling the result puts it back. */
  remember(): PutBack {
    const owners = rememberList(this.#owners);
    const settled = this.list().map((declared) => [declared, declared.settled] as const);
    const reserved = this.#reserved;
    return () => {
      owners();
      for (const [declared, count] of settled) declared.settled = count;
      this.#reserved = reserved;
    };
  }

  /** The owners of all records, to be saved with the machine. */
  saveOwners(): readonly FaultOwner[] {
    const all = this.list();
    return this.#owners.flatMap((owner, number) =>
      owner === undefined
        ? []
        : {
            number,
            fault: all.indexOf(owner.declared),
            text: owner.declared.text,
            count: owner.count,
          },
    );
  }

  restoreOwners(owners: readonly FaultOwner[]): void {
    const all = new Map<number, DeclaredFault>();
    this.#owners.length = 0;
    for (const { number, fault, text, count } of owners) {
      const declared = all.get(fault) ?? new DeclaredFault(text, this);
      all.set(fault, declared);
      this.#owners[number] = { declared, count };
    }
  }

  /** Gives a record up. What it has struck so far stays counted. */
  #settle(number: number): void {
    const owner = this.#owners[number];
    if (owner === undefined) return;
    owner.declared.settled += owner.count - this.#image.word(this.#image.fault(number) + F_COUNT);
    this.#owners[number] = undefined;
  }

  /** Takes all faults back. */
  clear(): void {
    this.#exclusive(() => {
      for (const number of this.#owners.keys()) this.#settle(number);
      this.#owners.length = 0;
      for (let n = 0; n < this.#image.word(C_FAULT_COUNT); n++)
        this.#image.i32[this.#image.fault(n) + F_ACTIVE] = 0;
      this.#image.i32[C_FAULT_COUNT] = 0;
      if (this.#reserved >= 0) this.#keepRecord();
      this.#mark();
    });
  }

  /** Marks queues and guests anew after queues came or went. */
  refresh(): void {
    this.#exclusive(() => this.#mark());
  }

  /** A record for one more fault, behind all others, because the first fault that matches strikes, in the order of declaration. */
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

  /** Removes faults that have ended, and moves the others together in their order. Returns the number of those left. */
  #dropEnded(): number {
    const { i32 } = this.#image;
    let kept = 0;
    for (let n = 0; n < FAULTS_MAX; n++) {
      const record = this.#image.fault(n);
      if (i32[record + F_ACTIVE] === 0 && n !== this.#reserved) {
        this.#settle(n);
        continue;
      }
      if (n === this.#reserved) this.#reserved = kept;
      i32.copyWithin(this.#image.fault(kept), record, record + FAULT_WORDS);
      this.#owners[kept] = this.#owners[n];
      kept++;
    }
    i32[C_FAULT_COUNT] = kept;
    this.#owners.length = Math.min(kept, this.#owners.length);
    return kept;
  }

  /**
   * Reserves a record for a fault that is armed for single instructions. From then on every message goes through the adapter service,
   * where the fate of replies can be decided.
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

  /** Sets the marks that make the fast paths leave instructions on faulty queues and guests to the slow path. */
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
