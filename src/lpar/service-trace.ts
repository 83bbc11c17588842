// SPDX-License-Identifier: Apache-2.0
// Leaves a record of each request that an adapter takes in the thread's trace ring, beside those of the instructions
// (native-like/exec/trace.ts). Only the thread itself writes into its ring.
// Source: native-like/machine/trace-layout.ts. Only the thread itself writes into its ring.
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  C_TRACE,
  C_TRACE_RECORDS,
  L_ACCEPTED,
  L_PSMID_HIGH,
  L_PSMID_LOW,
  T_TRACE,
} from '../../native-like/machine/layout.ts';
import {
  R_APQN,
  R_BEGUN,
  R_PSMID_HIGH,
  R_PSMID_LOW,
  R_READY,
  R_TIME,
  R_VCPU,
  TRACE_WORDS,
} from '../../native-like/machine/trace-layout.ts';

export class ServiceTrace {
  readonly #image: MachineImage;
  readonly #counter: number;
  readonly #ring: number;
  readonly #last: number;

  constructor(image: MachineImage, thread: number) {
    const records = image.word(C_TRACE_RECORDS);
    this.#image = image;
    this.#counter = image.thread(thread) + T_TRACE;
    this.#ring = image.word(C_TRACE) + thread * records * TRACE_WORDS;
    this.#last = records - 1;
  }

  /**
   * Records a request whose slot has its header at word `header`. An engine begins with it at `begunNs`, and its reply is there at
   * `readyNs`.
   */
  taken(apqn: number, header: number, begunNs: number, readyNs: number): void {
    if (this.#last < 0) return;
    const { i32, f64 } = this.#image;
    const at = this.#ring + (i32[this.#counter] & this.#last) * TRACE_WORDS;
    i32[at + R_VCPU] = 0;
    i32[at + R_APQN] = apqn;
    f64[(at + R_BEGUN) >> 1] = begunNs;
    f64[(at + R_READY) >> 1] = readyNs;
    f64[(at + R_TIME) >> 1] = f64[(header + L_ACCEPTED) >> 1];
    i32[at + R_PSMID_HIGH] = i32[header + L_PSMID_HIGH];
    i32[at + R_PSMID_LOW] = i32[header + L_PSMID_LOW];
    i32[this.#counter] = (i32[this.#counter] + 1) | 0;
  }
}
