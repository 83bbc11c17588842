// SPDX-License-Identifier: Apache-2.0
// Peers that behave badly: nothing they do ends the process, uses memory without a limit, or keeps others waiting.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShellSocket, type ShellSocket } from '../../src/qemu/shell-socket.ts';
import { linesOf } from '../../src/qemu/streams.ts';

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()));

describe('a client of the shell socket', () => {
  const folder = mkdtempSync(join(tmpdir(), 'apemu-streams-'));
  const path = join(folder, 'shell');
  const failures: unknown[] = [];
  const note = (error: unknown): void => void failures.push(error);
  let shell: ShellSocket;
  let sessionsClosed = 0;

  beforeAll(async () => {
    process.on('unhandledRejection', note).on('uncaughtException', note);
    const close = (): void => void sessionsClosed++;
    shell = await openShellSocket(path, () => ({ run: (line) => line.repeat(3), close }));
  });
  afterAll(async () => {
    await shell.close();
    process.off('unhandledRejection', note).off('uncaughtException', note);
    rmSync(folder, { recursive: true });
  });

  /** What clients do, and then whether the next one is served. */
  const CLIENTS: Readonly<Record<string, (client: Socket) => void>> = {
    'connects and closes at once': (client) => client.destroy(),
    'goes with answers outstanding': (client) => {
      client.write('a\nb\nc\n');
      client.destroy();
    },
    'sends half a line and closes': (client) => client.end('half'),
    'sends a line without end': (client) => {
      const more = (): void => {
        while (!client.destroyed && client.write('x'.repeat(65536))) {}
      };
      client.on('drain', more);
      more();
    },
    'sends bytes that are no text': (client) => client.end(Buffer.from([0xff, 0, 0xc3, 10, 10])),
    'shuts down its sending half': (client) => client.end(),
  };

  it.each(Object.keys(CLIENTS))('that %s ends nothing but itself', async (name) => {
    for (let n = 0; n < 20; n++) {
      const before = sessionsClosed;
      const client = createConnection(path).on('error', () => {});
      client.resume();
      await new Promise((resolve) => client.once('connect', resolve));
      const gone = closed(client);
      CLIENTS[name](client);
      await gone;
      while (sessionsClosed === before) await new Promise((resolve) => setImmediate(resolve));
    }
    const next = createConnection(path).setEncoding('utf8');
    next.write('ab\n');
    let text = '';
    for await (const piece of next) {
      text += piece;
      if (text.includes('ababab\n')) break;
    }
    expect(text).toContain('ababab\n');
    expect(failures).toEqual([]);
  });
});

describe('lines of a stream', () => {
  const read = async (send: (stream: PassThrough) => void, max?: number): Promise<string[]> => {
    const stream = new PassThrough();
    send(stream);
    const lines: string[] = [];
    for await (const line of linesOf(stream, max)) lines.push(line);
    return lines;
  };

  it.each<[string, (stream: PassThrough) => void, readonly string[]]>([
    ['come without their ends', (s) => s.end('a\nb\r\n\nc'), ['a', 'b', '', 'c']],
    ['end where a line has no end', (s) => s.end(`a\n${'x'.repeat(200)}`), ['a']],
    ['may be cut anywhere', (s) => [...'ab\ncd\n'].map((c) => s.write(c)) && s.end(), ['ab', 'cd']],
  ])('%s', async (_name, send, lines) => {
    expect(await read(send, 100)).toEqual(lines);
  });

  it('end without a word when the stream fails', async () => {
    const lines = await read((stream) => {
      stream.write('a\nha');
      setImmediate(() => stream.destroy(new Error('EPIPE')));
    });
    expect(lines).toEqual(['a']);
  });
});

describe('streams of other processes', () => {
  const files = ['src/qemu', 'src/cli'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && name !== 'streams.ts')
      .map((name) => join(folder, name)),
  );
  const having = (pattern: RegExp): string[] =>
    files.filter((file) => pattern.test(readFileSync(file, 'utf8')));

  it('have their errors owned in one place', () => {
    expect(files.length).toBeGreaterThan(50);
    // A worker thread is no stream.
    expect(having(/(?<!worker)\.on\('error'/)).toEqual([]);
  });

  it('are made only where that place is known', () => {
    const made = having(/\b(?:createServer|createConnection|spawn|createInterface)\(/);
    const owning = having(/from '\.{1,2}(?:\/qemu)?\/streams\.ts'/);
    // The terminal's own streams are those of the process, which process-io.ts owns.
    expect(made.filter((file) => !owning.includes(file))).toEqual(['src/cli/shell-terminal.ts']);
    expect(made.length).toBeGreaterThan(3);
  });
});
