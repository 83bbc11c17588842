// SPDX-License-Identifier: Apache-2.0
// /sys/class/misc/hw_random: zcrypt's generator comes and goes with the host's CCA queues, and the administrator chooses.
import { describe, expect, it } from 'vitest';
import { restoreHost, saveHost } from '../../src/sysfs/host-records.ts';
import { createHostSide, type HostSideOptions } from '../../src/sysfs/host-side.ts';
import { BUS, TypedHost } from '../vfio-ap/typed.ts';

const RANDOM = '/sys/class/misc/hw_random';
const FILES = ['rng_available', 'rng_current', 'rng_selected', 'rng_quality'];
const shown = (host: TypedHost): string[] => FILES.map((file) => host.cat(`${RANDOM}/${file}`));
const requests = (host: TypedHost): number =>
  ['05', '21'].reduce(
    (sum, card) => sum + Number(host.cat(`${BUS}/devices/card${card}/request_count`)),
    0,
  );

/** A host that has given its CCA cards away. */
function without(options: Partial<HostSideOptions> = {}): TypedHost {
  const host = new TypedHost(options);
  host.echo('-0x05,-0x21', `${BUS}/apmask`);
  return host;
}

describe('hw_random', () => {
  it('has zcrypt while the host has a queue of a CCA card, and else nothing', () => {
    const host = new TypedHost();
    expect(shown(host)).toEqual(['zcrypt none\n', 'zcrypt\n', '0\n', '990\n']);
    host.echo('-0x05', `${BUS}/apmask`);
    expect(shown(host)[1]).toBe('zcrypt\n');
    host.echo('-0x21', `${BUS}/apmask`);
    expect(shown(host)).toEqual(['none\n', 'none\n', '0\n', 'ENODEV']);
    host.echo('+0x21', `${BUS}/apmask`);
    expect(shown(host)).toEqual(['zcrypt none\n', 'zcrypt\n', '0\n', '990\n']);
  });

  it('has no generator called none in 6.1', () => {
    expect(shown(new TypedHost({ profile: 'linux-6.1' }))[0]).toBe('zcrypt \n');
    expect(shown(without({ profile: 'linux-6.1' }))).toEqual(['\n', 'none\n', '0\n', 'ENODEV']);
  });

  it.each([
    ['zcrypt\n', 'ok', ['zcrypt none\n', 'zcrypt\n', '1\n', '990\n']],
    ['zcrypt', 'ok', ['zcrypt none\n', 'zcrypt\n', '1\n', '990\n']],
    ['none\n', 'ok', ['zcrypt none\n', 'none\n', '1\n', 'ENODEV']],
    ['\n', 'ok', ['zcrypt none\n', 'zcrypt\n', '0\n', '990\n']],
    ['zcrypt \n', 'ENODEV', ['zcrypt none\n', 'zcrypt\n', '0\n', '990\n']],
    ['s390-trng\n', 'ENODEV', ['zcrypt none\n', 'zcrypt\n', '0\n', '990\n']],
  ])('rng_current takes %j: %s', (text, outcome, after) => {
    const host = new TypedHost();
    expect(host.write(`${RANDOM}/rng_current`, text)).toBe(outcome);
    expect(shown(host)).toEqual(after);
  });

  it('forgets a word that nothing knows in 6.1, and refuses it later', () => {
    for (const text of ['none', 's390-trng']) {
      const old = new TypedHost({ profile: 'linux-6.1' });
      expect(old.echo(text, `${RANDOM}/rng_current`)).toBe('ok');
      expect(shown(old).slice(1)).toEqual(['zcrypt\n', '0\n', '990\n']);
    }
    expect(without().echo('zcrypt', `${RANDOM}/rng_current`)).toBe('ENODEV');
    expect(without({ profile: 'linux-6.1' }).echo('zcrypt', `${RANDOM}/rng_current`)).toBe('ok');
  });

  it.each([
    ['1024\n', 'ok', '1024\n'],
    ['0x10\n', 'ok', '16\n'],
    ['0\n', 'ok', '0\n'],
    ['5', 'EINVAL', '990\n'],
    ['1025\n', 'EINVAL', '990\n'],
    ['70000\n', 'EINVAL', '990\n'],
    ['-1\n', 'EINVAL', '990\n'],
    ['high\n', 'EINVAL', '990\n'],
  ])('rng_quality takes %j: %s', (text, outcome, after) => {
    const host = new TypedHost();
    expect(host.write(`${RANDOM}/rng_quality`, text)).toBe(outcome);
    expect(host.cat(`${RANDOM}/rng_quality`)).toBe(after);
  });

  it('keeps the quality for the next time, and takes 0 for the most', () => {
    const host = new TypedHost();
    expect(without().echo('500', `${RANDOM}/rng_quality`)).toBe('ENODEV');
    for (const [set, then] of [
      ['500', '500\n'],
      ['0', '1024\n'],
    ]) {
      host.echo(set, `${RANDOM}/rng_quality`);
      host.echo('-0x05,-0x21', `${BUS}/apmask`);
      host.echo('+0x05,+0x21', `${BUS}/apmask`);
      expect(host.cat(`${RANDOM}/rng_quality`)).toBe(then);
    }
  });

  it('stays without a generator by the word of the administrator, whatever comes', () => {
    const host = new TypedHost();
    host.echo('none', `${RANDOM}/rng_current`);
    const before = requests(host);
    host.echo('-0x05,-0x21', `${BUS}/apmask`);
    host.echo('+0x05,+0x21', `${BUS}/apmask`);
    host.timers.advance(60_000_000_000);
    expect(shown(host)).toEqual(['zcrypt none\n', 'none\n', '1\n', 'ENODEV']);
    expect(requests(host)).toBeLessThanOrEqual(before);
    // Nobody has asked the cards since; who takes it again asks once.
    const asked = requests(host);
    host.echo('zcrypt', `${RANDOM}/rng_current`);
    host.timers.advance(60_000_000_000);
    expect(requests(host)).toBe(asked + 1);
    expect(shown(host)).toEqual(['zcrypt none\n', 'zcrypt\n', '1\n', '990\n']);
  });

  it('is forgotten as a choice when the chosen one goes', () => {
    const host = new TypedHost();
    host.echo('zcrypt', `${RANDOM}/rng_current`);
    host.echo('-0x05,-0x21', `${BUS}/apmask`);
    expect(shown(host)[2]).toBe('0\n');
  });

  it('cannot be written where it is only read', () => {
    const host = new TypedHost();
    expect(host.echo('zcrypt', `${RANDOM}/rng_available`)).toBe('EACCES');
    expect(host.echo('1', `${RANDOM}/rng_selected`)).toBe('EACCES');
  });

  it('is a device of class misc', () => {
    const host = new TypedHost();
    expect(host.cat(`${RANDOM}/dev`)).toBe('10:183\n');
    expect(host.cat(`${RANDOM}/uevent`)).toBe('MAJOR=10\nMINOR=183\nDEVNAME=hwrng\n');
    expect(host.host.sysfs.realpath(`${RANDOM}/rng_current`)).toMatchObject({
      text: '/sys/devices/virtual/misc/hw_random/rng_current',
    });
  });

  it('is saved and taken back with everything else', () => {
    const host = new TypedHost();
    host.echo('300', `${RANDOM}/rng_quality`);
    host.echo('none', `${RANDOM}/rng_current`);
    const after = shown(host);
    const { partition, timers } = host;
    const copy = createHostSide({ partition, timers });
    restoreHost(copy, saveHost(host.host), () => undefined);
    const putBack = host.host.remember();
    host.echo('', `${RANDOM}/rng_current`);
    expect(shown(host)).toEqual(['zcrypt none\n', 'zcrypt\n', '0\n', '300\n']);
    putBack();
    expect(shown(host)).toEqual(after);
    expect(copy.sysfs.read(`${RANDOM}/rng_current`)).toEqual({ ok: true, text: 'none\n' });
    expect(copy.sysfs.read(`${RANDOM}/rng_selected`)).toEqual({ ok: true, text: '1\n' });
  });
});
