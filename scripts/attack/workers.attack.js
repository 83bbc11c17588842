// SPDX-License-Identifier: Apache-2.0
// Killed workers: threads that run vCPUs are ended at any moment, also in interpretive execution and also while the host changes
// masks. The guests of the thread are reported and their queues are emptied; everybody else goes on, every message is accounted for,
// the host can change masks, and nothing hangs.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  C_POOL_LOCK,
  G_BLOCK,
  G_CRASHED,
  K_HOST_RESET,
  K_SAVED_ISC,
  Q_ALL_FREE,
  Q_ATTENTION,
  Q_FREE,
  Q_LOCK,
  Q_REPLY_HEAD,
  Q_REPLY_TAIL,
  Q_REQUEST_HEAD,
  Q_REQUEST_TAIL,
  Q_STATUS,
  T_IN_SIE,
} from '../../dist/native-like/machine/layout.js';
import { configFromObject } from '../../dist/src/config/load.js';
import { accountFor, hotPlug } from '../../dist/src/vcpu-pool/hot-plug.js';
import { PooledMachine } from '../../dist/src/vcpu-pool/pooled-machine.js';
import { AbleTime } from './frame/able-time.js';

const ADAPTERS = [1, 2];
/** A kill waits so long for its thread to be in interpretive execution, then comes anyway. */
const IN_SIE_MS = 200;
/** Between two looks whether what must come has come. */
const LOOK_MS = 10;
/** So long this process may have been able to run, and it has not come: it never will. */
const PATIENCE_MS = 10_000;

/** Guests that exchange messages without end; some on one thread, some spread over all. */
function planOf(random) {
  const guests = Array.from({ length: 2 + random.below(3) }, (_, n) => ({
    name: `G${n + 1}`,
    domain: n + 1,
    vcpus: 1 + random.below(2),
    spread: random.chance(25),
    interrupts: random.chance(70),
  }));
  return {
    guests,
    workers: 2 + random.below(2),
    kills: 1 + random.below(2),
    plugs: random.chance(75),
    intervalMs: random.below(4),
    delayMs: random.below(60),
    inSie: random.chance(60),
    // Adapters that take some time are scheduled by the threads themselves; others answer at once.
    service: random.chance(40) ? { service: { time: '30us', engines: 1 + random.below(2) } } : {},
    // Most kills come when work is under way, some while threads still load.
    warm: random.chance(85),
  };
}

const configOf = ({ guests, service }) =>
  configFromObject({
    apemu: 1,
    machine: {
      profile: 'z16',
      adapters: Object.fromEntries(
        ADAPTERS.map((apid) => [apid, { mode: 'loopback', ...service }]),
      ),
      usageDomains: guests.map(({ domain }) => domain),
      controlDomains: [1],
    },
    guests: Object.fromEntries(
      guests.map(({ name, domain, vcpus, spread, interrupts }) => [
        name,
        {
          ...{ vcpus, spread, memory: '256KiB', program: 'exchange' },
          mdev: { adapters: ADAPTERS, domains: [domain] },
          args: {
            ...{ everyVcpu: true, messages: -1, interrupts },
            queues: ADAPTERS.map((apid) => (apid << 8) | domain),
          },
        },
      ]),
    ),
  }).config;

/** Ends a thread, in interpretive execution if that is wanted. Whether it was inside. */
async function kill(pool, thread, wanted) {
  const { image } = pool.machine;
  const word = image.thread(thread) + T_IN_SIE;
  let inside = false;
  const end = performance.now() + IN_SIE_MS;
  for (let n = 1; wanted && !inside && performance.now() < end; n++) {
    inside = Atomics.load(image.i32, word) !== 0;
    if (!inside && n % 1000 === 0) await sleep(0);
  }
  await pool.kill(thread);
  return inside;
}

/** Slots in use, as bits. */
const usedOf = (image, q) => image.word(q + Q_ALL_FREE) & ~image.word(q + Q_FREE);
const bitsOf = (word) => {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
};

/** What a dead guest has left of messages, locks, interruptions, the device; undefined: nothing. */
function leftOf(pool, { name, domain }) {
  const { image } = pool.machine;
  if (pool.machine.isAttached(name)) return `${name} is dead and still attached`;
  for (const apid of ADAPTERS) {
    const q = image.queue((apid << 8) | domain);
    const cold = image.cold(q);
    if (usedOf(image, q) !== 0) return `${name} is dead and has messages on ${apid}`;
    if (image.word(q + Q_LOCK) !== 0) return `${name} is dead and locks ${apid}`;
    if (image.word(cold + K_SAVED_ISC) !== 0) return `${name} is dead and is notified`;
    if (image.word(cold + K_HOST_RESET) >>> 0 > 1) return `${name} waits for a reset`;
  }
  if (image.word(C_POOL_LOCK) !== 0) return 'nobody frees the lock of the message pool';
  return undefined;
}

/** Waits until something has come. @returns {Promise<boolean>} whether it has while this process could run */
async function comes(test) {
  const able = new AbleTime(process.pid);
  while (!test()) {
    if (able.look() > PATIENCE_MS) return false;
    await sleep(LOOK_MS);
  }
  return true;
}

/** The detach of a dead guest waits for resets. @throws Error for what is still left after them */
async function checkDead(pool, guest) {
  if (!(await comes(() => leftOf(pool, guest) === undefined))) throw new Error(leftOf(pool, guest));
}

/** Words of a queue's record that tell whether it is at work. */
const STATE_WORDS = [
  ...[Q_STATUS, Q_ATTENTION, Q_FREE, Q_LOCK],
  ...[Q_REQUEST_HEAD, Q_REQUEST_TAIL, Q_REPLY_HEAD, Q_REPLY_TAIL],
];

/** Counts of a guest's queues in its storage: the words of src/guest/built-in/exchange-queue.ts. */
const [RECORDS, RECORD_WORDS, ANSWERED, IN_FLIGHT] = [0x8000, 64, 4, 8];
const sumOf = (pool, { name }, word) => {
  const { storage } = pool.machine.guest(name);
  const words = new Int32Array(storage.buffer, storage.byteOffset + RECORDS);
  return ADAPTERS.reduce((sum, _apid, n) => sum + words[n * RECORD_WORDS + word], 0);
};

/** The queues of a guest that stands still hold no more than its own books have on the way. */
function checkSurvivor(pool, guest) {
  const { image } = pool.machine;
  const used = ADAPTERS.map((apid) =>
    bitsOf(usedOf(image, image.queue((apid << 8) | guest.domain))),
  );
  const held = used.reduce((sum, count) => sum + count, 0);
  const inFlight = sumOf(pool, guest, IN_FLIGHT);
  if (held > inFlight)
    throw new Error(`${guest.name}: its queues hold ${held} messages, its books ${inFlight}`);
}

/** Threads that run a guest's vCPUs: groups go round the workers, in the order of the configuration. */
function threadsOf({ guests }, workers) {
  let group = 0;
  return new Map(
    guests.map((guest) => {
      const groups = guest.spread ? guest.vcpus : 1;
      return [guest, Array.from({ length: groups }, () => (group++ % workers) + 1)];
    }),
  );
}

/** What the queues of a guest and its books on them say, in numbers: for whoever looks why it has stopped. */
function stateOf(pool, { name, domain }) {
  const { image } = pool.machine;
  const { storage } = pool.machine.guest(name);
  const books = new Int32Array(storage.buffer, storage.byteOffset + RECORDS);
  const queues = ADAPTERS.map((apid, n) => {
    const q = image.queue((apid << 8) | domain);
    const words = STATE_WORDS.map((word) => (image.word(q + word) >>> 0).toString(16));
    const own = books.subarray(n * RECORD_WORDS, n * RECORD_WORDS + 10);
    return `${apid}: ${words.join(' ')}, books ${own.join(' ')}`;
  });
  const record = image.guest(pool.machine.guest(name).number);
  const [block, crashed] = [G_BLOCK, G_CRASHED].map((word) => image.word(record + word));
  return `${queues.join('; ')}; kept out ${block}, crashed ${crashed}`;
}

/** Waits until somebody who lives has had replies since. @throws Error if he has not */
async function checkGoesOn(pool, guest) {
  const before = sumOf(pool, guest, ANSWERED);
  if (!(await comes(() => sumOf(pool, guest, ANSWERED) !== before)))
    throw new Error(`${guest.name} lives, and gets no reply any more: ${stateOf(pool, guest)}`);
}

async function attackPool(random, tried, plan, pool) {
  const threads = threadsOf(plan, pool.workers);
  if (plan.warm) for (const guest of plan.guests) await checkGoesOn(pool, guest);
  const plugging = plan.plugs
    ? hotPlug(pool, { intervalMs: plan.intervalMs, durationMs: plan.delayMs + 150 })
    : Promise.resolve({ violations: [] });
  await sleep(plan.delayMs);
  const killed = new Set();
  for (let n = 0; n < plan.kills; n++) killed.add(1 + random.below(pool.workers));
  const inside = await Promise.all([...killed].map((thread) => kill(pool, thread, plan.inSie)));
  const where = inside.includes(true) ? 'in interpretive execution' : 'anywhere';
  tried(plan.plugs ? `${where}, masks changing` : where);
  const { violations } = await plugging;
  const isDead = (guest) => threads.get(guest).some((thread) => killed.has(thread));
  const [dead, alive] = [true, false].map((is) => plan.guests.filter((g) => isDead(g) === is));
  const crashed = pool.crashes.map(({ guest }) => guest).sort();
  const wanted = dead.map(({ name }) => name);
  if ([...new Set(crashed)].join() !== wanted.join())
    throw new Error(`${wanted} were killed, ${crashed} are reported`);
  // The host goes on: each guest's masks can be changed, the dead ones' too.
  for (const { name } of plan.guests) {
    const folder = `/sys/devices/vfio_ap/matrix/${pool.machine.guest(name).uuid}`;
    for (const file of ['unassign_adapter', 'assign_adapter']) {
      const outcome = await pool.write(`${folder}/${file}`, '1\n');
      if (outcome !== 'ok') violations.push(`${file} for ${name}: ${outcome}`);
    }
  }
  await Promise.all(alive.map((guest) => checkGoesOn(pool, guest)));
  pool.stop();
  const accounts = accountFor(pool, await pool.finished());
  const late = pool.crashes.slice(crashed.length).map(({ guest, reason }) => `${guest}: ${reason}`);
  const wrong = [...late, ...violations, ...accounts.violations];
  if (wrong.length > 0) throw new Error(wrong.slice(0, 3).join('; '));
  for (const guest of alive) checkSurvivor(pool, guest);
  for (const guest of dead) await checkDead(pool, guest);
}

export const attack = {
  tries: 'threads of vCPUs killed at any moment, in interpretive execution, while masks change',
  quick: 8,
  trialSeconds: 60,
  open: async () => ({
    trial: async (random, tried) => {
      const plan = planOf(random);
      const pool = await PooledMachine.start(configOf(plan), {
        workers: plan.workers,
        seed: random.below(1000),
      });
      try {
        await attackPool(random, tried, plan, pool);
      } finally {
        await pool.close();
      }
    },
  }),
};
