// SPDX-License-Identifier: Apache-2.0
// Endings of a stock Linux under load: panics and power-offs at random moments while processes send requests to its cards and
// interruptions are pending. The command must give the right message and the right exit code.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { findGuestImage } from '../../dist/src/qemu/guest-image/build.js';
import { runProgram } from '../../dist/src/qemu/guest-image/run-process.js';
import { QEMU_PROGRAM } from '../../dist/src/qemu/launch.js';

const ROOT = join(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'dist/src/cli/main.js');
const CONFIG = join(ROOT, 'examples/two-guests.yaml');
const SERIES = '6.12';

/** What is typed at the guest's shell to end it, the exit code, and what is told. */
const ENDINGS = {
  'sysrq-c': ['echo c > /proc/sysrq-trigger', 1, 'Guest1: the guest has panicked'],
  'poweroff -f': ['poweroff -f', 0, undefined],
  'reboot -f': ['reboot -f', 0, undefined],
};
/** Kinds of load: RSA on both cards, looks at the queues, none. */
const LOADS = ['rsa-test 1000000 4 &', 'rsa-test 1000000 1 mex-1024 &', ':'];

function run(args, input) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['pipe', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said = `${said}${text}`.slice(-10_000);
    });
    child.stdin.on('error', () => {});
    child.stdin.write(input);
    child.on('close', (code, signal) => resolve({ code: code ?? signal, said }));
  });
}

export const attack = {
  tries: 'a stock Linux that panics or powers off under load',
  quick: 1,
  trialSeconds: 300,
  missing: async () => {
    if ((await runProgram(QEMU_PROGRAM, ['--version'])).missing)
      return `no ${QEMU_PROGRAM} (apt-get install qemu-system-misc)`;
    return findGuestImage(SERIES) === undefined
      ? `no guest image (apemu guest-image ${SERIES})`
      : undefined;
  },
  open: async () => ({
    trial: async (random, tried) => {
      const ending = random.pick(Object.keys(ENDINGS));
      const [command, wanted, message] = ENDINGS[ending];
      const seconds = (random.below(30) / 10).toFixed(1);
      tried(ending);
      const input = `${random.pick(LOADS)}\nsleep ${seconds}\n${command}\n`;
      const options = random.chance(30) ? ['--no-interrupts'] : [];
      const { code, said } = await run(
        ['qemu', CONFIG, '--guest', 'Guest1', '--image', SERIES, ...options],
        input,
      );
      // A slow computer makes it wonder first why nothing has come.
      const told = /^Guest1: (?!attached: |no AP instruction yet\.|no kernel found yet\.).*$/m.exec(
        said,
      )?.[0];
      if (code !== wanted || told !== message)
        throw new Error(`${JSON.stringify(input)} ${options}: code ${code}, ${said.slice(-300)}`);
    },
  }),
};
