// SPDX-License-Identifier: Apache-2.0
// Tells in words why an instruction ended as it did. All that is needed is in its registers, since an instruction that was refused leaves
// its operands as they were.
// Source: docs/reference/ap-architecture.md sections 1.2, 2.1, 3.1 and 4.1.
import { GR0_APQN } from '../../../native-like/arch/function-codes.ts';
import { OPCODE_DQAP, OPCODE_NQAP } from '../../../native-like/arch/instructions.ts';
import {
  PGM_ADDRESSING,
  PGM_OPERATION,
  PGM_PRIVILEGED_OPERATION,
  PGM_SPECIFICATION,
} from '../../../native-like/arch/program-interruptions.ts';
import {
  AP_RESPONSE_Q_NOT_AVAIL,
  RESPONSE_CODES,
} from '../../../native-like/arch/response-codes.ts';
import type { MachineImage } from '../../../native-like/machine/image.ts';
import {
  MASK_AQM,
  Q_LIMIT,
  V_GR,
  V_GUEST,
  V_STORAGE_SIZE,
} from '../../../native-like/machine/layout.ts';
import { formatApqn } from '../../config/units.ts';
import { type InstructionResult, pgmText } from './results.ts';

/** An instruction that has ended. */
export interface Ended {
  readonly image: MachineImage;
  /** Name of the guest. */
  readonly name: string;
  /** Word index of the vCPU's block. */
  readonly vcpu: number;
  readonly word: number;
  readonly result: InstructionResult;
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

const low = ({ image, vcpu }: Ended, n: number): number =>
  image.word(vcpu + V_GR + 2 * n + 1) >>> 0;

const isMessage = ({ word }: Ended): boolean =>
  word >>> 16 === OPCODE_NQAP || word >>> 16 === OPCODE_DQAP;

const apqnOf = (ended: Ended): number => low(ended, 0) & GR0_APQN;

const hasBit = (image: MachineImage, words: number, id: number): boolean =>
  ((image.word(words + (id >>> 5)) << (id & 31)) | 0) < 0;

/** Says for response code 01 which half of the APQN the guest does not have. */
const whyNotAvailable = (ended: Ended): string => {
  const { image, vcpu, name } = ended;
  const apqn = apqnOf(ended);
  const masks = image.masks(image.guestNumber(image.word(vcpu + V_GUEST)));
  const adapter = hasBit(image, masks, apqn >>> 8);
  const domain = hasBit(image, masks + MASK_AQM, apqn & 0xff);
  if (adapter && domain) return `${formatApqn(apqn)} is in the masks of ${name}, and is no queue`;
  const missing = [
    ...(adapter ? [] : [`adapter ${hex(apqn >>> 8, 2)} is not in its APM`]),
    ...(domain ? [] : [`domain ${hex(apqn & 0xff, 2)} is not in its AQM`]),
  ];
  return `${formatApqn(apqn)} is not in APM x AQM of ${name}: ${missing.join(', ')}`;
};

const whySpecification = (ended: Ended): string => {
  const { image, word } = ended;
  if (!isMessage(ended))
    return 'a reserved bit of GR0 or the function code is unknown here, or an operand is not aligned';
  const [r1, r2] = [(word >>> 4) & 0xf, word & 0xf];
  if ((r1 & 1) !== 0 || (r2 & 1) !== 0) return `R1 = ${r1} and R2 = ${r2} must be even`;
  const length = low(ended, r2 + 1);
  const limit = image.word(image.queue(apqnOf(ended)) + Q_LIMIT);
  if (word >>> 16 === OPCODE_NQAP && length === 0) return 'a message of length 0';
  if (limit > 0 && length > limit) return `length ${length} is above the queue's limit ${limit}`;
  return `GR0 = ${hex(low(ended, 0), 8)} has a reserved bit on, or the length ${length} is too large`;
};

const whyAddressing = (ended: Ended): string => {
  const r2 = isMessage(ended) ? ended.word & 0xf : 2;
  const size = ended.image.word(ended.vcpu + V_STORAGE_SIZE);
  return `the operand at 0x${hex(low(ended, r2), 1)} is not within the storage of ${size} bytes`;
};

const whyInterrupted = (ended: Ended, code: number): string => {
  switch (code) {
    case PGM_OPERATION:
      return `${ended.name} has no such instruction, or it is not interpreted and the host knows no answer`;
    case PGM_PRIVILEGED_OPERATION:
      return 'the vCPU is in problem state';
    case PGM_ADDRESSING:
      return whyAddressing(ended);
    case PGM_SPECIFICATION:
      return whySpecification(ended);
    default:
      return 'see ap-architecture.md section 3.1';
  }
};

/** `RC 01 Q_NOT_AVAIL: …` or `0006 specification: …`. */
export const explainEnding = (ended: Ended): string => {
  const { result } = ended;
  if (result.programInterruption !== undefined)
    return `${pgmText(result.programInterruption)}: ${whyInterrupted(ended, result.programInterruption)}`;
  const { rc } = result.status;
  return `RC ${responseText(rc, rc === AP_RESPONSE_Q_NOT_AVAIL ? whyNotAvailable(ended) : undefined)}`;
};

/** `05 BUSY: …`: number, name and meaning of a response code. */
export const responseText = (rc: number, why?: string): string => {
  const rows = RESPONSE_CODES.filter((row) => row.code === rc);
  if (rows.length === 0) return `${hex(rc, 2)}: no response code that is known`;
  const names = rows.map((row) => row.name).join(' or ');
  return `${hex(rc, 2)} ${names}: ${why ?? rows.map((row) => row.meaning).join('; ')}`;
};

/** The response code of a name as Linux has it, with or without AP_RESPONSE_; a row may have two. Undefined for no name. */
export const responseCodeOf = (name: string): number | undefined => {
  const bare = name.toUpperCase().replace(/^AP_RESPONSE_/, '');
  return RESPONSE_CODES.find((row) => row.name.split(' / ').includes(bare))?.code;
};

/** All such names. */
export const responseNames: readonly string[] = RESPONSE_CODES.flatMap((row) =>
  row.name.split(' / '),
);
