// SPDX-License-Identifier: Apache-2.0
// All questions, in the order they are run.
import type { Question } from './findings.ts';
import { check } from './questions/check.ts';
import { messages } from './questions/messages.ts';
import { mixed } from './questions/mixed.ts';
import { refused } from './questions/refused.ts';
import { tapq } from './questions/tapq.ts';

export const QUESTIONS: readonly Question[] = [check, tapq, refused, messages, mixed];
