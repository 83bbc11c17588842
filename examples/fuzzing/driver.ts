// SPDX-License-Identifier: Apache-2.0
// A deliberately simple driver under test: one queue, polled, one request at a time. It forgets a request when the queue is busy: find out
// with  apemu fuzz examples/fuzzing/machine.yaml --driver examples/fuzzing/driver.ts
import {
  apCpuOf,
  type Cpu,
  type DriverEnding,
  type DriverProgram,
  type DriverRequest,
  dqap,
  nqap,
  rapq,
  tapq,
  WAIT_DONE,
  WAIT_INTERRUPTION,
} from 'apemu';

const APQN = 0x0504;
const REQUEST_ADDRESS = 0x4000;
const REPLY_ADDRESS = 0x8000;
const REPLY_BYTES = 0x3000;
const POLL_NS = 100_000;
/** Polls after which a reply is given up. */
const PATIENCE = 1000;

interface State {
  waiting: DriverRequest[];
  /** The request on the queue, and its PSMID. */
  sent: DriverRequest | undefined;
  psmid: number;
  polls: number;
  /** The queue is being reset. */
  resetting: boolean;
  ended: DriverEnding[];
  closed: boolean;
}

const rc = (status: number): number => (status >>> 16) & 0xff;

const fail = (state: State, error: string): void => {
  if (state.sent !== undefined) state.ended.push({ id: state.sent.id, error });
  state.sent = undefined;
};

/** Something is wrong with the queue: what is on it fails, and it is reset. */
const reset = (cpu: Cpu, state: State): void => {
  fail(state, 'EIO');
  rapq(apCpuOf(cpu), APQN);
  state.resetting = true;
};

const send = (cpu: Cpu, state: State): void => {
  const request = state.waiting.shift();
  if (request === undefined) return;
  cpu.storage.set(request.message, REQUEST_ADDRESS);
  state.psmid++;
  const { length } = request.message;
  const code = rc(nqap(apCpuOf(cpu), APQN, 0, state.psmid, REQUEST_ADDRESS, length, false));
  if (code === 0x05) return; // busy: try again later. But with what?
  state.sent = request;
  state.polls = 0;
  if (code !== 0) reset(cpu, state);
};

const receive = (cpu: Cpu, state: State): void => {
  const ap = apCpuOf(cpu);
  const code = rc(dqap(ap, APQN, REPLY_ADDRESS, REPLY_BYTES));
  if (code === 0x10 && ++state.polls < PATIENCE) return;
  if (code !== 0) {
    reset(cpu, state);
    return;
  }
  if (ap.psmidLow !== state.psmid || state.sent === undefined) return;
  const reply = cpu.storage.slice(REPLY_ADDRESS, REPLY_ADDRESS + ap.length);
  state.ended.push({ id: state.sent.id, reply });
  state.sent = undefined;
};

const driver: DriverProgram<State> = {
  name: 'simple',
  init: () => ({
    waiting: [],
    sent: undefined,
    psmid: 0,
    polls: 0,
    resetting: true,
    ended: [],
    closed: false,
  }),
  step(cpu, state) {
    if (state.closed) {
      fail(state, 'ECANCELED');
      for (const { id } of state.waiting.splice(0)) state.ended.push({ id, error: 'ECANCELED' });
      return WAIT_DONE;
    }
    if (state.resetting) {
      const code = rc(tapq(apCpuOf(cpu), APQN, false));
      state.resetting = code !== 0;
      if (code !== 0 && code !== 0x02) {
        for (const { id } of state.waiting.splice(0)) state.ended.push({ id, error: 'ENODEV' });
        return WAIT_INTERRUPTION;
      }
      return cpu.nowNs() + POLL_NS;
    }
    if (state.sent === undefined) send(cpu, state);
    else receive(cpu, state);
    const idle = state.sent === undefined && state.waiting.length === 0;
    return idle ? WAIT_INTERRUPTION : cpu.nowNs() + POLL_NS;
  },
  submit: (_cpu, state, request) => {
    if (state.closed) state.ended.push({ id: request.id, error: 'ENODEV' });
    else state.waiting.push(request);
  },
  endings: (state) => state.ended.splice(0),
  close: (_cpu, state) => {
    state.closed = true;
  },
};

export default driver;
