// SPDX-License-Identifier: Apache-2.0
// The rules that the outcome of a run may break, one row of a table each. If several are broken, the first is reported.
// Source: docs/design.md section 10; docs/reference/fuzzing.md section 4.
import { formatApqn } from '../config/units.ts';
import { ApemuError } from '../errors.ts';
import type { Outcome, RequestFact } from '../target/outcome.ts';
import type { Broken } from './broken.ts';
import { counters, kernel, killed, neglects, offline } from './kernel-rules.ts';

const ORACLE_NAMES = [
  'kernel',
  'throws',
  'progress',
  'killed',
  'rules',
  'ends-once',
  'right',
  'serves',
  'recovers',
  'leaks',
  'counters',
] as const;
export type OracleName = (typeof ORACLE_NAMES)[number];

/** A rule that was broken, and which one. */
export interface Violation extends Broken {
  readonly oracle: OracleName;
  /** Set if it shows only when the scenario is repeated. */
  readonly repeated?: true;
}

type Check = (outcome: Outcome) => Broken | undefined;

export interface OracleRow {
  readonly name: OracleName;
  /** What must hold, in a sentence. `--without NAME` switches the oracle off. */
  readonly says: string;
  readonly check: Check;
}

const seconds = (ns: number): string => `${(ns / 1e9).toFixed(6)} s`;

const nameOf = ({ id, kind, apqn, probe }: RequestFact): string =>
  `${probe ? 'the probe' : `request ${id}`} (${kind}${apqn === undefined ? '' : ` to ${formatApqn(apqn)}`})`;

const throws: Check = ({ thrown }) =>
  thrown === undefined
    ? undefined
    : {
        way: `at ${thrown.place}`,
        did: `it threw ${thrown.message} at ${thrown.place}`,
        expected: 'no exception leaves the driver',
      };

const progress: Check = (outcome) => {
  const { storm, asleep, requests, eventsEndNs } = outcome;
  if (storm !== undefined)
    return {
      way: storm.includes('steps') ? 'runs without waiting' : 'instruction storm',
      did: `it took ${storm}`,
      expected: 'it waits when there is nothing to do',
    };
  if (!asleep) return neglects(outcome);
  const open = requests.find(({ endings }) => endings.length === 0);
  return {
    way: 'sleeps for ever',
    did: `it waits for an interruption that nothing will cause, with ${open === undefined ? 'work' : nameOf(open)} outstanding`,
    expected: 'a driver with work outstanding has a timer, or an interruption to come',
    atNs: eventsEndNs,
  };
};

const EXPECTED_RULE = {
  'program interruption': 'no instruction ends in a program interruption',
  token: 'DQAP goes on with the token of the part before',
  partial: 'NQAP is executed again with its registers as they are until the whole message is taken',
  indicator:
    'the notification byte is cleared before the queues are read: a reply in between is lost',
} as const;

const rules: Check = ({ instructions }) => {
  const fact = instructions.find(({ rule }) => rule !== 'advice');
  if (fact === undefined || fact.rule === 'advice') return undefined;
  return {
    way: `${fact.rule} at ${fact.function}`,
    did: `${fact.text} at ${seconds(fact.atNs)}`,
    atNs: fact.atNs,
    expected: EXPECTED_RULE[fact.rule],
  };
};

const endsOnce: Check = ({ requests, strangers, hanging = [], eventsEndNs }) => {
  const stranger = strangers[0];
  if (stranger !== undefined)
    return {
      way: 'ends what nobody asked',
      did: `it ended request ${stranger}, which nobody had made`,
      expected: 'endings are those of requests',
    };
  for (const request of requests) {
    const [first, second] = request.endings;
    if (first !== undefined && second !== undefined) {
      const how = (error: string | undefined): string => error ?? 'a reply';
      return {
        way: 'ends twice',
        did: `it ended ${nameOf(request)} at ${seconds(first.atNs)} with ${how(first.error)} and at ${seconds(second.atNs)} with ${how(second.error)}`,
        expected: 'each request ends exactly once',
        atNs: second.atNs,
      };
    }
  }
  const open = requests.find(({ overdue, probe }) => overdue && !probe);
  const [file] = hanging;
  if (open === undefined && file !== undefined)
    return {
      way: 'a file is never done with',
      did: `${file} had not ended when everything else was over`,
      expected: 'who reads or writes a file of sysfs comes back',
      atNs: eventsEndNs,
    };
  if (open === undefined) return undefined;
  return {
    way: 'never ends',
    did: `${nameOf(open)}, made at ${seconds(open.atNs)}, had not ended when everything else was over`,
    expected: 'each request ends, with a reply or an error',
    atNs: eventsEndNs,
  };
};

const right: Check = ({ requests }) => {
  for (const request of requests) {
    const wrong = request.endings.find((ending) => ending.wrong !== undefined);
    if (wrong?.wrong === undefined) continue;
    return {
      way: 'takes a wrong reply',
      did: `it ended ${nameOf(request)} well at ${seconds(wrong.atNs)}, and ${wrong.wrong}`,
      expected: 'a request that ends well has the right result',
      atNs: wrong.atNs,
    };
  }
  return undefined;
};

const serves: Check = ({ requests, disturbedNs = Number.POSITIVE_INFINITY }) => {
  for (const request of requests) {
    const [first] = request.endings;
    if (first?.error === undefined || first.atNs >= disturbedNs) continue;
    return {
      way: `ends with ${first.error}`,
      did: `it ended ${nameOf(request)} at ${seconds(first.atNs)} with ${first.error}, and nothing had gone wrong`,
      expected: 'on healthy hardware a request ends with its reply',
    };
  }
  return undefined;
};

const recovers: Check = (outcome) => {
  const { unrecovered, eventsEndNs } = outcome;
  const [first] = unrecovered;
  if (first === undefined) return offline(outcome);
  const hangs = first.why === 'no ending';
  return {
    way: hangs ? 'a new request hangs' : `refuses with ${first.why}`,
    did: `with healthy hardware, ${hangs ? 'a new request did not end' : `requests still ended with ${first.why}`} at ${formatApqn(first.apqn)}`,
    expected: 'the driver serves requests again, or has said that the device is gone',
    atNs: eventsEndNs,
  };
};

const leaks: Check = ({ leaked, grown = {} }) => {
  const growing = Object.entries(grown);
  if (growing.length > 0)
    return {
      way: 'storage grows',
      did: `each repetition left ${growing.map(([name, count]) => `${count} more of ${name}`).join(', ')}`,
      expected: 'what is done again and again needs no more storage each time',
    };
  const held = Object.entries(leaked);
  if (held.length === 0) return undefined;
  return {
    way: held.map(([name]) => name).join(', '),
    did: `closed, it still held ${held.map(([name, count]) => `${count} ${name}`).join(', ')}`,
    expected: 'nothing is outstanding or allocated after a driver was closed',
  };
};

export const ORACLES: readonly OracleRow[] = [
  {
    name: 'kernel',
    says: 'a kernel under test neither panics nor complains about itself on its console',
    check: kernel,
  },
  {
    name: 'throws',
    says: 'no exception leaves the driver, no step answers a promise, and none is rejected that nobody handles',
    check: throws,
  },
  {
    name: 'progress',
    says: 'it neither runs without waiting nor sleeps for ever with work outstanding',
    check: progress,
  },
  {
    name: 'killed',
    says: 'a process that waits in a kernel under test ends when it is killed',
    check: killed,
  },
  {
    name: 'rules',
    says: 'its instructions keep the rules of the machine',
    check: rules,
  },
  {
    name: 'ends-once',
    says: 'each request ends exactly once, with a reply or an error',
    check: endsOnce,
  },
  { name: 'right', says: 'a request that ended well has the right result', check: right },
  {
    name: 'serves',
    says: 'as long as nothing goes wrong, requests end with their replies',
    check: serves,
  },
  {
    name: 'recovers',
    says: 'with healthy hardware it serves requests again, or has said that the device is gone',
    check: recovers,
  },
  { name: 'leaks', says: 'nothing is held after it was closed', check: leaks },
  {
    name: 'counters',
    says: "a kernel's counters of requests are those of the machine",
    check: counters,
  },
];

/** The first rule that an outcome breaks, except those in `without`, which are switched off. */
export const judge = (
  outcome: Outcome,
  without: ReadonlySet<OracleName> = new Set(),
): Violation | undefined => {
  for (const { name, check } of ORACLES) {
    if (without.has(name)) continue;
    const broken = check(outcome);
    if (broken !== undefined) return { oracle: name, ...broken };
  }
  return undefined;
};

/**
 * The oracles of a list of names, separated by commas.
 *
 * @throws ApemuError `APEMU_ERR_USAGE_ORACLE`
 */
export const oracleNames = (text: string): ReadonlySet<OracleName> => {
  const names = text.split(',').map((name) => name.trim());
  for (const name of names)
    if (!(ORACLE_NAMES as readonly string[]).includes(name))
      throw new ApemuError(
        'APEMU_ERR_USAGE_ORACLE',
        `there is no oracle ${name} (expected some of ${ORACLE_NAMES.join(', ')})`,
      );
  return new Set(names as OracleName[]);
};
