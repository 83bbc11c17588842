// SPDX-License-Identifier: Apache-2.0
// How a guest ends, told of by a program that plays QEMU: whatever it does, waiting for the guest comes to an end, with the reason.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Poller } from '../../src/qemu/poller.ts';
import { bootGuest } from '../../src/qemu/serve.ts';
import { StubService } from './support/stub-service.ts';

/** Two monitors and a debug stub that answer what is asked, until the guest is set going: then `then` happens. */
const player = (then: string): string => `#!${process.execPath}
const { createServer } = require('node:net');
const answers = { 'query-hotpluggable-cpus': [{ 'vcpus-count': 1 }] };
const clients = {};
const shutdown = (reason) =>
  clients.events.write(JSON.stringify({ event: 'SHUTDOWN', data: { reason } }) + '\\n');
for (const [, path, name] of process.argv.join(' ').matchAll(/unix:(\\S+\\/(qmp|events)),/g))
  createServer((client) => {
    clients[name] = client;
    client.on('error', () => {});
    client.write('{"QMP": {}}\\n');
    client.on('data', (text) => {
      for (const line of text.toString().trim().split('\\n')) {
        const { execute } = JSON.parse(line);
        if (execute === 'cont') return going();
        client.write(JSON.stringify({ return: answers[execute] ?? {} }) + '\\n');
      }
    });
  }).listen(path);
createServer((client) => {
  clients.stub = client;
  client.on('error', () => {});
  client.on('data', (text) => (text.toString() === '$c#63' ? going() : client.write('$OK#9a')));
}).listen(/path=(\\S+\\/gdb),/.exec(process.argv.join(' '))[1]);
const going = () => { ${then} };
setInterval(() => {}, 1000);
`;

const GONE = 'its QEMU does not answer any more';

describe('a guest whose QEMU', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'apemu-serve-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const told = async (then: string, watched: boolean): Promise<string | undefined> => {
    const program = join(folder, 'qemu');
    writeFileSync(program, player(then));
    chmodSync(program, 0o755);
    const launch = { kernel: program, program, bare: true, watched, memoryMiB: 16 };
    const more = { hook: 'bare', ramDirectory: folder } as const;
    const guest = await bootGuest(new StubService(), new Poller(), { ...launch, ...more }, more);
    const problem = await guest.ended;
    expect(guest.attachment.state).toBe('ended');
    await guest.close();
    return problem;
  };

  it.each<[string, string, string | undefined]>([
    ['says that it shuts down, and ends', "shutdown('guest-shutdown'); process.exit()", undefined],
    ['says that it shuts down, and stays', "shutdown('guest-shutdown')", undefined],
    ['says that it was reset, and stays', "shutdown('guest-reset')", undefined],
    ['says that it panics, and stays', "shutdown('guest-panic')", 'the guest has panicked'],
    ['ends without a word', 'process.exit()', 'QEMU has ended without saying why'],
    [
      'ends with a word about a mistake',
      "console.error('no such device'); process.exitCode = 3; setImmediate(process.exit)",
      'QEMU has ended with status 3: no such device',
    ],
    // A guest that is held then could never be set going again.
    ['closes its monitor, and stays', 'clients.qmp.destroy()', GONE],
    ['says at its monitor what is no QMP, and stays', "clients.qmp.write('?\\n')", GONE],
  ])('%s has ended', async (_what, then, problem) => {
    expect(await told(then, false)).toBe(problem);
  });

  it.each([
    ['has told of a stop', "clients.stub.end('$T05thread:01;#00')"],
    ['has been told to go on', 'clients.stub.destroy()'],
  ])('closes its debug stub when it %s, and stays, has ended', async (_what, then) => {
    expect(await told(then, true)).toBe(GONE);
  });
});
