// SPDX-License-Identifier: Apache-2.0
// All questions, in the order they are run.
import type { Question } from './findings.ts';
import { allocation } from './questions/allocation.ts';
import { aqic } from './questions/aqic.ts';
import { check } from './questions/check.ts';
import { fuzz } from './questions/fuzz.ts';
import { host } from './questions/host.ts';
import { image } from './questions/image.ts';
import { interruption } from './questions/interruption.ts';
import { masks } from './questions/masks.ts';
import { messages } from './questions/messages.ts';
import { mixed } from './questions/mixed.ts';
import { programs } from './questions/programs.ts';
import { protection } from './questions/protection.ts';
import { refused } from './questions/refused.ts';
import { rsa } from './questions/rsa.ts';
import { saved } from './questions/saved.ts';
import { scaling } from './questions/scaling.ts';
import { tapq } from './questions/tapq.ts';
import { trace } from './questions/trace.ts';
import { virtual } from './questions/virtual.ts';

export const QUESTIONS: readonly Question[] = [
  check,
  tapq,
  refused,
  messages,
  mixed,
  allocation,
  protection,
  trace,
  scaling,
  aqic,
  interruption,
  masks,
  image,
  saved,
  programs,
  fuzz,
  rsa,
  virtual,
  host,
];
