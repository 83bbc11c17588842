// SPDX-License-Identifier: Apache-2.0
// The debug stub's side, played by a test: what is asked of it, and what follows its stops.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DebugStub } from '../../src/qemu/debug-stub.ts';

const WATCHPOINT = '$Z2,1d0,10#0a';
const CONTINUE = '$c#63';
const STOP = '$T05thread:p01.01;watch:00000000000001d0;#00';

describe('the debug stub', () => {
  let folder: string;
  let server: Server;
  let path: string;
  /** What the stub has been sent, packet by packet; `answers` come in turn, and then nothing more. */
  let asked: string[];
  let answers: string[];
  let stub: Socket | undefined;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'apemu-stub-'));
    path = join(folder, 'gdb');
    asked = [];
    server = createServer((socket) => {
      stub = socket;
      socket.setEncoding('latin1').on('data', (text: string) => {
        asked.push(text);
        const answer = answers.shift();
        if (answer === undefined) socket.end();
        else for (const piece of answer.split('|')) socket.write(piece);
      });
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
  });
  afterEach(() => {
    stub?.destroy();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('asks one thing at a time, and skips acknowledgements', async () => {
    answers = ['+$OK#9a', `+${STOP.slice(0, 9)}|${STOP.slice(9)}`, `+$T02thread:p01.01;#00${STOP}`];
    const debug = await DebugStub.connect(path);
    expect(await debug.ask('Z2,1d0,10')).toBe('OK');
    expect(await debug.ask('c')).toBe('T05thread:p01.01;watch:00000000000001d0;');
    expect(await debug.ask('c')).toBe('T02thread:p01.01;');
    expect(await debug.next()).toContain('T05');
    expect(asked).toEqual([WATCHPOINT, CONTINUE, CONTINUE]);
    debug.close();
  });

  it('answers nothing when it has gone', async () => {
    answers = [];
    const debug = await DebugStub.connect(path);
    expect(await debug.ask('c')).toBe('');
    expect(await debug.next()).toBeUndefined();
  });
});
