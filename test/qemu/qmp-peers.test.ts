// SPDX-License-Identifier: Apache-2.0
// Whoever answers at a monitor's socket may be no QEMU (issue 13, A6): each peer gets one sentence that says what it did, in its own
// time, and nothing of the connection is left.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Poller } from '../../src/qemu/poller.ts';
import { Qmp } from '../../src/qemu/qmp.ts';
import { connectRunning, countCpus } from '../../src/qemu/running.ts';
import { attachGuest } from '../../src/qemu/serve.ts';
import { StubService } from './support/stub-service.ts';

const GREETING = '{"QMP": {"version": {}, "capabilities": []}}\n';
const READY = '{"return": {}}';
const TIMES = { greetingTimeoutMs: 50, commandTimeoutMs: 70 };

let folder: string;
let path: string;
let server: Server;
let sockets: Socket[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'apemu-peer-'));
  path = join(folder, 'qmp');
  sockets = [];
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

/** A peer that does something when somebody connects, and answers commands by name. */
async function peer(
  greet: (socket: Socket) => void,
  replies: Record<string, string> = {},
): Promise<void> {
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      for (const line of data.toString().trim().split('\n')) {
        const { execute } = JSON.parse(line) as { execute: string };
        const reply = replies[execute] ?? (execute === 'qmp_capabilities' ? READY : undefined);
        if (reply !== undefined) socket.write(`${reply}\n`);
      }
    });
    greet(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
}

/** Resolves when the peer has seen the connection end. */
const left = () =>
  Promise.all(
    sockets.map((socket) => socket.destroyed || new Promise((done) => socket.once('close', done))),
  );

describe('a peer that greets', () => {
  it.each([
    ['with no JSON', 'SSH-2.0-OpenSSH\n', 'speaks no QMP: it sent SSH-2.0-OpenSSH'],
    ['with null', 'null\n', 'speaks no QMP: it sent null'],
    ['with a number', '42\n', 'speaks no QMP: it sent 42'],
    ['with an empty object', '{}\n', 'speaks no QMP: it sent {}'],
    ['with a greeting of another type', '{"QMP": 1}\n', 'speaks no QMP: it sent {"QMP": 1}'],
    ['with an event of another type', '{"event": {}}\n', 'speaks no QMP: it sent {"event": {}}'],
    ['with a refusal of another type', '{"error": 7}\n', 'speaks no QMP: it sent {"error": 7}'],
    ['with nested brackets', `${'['.repeat(100_000)}\n`, 'speaks no QMP: it sent [[['],
  ])('%s', async (_what, text, message) => {
    await peer((socket) => socket.write(text));
    const connecting = Qmp.connect(path, TIMES);
    await expect(connecting).rejects.toMatchObject({ code: 'APEMU_ERR_QEMU_QMP' });
    await expect(connecting).rejects.toThrow(message);
    await left();
  });

  it('with half a line, and closes', async () => {
    await peer((socket) => socket.end('{"QMP": {"vers'));
    const text = 'has gone in the middle of a line: {"QMP": {"vers';
    await expect(Qmp.connect(path, TIMES)).rejects.toThrow(text);
  });

  it('by closing', async () => {
    await peer((socket) => socket.end());
    await expect(Qmp.connect(path, TIMES)).rejects.toThrow('QEMU has gone: the monitor at');
  });

  it('with nothing', async () => {
    await peer(() => {});
    const text = 'is silent: is another program connected to it?';
    await expect(Qmp.connect(path, TIMES)).rejects.toThrow(text);
    await left();
  });

  it('with a line without end', async () => {
    await peer((socket) => {
      const more = () => {
        while (!socket.destroyed && socket.write('x'.repeat(0x10000)));
      };
      socket.on('drain', more);
      more();
    });
    await expect(Qmp.connect(path)).rejects.toThrow('sends a line of more than 4194304 bytes');
    await left();
  });

  it('and is silent then', async () => {
    await peer((socket) => socket.write(GREETING), { qmp_capabilities: '' });
    const text = 'does not answer qmp_capabilities within 0.07 s';
    await expect(Qmp.connect(path, TIMES)).rejects.toThrow(text);
    await left();
  });
});

const CPUS = 'query-hotpluggable-cpus';

describe('a peer that answers', () => {
  it.each([
    [CPUS, '{"return": {}}', 'answers query-hotpluggable-cpus with {}: must be array'],
    [CPUS, '{"return": []}', 'must not have fewer than 1 items'],
    [CPUS, '{"return": [{"vcpus-count": 1e9}]}', '/0/vcpus-count must be <= 256'],
    [CPUS, '{"return": [{"vcpus-count": -1}]}', '/0/vcpus-count must be >= 1'],
    [CPUS, '{"return": [{"vcpus-count": "1"}]}', '/0/vcpus-count must be integer'],
    [CPUS, '{"return": null}', 'with null: must be array'],
    [CPUS, `{"return": {"a": ${'['.repeat(20_000)}${']'.repeat(20_000)}}}`, 'with lists in lists:'],
    [CPUS, '{"error": {"desc": "no\\u001b[2J"}}', 'QEMU refuses query-hotpluggable-cpus: no'],
  ])('%s with %s', async (command, reply, message) => {
    await peer((socket) => socket.write(GREETING), { [command]: reply });
    const qmp = await Qmp.connect(path, TIMES);
    await expect(countCpus(qmp)).rejects.toThrow(message);
    qmp.close();
    await left();
  });

  it('does not make more CPUs of many small answers', async () => {
    const slots = Array.from({ length: 256 }, () => ({ 'vcpus-count': 256 }));
    await peer((socket) => socket.write(GREETING), { [CPUS]: JSON.stringify({ return: slots }) });
    const qmp = await Qmp.connect(path, TIMES);
    expect(await countCpus(qmp)).toBe(256);
    qmp.close();
  });

  it.each([
    ['that its memory is a device', '/dev/zero', 536_870_912, 'no file of the guest'],
    ['that its memory is a folder', '/tmp', 536_870_912, 'cannot open the guest'],
    ['that its memory is nowhere', '/nonexistent', 536_870_912, 'ENOENT'],
    ['that it has less than the hook needs', '/dev/zero', 1_048_576, 'does not tell its size'],
    ['that it has half a byte', '/dev/zero', 0.5, 'does not tell its size'],
    ['that it has endless memory', '/dev/zero', 1e300, 'does not tell its size'],
  ])('%s', async (_what, file, size, message) => {
    const properties: Record<string, unknown> = {
      'memory-backend': 'ram',
      'mem-path': file,
      share: true,
      size,
    };
    server = createServer((socket) => {
      sockets.push(socket);
      socket.write(GREETING);
      socket.on('data', (data) => {
        const request = JSON.parse(data.toString());
        const value = properties[request.arguments?.property] ?? {};
        socket.write(`${JSON.stringify({ return: value })}\n`);
      });
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await expect(connectRunning(path, TIMES)).rejects.toThrow(message);
    await left();
  });

  it.each([
    ['before the connection is begun', (stop: AbortController) => stop.abort(), () => {}],
    ['before it is made', () => {}, (stop: AbortController) => stop.abort()],
  ])('is left by a user who gives up %s', async (_what, before, after) => {
    await peer((socket) => socket.write(GREETING));
    const stop = new AbortController();
    before(stop);
    const connecting = Qmp.connect(path, { signal: stop.signal });
    after(stop);
    await expect(connecting).rejects.toThrow('QEMU has gone: the monitor at');
  });

  it('nothing any more is left within a moment when its user gives up', async () => {
    await peer((socket) => socket.write(GREETING));
    const stop = new AbortController();
    const attaching = attachGuest(new StubService(), new Poller(), path, { signal: stop.signal });
    attaching.catch(() => {});
    while (sockets.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    stop.abort();
    await expect(attaching).rejects.toMatchObject({ code: 'APEMU_ERR_QEMU_QMP' });
    await left();
  });
});
