// SPDX-License-Identifier: Apache-2.0
// A machine in virtual time that keeps up with real time as far as the computer can, for a person who watches it.

import { setTimeout as sleep } from 'node:timers/promises';
import type { MachineConfig } from '../../config/types.ts';
import { faultOf } from '../../errors.ts';
import { SteppedLoad } from '../../load/stepped.ts';
import { Shell } from '../../shell/shell.ts';
import { RecentTrace } from '../../trace/recent.ts';
import { NS_PER_MS } from '../../units.ts';
import { formatError } from '../errors.ts';
import type { CommandIo } from '../io.ts';
import { shellOptions } from '../shell-process.ts';
import { AskedShell } from './asked-shell.ts';

/**
 * Milliseconds between two looks at the clock, and the part of them that the machine may use, since the page has to be answered
 * meanwhile.
 */
const PACE_MS = 20;
const WORK_MS = 30;
/** Virtual time between two looks whether that is over. */
const SLICE_NS = 100_000;

export class LiveMachine {
  readonly shell: AskedShell;
  readonly #advance: (ns: number) => void;
  readonly #nowNs: () => number;
  readonly #io: CommandIo;

  private constructor(
    shell: AskedShell,
    clock: { readonly advance: (ns: number) => void; readonly nowNs: () => number },
    io: CommandIo,
  ) {
    this.shell = shell;
    this.#advance = clock.advance;
    this.#nowNs = clock.nowNs;
    this.#io = io;
  }

  /** Starts the machine and the programs of its guests. */
  static async start(
    config: MachineConfig,
    seed: number | undefined,
    io: CommandIo,
  ): Promise<LiveMachine> {
    const trace = new RecentTrace();
    const { machine } = await SteppedLoad.start(config, seed, { onTrace: trace.take });
    const options = { ...shellOptions(io, false), trace };
    const clock = { advance: (_ns: number): void => {}, nowNs: () => machine.nowNs() };
    const shell = await AskedShell.open((output) => {
      const inner = new Shell(machine, { ...options, ...output });
      clock.advance = (ns) => inner.context.advance(ns);
      return inner;
    });
    return new LiveMachine(shell, clock, io);
  }

  /** Lets time pass until `signal` ends it. If the computer cannot keep up, virtual time is slower. */
  async follow(signal: AbortSignal): Promise<void> {
    let wallMs = performance.now();
    while (!signal.aborted) {
      const nowMs = performance.now();
      this.#pass((nowMs - wallMs) * NS_PER_MS, nowMs + WORK_MS);
      wallMs = nowMs;
      await sleep(PACE_MS, undefined, { signal }).catch(() => {});
    }
  }

  #pass(ns: number, untilMs: number): void {
    const end = this.#nowNs() + Math.round(ns);
    while (this.#nowNs() < end && performance.now() < untilMs) {
      try {
        this.#advance(Math.min(SLICE_NS, end - this.#nowNs()));
      } catch (error) {
        // A program that fails has ended, and the others go on.
        if (faultOf(error) !== 'guest') throw error;
        this.#io.err(formatError(error));
      }
    }
  }
}
