// SPDX-License-Identifier: Apache-2.0
// What the agent in a guest prints, and what becomes of it: lines of a recording, operators' actions, complaints of the kernel.
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { agentLine, recordedLine } from '../../src/recorder/agent-lines.ts';
import {
  AGENT_PROGRAM,
  encodeOperation,
  operationPieces,
} from '../../src/recorder/agent-program.ts';
import { AgentSession } from '../../src/recorder/agent-session.ts';
import type { RecordedOperation } from '../../src/sysfs/recorded-operation.ts';

const WRITE: RecordedOperation = ['write', '/sys/f', '1\n'];

describe('a line of the agent', () => {
  it.each<[string, RecordedOperation, unknown]>([
    ['@3 W 0', WRITE, [['write', '/sys/f', '1\n', 'ok']]],
    ['@3 W 22', WRITE, [['write', '/sys/f', '1\n', 'EINVAL']]],
    ['@3 W 87', WRITE, [['write', '/sys/f', '1\n', 'EUSERS']]],
    ['@3 W 95', WRITE, [['write', '/sys/f', '1\n', 'EOPNOTSUPP']]],
    ['@3 W 4001', WRITE, [['write', '/sys/f', '1\n', 'errno 4001']]],
    ['@3 W -4096', WRITE, [['write', '/sys/f', '1\n', 'partial 4096']]],
    ['@3 U 0 add@/x%0AACTION=add', WRITE, [['uevent', 'add@/x\nACTION=add']]],
    ['@3 T 1234', WRITE, [['time', 1234]]],
    ['@3 R 0 a%25b%0A', ['read', '/sys/f'], [['read', '/sys/f', 'ok', 'a%b\n']]],
    ['@3 R 0 ', ['read', '/sys/f'], [['read', '/sys/f', 'ok', '']]],
    ['@3 R 13', ['read', '/sys/f'], [['read', '/sys/f', 'EACCES']]],
    ['@3 F 0 online 1%0A', ['files', '/sys/d'], [['read', '/sys/d/online', 'ok', '1\n']]],
    ['@3 F 5 states ', ['files', '/sys/d'], [['read', '/sys/d/states', 'EIO']]],
    ['@3 . 0', ['files', '/sys/d'], []],
    ['@3 D 0 a b', ['list', '/sys/d'], [['list', '/sys/d', 'ok', ['a', 'b']]]],
    ['@3 D 0', ['list', '/sys/d'], [['list', '/sys/d', 'ok', []]]],
    ['@3 D 2', ['list', '/sys/d'], [['list', '/sys/d', 'ENOENT']]],
    ['@3 L 0 ../../x', ['link', '/sys/l'], [['link', '/sys/l', '../../x', true]]],
    ['@3 L 2', ['link', '/sys/l'], [['link', '/sys/l', 'ENOENT', false]]],
    ['@3 L 0 ../y/cex4queue', ['link', '/sys/q/driver'], [['driver', '/sys/q', 'cex4queue']]],
    ['@3 L 2', ['link', '/sys/q/driver'], [['driver', '/sys/q', null]]],
    ['@3 H 0', ['host', { checkstop: 5 }], [['host', { checkstop: 5 }]]],
    // What does not belong to the operation says nothing.
    ['@3 R 0 x', WRITE, []],
  ])('%s', (text, operation, expected) => {
    const line = agentLine(text);
    expect(line?.number).toBe(3);
    expect(line && recordedLine(line, operation)).toEqual(expected);
  });

  it.each(['', '@', '@x W 0', '[ 1.0] @3 W 0', '@3 w 0', '@end 5', 'apemu-guest: status 3 0'])(
    'is not %j',
    (text) => expect(agentLine(text)).toBeUndefined(),
  );
});

describe('the agent', () => {
  it('gets operations a line each', () => {
    expect(encodeOperation(['write', '/sys/f', 'a\0\xff'])).toBe('W /sys/f 6100ff');
    expect(
      encodeOperation(['partition', { adapters: [], usageDomains: [], controlDomains: [] }]),
    ).toBe('H');
    expect(encodeOperation(['files', '/sys/d'])).toBe('F /sys/d');
  });

  it('gets them in pieces that a terminal takes', () => {
    const long: RecordedOperation = ['write', '/sys/f', 'x'.repeat(4096)];
    const pieces = operationPieces([long, WRITE, WRITE]);
    expect(pieces.every((piece) => piece.length < 4096)).toBe(true);
    expect(pieces.join('').split('|')).toEqual([long, WRITE, WRITE].map(encodeOperation));
    expect(operationPieces([])).toEqual([]);
  });

  it('is a program that Perl takes, without modules', () => {
    const perl = spawnSync('perl', ['-c', '-'], { input: AGENT_PROGRAM, encoding: 'utf8' });
    if (perl.error !== undefined) console.info('skipped: no perl on this computer');
    else expect(perl.stderr).toBe('- syntax OK\n');
    expect(AGENT_PROGRAM).not.toMatch(/^\s*use /m);
  });
});

describe('a session', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const READ: RecordedOperation = ['read', '/sys/r'];
  const HOST: RecordedOperation = ['host', { deconfigure: 6 }];
  const begun = (operations: readonly RecordedOperation[]) => {
    const operated: RecordedOperation[] = [];
    const asked: string[] = [];
    const session = new AgentSession(operations, {
      more: () => asked.push('more'),
      operate: (operation) => operated.push(operation),
    });
    session.take('@begin 2000000\n');
    return { session, operated, asked };
  };

  it('takes lines in pieces, does what the operator does, and ends with the agent', async () => {
    const { session, operated, asked } = begun([WRITE, HOST]);
    session.take('@more\n');
    expect(asked).toHaveLength(1);
    session.take('@1 T 5\n@1 W ');
    session.take('0\n@2 T 9\n@2 H 0\n');
    expect(operated).toEqual([HOST]);
    session.take('@2 U 0 change@/x\n@end 2\n');
    expect(await session.result).toEqual({
      bootUs: 2_000_000,
      lines: [
        [
          ['time', 5],
          ['write', '/sys/f', '1\n', 'ok'],
        ],
        [['time', 9], HOST, ['uevent', 'change@/x']],
      ],
    });
  });

  const OOPS = [
    'Unable to handle kernel pointer dereference in virtual kernel address space',
    'Oops: 0004 ilc:2 [#1]SMP',
    'Krnl PSW : 0704e00180000000 000003ffe0435bb0 (zcrypt_card_get+0x18/0x48)',
  ];

  it('ends with the complaint of a kernel, and the operation under which it came', async () => {
    const { session } = begun([READ, WRITE, READ]);
    session.take(`@1 T 1\n@1 R 0 x\n@2 T 2\n${OOPS[0]}\n`);
    await vi.advanceTimersByTimeAsync(1_000);
    session.take(`${OOPS[1]}\n${OOPS[2]}\n`);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await session.result).toEqual({
      bootUs: 2_000_000,
      lines: [
        [
          ['time', 1],
          ['read', '/sys/r', 'ok', 'x'],
        ],
      ],
      complaint: { name: 'Oops', line: OOPS[0], place: 'zcrypt_card_get' },
    });
  });

  it('ends with a warning that the agent found in the log, whatever it goes on to do', async () => {
    const { session } = begun([READ, WRITE, READ]);
    session.take('@1 T 1\n@1 R 0 x\n@2 T 2\n@2 W 0\n');
    session.take('@2 K 0 WARNING: CPU: 0 PID: 1 at drivers/x.c:1 vfio_ap_reset+0x1/0x2\n');
    session.take('@3 T 3\n@3 R 0 x\n');
    await vi.advanceTimersByTimeAsync(2_000);
    const { lines, complaint } = await session.result;
    expect(lines).toHaveLength(1);
    expect(complaint).toMatchObject({ name: 'WARNING', place: 'vfio_ap_reset' });
  });

  it('ends with an operation that hangs', async () => {
    const { session } = begun([READ, WRITE]);
    session.take('@1 T 1\n@1 R 0 x\n@2 T 2\n');
    await vi.advanceTimersByTimeAsync(61_000);
    const { lines, complaint } = await session.result;
    expect(lines).toHaveLength(1);
    expect(complaint?.name).toBe('hang');
  });

  it.each([
    [
      'the agent dies',
      (session: AgentSession) => session.take('netlink: No such file\napemu-guest: status 9 2\n'),
    ],
    ['the guest ends', (session: AgentSession) => session.end()],
  ])('fails when %s before its end', async (_what, happen) => {
    const { session } = begun([READ]);
    const failed = expect(session.result).rejects.toThrow('before its agent');
    happen(session);
    await failed;
  });
});
