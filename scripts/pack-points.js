// SPDX-License-Identifier: Apache-2.0
// Run by scripts/pack-test.js: what the command line promises (issue 19, A and B, by its numbers), tried with the installed package in an empty project.
// 1 to 3 and 6 are promises of the library alone: scripts/consumer/library.test.js.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Whether Node runs TypeScript itself. */
const TAKES_TYPES = Boolean(process.features.typescript);
const TYPED = 'export default { name: "t", init: (): object => ({}), step: (): number => -2 };\n';

const machine = (program, fault = '') => `apemu: 1
machine: { adapters: { 5: { mode: loopback } }, usageDomains: [4] }
guests: { A: { memory: 1MiB, mdev: { adapters: [5], domains: [4] }, program: ${program} } }
${fault}`;

/** What is tried: an installed `apemu`, an empty folder, the package's examples and pages. */
export class Tried {
  constructor(apemu, home, packaged) {
    this.bin = apemu;
    this.home = home;
    this.packaged = packaged;
    this.config = join(packaged, 'examples/two-guests.yaml');
    mkdirSync(home, { recursive: true });
  }

  write(name, text) {
    writeFileSync(join(this.home, name), text);
    return name;
  }

  /** Runs a command and holds it to its status and to texts of both outputs. @returns standard output */
  expect(args, status, ...texts) {
    const options = { cwd: this.home, encoding: 'utf8', timeout: 300_000 };
    const result = spawnSync(this.bin, args, options);
    const said = `${result.stdout}${result.stderr}`;
    for (const text of texts)
      if (!said.includes(text)) throw new Error(`${args.join(' ')}: no "${text}" in:\n${said}`);
    if (result.status !== status)
      throw new Error(`${args.join(' ')}: status ${result.status}, not ${status}:\n${said}`);
    return result.stdout;
  }
}

const endings = (tried) => {
  tried.expect(['explain', '0x05'], 0, '05 BUSY');
  tried.expect(['explain', 'rc', '33'], 0, '33 BIND_LIMIT_EXCEEDED');
  tried.expect(['explain', 'Q_FULL'], 0, '10 Q_FULL');
  tried.expect(['explain', 'pgm', '6'], 0, '0006 specification');
  tried.expect(['explain', 'EADDRINUSE', 'at', 'x/assign_adapter'], 0, 'another mdev');
  tried.expect(['explain', 'nonsense'], 2, 'says nothing');
};

const faults = (tried) => {
  const commands = 'fault 07.0099 rc=03 on=nqap; fault 05.0004 rc=03 on=dqap count=2; fault';
  const lines = ['there is no queue 07.0099', '05.0004 on=dqap rc=03 count=2'];
  tried.expect(['shell', tried.config, '-c', commands], 0, ...lines);
  const text = 'apemu-program 1\nfault: 07.0099 on=nqap rc=03\nGuest1.0: tapq 05.0004 => rc=00\n';
  const program = tried.write('fault.ap', text);
  tried.expect(['exec', program, '--config', tried.config], 0, 'there is no queue 07.0099');
};

const modules = (tried) => {
  const run = (program) => ['run', '--stepped', tried.write('module.yaml', machine(program))];
  const page = readFileSync(join(tried.packaged, 'docs/load.md'), 'utf8');
  tried.write('ping.mjs', /```js\n(.*?)```/s.exec(page)[1]);
  tried.expect(run('ping.mjs'), 0, '== A: ping.mjs ==');
  tried.expect(run('missing.mjs'), 3, 'no guest program', 'built in: ap-bus');
  tried.write('broken.mjs', 'export default {\n  name: "b" init\n};\n');
  tried.expect(run('broken.mjs'), 3, 'broken.mjs:2:');
  tried.write('throws.mjs', 'export default { init: () => ({}), step() {\n nothing();\n} };\n');
  tried.expect(run('throws.mjs'), 1, 'nothing is not defined', 'throws.mjs:2:');
  tried.write('typed.ts', TYPED);
  if (TAKES_TYPES) tried.expect(run('typed.ts'), 0, '== A: typed.ts ==');
  else tried.expect(run('typed.ts'), 3, '.ts from Node 22.18 on');
  tried.expect(run('program.ap'), 3, 'apemu exec runs it');
};

const responseCodes = (tried) => {
  const config = machine('idle', 'faults: [{ apqn: 05.0004, on: nqap, rc: 10, count: 1 }]\n');
  const file = tried.write('decimal.yaml', config);
  const warning = 'decimal.yaml:4:41: warning: rc: 10 is response code 0a';
  const program = `apemu-program 1\nA.0: nqap 05.0004 psmid=1 addr=0x10000 len=64 => rc=0a\n`;
  tried.expect(['exec', tried.write('rc.ap', program), '--config', file], 0, warning);
  const quoted = machine('idle', 'faults: [{ apqn: 05.0004, on: nqap, rc: 0x10 }]\n');
  tried.write('quoted.yaml', quoted);
  tried.write('rc.ap', program.replace('rc=0a', 'rc=10'));
  tried.expect(['exec', 'rc.ap', '--config', 'quoted.yaml'], 0, '1 instruction: ok');
};

const tests = (tried) => {
  const line = (rc) => `apemu-program 1\nGuest1.0: tapq 05.0004 => rc=${rc}\n`;
  mkdirSync(join(tried.home, 'aps'), { recursive: true });
  tried.write('aps/good.ap', line('00'));
  tried.write('aps/bad.ap', line('01'));
  const test = ['test', 'aps', '--config', tried.config];
  tried.expect(
    [...test, '--tap'],
    1,
    'TAP version 14',
    'not ok 1 - aps/bad.ap',
    'ok 2 - aps/good.ap',
  );
  tried.expect([...test, '--filter', 'good', '--junit', 'junit.xml'], 0, '1 passed');
  const junit = readFileSync(join(tried.home, 'junit.xml'), 'utf8');
  if (!junit.includes('tests="1" failures="0" errors="0"')) throw new Error(junit);
  tried.expect(['test', 'nowhere'], 2, 'there is no nowhere');
  tried.expect(['test', 'aps'], 3, 'names no configuration');
};

/** A terminal's shell: what is typed when which text has come. @returns the status */
const typedOnTerminal = (tried, steps) =>
  new Promise((resolve, reject) => {
    const env = { ...process.env, TERM: 'xterm', XDG_STATE_HOME: join(tried.home, 'state') };
    const command = `'${tried.bin}' shell '${tried.config}'`;
    const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: tried.home, env });
    const left = [...steps];
    let text = '';
    child.once('error', reject);
    child.stdout.setEncoding('utf8').on('data', (piece) => {
      text += piece;
      while (left.length > 0 && text.includes(left[0][0])) {
        child.stdin.write(left.shift()[1]);
        text = '';
      }
    });
    child.once('close', (status) => {
      if (left.length > 0) reject(new Error(`no "${left[0][0]}" on the terminal:\n${text}`));
      else resolve(status);
    });
  });

const CTRL_R = '\u0012';

const terminal = async (tried) => {
  const status = await typedOnTerminal(tried, [
    ['sys# ', 'partit\t'],
    ['partition', '\r'],
    ['at 40ms', `${CTRL_R}parti`],
    ["`parti': partition", '\r'],
    ['at 40ms', 'exit 5\r'],
  ]);
  if (status !== 5) throw new Error(`the shell on a terminal ended with ${status}`);
  const history = readFileSync(join(tried.home, 'state/apemu/history'), 'utf8');
  if (!history.startsWith('partition')) throw new Error(`history: ${history}`);
};

/** What needs no guest, in the order of the numbers. */
export const POINTS = [
  ['4: faults on queues that are not there, faults as a list', faults],
  ['5: endings in words', endings],
  ['7: modules of guests', modules],
  ['8: response codes are hexadecimal everywhere', responseCodes],
  ['10: tests as TAP and JUnit XML, exit codes', tests],
];

/** Tab, Ctrl-R and the history need a terminal, which util-linux has a program for. */
export const tryTerminal = async (tried, step, leftOut) => {
  const what = '11: the shell on a terminal: Tab, Ctrl-R, history';
  if (spawnSync('script', ['--version']).status !== 0) leftOut(what, 'no script of util-linux');
  else await step(what, () => terminal(tried));
};

const guestRuns = (tried) => {
  const guest = ['qemu', tried.config, '--guest', 'Guest1', '--timeout', '240s'];
  const output = tried.expect([...guest, '--run', 'lszcrypt | grep -c online; exit 7'], 7);
  if (output !== '6\n') throw new Error(`the output of --run is ${JSON.stringify(output)}`);
  tried.write('operator.scenario', 'on "begun": lpar deconfigure 6\n');
  const command = 'echo begun; sleep 2; echo 1 > /sys/bus/ap/scans; sleep 1; lszcrypt; sleep 600';
  const scenario = ['--scenario', 'operator.scenario', '--expect', 'deconfig'];
  tried.expect([...guest, '--run', command, ...scenario], 0, 'scenario line 1', 'begun');
  tried.expect(
    [...guest, '--run', 'echo as it is; sleep 600', '--fail', 'as it is'],
    1,
    'the console shows',
  );
  tried.expect(
    ['qemu', tried.config, '--run', 'sleep 600', '--timeout', '1s'],
    42,
    'nothing decided within 1s',
  );
  const several = ['--run', 'Guest1=echo one', '--run', 'Guest2=echo two; false'];
  tried.expect(
    ['qemu', tried.config, ...several, '--timeout', '240s'],
    1,
    'Guest1: one',
    'Guest2: two',
  );
};

/** `apemu qemu` with its shell beside it, asked from outside. */
const connected = async (tried) => {
  const socket = join(tried.home, 'shell.socket');
  const child = spawn(tried.bin, ['qemu', tried.config, '--shell', socket], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    while (!existsSync(socket) && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 50));
    const ask = (text, status, ...texts) =>
      tried.expect(['shell', '--connect', socket, '-c', text], status, ...texts);
    ask('guest list; exit 9', 9, 'Guest1', 'under QEMU');
    ask('nonsense', 127, 'command not found');
    ask('lpar checkstop 6; partition', 0, 'checkstopped');
  } finally {
    child.kill('SIGINT');
    const status = await ended;
    if (status !== 130)
      process.stdout.write(`apemu qemu was interrupted and ended with ${status}\n`);
  }
};

/** What boots a guest: left out without QEMU, or without an image. */
export const tryGuests = async (tried, step, leftOut) => {
  const reason =
    spawnSync('qemu-system-s390x', ['--version']).status !== 0
      ? 'no qemu-system-s390x'
      : existsSync(join(homedir(), '.cache/apemu/guest-image'))
        ? undefined
        : 'no guest image: apemu guest-image 6.12';
  const runs = '9: a command in a guest: its output, its exit code, texts, a time-out, a scenario';
  const shell = '11: the shell of an apemu that runs, with its exit status';
  if (reason !== undefined) for (const what of [runs, shell]) leftOut(what, reason);
  else {
    await step(runs, () => guestRuns(tried));
    await step(shell, () => connected(tried));
  }
};
