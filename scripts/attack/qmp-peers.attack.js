// SPDX-License-Identifier: Apache-2.0
// Hostile QMP peers: `apemu qemu --attach` is given a socket where something answers that is no QEMU, or one that lies. It is left
// with a reason, whatever it sends, in whatever pieces, and the command ends.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkEnding, command } from './frame/command.js';
import { spoil } from './frame/spoil.js';

const CONFIG = join(import.meta.dirname, '../../examples/two-guests.yaml');
const BYTES = 4 * 0x100000;
const GREETING = '{"QMP": {"version": {"qemu": {"major": 7}}, "capabilities": ["oob"]}}';
const EVENTS = [
  '{"timestamp": {}, "event": "RESET", "data": {"guest": true}}',
  '{"timestamp": {}, "event": "STOP"}',
  '{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-panic"}}',
  '{"event": "SHUTDOWN", "data": {"reason": 7}}',
];
const NONSENSE = [
  ...['', 'null', '42', '{}', '[]', '"text"', '{"return"', '{"return": null}', '{"return": 1e999}'],
  ...['{"error": {}}', '{"error": {"desc": "no"}}', '{"event": 1}', '{"QMP": {}}', '\u0000', '['],
];

/** What an honest QEMU answers. */
const repliesOf = (memory) => ({
  qmp_capabilities: {},
  'query-hotpluggable-cpus': [{ 'vcpus-count': 1 }],
  'query-status': { status: 'running', running: true },
  'query-cpus-fast': [{ 'cpu-index': 0, 'cpu-state': 'operating' }],
  'human-monitor-command': 'CPU#0\r\nPSW=mask 0000000180000000 addr 0\r\nC06=0000000000000000',
  stop: {},
  cont: {},
  'memory-backend': 'ram',
  'mem-path': memory,
  share: true,
  size: BYTES,
  append: 'facilities=12,15,65 mem=3M',
});

/** Answers one request: rightly, with nonsense, spoiled, or not at all. */
function reply(random, honest, line, texts) {
  let request = {};
  try {
    request = JSON.parse(line);
  } catch {}
  const right = honest[request.arguments?.property ?? request.execute] ?? null;
  const text = JSON.stringify({ return: right });
  if (random.chance(75)) return `${text}\n`;
  if (random.chance(30)) return `${random.pick(EVENTS)}\n${text}\n`;
  if (random.chance(50)) return `${random.pick(NONSENSE)}\n`;
  return random.chance(80) ? `${spoil(random, [text, ...texts], 4000)}\n` : text;
}

const pieces = (random, socket, text) => {
  const cut = random.chance(30) ? random.below(text.length + 1) : text.length;
  if (cut > 0) socket.write(text.slice(0, cut));
  if (cut < text.length) setImmediate(() => socket.destroyed || socket.write(text.slice(cut)));
};

export const attack = {
  tries: 'what a monitor at --attach sends: greetings, replies, events',
  quick: 60,
  open: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'apemu-attack-'));
    const path = join(folder, 'qmp');
    const memory = join(folder, 'ram');
    writeFileSync(memory, Buffer.alloc(BYTES));
    return {
      trial: async (random, tried) => {
        const honest = repliesOf(memory);
        const greeting = random.chance(85) ? GREETING : random.pick([...NONSENSE, ...EVENTS]);
        const lastWord = random.below(12);
        let heard = 0;
        const server = createServer((socket) => {
          socket.on('error', () => {});
          socket.on('data', (data) => {
            for (const line of data.toString().trim().split('\n')) {
              if (heard++ === lastWord) socket.destroy();
              else pieces(random, socket, reply(random, honest, line, [GREETING, ...EVENTS]));
            }
          });
          pieces(random, socket, `${greeting}\n`);
          // Who says nothing more is given up after seconds; a trial does not wait for that.
          setTimeout(() => socket.destroy(), 300).unref();
        });
        await new Promise((resolve) => server.listen(path, resolve));
        const args = ['qemu', CONFIG, '--guest', 'Guest1', '--attach', path];
        const ended = await command(random.chance(20) ? [...args, '--hook', 'bare'] : args);
        await new Promise((resolve) => server.close(resolve));
        tried(ended.errors.includes('speaks no QMP') ? 'no QMP' : `exit code ${ended.code}`);
        checkEnding(ended);
        if (ended.stopped) throw new Error('the command goes on although nobody is there');
      },
      close: () => rmSync(folder, { recursive: true, force: true }),
    };
  },
};
