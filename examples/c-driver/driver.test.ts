// SPDX-License-Identifier: Apache-2.0
// A test of the driver in C: it is the code of a guest, in virtual time, and meets a busy queue, lost replies and an error of the card.
// Copy it beside your own driver.wasm, and run it with  npx vitest run
import { readFileSync } from 'node:fs';
import {
  buildQuery,
  buildRng,
  createMachine,
  type DriverEnding,
  type GuestProgram,
  loadDriver,
  parseReply,
} from 'apemu';
import { expect, test } from 'vitest';

const CONFIG = `
apemu: 1
machine: { adapters: { 5: { mode: cca, serial: EMU00005, service: { time: 300us } } }, usageDomains: [4] }
guests: { Guest1: { mdev: { adapters: [5], domains: [4] } } }
`;
const RANDOM = buildRng({ domain: 4, length: 64 });
const A_MINUTE_NS = 60_000_000_000;

/** A machine whose guest runs the driver, and its user: what it wants is done in the driver's next step. */
const start = async () => {
  const driver = loadDriver(readFileSync(new URL('driver.wasm', import.meta.url)));
  const machine = await createMachine(CONFIG);
  const wishes: Uint8Array[] = [];
  const endings: DriverEnding[] = [];
  const user = { closes: false, requests: 0, held: {} as Readonly<Record<string, number>> };
  const program: GuestProgram = {
    name: driver.name,
    init: (args) => driver.init(args),
    step(cpu, state) {
      for (const message of wishes.splice(0))
        driver.submit(cpu, state, { id: ++user.requests, apqn: 0x0504, message });
      if (user.closes) driver.close?.(cpu, state);
      const wait = driver.step(cpu, state);
      endings.push(...driver.endings(state));
      user.held = driver.resources?.(state) ?? {};
      return wait;
    },
  };
  machine.start('Guest1', 0, program, {});
  /** Makes a request and lets a minute pass. How it has ended, and what the reply says. */
  const ask = (message: Uint8Array) => {
    wishes.push(message);
    machine.stepper.advance(A_MINUTE_NS);
    const [ending, ...more] = endings.splice(0);
    expect(more, 'a request ends once').toEqual([]);
    return { ...ending, says: ending?.reply === undefined ? undefined : parseReply(ending.reply) };
  };
  const close = () => {
    user.closes = true;
    machine.stepper.advance(A_MINUTE_NS);
    return user.held;
  };
  return { machine, ask, close };
};

test('the driver exchanges messages with a coprocessor, and has given everything back when it is closed', async () => {
  const { machine, ask, close } = await start();
  expect(ask(RANDOM).says).toMatchObject({ kind: 'cca', rc: 0, function: 'RL' });
  const serial = ask(buildQuery({ mode: 'cca', keyword: 'STATICSA', domain: 4 }));
  expect(serial.says).toMatchObject({ rc: 0, rules: expect.arrayContaining(['EMU00005']) });
  expect(Object.values(close()).filter((count) => count > 0)).toEqual([]);
  machine.close();
});

test.each([
  ['a busy queue', 'on nqap #1: rc=05\non nqap #2: rc=05'],
  ['a lost reply', 'on nqap #1: drop'],
  [
    'an adapter that goes and comes back',
    'on nqap #1: lpar: deconfigure 5\nat 1s: lpar: configure 5',
  ],
])('a request meets %s, and the next one is answered', async (_what, events) => {
  const { machine, ask } = await start();
  machine.exec(`apemu-program 1\n${events}`);
  const { reply, error } = ask(RANDOM);
  expect(reply ?? error, 'it ends').toBeDefined();
  expect(ask(RANDOM).says).toMatchObject({ kind: 'cca', rc: 0 });
  machine.close();
});

test('an error of the card ends the request with an error', async () => {
  const { machine, ask } = await start();
  machine.fault({ apqn: '05.0004', reply: 'cca/8/48', count: 1 });
  expect(ask(RANDOM)).toMatchObject({ error: expect.stringMatching(/^E[A-Z]+$/) });
  expect(ask(RANDOM).says).toMatchObject({ kind: 'cca', rc: 0 });
  machine.close();
});
