// SPDX-License-Identifier: Apache-2.0
// All vectors by subject, for any implementation of the machine.

import { EXCEPTIONS } from './exceptions.ts';
import { INJECTED } from './injected.ts';
import { INTERRUPTION_CONTROL } from './interruption-control.ts';
import { KVM_UNIT_TESTS } from './kvm-unit-tests.ts';
import { LIFECYCLE } from './lifecycle.ts';
import { MASKS } from './masks.ts';
import { MESSAGES } from './messages.ts';
import { OPERANDS } from './operands.ts';
import { PARTS_AND_SEGMENTS } from './parts.ts';
import { RESPONSE_CODES } from './response-codes.ts';
import { SECURE_EXECUTION } from './secure-execution.ts';
import type { Vector } from './vector.ts';
import { WORKED_VALUES } from './worked-values.ts';
import { WORKED_WORDS } from './worked-words.ts';

export const VECTORS: readonly { readonly subject: string; readonly vectors: readonly Vector[] }[] =
  [
    { subject: 'worked values: status and information', vectors: WORKED_VALUES },
    { subject: 'worked values: control words and QCI', vectors: WORKED_WORDS },
    { subject: 'checks of kvm-unit-tests', vectors: KVM_UNIT_TESTS },
    { subject: 'response codes by their cause', vectors: RESPONSE_CODES },
    { subject: 'response codes of AQIC', vectors: INTERRUPTION_CONTROL },
    { subject: 'response codes of secure execution', vectors: SECURE_EXECUTION },
    { subject: 'response codes by injection', vectors: INJECTED },
    { subject: 'SIE, CRYCB formats and masks', vectors: MASKS },
    { subject: 'program exceptions and order of checks', vectors: EXCEPTIONS },
    { subject: 'lengths, addresses, addressing modes', vectors: OPERANDS },
    { subject: 'messages and partial replies', vectors: MESSAGES },
    { subject: 'parts and segment boundaries', vectors: PARTS_AND_SEGMENTS },
    { subject: 'resets, operator actions, bind states', vectors: LIFECYCLE },
  ];
