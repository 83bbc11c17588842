// SPDX-License-Identifier: Apache-2.0
// A deliberately simple driver under test that keeps all the rules: two queues, several requests on each, interruptions where they can be
// had. Nothing is found in it:  apemu fuzz examples/fuzzing/cards.yaml --driver examples/fuzzing/simple-driver.ts --cases 5000
import {
  AP_RESPONSE_BUSY,
  AP_RESPONSE_CHECKSTOPPED,
  AP_RESPONSE_DECONFIGURED,
  AP_RESPONSE_INVALID_DOMAIN,
  AP_RESPONSE_MESSAGE_TOO_BIG,
  AP_RESPONSE_NO_PENDING_REPLY,
  AP_RESPONSE_NORMAL,
  AP_RESPONSE_OTHERWISE_CHANGED,
  AP_RESPONSE_Q_FULL,
  AP_RESPONSE_Q_NOT_AVAIL,
  AP_RESPONSE_REQ_FAC_NOT_INST,
  AP_RESPONSE_RESET_IN_PROGRESS,
  type ApCpu,
  apCpuOf,
  aqic,
  aqicHigh,
  aqicLow,
  type Cpu,
  type DriverEnding,
  type DriverProgram,
  type DriverRequest,
  dqap,
  nqap,
  parseReply,
  rapq,
  replyLength,
  tapq,
  WAIT_DONE,
  WAIT_INTERRUPTION,
  type Wait,
} from 'apemu';

const QUEUES = [0x0504, 0x0547];
/** Guest addresses: notification byte, the request being sent, the reply being read. */
const NIB = 0x1000;
const REQUEST = 0x4000;
const REPLY = 0x8000;
/** Larger replies are read to their end and thrown away. */
const REPLY_BYTES = 0x2000;
const ISC = 3;
/** Messages on a queue at most, and times a request is sent. */
const ON_QUEUE_MAX = 8;
const TRIES_MAX = 3;
const POLL_NS = 2_000_000;
/** With interruptions queues are looked at all the same, in case one is lost. */
const WATCH_NS = 20_000_000;
/** A queue that cannot be used is tested so often. */
const CHECK_NS = 1_000_000_000;
/** A reply that has not come by then does not come. */
const PATIENCE_NS = 5_000_000_000;

/** What the `dqap` of the package answers for a reply that does not fit the buffer. */
const RC_REPLY_LARGER = 0xff;
const STATUS_EMPTY = 0x80000000;
const TYPE_6 = 0x06;
const TYPE_50 = 0x50;

interface Work {
  readonly id: number;
  readonly message: Uint8Array;
  tries: number;
  psmid: number;
  sentNs: number;
}

interface Queue {
  readonly apqn: number;
  phase: 'to reset' | 'resetting' | 'ready' | 'down';
  irq: boolean;
  full: boolean;
  /** When a queue that is down is tested again. */
  checkNs: number;
  waiting: Work[];
  sent: Work[];
}

interface State {
  queues: Queue[];
  psmid: number;
  turn: number;
  ended: DriverEnding[];
  closed: boolean;
}

const rc = (status: number): number => (status >>> 16) & 0xff;

const fail = (state: State, works: readonly Work[], error: string): void => {
  for (const { id } of works) state.ended.push({ id, error });
};

/** What the queue had is sent again, as long as it may. */
const sendAgain = (state: State, queue: Queue, lost: readonly Work[]): void => {
  for (const work of lost) {
    if (++work.tries >= TRIES_MAX) fail(state, [work], 'EIO');
    else queue.waiting.push(work);
  }
};

const isResetting = (state: State, queue: Queue, phase: 'to reset' | 'resetting'): void => {
  queue.phase = phase;
  queue.irq = false;
  queue.full = false;
  sendAgain(state, queue, queue.sent.splice(0));
};

const down = (state: State, queue: Queue, nowNs: number): void => {
  queue.phase = 'down';
  queue.irq = false;
  queue.full = false;
  queue.checkNs = nowNs + CHECK_NS;
  fail(state, queue.sent.splice(0), 'ENODEV');
  fail(state, queue.waiting.splice(0), 'ENODEV');
};

const reset = (ap: ApCpu, state: State, queue: Queue): void => {
  switch (rc(rapq(ap, queue.apqn))) {
    case AP_RESPONSE_NORMAL:
    case AP_RESPONSE_RESET_IN_PROGRESS:
      isResetting(state, queue, 'resetting');
      return;
    case AP_RESPONSE_BUSY:
      isResetting(state, queue, 'to reset');
      return;
    default:
      down(state, queue, ap.cpu.nowNs());
  }
};

/** Asks for interruptions. Without them the queue is polled. */
const enableIrq = (ap: ApCpu, queue: Queue): void => {
  const status = aqic(ap, queue.apqn, aqicHigh({ ir: 1 }), aqicLow({ isc: ISC }), NIB);
  const code = rc(status);
  queue.irq = code === AP_RESPONSE_NORMAL || code === AP_RESPONSE_OTHERWISE_CHANGED;
};

const whileResetting = (ap: ApCpu, state: State, queue: Queue): void => {
  switch (rc(tapq(ap, queue.apqn, false))) {
    case AP_RESPONSE_NORMAL:
      queue.phase = 'ready';
      enableIrq(ap, queue);
      return;
    case AP_RESPONSE_RESET_IN_PROGRESS:
    case AP_RESPONSE_BUSY:
      return;
    default:
      down(state, queue, ap.cpu.nowNs());
  }
};

/** An instruction ended with a code that has nothing to do with one message. */
const refused = (ap: ApCpu, state: State, queue: Queue, code: number): void => {
  switch (code) {
    case AP_RESPONSE_BUSY:
      return;
    case AP_RESPONSE_RESET_IN_PROGRESS:
      isResetting(state, queue, 'resetting');
      return;
    case AP_RESPONSE_Q_NOT_AVAIL:
    case AP_RESPONSE_DECONFIGURED:
    case AP_RESPONSE_CHECKSTOPPED:
      down(state, queue, ap.cpu.nowNs());
      return;
    default:
      reset(ap, state, queue);
  }
};

/** Why a reply is no good answer; undefined for one that is. Messages of unknown types are passed on. */
const replyError = (message: Uint8Array, reply: Uint8Array): string | undefined => {
  if (message[1] !== TYPE_6 && message[1] !== TYPE_50) return undefined;
  const parsed = parseReply(reply);
  if (parsed.kind === 'unknown') return 'EBADMSG';
  if (parsed.kind === 'error' || parsed.code !== 0) return 'EIO';
  if ((parsed.kind === 'result') !== (message[1] === TYPE_50)) return 'EBADMSG';
  if (parsed.kind === 'result' && replyLength(reply, 'type50') !== reply.length) return 'EBADMSG';
  if (parsed.kind === 'cca' && parsed.rc !== 0) return 'EINVAL';
  return parsed.kind === 'ep11' && parsed.rv !== 0 ? 'EINVAL' : undefined;
};

const complete = (ap: ApCpu, state: State, queue: Queue, fits: boolean): void => {
  queue.full = false;
  const at = queue.sent.findIndex(({ psmid }) => psmid === ap.psmidLow);
  const [work] = at < 0 ? [] : queue.sent.splice(at, 1);
  if (work === undefined) return;
  if (!fits) {
    fail(state, [work], 'EMSGSIZE');
    return;
  }
  const reply = ap.cpu.storage.slice(REPLY, REPLY + ap.length);
  const error = replyError(work.message, reply);
  if (error === undefined) state.ended.push({ id: work.id, reply });
  else fail(state, [work], error);
};

/** Reads what there is, and one message more than there can be at most. */
const receive = (ap: ApCpu, state: State, queue: Queue): void => {
  for (let n = 0; n <= ON_QUEUE_MAX && queue.phase === 'ready'; n++) {
    let status = dqap(ap, queue.apqn, REPLY, REPLY_BYTES);
    const fits = rc(status) !== RC_REPLY_LARGER;
    while (rc(status) === RC_REPLY_LARGER) status = dqap(ap, queue.apqn, REPLY, REPLY_BYTES, true);
    const code = rc(status);
    if (code === AP_RESPONSE_NO_PENDING_REPLY) {
      // Nothing is on the queue any more: what was sent has been lost.
      if ((status & STATUS_EMPTY) !== 0) sendAgain(state, queue, queue.sent.splice(0));
      return;
    }
    if (code === AP_RESPONSE_BUSY) return;
    if (code === AP_RESPONSE_NORMAL) complete(ap, state, queue, fits);
    else refused(ap, state, queue, code);
  }
};

/** Sends the oldest request. Returns whether there may be another one. */
const sendOne = (ap: ApCpu, state: State, queue: Queue): boolean => {
  const [work] = queue.waiting;
  if (work === undefined) return false;
  ap.cpu.storage.set(work.message, REQUEST);
  work.psmid = ++state.psmid;
  const { apqn } = queue;
  const code = rc(nqap(ap, apqn, 0, work.psmid, REQUEST, work.message.length, false));
  switch (code) {
    case AP_RESPONSE_NORMAL:
      work.sentNs = ap.cpu.nowNs();
      queue.sent.push(work);
      queue.waiting.shift();
      return true;
    case AP_RESPONSE_Q_FULL:
      queue.full = true;
      return false;
    case AP_RESPONSE_MESSAGE_TOO_BIG:
    case AP_RESPONSE_REQ_FAC_NOT_INST:
    case AP_RESPONSE_INVALID_DOMAIN:
      queue.waiting.shift();
      fail(state, [work], 'EINVAL');
      return true;
    default:
      if (code !== AP_RESPONSE_BUSY) sendAgain(state, queue, queue.waiting.splice(0, 1));
      refused(ap, state, queue, code);
      return false;
  }
};

const whileReady = (ap: ApCpu, state: State, queue: Queue): void => {
  receive(ap, state, queue);
  if (queue.sent.length === 0) queue.full = false;
  const overdue = queue.sent.some(({ sentNs }) => ap.cpu.nowNs() - sentNs > PATIENCE_NS);
  if (queue.phase === 'ready' && overdue) reset(ap, state, queue);
  while (queue.phase === 'ready' && !queue.full && queue.sent.length < ON_QUEUE_MAX)
    if (!sendOne(ap, state, queue)) return;
};

const serve = (ap: ApCpu, state: State, queue: Queue): void => {
  switch (queue.phase) {
    case 'to reset':
      reset(ap, state, queue);
      return;
    case 'resetting':
      whileResetting(ap, state, queue);
      return;
    case 'down':
      fail(state, queue.waiting.splice(0), 'ENODEV');
      if (ap.cpu.nowNs() >= queue.checkNs) reset(ap, state, queue);
      return;
    case 'ready':
      whileReady(ap, state, queue);
  }
};

const waitOf = (queue: Queue, nowNs: number): number => {
  if (queue.phase === 'down') return queue.checkNs;
  if (queue.phase !== 'ready') return nowNs + POLL_NS;
  if (queue.sent.length > 0 && queue.irq) return nowNs + WATCH_NS;
  return queue.sent.length + queue.waiting.length > 0 ? nowNs + POLL_NS : Number.POSITIVE_INFINITY;
};

const close = (ap: ApCpu, state: State): void => {
  for (const queue of state.queues) {
    fail(state, queue.sent.splice(0), 'ECANCELED');
    fail(state, queue.waiting.splice(0), 'ECANCELED');
    rapq(ap, queue.apqn);
  }
};

const driver: DriverProgram<State> = {
  name: 'simple',
  init: () => ({
    queues: QUEUES.map((apqn) => ({
      apqn,
      phase: 'to reset',
      irq: false,
      full: false,
      checkNs: 0,
      waiting: [],
      sent: [],
    })),
    psmid: 0,
    turn: 0,
    ended: [],
    closed: false,
  }),
  step(cpu: Cpu, state: State): Wait {
    const ap = apCpuOf(cpu);
    if (state.closed) {
      close(ap, state);
      return WAIT_DONE;
    }
    while (cpu.takeInterruption() !== 0);
    // Cleared before the queues are read: a reply that comes meanwhile sets it again.
    cpu.storage[NIB] = 0;
    for (const queue of state.queues) serve(ap, state, queue);
    const next = Math.min(...state.queues.map((queue) => waitOf(queue, cpu.nowNs())));
    return next === Number.POSITIVE_INFINITY ? WAIT_INTERRUPTION : next;
  },
  submit(_cpu: Cpu, state: State, { id, apqn, message }: DriverRequest): void {
    const queue =
      apqn === undefined
        ? state.queues[state.turn++ % state.queues.length]
        : state.queues.find((one) => one.apqn === apqn);
    if (state.closed || queue === undefined) state.ended.push({ id, error: 'ENODEV' });
    else queue.waiting.push({ id, message, tries: 0, psmid: 0, sentNs: 0 });
  },
  endings: (state) => state.ended.splice(0),
  close(_cpu, state) {
    state.closed = true;
  },
  scan(_cpu, state) {
    for (const queue of state.queues) queue.checkNs = 0;
  },
  resources: ({ queues }) => ({
    requests: queues.reduce((sum, { waiting, sent }) => sum + waiting.length + sent.length, 0),
  }),
  believes(state, apqn) {
    const queue = state.queues.find((one) => one.apqn === apqn);
    if (queue === undefined || queue.phase === 'down') return 'gone';
    if (queue.phase !== 'ready') return 'reset';
    return queue.full ? 'full' : 'ready';
  },
};

export default driver;
