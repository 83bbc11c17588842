// SPDX-License-Identifier: Apache-2.0
// All vectors by subject, for any implementation of the machine.

import { EXCEPTIONS } from './exceptions.ts';
import { INJECTED } from './injected.ts';
import { KVM_UNIT_TESTS } from './kvm-unit-tests.ts';
import { MASKS } from './masks.ts';
import { MESSAGES } from './messages.ts';
import { RESPONSE_CODES } from './response-codes.ts';
import type { Vector } from './vector.ts';
import { WORKED_VALUES } from './worked-values.ts';

export const VECTORS: readonly { readonly subject: string; readonly vectors: readonly Vector[] }[] =
  [
    { subject: 'worked values of the reference', vectors: WORKED_VALUES },
    { subject: 'checks of kvm-unit-tests', vectors: KVM_UNIT_TESTS },
    { subject: 'response codes by their cause', vectors: RESPONSE_CODES },
    { subject: 'response codes by injection', vectors: INJECTED },
    { subject: 'SIE, CRYCB formats and masks', vectors: MASKS },
    { subject: 'program exceptions and order of checks', vectors: EXCEPTIONS },
    { subject: 'messages, resets, operator, binding', vectors: MESSAGES },
  ];
