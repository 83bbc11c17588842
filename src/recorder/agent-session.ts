// SPDX-License-Identifier: Apache-2.0
// The agent's output as it comes: lines of each operation, and the kernel's complaints between them.
// Source: agent-program.ts beside this file.
import { ApemuError } from '../errors.ts';
import { complaintIn } from '../kernel-fuzz/complaints.ts';
import { STATUS_MARK } from '../qemu/guest-image/guest-files.ts';
import type { RecordedOperation } from '../sysfs/recorded-operation.ts';
import type { RecordedComplaint, RecordedLine } from '../sysfs/recording.ts';
import { type AgentLine, agentLine, recordedLine } from './agent-lines.ts';
import { AGENT_MORE } from './agent-program.ts';

/** An operation takes milliseconds; one that takes so long hangs. */
const OPERATION_MS = 60_000;
/** A kernel that complains prints all of it without such a pause. */
const COMPLAINT_PAUSE_MS = 1_500;

export interface AgentResult {
  readonly bootUs: number | undefined;
  readonly lines: readonly (readonly RecordedLine[])[];
  readonly complaint?: RecordedComplaint;
}

/** Longest line of the agent's; one of the kernel that goes on is heard in pieces. */
const AGENT_LINE_MAX = 0x100000;
/** A complaint begins within so much of what was said last; what belongs to it is not longer. */
const SAID_MAX = 65536;

const BEGIN = /^@begin (\d+)$/;
const END = /^@end \d+$/;

type OperatorOperation = Extract<RecordedOperation, readonly ['partition' | 'host', ...unknown[]]>;

/** The things for which the agent waits. */
export interface AgentHandlers {
  /** Sends the next piece of the operations. */
  more(): void;
  /** Carries out an operation of an operator, and lets the agent go on. */
  operate(operation: OperatorOperation): void;
}

export class AgentSession {
  /** Rejected with ApemuError APEMU_ERR_GUEST_ENDED when the guest ends without a complaint. */
  readonly result: Promise<AgentResult>;
  readonly #operations: readonly RecordedOperation[];
  readonly #does: AgentHandlers;
  readonly #lines: RecordedLine[][] = [];
  /** Number of the operation that the agent was last heard of, from 1. */
  #current = 0;
  #bootUs: number | undefined;
  /** The last line, which may not be complete. */
  #rest = '';
  /** What the kernel has printed. */
  #said = '';
  #complained = false;
  #resolve: (result: AgentResult) => void = () => {};
  #reject: (error: Error) => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  constructor(operations: readonly RecordedOperation[], does: AgentHandlers) {
    this.#operations = operations;
    this.#does = does;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#watch();
  }

  /** Takes a piece of the console's output. */
  take(piece: string): void {
    if (!this.#complained) this.#watch();
    const lines = `${this.#rest}${piece}`.split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > AGENT_LINE_MAX) {
      lines.push(this.#rest);
      this.#rest = '';
    }
    for (const line of lines) this.#line(line);
  }

  /** Called when the guest or its agent has ended. */
  end(): void {
    const complaint = complaintIn(this.#said);
    if (complaint !== undefined) this.#finish(complaint);
    else {
      clearTimeout(this.#timer);
      const last = this.#said.trim().slice(-300);
      this.#reject(
        new ApemuError(
          'APEMU_ERR_GUEST_ENDED',
          `the guest has ended before its agent had: ${last}`,
        ),
      );
    }
  }

  /** Ends the session, because nobody needs the rest. */
  stop(): void {
    this.#finish();
  }

  #line(text: string): void {
    const begin = BEGIN.exec(text);
    if (begin !== null) this.#bootUs = Number(begin[1]);
    else if (text === AGENT_MORE) this.#does.more();
    else if (END.test(text)) this.#finish();
    else if (text.startsWith(STATUS_MARK) && !this.#complained) this.end();
    else this.#agentOrKernel(text);
  }

  #agentOrKernel(text: string): void {
    const line = agentLine(text);
    if (line === undefined || line.letter === 'K') this.#hear(line?.text ?? text);
    else this.#take(line);
  }

  #take(line: AgentLine): void {
    const operation = this.#operations[line.number - 1];
    if (operation === undefined || this.#complained) return;
    this.#current = line.number;
    this.#lines[line.number - 1] ??= [];
    this.#lines[line.number - 1].push(...recordedLine(line, operation));
    const [verb] = operation;
    if (line.letter === 'H' && (verb === 'partition' || verb === 'host'))
      this.#does.operate(operation);
  }

  /** A line of the kernel's. What follows a complaint belongs to it. */
  #hear(text: string): void {
    if (this.#complained)
      this.#said += `${text}\n`.slice(0, Math.max(0, 2 * SAID_MAX - this.#said.length));
    else this.#said = `${this.#said}${text}\n`.slice(-SAID_MAX);
    this.#complained ||= complaintIn(this.#said) !== undefined;
    if (this.#complained) this.#watch();
  }

  #watch(): void {
    clearTimeout(this.#timer);
    if (this.#complained) this.#timer = setTimeout(() => this.end(), COMPLAINT_PAUSE_MS);
    else this.#timer = setTimeout(() => this.#hang(), OPERATION_MS);
  }

  /** An agent that has not begun has no operation that hangs. */
  #hang(): void {
    if (this.#current === 0) this.end();
    else this.#finish({ name: 'hang', line: `no answer for ${OPERATION_MS / 1000} s`, place: '' });
  }

  #finish(complaint?: RecordedComplaint): void {
    clearTimeout(this.#timer);
    const bootUs = this.#bootUs;
    if (complaint === undefined) this.#resolve({ bootUs, lines: this.#lines });
    else this.#resolve({ bootUs, lines: this.#lines.slice(0, this.#current - 1), complaint });
  }
}
