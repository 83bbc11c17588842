// SPDX-License-Identifier: Apache-2.0
// The partition as the host's AP bus sees it: AP instructions, which a vCPU of the host (guest 0) executes, and SCLP.
// Source: docs/reference/ap-architecture.md sections 1.3 to 1.7; docs/reference/vfio-ap.md section 3.3.
import {
  FC_AAPQ,
  FC_AQIC,
  FC_BAPQ,
  FC_QCI,
  FC_RAPQ,
  FC_TAPQ,
  FC_ZAPQ,
  GR0_APQN,
  GR0_F,
  GR0_T,
} from '../../../native-like/arch/function-codes.ts';
import { OPCODE_PQAP } from '../../../native-like/arch/instructions.ts';
import { QCI_BYTES, QCI_FLAG_B } from '../../../native-like/arch/qci.ts';
import type { MachineImage } from '../../../native-like/machine/image.ts';
import { C_QCI_FLAGS, V_GR } from '../../../native-like/machine/layout.ts';
import type { PartitionPort, QueueTest, SclpOutcome } from '../../ap-bus/partition-port.ts';
import type { Partition } from '../../lpar/partition.ts';

const INSTRUCTION = (OPCODE_PQAP << 16) | 0;
/** Address in host storage where the QCI block is stored. */
const HOST_QCI_ADDRESS = 0xff000;

export interface HostInstructionsOptions {
  readonly partition: Partition;
  readonly facilities: readonly number[];
  /** Executes an instruction word on the vCPU with this block. */
  readonly execute: (vcpu: number, word: number) => void;
  /** Called after each instruction, so that adapters take what is new. */
  readonly served: (apqn: number) => void;
  /** Runs an instruction while nobody else touches the queue, since a guest may be using it in another thread. */
  readonly alone: (apqn: number, instruction: () => void) => void;
}

/** The host's AP instructions on one kernel instance. vCPU 1 of guest 0 belongs to the AP bus; vCPU 0 is for the user. */
export class HostInstructions implements PartitionPort {
  readonly facilities: ReadonlySet<number>;
  readonly #image: MachineImage;
  readonly #partition: Partition;
  readonly #options: HostInstructionsOptions;

  constructor(options: HostInstructionsOptions) {
    this.#options = options;
    this.#partition = options.partition;
    this.#image = options.partition.image;
    this.facilities = new Set(options.facilities);
  }

  qci(): Uint8Array {
    this.#pqap(FC_QCI << 24, 0, 0, 0, HOST_QCI_ADDRESS);
    return this.#image.storage(0).slice(HOST_QCI_ADDRESS, HOST_QCI_ADDRESS + QCI_BYTES);
  }

  tapq(apqn: number): QueueTest {
    const status = this.#pqap((FC_TAPQ << 24) | GR0_T | apqn, 0, 0, 0, 0);
    return { status, gr2High: this.#register(4), gr2Low: this.#register(5) };
  }

  rapq(apqn: number, fBit = false): number {
    return this.#pqap((FC_RAPQ << 24) | (fBit ? GR0_F : 0) | apqn, 0, 0, 0, 0);
  }

  zapq(apqn: number): number {
    return this.#pqap((FC_ZAPQ << 24) | apqn, 0, 0, 0, 0);
  }

  aqic(apqn: number, controlHigh: number, controlLow: number, nib: number): number {
    return this.#pqap((FC_AQIC << 24) | apqn, controlHigh, controlLow, 0, nib);
  }

  bapq(apqn: number): number {
    return this.#pqap((FC_BAPQ << 24) | apqn, 0, 0, 0, 0);
  }

  aapq(apqn: number, secretIndex: number): number {
    return this.#pqap((FC_AAPQ << 24) | apqn, 0, 0, 0, secretIndex);
  }

  configure(apid: number): SclpOutcome {
    return this.#sclp(apid, () => this.#partition.configure(apid));
  }

  deconfigure(apid: number): SclpOutcome {
    return this.#sclp(apid, () => this.#partition.deconfigure(apid));
  }

  onConfigurationChange(listener: () => void): void {
    this.#partition.changeListeners.push(listener);
  }

  /** Whether the machine can bind queues of secure-execution guests. */
  get canBind(): boolean {
    return (this.#image.word(C_QCI_FLAGS) & QCI_FLAG_B) !== 0;
  }

  #sclp(apid: number, command: () => void): SclpOutcome {
    if (!this.#partition.adapters.has(apid)) return 'EIO';
    command();
    return 'ok';
  }

  #register(word: number): number {
    return this.#image.word(this.#image.vcpu(0, 1) + V_GR + word) >>> 0;
  }

  /** Executes one PQAP with GR0 to GR2 loaded. Returns the status word. */
  #pqap(gr0: number, gr1High: number, gr1Low: number, gr2High: number, gr2Low: number): number {
    const vcpu = this.#image.vcpu(0, 1);
    const { i32 } = this.#image;
    [0, gr0, gr1High, gr1Low, gr2High, gr2Low].forEach((value, n) => {
      i32[vcpu + V_GR + n] = value;
    });
    const { alone, execute, served } = this.#options;
    alone(gr0 & GR0_APQN, () => execute(vcpu, INSTRUCTION));
    served(gr0 & GR0_APQN);
    return this.#register(3);
  }
}
