// SPDX-License-Identifier: Apache-2.0
// The monitor client against a server that speaks as QEMU does.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Qmp, type QmpEvent } from '../../src/qemu/qmp.ts';

const GREETING = '{"QMP": {"version": {}, "capabilities": []}}\r\n';

describe('the monitor client', () => {
  let folder: string;
  let path: string;
  let server: Server;
  let socket: Socket | undefined;
  let replies: Record<string, string>;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'apemu-qmp-'));
    path = join(folder, 'qmp');
    replies = { qmp_capabilities: '{"return": {}}' };
    server = createServer((client) => {
      socket = client;
      client.write(GREETING);
      client.on('data', (data) => {
        for (const line of data.toString().trim().split('\n')) {
          const { execute } = JSON.parse(line) as { execute: string };
          const reply = replies[execute];
          if (reply !== undefined) client.write(`${reply}\r\n`);
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
  });
  afterEach(async () => {
    socket?.destroy();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  it('gives what a command returns', async () => {
    replies['query-status'] = '{"return": {"running": true, "status": "running"}}';
    const qmp = await Qmp.connect(path);
    expect(await qmp.execute('query-status')).toEqual({ running: true, status: 'running' });
    qmp.close();
  });

  it('hands events on, also between command and answer', async () => {
    replies['stop'] = '{"event": "STOP", "data": {}}\r\n{"return": {}}';
    const qmp = await Qmp.connect(path);
    const events: QmpEvent[] = [];
    qmp.onEvent = (event) => events.push(event);
    await qmp.execute('stop');
    expect(events).toEqual([{ event: 'STOP', data: {} }]);
    qmp.close();
  });

  it('puts an answer together that comes in pieces', async () => {
    const qmp = await Qmp.connect(path);
    const answer = qmp.execute('cont');
    socket?.write('{"ret');
    await new Promise((resolve) => setImmediate(resolve));
    socket?.write('urn": {"n": 7}}\n');
    expect(await answer).toEqual({ n: 7 });
    qmp.close();
  });

  it('says what QEMU refuses, with its reason', async () => {
    replies['device_add'] = '{"error": {"class": "GenericError", "desc": "no such CPU"}}';
    const qmp = await Qmp.connect(path);
    await expect(qmp.execute('device_add')).rejects.toThrow('QEMU refuses device_add: no such CPU');
    qmp.close();
  });

  it('fails what waits when QEMU goes, and tells its owner', async () => {
    const qmp = await Qmp.connect(path);
    const waiting = qmp.execute('cont');
    socket?.destroy();
    await expect(waiting).rejects.toMatchObject({ code: 'APEMU_ERR_QEMU_QMP' });
    await qmp.ended;
    await expect(qmp.execute('cont')).rejects.toThrow('QEMU has gone');
  });

  it('says how QEMU must be started when nobody answers', async () => {
    const nobody = join(folder, 'nobody');
    await expect(Qmp.connect(nobody)).rejects.toThrow(`-qmp unix:${nobody},server=on,wait=off`);
  });
});
