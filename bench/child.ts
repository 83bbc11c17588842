// SPDX-License-Identifier: Apache-2.0
// A fresh process for one variant of one question: reads what to do from its argument, prints its findings as one JSON line.
// Source: docs/reference/performance.md section 8 items 3 and 5 (JIT lottery, few variants a process).
import type { QuestionContext } from './findings.ts';
import { QUESTIONS } from './questions.ts';

/** What the parent asks for. */
export interface ChildTask extends QuestionContext {
  readonly question: string;
  readonly variant: string;
}

const task = JSON.parse(process.argv[2] ?? '{}') as ChildTask;
const question = QUESTIONS.find(({ name }) => name === task.question);
if (question === undefined) throw new Error(`there is no question ${task.question}`);
const findings = await question.measure(task.variant, task);
process.stdout.write(`${JSON.stringify(findings)}\n`);
