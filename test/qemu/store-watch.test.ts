// SPDX-License-Identifier: Apache-2.0
// The debug stub's side, played by a test: what is asked of it, and what follows its stops.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { watchStores } from '../../src/qemu/store-watch.ts';

const WATCHPOINT = '$Z2,1d0,10#0a';
const CONTINUE = '$c#63';
const STOP = '$T05thread:p01.01;watch:00000000000001d0;#00';

describe('a watch on stores', () => {
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

  const watch = (onStore: () => void) => watchStores(path, 0x1d0, 16, onStore);

  it('looks after each store and lets the guest go on', async () => {
    answers = ['+$O|K#9a', `+${STOP}`, `+${STOP.slice(0, 9)}|${STOP.slice(9)}`];
    let looks = 0;
    const { ended } = await watch(() => looks++);
    await ended;
    expect(looks).toBe(2);
    expect(asked).toEqual([WATCHPOINT, CONTINUE, CONTINUE, CONTINUE]);
  });

  it('leaves a stop alone that was asked for at the monitor', async () => {
    answers = ['+$OK#9a', `+$T02thread:p01.01;#00${STOP}`];
    let looks = 0;
    const { ended } = await watch(() => looks++);
    await ended;
    expect(looks).toBe(1);
    expect(asked).toEqual([WATCHPOINT, CONTINUE, CONTINUE]);
  });

  it('is refused by a stub without watchpoints', async () => {
    answers = ['+$#00'];
    await expect(watch(() => {})).rejects.toMatchObject({ code: 'APEMU_ERR_QEMU_START' });
  });
});
