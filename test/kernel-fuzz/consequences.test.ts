// SPDX-License-Identifier: Apache-2.0
// After which events a kernel's queues must serve the next request as if nothing had happened.
import { expect, it } from 'vitest';
import { asks, asksOrRefuses } from '../../src/kernel-fuzz/consequences.ts';
import { parseScenarioLines } from '../../src/scenario/text.ts';

it.each([
  ['user: request x3', true, true],
  ['user: cat /sys/bus/ap/scans', true, true],
  ['on nqap #1: reply=82/8b', false, true],
  ['on nqap #1..: reply=82/22', false, true],
  // The card is at fault, or the driver of an accelerator does not know the form.
  ['on nqap #1: reply=82/90', false, false],
  ['on nqap #1: reply=86/8b', false, false],
  ['on nqap #1: drop', false, false],
  ['user: echo 0 > /sys/devices/ap/card05/online', false, false],
])('%s: only asks %s, asks or is refused %s', (line, only, refused) => {
  const [event] = parseScenarioLines(`${line}\n`).map((statement) => statement.event);
  expect(event && [asks(event), asksOrRefuses(event)]).toEqual([only, refused]);
});
