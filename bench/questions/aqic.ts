// SPDX-License-Identifier: Apache-2.0
// What does an intercepted AQIC cost: with vfio_ap's hook run in the vCPU's own thread, and when the host thread must answer?
import { FC_AQIC, GR0_FC_SHIFT } from '../../native-like/arch/function-codes.ts';
import { AQIC_IR } from '../../native-like/arch/registers.ts';
import { STATUS_RC_MASK } from '../../native-like/arch/status-word.ts';
import { V_GR } from '../../native-like/machine/layout.ts';
import { EXECUTE_INTERCEPT } from '../../native-like/machine/outcome.ts';
import { createMachine, type Machine } from '../../src/index.ts';
import { enterSie, leaveSie } from '../../src/vcpu-pool/sie.ts';
import type { Finding, Question, QuestionContext } from '../findings.ts';
import { PQAP_WORD } from '../machine/tables.ts';
import { measureRounds, medianNs } from '../measure/rounds.ts';
import { median, quartiles } from '../measure/statistics.ts';
import type { ExchangeTask, ExchangeTimes } from '../workers/exchange-worker.ts';
import {
  EXCHANGE_WORDS,
  MAIL_ANSWERED,
  MAIL_POSTED,
  X_DOORBELL,
  X_MAIL,
} from '../workers/shared-words.ts';
import { spawnWorker } from '../workers/spawn.ts';

const CONFIG = `
apemu: 1
machine:
  timing: { aqic: 0ns }
  adapters: { 5: { type: CEX8, mode: cca } }
  usageDomains: [4]
guests:
  Guest1: { memory: 1MiB, mdev: { adapters: [5], domains: [4] } }
`;
const APQN = 0x0504;
const NIB = 0x2000;
const PAIRS = 1024;
const EXCHANGES = 200;
const EXCHANGES_SMOKE = 5;

/** Atomics.waitAsync, which the library of this language level does not declare. */
type WaitAsync = (
  words: Int32Array,
  index: number,
  value: number,
  timeoutMs: number,
) => { readonly async: boolean; readonly value: Promise<string> | string };
const waitAsync = (Atomics as unknown as { waitAsync: WaitAsync }).waitAsync;

/** One AQIC: executed, intercepted, handled outside interpretive execution, in again. */
const aqicOnce = (machine: Machine, vcpu: number, enable: boolean): void => {
  const { i32 } = machine.image;
  const thread = machine.image.thread(1);
  i32[vcpu + V_GR + 1] = (FC_AQIC << GR0_FC_SHIFT) | APQN;
  i32[vcpu + V_GR + 2] = enable ? AQIC_IR : 0;
  i32[vcpu + V_GR + 3] = 0;
  i32[vcpu + V_GR + 5] = NIB;
  if (machine.kernel.execute(vcpu, PQAP_WORD) !== EXECUTE_INTERCEPT)
    throw new Error('AQIC was not intercepted');
  leaveSie(i32, vcpu, thread);
  machine.context.intercepts.handle(vcpu);
  enterSie(i32, vcpu, thread);
  const status = i32[vcpu + V_GR + 3];
  if ((status & STATUS_RC_MASK) !== 0) throw new Error(`AQIC ended with ${status.toString(16)}`);
};

const inPlaceNs = (machine: Machine, context: QuestionContext): number => {
  const vcpu = machine.image.vcpu(1);
  const thread = machine.image.thread(1);
  enterSie(machine.image.i32, vcpu, thread);
  const run = (): void => {
    for (let n = 0; n < PAIRS; n++) {
      aqicOnce(machine, vcpu, true);
      aqicOnce(machine, vcpu, false);
    }
  };
  const times = measureRounds([{ name: 'aqic', operations: PAIRS * 2, run }], context.pace);
  leaveSie(machine.image.i32, vcpu, thread);
  return medianNs(times, 'aqic');
};

/** The host thread's side: answers mail and messages from its event loop until the worker has its times. */
const exchange = async (context: QuestionContext): Promise<ExchangeTimes> => {
  const words = new Int32Array(new SharedArrayBuffer(EXCHANGE_WORDS * 4));
  const exchanges = context.smoke ? EXCHANGES_SMOKE : EXCHANGES;
  const task: ExchangeTask = { words, exchanges, rounds: context.pace.rounds };
  const worker = spawnWorker('exchange-worker', task);
  const answer = (): void => {
    if (Atomics.compareExchange(words, X_MAIL, MAIL_POSTED, MAIL_ANSWERED) === MAIL_POSTED)
      Atomics.notify(words, X_MAIL);
  };
  let times: ExchangeTimes | undefined;
  const finished = new Promise<void>((resolve) => {
    worker.on('message', (message: number | ExchangeTimes) => {
      if (typeof message === 'number') answer();
      else {
        times = message;
        resolve();
      }
    });
  });
  void serveDoorbell(words, answer, () => times !== undefined);
  await finished;
  await worker.terminate();
  return times as ExchangeTimes;
};

const serveDoorbell = async (
  words: Int32Array,
  answer: () => void,
  done: () => boolean,
): Promise<void> => {
  for (let seen = Atomics.load(words, X_DOORBELL); !done(); ) {
    const wait = waitAsync(words, X_DOORBELL, seen, 100);
    if (wait.async) await wait.value;
    const rung = Atomics.load(words, X_DOORBELL);
    if (rung !== seen) answer();
    seen = rung;
  }
};

const measure = async (_variant: string, context: QuestionContext): Promise<Finding[]> => {
  const machine = await createMachine(CONFIG);
  const inPlaceUs = inPlaceNs(machine, context) / 1000;
  const { posted, echoed } = await exchange(context);
  machine.close();
  const echoes = echoed.map(median);
  const echoUs = median(echoes);
  const inPlace = echoes.map((us) => inPlaceUs / us);
  const forwarded = posted.map((times, n) => median(times) / echoes[n]);
  const detail = { echoUs };
  return [
    {
      row: 'aqic-in-place',
      value: inPlaceUs,
      ratio: median(inPlace),
      spread: quartiles(inPlace),
      detail,
    },
    {
      row: 'aqic-forwarded',
      value: median(posted.map(median)),
      ratio: median(forwarded),
      spread: quartiles(forwarded),
      detail,
    },
  ];
};

export const aqic: Question = { name: 'aqic', variants: ['both'], measure };
