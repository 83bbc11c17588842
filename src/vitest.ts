// SPDX-License-Identifier: Apache-2.0
// `apemu/vitest`: matchers for results of AP instructions. Import it once; vitest is the user's own.
// Source: docs/design.md section 9.
import { expect } from 'vitest';
import { PROGRAM_INTERRUPTIONS } from '../native-like/arch/program-interruptions.ts';
import { nearest } from './config/mistakes.ts';
import { responseCodeOf, responseNames, responseText } from './host/api/explain.ts';
import { historyOf } from './host/api/history.ts';
import { type InstructionResult, pgmText, type QueueStatus } from './host/api/results.ts';

type Received = InstructionResult | QueueStatus;

interface Outcome {
  readonly pass: boolean;
  readonly message: () => string;
}

const rcOf = (response: string | number): number | undefined =>
  typeof response === 'number' ? response : responseCodeOf(response);

const codeOf = (name: string | number): number | undefined =>
  typeof name === 'number' ? name : PROGRAM_INTERRUPTIONS.find((row) => row.name === name)?.code;

/** How it ended, and what the vCPU did before, as lines of an AP program. */
const seen = (received: Received): string => {
  const lines = historyOf(received).map((line) => `  ${line}`);
  const how =
    'rc' in received
      ? `RC ${responseText(received.rc)}`
      : received.programInterruption !== undefined
        ? pgmText(received.programInterruption)
        : `RC ${responseText(received.status.rc)}`;
  return [`received ${how}`, ...(lines.length > 0 ? ['what the guest did:', ...lines] : [])].join(
    '\n',
  );
};

const statusIn = (received: Received): QueueStatus | undefined =>
  'rc' in received ? received : received.status;

const unknown = (name: string | number, what: string, names: readonly string[]): RangeError => {
  const near = nearest(String(name), names);
  const hint =
    near === undefined
      ? `expected a number, or one of ${names.join(', ')}`
      : `did you mean ${near}?`;
  return new RangeError(`${name} is no ${what} (${hint})`);
};

export const matchers = {
  /** The instruction completed with this response code: its number or its name, such as `Q_NOT_AVAIL`. */
  toBeResponse(received: Received, response: string | number): Outcome {
    const rc = rcOf(response);
    if (rc === undefined) throw unknown(response, 'response code', responseNames);
    return {
      pass: statusIn(received)?.rc === rc,
      message: () => `expected response ${response}\n${seen(received)}`,
    };
  },
  /** The instruction ended with this program interruption: its number or its name, such as `specification`. */
  toBeProgramInterruption(received: InstructionResult, name: string | number): Outcome {
    const code = codeOf(name);
    if (code === undefined)
      throw unknown(
        name,
        'program interruption',
        PROGRAM_INTERRUPTIONS.map((row) => row.name),
      );
    const pass = received.programInterruption === code;
    return { pass, message: () => `expected program interruption ${name}\n${seen(received)}` };
  },
};

expect.extend(matchers);

interface ApMatchers<R = unknown> {
  toBeResponse(response: string | number): R;
  toBeProgramInterruption(name: string | number): R;
}

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: the declaration must repeat vitest's own.
  interface Matchers<T = any> extends ApMatchers<T> {}
}
