// SPDX-License-Identifier: Apache-2.0
// Runs one attack in a process of its own and watches it: a trial that hangs, or ends the process, is a finding too.
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { AbleTime } from './able-time.js';

const TRIALS = join(import.meta.dirname, 'trials.js');
const TRIAL_SECONDS = 30;
/** Time between two looks at a trial. */
const LOOK_MS = 500;
/** A heap that grows without measure ends here, not where the computer swaps. */
const HEAP_MIB = 2048;
/** What a process says last, at most. */
const LAST_WORDS = 2000;

/**
 * @param attack of attackOf
 * @param options seed of the first trial; count of trials or seconds, else the attack's own count; signal that ends it; print takes lines:
 *   a finding is told when it is made, which may be long before the end
 * @returns {Promise<number>} how many findings there were
 */
export async function supervise(attack, { seed, count, seconds, signal, print }) {
  const missing = await attack.missing?.();
  if (missing !== undefined) {
    print(`${attack.name}: not tried: ${missing}\n`);
    return 0;
  }
  const limit = count ?? (seconds === undefined ? attack.quick : Number.MAX_SAFE_INTEGER);
  let findings = 0;
  const found = ({ seed: one, finding }) => {
    findings++;
    print(
      `${attack.name}: FOUND: ${finding}\n  again: node scripts/attack/run.js ${attack.given} --seed ${one} --count 1\n`,
    );
  };
  const run = await watch(attack, [seed, limit, seconds ?? 86_400], signal, found);
  const kinds = Object.entries(run.kinds)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, number]) => `${kind} ${number}`);
  const of = kinds.length === 0 ? '' : ` (${kinds.join(', ')})`;
  print(
    `${attack.name}: ${run.tried} tried from seed ${seed}${of}: ${findings} finding${findings === 1 ? '' : 's'}\n`,
  );
  return findings;
}

/**
 * A clock for one trial, from now on. Where the system tells, it counts what the process, and those it waits for, could have done: on
 * a busy computer nothing hangs that has not been let run.
 */
function clockOf(pid) {
  if (process.platform === 'linux') {
    const able = new AbleTime(pid, 'descendants');
    return () => able.look();
  }
  const began = performance.now();
  return () => performance.now() - began;
}

/** Follows what the process says until it has ended. */
function watch(attack, [seed, limit, seconds], signal, found) {
  const args = [attack.given, seed, limit, seconds].map(String);
  const child = fork(TRIALS, args, {
    execArgv: [`--max-old-space-size=${HEAP_MIB}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const seen = { tried: 0, kinds: {} };
  let current = seed;
  let over = false;
  let words = '';
  let hung = false;
  const patience = (attack.trialSeconds ?? TRIAL_SECONDS) * 1000;
  /** Made at the first look: most trials take less than that. */
  let trialMs;
  const timer = setInterval(() => {
    trialMs ??= clockOf(child.pid);
    if (trialMs() < patience) return;
    hung = true;
    clearInterval(timer);
    child.kill('SIGKILL');
  }, LOOK_MS);
  const end = () => child.connected && child.send('end', () => {});
  signal.addEventListener('abort', end);
  child.stderr.on('data', (chunk) => {
    words = `${words}${chunk}`.slice(-LAST_WORDS);
  });
  child.on('message', (message) => {
    trialMs = undefined;
    if (message.begins !== undefined) current = message.begins;
    if (message.finding !== undefined) found(message);
    if (message.tried !== undefined)
      Object.assign(seen, { tried: message.tried, kinds: message.kinds });
    over ||= message.over === true;
  });
  return new Promise((resolve) => {
    child.on('close', (code, by) => {
      clearInterval(timer);
      signal.removeEventListener('abort', end);
      if (!over) {
        const how = hung
          ? `hangs: no end after ${patience / 1000} s`
          : `ends the process (${by ?? code})`;
        const said = hung || words === '' ? '' : `\n${words.trimEnd()}`;
        found({ seed: current, finding: `${how}${said}` });
      }
      resolve(seen);
    });
  });
}
