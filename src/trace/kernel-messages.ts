// SPDX-License-Identifier: Apache-2.0
// Lines of a guest's kernel log out of what its console shows, with the machine's time for each.
// A line carries the guest's own time since its boot. It reaches the console some time later, so the line that came soonest says best how
// the two times lie to each other.
// Source: Linux, kernel/printk/printk.c (print_time: `[%5lu.%06lu] `).

/** A line, and when the kernel wrote it, in nanoseconds of the machine's time. */
export interface KernelMessage {
  readonly guest: string;
  readonly timeNs: number;
  readonly text: string;
}

const LINE = /^\[ *(\d+)\.(\d{6})\] (.*)$/;
/** Lines kept for a guest: a kernel that writes without end must not take all memory. */
const LINES_MAX = 100_000;

interface Log {
  rest: string;
  offsetNs: number;
  readonly lines: { readonly ns: number; readonly text: string }[];
}

export class KernelMessages {
  readonly #logs = new Map<string, Log>();

  /** A piece of a console's output, which came at `nowNs`. */
  console(guest: string, piece: string, nowNs: number): void {
    const log = this.#logOf(guest);
    const lines = `${log.rest}${piece.replaceAll('\r', '')}`.split('\n');
    log.rest = (lines.pop() as string).slice(-0x1000);
    for (const line of lines) {
      const [, seconds, micros, text] = LINE.exec(line) ?? [];
      if (text === undefined || log.lines.length >= LINES_MAX) continue;
      const ns = Number(seconds) * 1e9 + Number(micros) * 1e3;
      log.offsetNs = Math.min(log.offsetNs, nowNs - ns);
      log.lines.push({ ns, text });
    }
  }

  /** All lines so far. */
  all(): KernelMessage[] {
    return [...this.#logs].flatMap(([guest, { lines, offsetNs }]) =>
      lines.map(({ ns, text }) => ({ guest, text, timeNs: Math.max(0, ns + offsetNs) })),
    );
  }

  #logOf(guest: string): Log {
    const known = this.#logs.get(guest);
    if (known !== undefined) return known;
    const log: Log = { rest: '', offsetNs: Number.POSITIVE_INFINITY, lines: [] };
    this.#logs.set(guest, log);
    return log;
  }
}
