// SPDX-License-Identifier: Apache-2.0
// Issue 19, item 11: `apemu shell --connect`, the history of typed lines, Ctrl-R.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Key, ReverseSearch } from '../../src/cli/reverse-search.ts';
import { historyFile, readHistory, writeHistory } from '../../src/cli/shell-history.ts';
import { shellSession } from '../../src/cli/shell-session.ts';
import { runTerminal, type TerminalShell } from '../../src/cli/shell-terminal.ts';
import { loadConfigFile } from '../../src/config/load.ts';
import { Machine } from '../../src/host/machine/machine.ts';
import { HELLO } from '../../src/qemu/shell-protocol.ts';
import { openShellSocket, type ShellSocket } from '../../src/qemu/shell-socket.ts';
import { apemu, FakeIo } from './fake-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'apemu-connect-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('apemu shell --connect', () => {
  const path = join(folder, 'shell');
  let socket: ShellSocket;
  let machine: Machine;
  beforeAll(async () => {
    machine = await Machine.create(loadConfigFile('examples/two-guests.yaml').config);
    socket = await openShellSocket(path, () => shellSession(machine));
  });
  afterAll(async () => {
    await socket.close();
    machine.close();
  });
  const connect = async (args: readonly string[], input = '', io = new FakeIo(input)) => {
    const { output, errors, code } = await apemu(['shell', '--connect', path, ...args], io);
    return { output, errors, code };
  };

  it.each([
    [
      ['-c', 'echo a; cat /sys/bus/ap/ap_max_domain_id'],
      { output: 'a\n255\n', errors: '', code: 0 },
    ],
    [['-c', 'echo a; exit 7'], { output: 'a\n', errors: '', code: 7 }],
    [['-c', 'false'], { output: '', errors: '', code: 1 }],
    [
      ['-c', 'cat /sys/nope'],
      { output: '', errors: 'cat: /sys/nope: No such file or directory\n', code: 1 },
    ],
    [['-c', 'if'], { output: '', errors: 'bash: syntax error: unexpected end of file\n', code: 2 }],
  ])('%j gives output, messages and status', async (args, expected) => {
    expect(await connect(args)).toEqual(expected);
  });

  it('runs a script file, and standard input', async () => {
    writeFileSync(join(folder, 's.sh'), 'x=1\nfor i in 1 2; do echo $i$x; done\nexit 3\n');
    expect(await connect([join(folder, 's.sh')])).toEqual({
      output: '11\n21\n',
      errors: '',
      code: 3,
    });
    expect((await connect([], 'echo in')).output).toBe('in\n');
  });

  it('changes the machine that runs', async () => {
    await connect(['-c', 'lpar deconfigure 5']);
    expect((await connect(['-c', 'cat /sys/devices/ap/card05/config'])).output).toBe('0\n');
    await connect(['-c', 'lpar configure 5']);
  });

  it('Ctrl-C ends what runs there', async () => {
    const io = new FakeIo();
    io.onOut = () => io.interrupt();
    const { output, code } = await connect(['-c', 'echo begun; while :; do :; done'], '', io);
    expect({ output, code }).toEqual({ output: 'begun\n', code: 130 });
  });

  it.each([
    [['--bare', '-c', 'ls'], 'not --bare'],
    [['--host-files', '-c', 'ls'], 'not --host-files'],
    [['a', 'b'], 'not b'],
  ])('with %j it is refused', async (args, message) => {
    const { errors, code } = await connect(args);
    expect(errors).toContain(message);
    expect(code).toBe(2);
  });

  it('a peer that is no shell, or none, is told', async () => {
    const other = join(folder, 'other');
    const server = createServer((client) => client.on('error', () => {}).end('hello\n'));
    await new Promise<void>((resolve) => server.listen(other, resolve));
    for (const place of [other, join(folder, 'none')]) {
      const { errors, code } = await apemu(['shell', '--connect', place, '-c', 'ls']);
      expect(errors).toContain(`no shell of apemu answers at ${place}`);
      expect(code).toBe(2);
    }
    server.close();
  });
});

describe('a peer that answers as a shell', () => {
  const path = join(folder, 'peer');
  /** Greets, then says something to each request and keeps the connection. */
  async function peer(said: string): Promise<() => Promise<unknown>> {
    const server = createServer((client) => {
      client.on('error', () => {});
      client.once('data', () => {
        client.write(`${HELLO}\n`);
        client.on('data', () => client.write(said));
      });
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return () => new Promise((resolve) => server.close(resolve));
  }
  const COMMANDS = [
    ['shell', '--connect', path, '-c', 'ls'],
    ['view', path],
  ];

  it.each(
    [
      'null\n',
      '42\n',
      '[]\n',
      'x\n',
      '{"status": "0"}\n',
      '{"status": 1e400}\n',
      '{"status": -1}\n',
    ].flatMap((said) => COMMANDS.map((args) => [said, args] as const)),
  )('with %j is left: %j', async (said, args) => {
    const close = await peer(said);
    const { errors, code } = await apemu(args);
    expect([errors, code]).toEqual([
      'apemu: the other end of the shell says what makes no sense [APEMU_ERR_SHELL_GONE]\n',
      3,
    ]);
    await close();
  });

  it.each(COMMANDS.map((args) => [args] as const))(
    'with silence keeps nobody after Ctrl-C: %j',
    async (args) => {
      const close = await peer('');
      const io = new FakeIo();
      const ended = apemu(args, io);
      setTimeout(() => io.interrupt(), 50);
      expect((await ended).code).toBe(130);
      await close();
    },
  );
});

describe('a terminal', () => {
  it('leaves a shell that does not even say whether a command is complete, at the second Ctrl-C', async () => {
    const shown = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const keys = new PassThrough();
    const io = Object.defineProperty(new FakeIo(), 'input', { value: keys });
    const ctrlC = (): unknown => keys.write('\x03');
    let interrupts = 0;
    let leave: (error: Error) => void = () => {};
    const silent: TerminalShell = {
      run: async () => 0,
      isIncomplete: () =>
        new Promise((_resolve, reject) => {
          leave = reject;
          setImmediate(ctrlC);
        }),
      complete: () => ({ candidates: [], word: '' }),
      interrupt: () => {
        if (++interrupts === 1) setImmediate(ctrlC);
        else leave(new Error('the other end has gone'));
      },
      directory: '/',
      ended: false,
      status: 0,
      close: () => {},
    };
    const ended = runTerminal(silent, 'apemu', false, io);
    keys.write('ls\r');
    await expect(ended).rejects.toThrow('gone');
    shown.mockRestore();
  });
});

describe('a client of the shell socket', () => {
  it('that types a command without end gets others their turns, and is told how long one may be', async () => {
    const path = join(folder, 'pending');
    const machine = await Machine.create(loadConfigFile('examples/two-guests.yaml').config);
    const socket = await openShellSocket(path, () => shellSession(machine));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const client = createConnection(path).setEncoding('utf8');
    client.write(`if\n${'echo a\n'.repeat(10_000)}`);
    let text = '';
    for await (const piece of client) {
      text += piece;
      if (text.includes('KiB')) break;
    }
    expect(text).toMatch(/bash: the command is longer than 64 KiB, or \d+ lines are too many/);
    // Each of the lines is a turn of its own.
    expect(turns).toBeGreaterThan(100);
    clearInterval(timer);
    await socket.close();
    machine.close();
  });
});

describe('the history of typed lines', () => {
  it.each([
    [{ XDG_STATE_HOME: '/s', HOME: '/h' }, '/s/apemu/history'],
    [{ XDG_STATE_HOME: '', HOME: '/h' }, '/h/.local/state/apemu/history'],
    [{ XDG_STATE_HOME: 'relative', HOME: '/h' }, '/h/.local/state/apemu/history'],
    [{ HOME: 'nowhere' }, undefined],
  ])('with %j stands in %s', (environment, file) => {
    expect(historyFile(environment)).toBe(file);
  });

  it('is kept from session to session, for its owner only, each line once', () => {
    const file = join(folder, 'state', 'apemu', 'history');
    expect(writeHistory(file, ['b', 'a'])).toBeUndefined();
    expect(writeHistory(file, ['c', 'a'])).toBeUndefined();
    expect(readFileSync(file, 'utf8')).toBe('b\na\nc\n');
    expect(readHistory(file)).toEqual(['c', 'a', 'b']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'state', 'apemu')).mode & 0o777).toBe(0o700);
    expect(writeHistory(join(file, 'below'), ['x'])).toBeInstanceOf(Error);
  });
});

describe('Ctrl-R', () => {
  const HISTORY = ['lszcrypt -V', 'guest start Guest1', 'lszcrypt', 'echo 1'];
  const R: Key = { name: 'r', ctrl: true };

  /** Keys, and the line and prompt they leave. */
  function typed(keys: readonly (string | Key)[], line = 'typed'): [string, string, boolean] {
    let prompt = '# ';
    const editor = {
      line,
      cursor: line.length,
      getPrompt: () => prompt,
      setPrompt: (text: string) => {
        prompt = text;
      },
      prompt: () => {},
    };
    const search = new ReverseSearch(editor, () => HISTORY);
    let taken = false;
    for (const key of keys)
      taken = typeof key === 'string' ? search.key(key, { name: key }) : search.key(undefined, key);
    return [editor.line, prompt, taken];
  }

  it.each<[string, readonly (string | Key)[], [string, string, boolean]]>([
    ['finds the newest line', [R, 'l', 's'], ['lszcrypt -V', "(reverse-i-search)`ls': ", true]],
    ['again: an older one', [R, 'l', 's', R], ['lszcrypt', "(reverse-i-search)`ls': ", true]],
    ['says when there is none', [R, 'q'], ['typed', "(failed reverse-i-search)`q': ", true]],
    ['Return takes it', [R, 'g', 'u', { name: 'return' }], ['guest start Guest1', '# ', false]],
    ['an arrow edits it', [R, 'ec', { name: 'left' }], ['echo 1', '# ', false]],
    ['Escape goes back', [R, 'e', { name: 'escape' }], ['typed', '# ', true]],
    ['Ctrl-G goes back', [R, 'e', { name: 'g', ctrl: true }], ['typed', '# ', true]],
    [
      'backspace looks again',
      [R, 'ec', 'q', { name: 'backspace' }],
      ['echo 1', "(reverse-i-search)`ec': ", true],
    ],
    ['other keys are the editor’s', ['x'], ['typed', '# ', false]],
  ])('%s', (_name, keys, expected) => {
    expect(typed(keys)).toEqual(expected);
  });
});
