// SPDX-License-Identifier: Apache-2.0
// The rules that only a kernel under test can break.
// Source: docs/reference/fuzzing.md section 4.
import { formatApqn } from '../config/units.ts';
import type { Outcome } from '../target/outcome.ts';
import type { Broken } from './broken.ts';

type Rule = (outcome: Outcome) => Broken | undefined;

/** The kernel prints on its console that something is wrong with it. */
export const kernel: Rule = ({ complaint }) => {
  if (complaint === undefined) return undefined;
  const { name, line, place } = complaint;
  return {
    way: place === '' ? name : `${name} in ${place}`,
    did: `its console says "${line}"${place === '' ? '' : ` in ${place}`}`,
    expected: 'a kernel says nothing of that kind, whatever its hardware does',
  };
};

/** What a process does in one word, such as `request`, `write` or `read`, since the rest differs from scenario to scenario. */
const kindOfWork = (what: string): string => /request|write|read/.exec(what)?.[0] ?? 'a call';

/** A process goes on after it was killed. */
export const killed: Rule = ({ unkillable = [], eventsEndNs }) => {
  const [first] = unkillable;
  if (first === undefined) return undefined;
  return {
    way: `survives in ${kindOfWork(first)}`,
    did: `the process of ${first} had not ended seconds after it was killed`,
    expected: 'a process that waits for a card can be killed',
    atNs: eventsEndNs,
  };
};

/** Counters in sysfs do not agree with the machine. */
export const counters: Rule = ({ miscounted = [] }) => {
  const [first] = miscounted;
  if (first === undefined) return undefined;
  return {
    way: 'request_count is wrong',
    did: `with nothing but requests, ${first}`,
    expected: 'the counters of sysfs are those of the machine',
  };
};

/** A queue without interruptions is not polled. */
export const neglects: Rule = ({ neglected = [], eventsEndNs }) => {
  const [queue] = neglected;
  if (queue === undefined) return undefined;
  return {
    way: 'leaves a reply',
    did: `a reply is on ${formatApqn(queue)}, which has no interruptions, and nobody asks for it`,
    expected: 'replies of a queue without interruptions are polled for',
    atNs: eventsEndNs,
  };
};

/** A queue is lost for other requests because a card has refused one. */
export const offline: Rule = ({ offline: queues = [], eventsEndNs }) => {
  const [first] = queues;
  if (first === undefined) return undefined;
  return {
    way: 'a refusal takes a queue away',
    did: `after requests that the card refused, others ended with ${first.why} at ${formatApqn(first.apqn)} until an administrator did something`,
    expected: 'a refused request says nothing of its queue: the next one is served',
    atNs: eventsEndNs,
  };
};
