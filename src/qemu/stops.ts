// SPDX-License-Identifier: Apache-2.0
// Follows a guest that the debug stub stops at breakpoints and watchpoints, one stop after the other.
// Source: docs/reference/qemu-attach.md section 8 (the stub and its stops).

import { type DebugStub, letGoAfter } from './debug-stub.ts';
import type { GuestPause } from './pause.ts';
import { StoppedCpu, stoppedThread } from './stopped-cpu.ts';

export interface Stops {
  readonly stub: DebugStub;
  readonly pause: GuestPause;
  /**
   * Serves a CPU that has stopped.
   *
   * @param packet what the stub says of the stop
   * @returns whether it was the last one
   */
  readonly serve: (cpu: StoppedCpu, packet: string) => Promise<boolean>;
  /** Whether nothing is to be served any more. Who makes it so interrupts the stub, so that the guest is let go. */
  readonly over?: () => boolean;
}

/**
 * Serves stops until the last one, or until the stub has gone. The guest then runs without the stub, which has removed the breakpoints:
 * nobody would let the guest go on from one.
 */
export async function serveStops({ stub, pause, serve, over = () => false }: Stops): Promise<void> {
  for (let last = false; !last; ) {
    const packet = await stub.next();
    if (packet === undefined) return;
    const thread = stoppedThread(packet);
    // Another stop comes from a command at the monitor. Whoever gave it will also start the guest again.
    if (thread === undefined && !over()) continue;
    const served = async (): Promise<boolean> => {
      const serves = !over() && thread !== undefined;
      const isLast = !serves || (await serve(new StoppedCpu(stub, thread), packet)) || over();
      if (isLast) await stub.ask('D');
      else stub.send('c');
      return isLast;
    };
    last = await pause.alone(() => letGoAfter(stub, served));
  }
  stub.close();
}
