// SPDX-License-Identifier: Apache-2.0
// The guest's console as commands and answers; the shell socket; the loop that looks.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { GuestLines } from '../../src/cli/guest-lines.ts';
import { ConsoleText } from '../../src/kernel-fuzz/complaints.ts';
import { GuestConsole, typedLine } from '../../src/qemu/console.ts';
import { KeptText } from '../../src/qemu/kept-text.ts';
import { type Polled, Poller } from '../../src/qemu/poller.ts';
import { openShellSocket } from '../../src/qemu/shell-socket.ts';

describe('what a guest prints without end', () => {
  it('has a complaint of its kernel heard, however much came before it and comes after it', () => {
    const console = new ConsoleText();
    for (let n = 0; n < 30_000; n++) console.hear(`${'x'.repeat(99)}\n`);
    console.hear('Unable to handle kernel pointer dereference in virtual kernel address space\n');
    for (let n = 0; n < 30_000; n++) console.hear(`${'y'.repeat(99)}\n`);
    expect(console.complaint?.name).toBe('Oops');
  });

  it('is kept as far as anybody wants it, with places that go on', () => {
    const kept = new KeptText(10);
    for (let n = 0; n < 100; n++) kept.add(`line ${n}\n`);
    expect(kept.text.length).toBeLessThan(20);
    expect(kept.end).toBe(790);
    expect(kept.between(783)).toBe('ine 99\n');
    expect(kept.between(0, 790)).toBe(kept.text);
    expect(kept.find(/^line (99)$/m, 0)).toMatchObject({ at: 782, match: { 1: '99' } });
    expect(kept.find(/line 1\n/, 0)).toBeUndefined();
    kept.clear();
    expect([kept.text, kept.end]).toEqual(['', 790]);
  });

  it('is looked through once: 100,000 pieces before what is waited for, also with a command', async () => {
    const [output, input] = [new PassThrough(), new PassThrough()];
    const console = new GuestConsole(output, input);
    const answer = console.run('true', 60_000);
    const flood = 'noise '.repeat(20);
    for (let n = 0; n < 100_000; n++) output.write(flood);
    output.write('\napemu-guest: status 1 0\n');
    const { status, output: printed } = await answer;
    expect([status, printed.length]).toEqual([0, 100_000 * flood.length + 1]);
  });

  it.each([
    [
      'for lines with names of guests',
      () => {
        let shown = 0;
        const lines = new GuestLines((text) => {
          shown += text.length;
        });
        return {
          hear: (text: string) => lines.shown('G', text),
          kept: (all: number) => all - shown,
        };
      },
    ],
    [
      'for complaints of a kernel',
      () => {
        const console = new ConsoleText();
        return { hear: (text: string) => console.hear(text), kept: () => console.text.length };
      },
    ],
  ])('has no line that takes the memory: %s', (_where, make) => {
    const { hear, kept } = make();
    for (let n = 0; n < 50_000; n++) hear('x'.repeat(100));
    expect(kept(5_000_000)).toBeLessThanOrEqual(0x100000);
  });
});

describe('a guest console', () => {
  it('gives output and status of a command', async () => {
    const [output, input] = [new PassThrough(), new PassThrough()];
    const console = new GuestConsole(output, input);
    output.write('boot messages\r\napemu-guest: ready\r\n');
    await console.ready(1000);
    const answer = console.run('lszcrypt');
    expect(input.read().toString()).toBe('lszcrypt\n');
    output.write('card05\r\napemu-guest: sta');
    output.write('tus 1 3\r\n');
    expect(await answer).toEqual({ status: 3, output: 'card05\n' });
  });

  it('does not take the status of an earlier command for its own', async () => {
    const [output, input] = [new PassThrough(), new PassThrough()];
    const console = new GuestConsole(output, input);
    output.write('apemu-guest: status 1 0\n');
    await console.waitFor(/status/, 1000);
    const answer = console.run('false');
    output.write('apemu-guest: status 1 1\n');
    expect((await answer).status).toBe(1);
  });

  it('fails with the last lines when the guest ends', async () => {
    const [output, input] = [new PassThrough(), new PassThrough()];
    const console = new GuestConsole(output, input);
    const waiting = console.ready(5000);
    output.write('Kernel panic - not syncing\n');
    output.destroy();
    await expect(waiting).rejects.toThrow('Kernel panic');
  });
});

describe('what is typed for a command', () => {
  const command = `echo "it's \\$n ü marker"\necho '\\n' marker; printf 'ma\\0162ker\\n'`;

  it.each([[[]], [['marker']], [['ü', 'it', 'm']], [['\nec', '\\', "'", 'marker', 'arker']]])(
    'runs it, and has none of %j in it',
    (texts) => {
      const line = typedLine(command, texts);
      const typed = line.slice(line.indexOf('%b'), line.lastIndexOf('; printf'));
      expect(line.match(/\n/g)).toHaveLength(1);
      for (const text of texts.filter((one) => /^[a-zü]/.test(one)))
        expect(typed).not.toContain(text);
      const shell = (text: string) => spawnSync('sh', ['-c', text], { encoding: 'utf8' });
      const { stdout } = shell(line);
      expect(stdout).toBe(`apemu-run: begin 1\n${shell(command).stdout}apemu-run: end 0\n`);
    },
  );

  it('gives what it prints at once, but for the mark that ends it', async () => {
    const [output, input] = [new PassThrough(), new PassThrough()];
    const console = new GuestConsole(output, input);
    const shown: string[] = [];
    const status = console.perform('x', (piece) => shown.push(piece));
    for (const piece of [
      '# x\napemu-run: begin 1\nfir',
      'st\nap',
      'ple',
      'apemu-run: ',
      'end 3\n',
    ]) {
      output.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await status).toBe(3);
    expect(shown).toEqual(['fir', 'st\n', 'apple']);
  });
});

describe('the shell socket', () => {
  it('runs lines for its owner only', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'apemu-shell-'));
    const path = join(folder, 'shell');
    const session = {
      run: (line: string) => {
        if (line === 'bad') throw new Error('no such command');
        return `did ${line}`;
      },
    };
    const shell = await openShellSocket(path, () => session);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const client = createConnection(path).setEncoding('utf8');
    let text = '';
    client.on('data', (chunk) => {
      text += chunk;
    });
    client.write('one\nbad\n');
    while (!/no such command\napemu> $/.test(text)) {
      await new Promise((resolve) => client.once('data', resolve));
    }
    expect(text).toContain('did one\n');
    await shell.close();
    rmSync(folder, { recursive: true });
  });
});

describe('the path of a shell socket', () => {
  const folder = mkdtempSync(join(tmpdir(), 'apemu-shell-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const open = (path: string) => openShellSocket(path, () => ({ run: (line) => line }));

  it.each([
    ['is too long', 'x'.repeat(108), 'at most 107 bytes'],
    ['is that of a file', 'file', 'something else'],
    ['is in a folder that is not there', 'missing/shell', 'does its folder exist'],
  ])('that %s is refused in words', async (_what, name, text) => {
    writeFileSync(join(folder, 'file'), '');
    const failure = open(join(folder, name));
    await expect(failure).rejects.toMatchObject({ code: 'APEMU_ERR_USAGE_SHELL' });
    await expect(failure).rejects.toThrow(text);
  });

  it('that another process listens to is refused, one that was left behind is taken', async () => {
    const path = join(folder, 'shell');
    const program = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log(1))`;
    const other = spawn(process.execPath, ['-e', program]);
    await new Promise((resolve) => other.stdout.once('data', resolve));
    await expect(open(path)).rejects.toThrow('another process listens there');
    const gone = new Promise((resolve) => other.once('close', resolve));
    other.kill('SIGKILL');
    await gone;
    expect(existsSync(path)).toBe(true);
    await (await open(path)).close();
    expect(existsSync(path)).toBe(false);
  });
});

describe('the polling loop', () => {
  it('looks until its last station is removed, and again after one is added', async () => {
    const poller = new Poller();
    for (const wanted of [3, 5]) {
      let looks = 0;
      await new Promise<void>((resolve) => {
        const station: Polled = {
          waitsForMonitor: false,
          failed: () => {},
          poll: () => {
            looks++;
            if (looks === wanted) {
              poller.remove(station);
              resolve();
            }
            return looks % 2 === 0;
          },
        };
        poller.add(station);
      });
      expect(looks).toBe(wanted);
    }
  });

  it('goes on with the others when one fails', async () => {
    const poller = new Poller();
    const failures: string[] = [];
    const broken: Polled = {
      waitsForMonitor: false,
      failed: (error) => failures.push(error.message),
      poll: () => {
        throw new Error('broken');
      },
    };
    poller.add(broken);
    let looks = 0;
    await new Promise<void>((resolve) => {
      const sound: Polled = {
        waitsForMonitor: true,
        failed: () => {},
        poll: () => {
          if (++looks < 5) return true;
          poller.remove(sound);
          resolve();
          return false;
        },
      };
      poller.add(sound);
    });
    expect(failures).toEqual(['broken']);
  });
});
