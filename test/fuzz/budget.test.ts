// SPDX-License-Identifier: Apache-2.0
// What a driver under test may do in a second of virtual time and for each request, and what is a storm.
import { expect, it } from 'vitest';
import { Budget } from '../../src/target/program/budget.ts';

const PER_SECOND = 100;
const A_SECOND = 1_000_000_000;

/** A budget with a clock of its own. */
const create = (requests?: number) => {
  const clock = { ns: 0 };
  const budget = new Budget(() => clock.ns, PER_SECOND);
  if (requests !== undefined) budget.requests = () => requests;
  budget.begin();
  return { budget, clock };
};
const times = (count: number, act: () => void): void => {
  for (let n = 0; n < count; n++) act();
};

it('instructions of one second are bounded, those of several are not', () => {
  const { budget, clock } = create();
  times(PER_SECOND, () => budget.instruction());
  expect(budget.storm).toBeUndefined();
  clock.ns += A_SECOND;
  times(PER_SECOND, () => budget.instruction());
  expect(budget.storm).toBeUndefined();
  budget.instruction();
  expect(budget.storm).toMatch(/more than 100 AP instructions in a second/);
});

it('steps without an instruction are bounded too', () => {
  const { budget } = create();
  times(PER_SECOND, () => budget.stepped());
  expect(budget.mayStep()).toBe(true);
  budget.stepped();
  expect(budget.mayStep()).toBe(false);
  expect(budget.storm).toMatch(/more than 100 steps/);
});

it('requests make the budget of a second larger by what they may cost', () => {
  const { budget } = create(3);
  times(PER_SECOND + 3 * 512, () => budget.instruction());
  expect(budget.storm).toBeUndefined();
  budget.instruction();
  expect(budget.storm).toMatch(/more than 1636 AP instructions/);
});

it('instructions without end are a storm with the largest number of requests as well', () => {
  const { budget } = create(1_000_000);
  times(1_000_000, () => budget.instruction());
  expect(budget.storm).toMatch(/in a second of virtual time/);
});

it('a request that is sent time after time is a storm, whatever time it takes', () => {
  const { budget, clock } = create(1);
  const send = (): void => {
    clock.ns += A_SECOND;
    budget.sent();
  };
  times(512, send);
  expect(budget.storm).toBeUndefined();
  send();
  expect(budget.storm).toBe('more than 256 messages for each request');
});

it('a new run begins with nothing done', () => {
  const { budget } = create();
  times(PER_SECOND + 1, () => budget.instruction());
  budget.begin();
  budget.instruction();
  expect(budget.storm).toBeUndefined();
});
