// SPDX-License-Identifier: Apache-2.0
// SIGINT, SIGTERM and SIGHUP to every command at a random moment: it ends within a second of time in which it could run, leaves no
// process behind, and says nothing of an internal error.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { AbleTime } from './frame/able-time.js';
import { endingKernel } from './frame/ending-kernel.js';

const ROOT = join(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'dist/src/cli/main.js');
const EXAMPLES = join(ROOT, 'examples');
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** What is promised. */
const PROMISED_MS = 1000;
/** A command that has not ended by then does not end, however busy the computer is. */
const GIVE_UP_MS = 300_000;
const POLL_MS = 10;
/** Latest moment after the start: nearly all of them come in the middle of the work. */
const LATEST_MS = 2500;

/** Texts that keep a command busy for long, each in one way. */
const BUSY = {
  'lines.ap': () => `apemu-program 1\n${'Alice.0: tapq 06.0004 => cc=0\n'.repeat(400_000)}`,
  'newlines.ap': () => `apemu-program 1\n${'\n'.repeat(1_900_000)}`,
  'storage.ap': () => `apemu-program 1\n${'Alice.0: mem 0x0 = 00*262144\n'.repeat(100_000)}`,
  'steps.ap': () =>
    `apemu-program 1\nstep: A sysfs: cat /sys/bus/ap/ap_domain\n${'step: A 10000\n'.repeat(2000)}`,
  'clock.ap': () => `apemu-program 1\n${'clock: 1000000s\n'.repeat(1000)}`,
  'mistakes.ap': () => `apemu-program 1\n${'nonsense\n'.repeat(1_000_000)}`,
  'lines.jsonl.gz': () => gzipSync('\n'.repeat(100_000_000)),
  'reads.jsonl': () =>
    `${JSON.stringify(['read', '/sys/bus/ap/ap_domain', 'ok', '71\n'])}\n`.repeat(1_000_000),
  'wide.yaml': () =>
    `apemu: 1\nmachine: { adapters: { 5: { mode: loopback } }, usageDomains: [1], controlDomains: [1] }\nguests:\n${Array.from(
      { length: 20_000 },
      (_, n) => `  G${n}: { mdev: { adapters: [5], domains: [1] } }\n`,
    ).join('')}`,
  // A guest whose program never comes back from a step.
  'endless.mjs': () =>
    "export default { name: 'endless', init: () => ({}), step() { for (;;); } };\n",
  'endless.yaml': (folder) =>
    `apemu: 1\nmachine: { adapters: { 5: { mode: loopback } }, usageDomains: [4] }\nguests:\n  G: { memory: 1MiB, mdev: { adapters: [5], domains: [4] }, program: ${join(folder, 'endless.mjs')} }\n`,
  'endless.kernel': () => endingKernel('endless'),
  // What is taken for a Linux that knows this parameter, and never has a shell.
  'silent.kernel': () => Buffer.concat([endingKernel('endless'), Buffer.from('facilities=')]),
  'aliases.yaml': () => `a: &a [1]\nb: [${'*a, '.repeat(20_000)}*a]\n`,
};

/** A kernel of a few instructions under QEMU; it never ends. */
const SMALL_KERNEL = ['--kernel', '$endless.kernel', '--hook', 'bare', '--memory', '16MiB'];

const SILENT_LINUX = ['--kernel', '$silent.kernel', '--initrd', '$wide.yaml'];

/** Each command, and its long ways. `$name` is a file of BUSY. */
export const COMMANDS = [
  ['run', 'examples/two-guests.yaml', '--duration', '60s', '--messages', 'endless'],
  ['run', 'examples/two-guests.yaml', '--hot-plug', '10ms', '--messages', 'endless'],
  ['run', 'examples/two-guests.yaml', '--stepped', '--duration', '1000s', '--messages', 'endless'],
  [
    'run',
    'examples/two-guests.yaml',
    '--stepped',
    '--duration',
    '99s',
    '--messages',
    'endless',
    '--interval',
    '10s',
  ],
  ['run', 'examples/load.yaml', '--sweep'],
  ['run', 'examples/load.yaml', '--sweep', '--wall'],
  ['run', 'examples/load.yaml', '--sweep', '--html', '$page.html'],
  ['run', '$wide.yaml'],
  ['run', '$aliases.yaml'],
  ['exec', '--quiet', '--config', 'examples/playground.yaml', '$lines.ap'],
  ['exec', '--json', '--config', 'examples/playground.yaml', '$lines.ap'],
  ['exec', '--config', 'examples/playground.yaml', '$newlines.ap'],
  ['exec', '--config', 'examples/playground.yaml', '$storage.ap'],
  ['exec', '--config', 'examples/playground.yaml', '$steps.ap'],
  ['exec', '--config', 'examples/playground.yaml', '$clock.ap'],
  ['exec', '--config', 'examples/playground.yaml', '$mistakes.ap', '$mistakes.ap', '$mistakes.ap'],
  ['exec', '--config', 'examples/playground.yaml', '-'],
  ['exec', '--config', 'examples/playground.yaml', 'examples/queue-full.ap', '-'],
  ['fuzz', 'examples/two-guests.yaml', '--self', '--count', '100000'],
  ['fuzz', 'examples/two-guests.yaml', '--self', '--lines', '1000000', '--save', '$saved'],
  ['fuzz', 'examples/playground.yaml', '--self', '--replay', '$lines.ap'],
  ['golden', '$lines.jsonl.gz'],
  ['golden', '$reads.jsonl'],
  ['shell', 'examples/two-guests.yaml'],
  ['run', '$endless.yaml', '--stepped', '--duration', '1s'],
  ['shell', '$endless.yaml', '-c', 'guest start G; sleep 9'],
  ['qemu', 'examples/two-guests.yaml', ...SMALL_KERNEL],
  ['qemu', 'examples/two-guests.yaml', ...SMALL_KERNEL, '--guest', 'Guest1', '--shell', '$socket'],
  ['qemu', 'examples/two-guests.yaml', ...SILENT_LINUX, '--run', 'true', '--timeout', '60s'],
  ['fuzz', 'examples/fuzzing/kernel.yaml', ...SILENT_LINUX, '--out', '$kernel-corpus'],
  ['golden', '--record', ...SILENT_LINUX, '$recording.jsonl'],
  ['golden', '--compare', '--kernel', 'linux-6.12'],
  ['guest-image', '--again'],
  ['fuzz', 'examples/fuzzing/machine.yaml', '--driver', 'ap-bus', '--out', '$corpus'],
  ['fuzz', '$endless.yaml', '--driver', '$endless.mjs', '--out', '$corpus'],
  // Without a Redis it ends at once, with one it waits for a campaign.
  ['worker', '--queue', '/run/redis/redis-server.sock', '--trust'],
  ['test', 'examples', '--no-guests'],
  ['report', '$lines.ap', '-'],
  ['view', 'examples/two-guests.yaml'],
  ['explain', '0x05'],
  ['cc', 'examples/c-driver/driver.c', '-o', '$driver.wasm'],
  ['bench', '--smoke'],
  ['doctor'],
];

/** Processes of a group that are still there. */
function alive(group) {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}

/** Lets a started command run, sends a signal to it alone, and waits. @throws Error for a promise that is broken */
async function interrupted(child, signal, said) {
  const { pid } = child;
  const closed = new Promise((resolve) => child.once('exit', () => resolve(true)));
  const able = new AbleTime(pid);
  const sentMs = performance.now();
  process.kill(pid, signal);
  while (!(await Promise.race([closed, sleep(POLL_MS, false)]))) {
    if (able.look() > PROMISED_MS) throw new Error('does not end within a second');
    if (performance.now() - sentMs > GIVE_UP_MS) throw new Error('does not end');
  }
  const left = new AbleTime(pid, 'group');
  while (alive(pid)) {
    if (left.look() > PROMISED_MS) throw new Error('leaves a process behind');
    await sleep(POLL_MS);
  }
  if (/internal error|\n {4}at /.test(said())) throw new Error(`says ${said().slice(0, 300)}`);
}

export const attack = {
  tries: 'SIGINT, SIGTERM, SIGHUP to every command at random moments',
  quick: 14,
  trialSeconds: 60,
  missing: async () =>
    process.platform === 'linux' ? undefined : 'the time a process waits is read from /proc',
  open: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'apemu-signals-'));
    for (const [name, text] of Object.entries(BUSY))
      writeFileSync(join(folder, name), text(folder));
    for (const name of ['saved', 'bin', 'cache']) mkdirSync(join(folder, name));
    // Packages come from a network that does not answer.
    for (const name of ['apt-get', 'apt-cache'])
      writeFileSync(join(folder, 'bin', name), '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
    const PATH = `${join(folder, 'bin')}:${process.env.PATH}`;
    const env = { ...process.env, PATH, XDG_CACHE_HOME: join(folder, 'cache') };
    return {
      trial: async (random, tried) => {
        const words = random.pick(COMMANDS);
        const signal = random.pick(SIGNALS);
        tried(words[0]);
        const args = words.map((word) =>
          word.startsWith('$') ? join(folder, word.slice(1)) : word.replace(/^examples/, EXAMPLES),
        );
        const child = spawn(process.execPath, [MAIN, ...args], {
          cwd: folder,
          env,
          detached: true,
          stdio: ['pipe', 'pipe', 'pipe'],
        });
        let said = '';
        child.stdin.on('error', () => {});
        child.stdout.resume();
        child.stderr.on('data', (chunk) => {
          said = `${said}${chunk}`.slice(-10_000);
        });
        const early = new Promise((resolve) => child.once('exit', () => resolve(true)));
        try {
          if (await Promise.race([early, sleep(random.below(LATEST_MS), false)])) {
            tried('ended before');
            return;
          }
          await interrupted(child, signal, () => said);
        } catch (error) {
          throw new Error(`${signal} to apemu ${words.join(' ')}: ${error.message}`);
        } finally {
          if (alive(child.pid)) process.kill(-child.pid, 'SIGKILL');
        }
      },
      close: () => rmSync(folder, { recursive: true, force: true }),
    };
  },
};
