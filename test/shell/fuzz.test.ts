// SPDX-License-Identifier: Apache-2.0
// Random command lines: the shell never throws, never hangs, always ends with a status from 0 to 255.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are words of the shell.
import { describe, expect, it } from 'vitest';
import { asFraction, nextRandom, seedRandom } from '../../src/lpar/random.ts';
import { COMMANDS } from '../../src/shell/commands/commands.ts';
import { TestShell, withShell } from './support.ts';

const SEED = Number(process.env['APEMU_SHELL_SEED'] ?? 20260101);
const LINES = 10_000;
/** Lines on one machine, so that what they leave behind is met by later ones. */
const LINES_PER_MACHINE = 500;

const M = '/sys/devices/vfio_ap/matrix';
const WORDS = [
  ...COMMANDS.keys(),
  ...['if', 'then', 'elif', 'else', 'fi', 'for', 'in', 'do', 'done', '{', '}', '!', 'until'],
  ...['|', '||', '&&', ';', ';;', '&', '>', '>>', '<', '2>', '2>&1', '&>', '(', ')', '<<', '\n'],
  ...[
    '"',
    "'",
    '\\',
    '$',
    '${',
    '}',
    '$(',
    ')',
    '`',
    '$((',
    '#',
    '*',
    '?',
    '[a-',
    ']',
    '=',
    '~',
    '\t',
    '\0',
    'é',
    '😀',
  ],
  ...[
    '$Guest1',
    '$Guest2',
    '$?',
    '$#',
    '$@',
    '"$@"',
    '${x:-',
    '${#x}',
    '${x##*/}',
    'x=1',
    'x=$(uuidgen)',
    'a b',
    '""',
  ],
  ...[
    '-V',
    '-d',
    '-b',
    '-c',
    '-s',
    '-l',
    '-n',
    '-e',
    '-a',
    '-r',
    '-p',
    '-u',
    '-t',
    '--',
    '-',
    '--jsonfile',
    '--type',
    'ap',
  ],
  ...[
    '0',
    '1',
    '5',
    '6',
    '0x47',
    '255',
    '256',
    '-1',
    '+5',
    '-5,-6',
    '05.0004',
    '06.00ab',
    '05',
    '1ms',
    '2s',
    '1e9',
    'x',
  ],
  ...[
    'Guest1',
    'Guest2',
    'start',
    'stop',
    'attach',
    'detach',
    'list',
    'lszcrypt',
    'advance',
    'run',
    'define',
    'modify',
  ],
  ...[
    'deconfigure',
    'configure',
    'checkstop',
    'recover',
    'remove-adapter',
    'add-adapter',
    'any',
    'rc=05',
    'on=dqap',
    'count=1',
  ],
  ...[
    '/sys',
    '/sys/bus/ap',
    '/sys/bus/ap/apmask',
    '/sys/bus/ap/scans',
    '/sys/bus/ap/devices/*',
    `${M}/*/*`,
    '/dev/null',
    '/tmp/a',
    '/',
    '..',
    '/nope',
  ],
  ...[
    'create',
    'remove',
    'assign_adapter',
    'assign_domain',
    'unassign_adapter',
    'matrix',
    'ap_config',
  ].map((f) => `${M}/$Guest1/${f}`),
  `${M}/mdev_supported_types/vfio_ap-passthrough/create`,
  `echo 1 > ${M}/$Guest2/remove`,
  'guest start Guest1',
  'guest stop Guest1',
  'for i in 1 2; do',
  'if [ -e /sys ]; then',
];

/** Words of one kind, next to each other or apart. */
class Lines {
  #random: number;

  constructor(seed: number) {
    this.#random = seedRandom(seed, 1);
  }

  #below(n: number): number {
    this.#random = nextRandom(this.#random);
    return Math.floor(asFraction(this.#random) * n);
  }

  next(): string {
    const commands = [...COMMANDS.keys()];
    let line = this.#below(4) === 0 ? '' : `${commands[this.#below(commands.length)]} `;
    const count = this.#below(7);
    for (let i = 0; i < count; i++) {
      line += WORDS[this.#below(WORDS.length)];
      if (this.#below(6) > 0) line += ' ';
    }
    return line;
  }
}

describe('random command lines', () => {
  it(`${LINES} of them end with a status and leave a machine that works (APEMU_SHELL_SEED=${SEED})`, async () => {
    const lines = new Lines(SEED);
    const statuses = new Map<number, number>();
    for (let first = 0; first < LINES; first += LINES_PER_MACHINE) {
      await withShell(async ({ shell: { context } }) => {
        for (let n = 0; n < LINES_PER_MACHINE; n++) {
          const line = lines.next();
          // Each line has a shell of its own on the machine the lines before it left.
          const test = new TestShell(context.machine);
          const { status } = await test.run(line).catch((error: unknown) => {
            throw new Error(`line ${first + n} of seed ${SEED}: ${JSON.stringify(line)}`, {
              cause: error,
            });
          });
          expect(status, line).toBeGreaterThanOrEqual(0);
          expect(status, line).toBeLessThanOrEqual(255);
          expect(() => test.shell.complete(line), line).not.toThrow();
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
        const after = new TestShell(context.machine);
        expect((await after.run('cat /sys/bus/ap/apmask; guest list')).status).toBe(0);
      });
    }
    // Lines that work, fail, make no sense, and are no commands.
    for (const status of [0, 1, 2, 127])
      expect(statuses.get(status), `status ${status}`).toBeGreaterThan(100);
  });
});
