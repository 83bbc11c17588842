// SPDX-License-Identifier: Apache-2.0
// What does an adapter interruption cost: from the reply to the guest's handler, over the same exchange without?
// Source: docs/reference/ap-architecture.md section 6.8.
import { LC_IO_NEW_PSW } from '../../native-like/arch/program-interruptions.ts';
import { DQAP_START, NQAP_L } from '../../native-like/arch/registers.ts';
import { completed, createMachine, type Machine } from '../../src/index.ts';
import { loadNewPsw } from '../../src/kvm/interruptions.ts';
import type { Finding, Question, QuestionContext } from '../findings.ts';
import { DQAP_WORD, NQAP_WORD } from '../machine/tables.ts';
import { measureRounds, type Variant } from '../measure/rounds.ts';
import { median, quartiles } from '../measure/statistics.ts';

const CONFIG = `
apemu: 1
machine:
  timing: { aqic: 0ns }
  adapters: { 5: { type: CEX8, mode: loopback } }
  usageDomains: [4, 5]
guests:
  Guest1: { memory: 1MiB, mdev: { adapters: [5], domains: [4, 5] } }
`;
const INTERRUPTED = 0x0504;
const POLLED = 0x0505;
/** Registers the words of the tables name. */
const R1 = 4;
const R2 = 6;
const ISC = 6;
const NIB = 0x2000;
const REQUEST = 0x4000;
const REPLY = 0x5000;
const LENGTH = 64;
const EXCHANGES = 2048;

/** One message there and back; `taken` runs between, where the reply lies in the queue. */
const exchange = (machine: Machine, apqn: number, taken: () => void): void => {
  const { cpu } = machine.guest('Guest1').cpu(0);
  cpu.setGr(0, 0, NQAP_L | apqn);
  cpu.setGr(R1, 0, 0);
  cpu.setGr(R1 + 1, 0, 1);
  cpu.setGr(R2, 0, REQUEST);
  cpu.setGr(R2 + 1, 0, LENGTH);
  if (cpu.execute(NQAP_WORD) !== 0 || cpu.conditionCode() !== 0) throw new Error('NQAP failed');
  taken();
  cpu.setGr(0, 0, DQAP_START | apqn);
  cpu.setGr(R2, 0, REPLY);
  cpu.setGr(R2 + 1, 0, LENGTH);
  if (cpu.execute(DQAP_WORD) !== 0 || cpu.conditionCode() !== 0) throw new Error('DQAP failed');
};

/** The vCPU is interrupted: lowcore, new PSW, the handler clears the byte and returns to the old PSW. */
const handlerOf = (machine: Machine): (() => void) => {
  const { cpu } = machine.guest('Guest1').cpu(0);
  const { image } = machine;
  const psw = new Int32Array(4);
  return () => {
    for (let n = 0; n < 4; n++) psw[n] = image.word(cpu.block + n);
    if (cpu.takeInterruption() === 0) throw new Error('no interruption');
    loadNewPsw(image, cpu.block, LC_IO_NEW_PSW);
    if (cpu.storage[NIB] === 0) throw new Error('the notification byte is zero');
    cpu.storage[NIB] = 0;
    for (let n = 0; n < 4; n++) image.i32[cpu.block + n] = psw[n];
  };
};

const measure = async (_variant: string, context: QuestionContext): Promise<Finding[]> => {
  const machine = await createMachine(CONFIG);
  const guest = machine.guest('Guest1').cpu(0);
  if (completed(guest.aqic(INTERRUPTED, { enable: true, isc: ISC, nib: NIB })).status.rc !== 0)
    throw new Error('AQIC failed');
  machine.advance(1);
  const variant = (name: string, apqn: number, taken: () => void): Variant => ({
    name,
    operations: EXCHANGES,
    run: () => {
      for (let n = 0; n < EXCHANGES; n++) exchange(machine, apqn, taken);
    },
  });
  const times = measureRounds(
    [variant('interrupted', INTERRUPTED, handlerOf(machine)), variant('polled', POLLED, () => {})],
    context.pace,
  );
  machine.close();
  const interrupted = times.get('interrupted') ?? [];
  const polled = times.get('polled') ?? [];
  const ratios = interrupted.map((ns, round) => ns / polled[round]);
  const costs = interrupted.map((ns, round) => Math.max(0, ns - polled[round]));
  return [
    { row: 'interruption', value: median(costs), ratio: median(ratios), spread: quartiles(ratios) },
  ];
};

export const interruption: Question = { name: 'interruption', variants: ['both'], measure };
