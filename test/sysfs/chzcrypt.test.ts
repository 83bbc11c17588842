// SPDX-License-Identifier: Apache-2.0
// Section 7.4: chzcrypt changes what the program changes, and says what it says.
import { describe, expect, it } from 'vitest';
import { chzcrypt } from '../../src/sysfs/chzcrypt.ts';
import { goldenPartition } from '../vfio-ap/fake-partition.ts';
import { BUS, TypedHost } from '../vfio-ap/typed.ts';

const CARD = '/sys/devices/ap/card05';
const run = (host: TypedHost, line: string) => {
  const { status, stderr } = host.timers.run(chzcrypt(host.host.sysfs, line.split(' ')));
  return `${status}: ${stderr.trimEnd()}`;
};

describe('chzcrypt', () => {
  it.each<[string, string, string]>([
    ['-d 05', `${CARD}/online`, '0\n'],
    ['-d 0x05', `${CARD}/online`, '0\n'],
    ['-d 05.0004', `${BUS}/devices/05.0004/online`, '0\n'],
    ['-d -a', '/sys/devices/ap/card21/online', '0\n'],
    ['--config-off 05', `${CARD}/config`, '0\n'],
    ['-p', `${BUS}/poll_thread`, '1\n'],
    ['-c 60', `${BUS}/config_time`, '60\n'],
    ['--config-time=60', `${BUS}/config_time`, '60\n'],
    ['-t 30000', `${BUS}/poll_timeout`, '30000\n'],
    ['-q 0x47', `${BUS}/ap_domain`, '71\n'],
  ])('%s: %s reads %j', (line, path, text) => {
    const host = new TypedHost();
    expect(run(host, line)).toBe('0: ');
    expect(host.cat(path)).toBe(text);
  });

  it.each<[string, string]>([
    ['-e 07', '1: Error - cryptographic device 07 does not exist.'],
    ['-e nonsense', "1: Error - 'nonsense' is an invalid device id."],
    ['-c 4', "1: Error - invalid configuration timeout '4'."],
    ['-t x', "1: Error - invalid poll timeout 'x'."],
    ['-q 256', "1: Error - invalid default domain '256'."],
    ['-c', "1: chzcrypt: option requires an argument -- '-c'"],
    ['--what', "1: chzcrypt: unrecognized option '--what'"],
    ['-e', '1: Error - missing cryptographic device id(s).'],
    ['05', '1: Error - missing option.'],
    ['--se-bind 05.0004', '1: Error - AP bus: SE bind support is not available.'],
    ['--config-on 05', '0: Warning - device 05 is already configured.'],
  ])('%s says %j', (line, text) => {
    expect(run(new TypedHost(), line)).toBe(text);
  });

  it('warns of a deconfigured device, and fails where the kernel refuses', () => {
    const host = new TypedHost();
    run(host, '--config-off 05');
    expect(run(host, '-e 05')).toBe("0: Warning - device 05 is deconfigured, can't be set online.");
    host.partition.sclp = 'EIO';
    expect(run(host, '--config-on 05')).toBe(
      '1: Error - unable to set cryptographic device 05 configured.',
    );
    host.echo('-6', `${BUS}/apmask`);
    expect(run(host, '-e 06.0004')).toBe(
      `1: Error - can't write to ${BUS}/devices/06.0004/online.`,
    );
  });

  it('refuses to bind a bound queue of a secure-execution host', () => {
    const host = new TypedHost({}, goldenPartition({ flags: 0xc0800000 }));
    host.partition.bindState = 1;
    expect(run(host, '--se-bind 05.0004')).toMatch(/^1: Error - unable to set/);
  });
});
