// SPDX-License-Identifier: Apache-2.0
// Hostile shell clients and scripts: connections to a shell's socket that close, reset, send half lines, lines without end, nonsense
// in the place of requests; and scripts put together from words that want to hang. The socket goes on serving, a script ends.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are words of the shell.
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shellSession } from '../../dist/src/cli/shell-session.js';
import { loadConfigFile } from '../../dist/src/config/load.js';
import { Machine } from '../../dist/src/host/machine/machine.js';
import { HELLO } from '../../dist/src/qemu/shell-protocol.js';
import { openShellSocket } from '../../dist/src/qemu/shell-socket.js';
import { Shell } from '../../dist/src/shell/shell.js';

const CONFIG = join(import.meta.dirname, '../../examples/two-guests.yaml');
const WORDS = [
  ...[
    '$(',
    ')',
    '"',
    "'",
    '`',
    '${x:-',
    '}',
    '$((',
    '))',
    '{',
    '{a,b}',
    '{1..9}',
    '[[',
    ']]',
    '((',
    ';;',
    'esac',
    '(',
    '&&',
    '||',
    '|',
    '\n',
    ';',
  ],
  ...[
    'while :; do',
    'for i in {1..99}; do',
    'done',
    'if',
    'then',
    'fi',
    'case x in',
    'f() {',
    '}; f',
    'until',
    'function g {',
  ],
  ...[
    'x=$x$x',
    'a+=(1)',
    'x=${x//a/aa}',
    'echo',
    'cat /dev/zero',
    'eval "$x"',
    'f',
    'set -e',
    'trap "f" EXIT',
    'exec 3>&1',
    '<<X',
    '<<< a',
    '<(',
    '2>&1',
  ],
  ...[
    '> /tmp/a',
    '< /tmp/a',
    "sed 's/\\(a*\\)*$/b/'",
    "grep -E '(a+)+$'",
    "awk '{ while (1) x++ }'",
    '[[ a =~ (a*)* ]]',
    'sort',
    'uniq',
    'xargs -n 1 echo',
    'sleep 1d',
    'clock run',
    'wait',
  ],
  ...[
    'guest start Guest1',
    'guest stop Guest1',
    'echo 1 > /sys/devices/vfio_ap/matrix/$Guest1/remove',
    'lpar deconfigure 5',
    'lszcrypt -V',
    'restore /tmp/a',
    'save /tmp/a',
  ],
  ...[
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaX',
    '*',
    '*a*a*a*a*b',
    '/sys/*/*/*',
    '//sys',
    '..',
    '\0',
    'é',
    '-',
    '--help',
  ],
];
const REQUESTS = [
  ...[
    '{"run": "echo 1"}',
    '{"run": 7}',
    '{"complete": "ls /s"}',
    '{"incomplete": "if"}',
    '{"interrupt": true}',
    '{}',
    'null',
    '[]',
    '"',
    '{"run"',
    HELLO,
  ],
];

const script = (random) => {
  const length = 1 + random.below(12);
  return Array.from({ length }, () => random.pick(WORDS)).join(random.chance(80) ? ' ' : '');
};

/** A shell that is stopped when it was asked often enough: whatever it runs must ask. */
async function runScript(random, machine) {
  const text = script(random);
  let looks = 0;
  const nothing = () => {};
  const shell = new Shell(machine, {
    out: nothing,
    err: nothing,
    interrupted: () => ++looks > 300,
  });
  const status = await shell.run(text);
  shell.close();
  if (!(status >= 0 && status <= 255))
    throw new Error(`status ${status} of ${JSON.stringify(text)}`);
}

const CLIENTS = {
  'closes at once': (client) => client.destroy(),
  'half a line': (client, random) => client.end(script(random).slice(0, 5)),
  'lines and gone': (client, random) => {
    client.write(`${script(random)}\n${script(random)}\n`);
    client.destroy();
  },
  'a line without end': (client) => {
    const more = () => {
      while (!client.destroyed && client.write('x'.repeat(65536))) {}
    };
    client.on('drain', more);
    more();
  },
  'never reads': (client, random) => {
    client.pause();
    client.write('help\n'.repeat(50));
    setTimeout(() => client.destroy(), random.below(5));
  },
  'requests of a program': (client, random) => {
    client.write(`${HELLO}\n`);
    for (let n = random.below(8); n > 0; n--) client.write(`${random.pick(REQUESTS)}\n`);
    if (random.chance(50)) client.end();
    else setTimeout(() => client.destroy(), random.below(5));
  },
};

const gone = (client) => new Promise((resolve) => client.once('close', resolve));

/** The socket serves the next one. */
async function served(path) {
  const client = createConnection(path).setEncoding('utf8');
  client.write('echo still-$((1+1))\n');
  let text = '';
  for await (const piece of client) {
    text += piece;
    if (text.includes('still-2\n')) return;
  }
  throw new Error(`the socket does not serve any more: ${JSON.stringify(text)}`);
}

export const attack = {
  tries: 'clients of the shell socket, and scripts that want to hang',
  quick: 150,
  open: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'apemu-attack-'));
    const { config } = loadConfigFile(CONFIG);
    const create = () => Machine.create(config);
    const machine = await create();
    const socket = await openShellSocket(join(folder, 'shell'), () => shellSession(machine));
    return {
      trial: async (random, tried) => {
        if (random.chance(70)) {
          tried('script');
          // A machine of its own: what a trial finds must be found again from its seed.
          const own = await create();
          return runScript(random, own);
        }
        const kind = random.pick(Object.keys(CLIENTS));
        tried(kind);
        const client = createConnection(socket.path).on('error', () => {});
        client.resume();
        await new Promise((resolve) => client.once('connect', resolve));
        const over = gone(client);
        CLIENTS[kind](client, random);
        await over;
        return served(socket.path);
      },
      close: async () => {
        await socket.close();
        machine.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
};
