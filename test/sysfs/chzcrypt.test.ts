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
    ['-e 07', '1: chzcrypt: Error - cryptographic device card07 does not exist.'],
    ['-c 4', '1: chzcrypt: Error - unable to change configuration timer setting.'],
    ['-c 500', '1: chzcrypt: Error - unable to change configuration timer setting.'],
    ['-q 256', "1: chzcrypt: Error - invalid default domain '256'."],
    ['--config-on 05', '0: chzcrypt: Warning - device card05 is already config on.'],
    [
      '--config-off 05.0004',
      '1: chzcrypt: Error - invalid device 05.0004\n Config on/off is only valid for card devices.',
    ],
    ['--se-bind 05.0004', '1: chzcrypt: Error - AP bus: SE bind support is not available.'],
  ])('%s says %j', (line, text) => {
    expect(run(new TypedHost(), line)).toBe(text);
  });

  it('takes a deconfigured card offline, warns of what it cannot set online, and fails where the kernel refuses', () => {
    const host = new TypedHost();
    run(host, '--config-off 05');
    expect(run(host, '-d 05')).toBe('0: ');
    expect(run(host, '-e 05')).toBe(
      "0: chzcrypt: Warning - device 05 is deconfigured, can't set to online.",
    );
    host.partition.sclp = 'EIO';
    expect(run(host, '--config-on 05')).toBe(
      '1: chzcrypt: Error - unable to set cryptographic device card05 config on.',
    );
    host.echo('-6', `${BUS}/apmask`);
    expect(run(host, '-e 06.0004')).toBe(
      `1: chzcrypt: Error - can't write to ${BUS}/devices/card06/06.0004/online.\n Wrong permissions or wrong tools version.`,
    );
  });

  it('refuses to bind a bound queue of a secure-execution host', () => {
    const host = new TypedHost({ secureExecution: true }, goldenPartition({ flags: 0xc0800000 }));
    host.partition.bindState = 1;
    expect(run(host, '--se-bind 0a.0004')).toBe(
      "1: chzcrypt: Error - Queue device 0a.0004 is NOT in 'unbound' state (state 'bound' found).",
    );
  });
});
