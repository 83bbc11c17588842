// SPDX-License-Identifier: Apache-2.0
// `apemu fuzz`: statistics, records, saved findings, resuming, replay, exit codes.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Machine } from '../../src/host/machine/machine.ts';
import { apemu, FakeIo } from '../cli/fake-io.ts';

const CONFIG = 'examples/playground.yaml';
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'apemu-fuzz-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const fuzz = (...options: string[]) =>
  apemu(['fuzz', CONFIG, '--self', '--lines', '120', ...options]);

/** A machine whose clock does not move. */
const breakClock = () =>
  vi.spyOn(Machine.prototype, 'advance').mockImplementation(() => {
    throw new Error('the clock is broken');
  });

describe('apemu fuzz', () => {
  it('ends with counts by function and ending, and exit code 0 when nothing was found', async () => {
    const { code, output, errors } = await fuzz('--count', '4');
    expect(errors).toBe('');
    expect(code).toBe(0);
    expect(output).toMatch(/^function +total +endings$/m);
    expect(output).toMatch(/^NQAP +\d+ +.*rc 00: \d+/m);
    expect(output).toMatch(/^messages: \d+ accepted, \d+ answered, \d+ flushed, \d+ lost$/m);
    expect(output).toMatch(/^4 streams, \d+ instructions: nothing found$/m);
  });

  it('prints one record with --json, the same for the same seed', async () => {
    const [first, second] = [
      await fuzz('--count', '2', '--json'),
      await fuzz('--count', '2', '--json'),
    ];
    expect(first.output).toBe(second.output);
    const record = JSON.parse(first.output);
    expect(record).toMatchObject({ seed: 1, streams: 2, lines: 240, broken: {}, findings: [] });
  });

  it('saves findings as AP programs with their configuration and ends with exit code 1', async () => {
    breakClock();
    const { code, output } = await fuzz('--count', '2', '--save', folder);
    expect(code).toBe(1);
    expect(output).toContain('broken in 2 streams: crash');
    const saved = readdirSync(folder).sort();
    expect(saved).toEqual([
      'crash-seed-1.ap',
      'crash-seed-1.yaml',
      'crash-seed-2.ap',
      'crash-seed-2.yaml',
      'fuzz-state.json',
    ]);
    const program = readFileSync(join(folder, 'crash-seed-1.ap'), 'utf8');
    expect(program).toMatch(/^config crash-seed-1\.yaml$/m);
    expect(program).toMatch(/^clock: /m);
    expect(program.split('\n').length).toBeLessThan(9);

    const file = join(folder, 'crash-seed-1.ap');
    const again = await apemu(['fuzz', '--replay', file, '--seed', '1']);
    expect(again.code).toBe(1);
    expect(again.output).toContain('crash: the clock is broken');
    vi.restoreAllMocks();
    const mended = await apemu(['fuzz', '--replay', file, '--seed', '1']);
    expect(mended).toMatchObject({ code: 0, output: `${file}: every rule holds\n` });
  });

  it('goes on where an earlier run with the same options ended', async () => {
    const whole = await fuzz('--count', '4', '--json');
    await fuzz('--count', '2', '--save', folder);
    expect(existsSync(join(folder, 'fuzz-state.json'))).toBe(true);
    const rest = await fuzz('--count', '4', '--save', folder, '--json');
    expect(rest.errors).toContain('going on after 2 streams');
    expect(rest.output).toBe(whole.output);
  });

  it('ends with usage when the folder belongs to another run', async () => {
    await fuzz('--count', '1', '--save', folder);
    const { code, errors } = await fuzz('--count', '1', '--save', folder, '--seed', '9');
    expect(code).toBe(2);
    expect(errors).toContain('APEMU_ERR_USAGE_RESUME');
  });

  it('stops at Ctrl-C and can go on', async () => {
    const io = new FakeIo();
    io.interrupt();
    const line = ['fuzz', CONFIG, '--self', '--count', '50', '--save', folder];
    expect((await apemu(line, io)).code).toBe(130);
    expect(io.output).toContain('0 streams, 0 instructions, interrupted');
  });

  it.each([
    [['fuzz'], 2, 'APEMU_ERR_USAGE_FUZZ'],
    [['fuzz', '--self'], 2, 'APEMU_ERR_USAGE_CONFIG'],
    [['fuzz', CONFIG, '--self', '--count', '0'], 2, 'APEMU_ERR_USAGE_NUMBER'],
    [['fuzz', CONFIG, '--lines', 'many'], 2, 'APEMU_ERR_USAGE_NUMBER'],
    [['fuzz', CONFIG, '--seed', '-1'], 2, 'APEMU_ERR_USAGE_SEED'],
    [['fuzz', 'none.yaml', '--self'], 3, 'APEMU_ERR_CONFIG_READ'],
    [['fuzz', '--replay', 'none.ap'], 3, 'APEMU_ERR_PROGRAM_READ'],
  ])('%j is exit code %s with %s', async (line, expected, text) => {
    const { code, errors } = await apemu(line);
    expect([code, errors]).toEqual([expected, expect.stringContaining(text)]);
  });

  it.each([
    ['not JSON', 3, 'APEMU_ERR_FUZZ_STATE'],
    ['null', 2, 'APEMU_ERR_USAGE_RESUME'],
    ['{}', 2, 'APEMU_ERR_USAGE_RESUME'],
  ])('refuses a state file that holds %s', async (text, expected, error) => {
    writeFileSync(join(folder, 'fuzz-state.json'), text);
    const { code, errors } = await fuzz('--save', folder);
    expect(code).toBe(expected);
    expect(errors).toContain('fuzz-state.json');
    expect(errors).toContain(error);
  });

  it.each([
    ['statistics', null],
    ['statistics', {}],
    ['broken', null],
    ['findings', 7],
    ['streams', 'x'],
    ['streams', -1],
  ])('refuses a state whose %s are %j', async (name, value) => {
    const own = join(folder, 'damaged');
    const first = await fuzz('--save', own);
    expect(first.code).toBe(0);
    const file = join(own, 'fuzz-state.json');
    const state = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...state, [name]: value }));
    const { code, errors } = await fuzz('--save', own);
    expect([code, errors]).toEqual([3, expect.stringContaining('a damaged one')]);
    rmSync(own, { recursive: true });
  });

  it('says before it begins that the folder cannot be written', async () => {
    const { code, errors, output } = await fuzz('--save', join('/dev/null', 'folder'));
    expect([code, output]).toEqual([2, '']);
    expect(errors).toMatch(
      /^apemu: cannot write .*fuzz-state.json: ENOTDIR \[APEMU_ERR_USAGE_SAVE\]\n$/,
    );
  });
});
