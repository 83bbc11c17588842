// SPDX-License-Identifier: Apache-2.0
// What does a message cost: NQAP, an adapter that answers at once, DQAP?
import type { Finding, Question, QuestionContext } from '../findings.ts';
import { buildMachine, primeQueues } from '../machine/machine.ts';
import { dqap, type Instruction, instructionTable, nqap } from '../machine/tables.ts';
import { measureDriven } from './driven.ts';

const SIZES: Readonly<Record<string, number>> = { '64': 64, '256': 256, '3K': 3072, '12K': 12288 };
const PAIRS = 2048;
/** Requests are fetched from here, replies stored there. */
const REQUEST_AT = 0x1000;
const REPLY_AT = 0x8000;
const STORAGE_BYTES = 0x10000;

const measure = async (variant: string, context: QuestionContext): Promise<Finding[]> => {
  const length = SIZES[variant];
  const machine = await buildMachine({ storageBytes: STORAGE_BYTES });
  const vcpu = machine.vcpus[0];
  primeQueues(machine, vcpu, [0]);
  const rows: Instruction[] = [];
  for (let n = 0; n < PAIRS; n++)
    rows.push(nqap(vcpu, 0, REQUEST_AT, length, n), dqap(vcpu, 0, REPLY_AT, length));
  const finding = await measureDriven(
    `messages-${variant}`,
    machine,
    instructionTable(rows),
    context,
  );
  // A pair is the operation, not an instruction.
  const detail = { baseNs: (finding.detail?.['baseNs'] ?? 0) * 2 };
  return [{ ...finding, value: finding.value * 2, detail }];
};

export const messages: Question = { name: 'messages', variants: Object.keys(SIZES), measure };
