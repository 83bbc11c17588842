// SPDX-License-Identifier: Apache-2.0
// Section 3.2: every bus file, its format, permissions and errors.
import { describe, expect, it } from 'vitest';
import { goldenPartition } from '../vfio-ap/fake-partition.ts';
import { BUS, CREATE, MATRIX, TypedHost, UUID1 } from '../vfio-ap/typed.ts';

const ONES = `0x${'f'.repeat(64)}\n`;
const DOMAIN_MASK = '0x0800000000000000010000000000000000000000001000000000000000000001\n';

describe('a bus file is read', () => {
  it.each<[string, string]>([
    ['ap_domain', '4\n'],
    ['ap_control_domain_mask', DOMAIN_MASK],
    ['ap_usage_domain_mask', DOMAIN_MASK],
    ['ap_adapter_mask', `0x0620000040${'0'.repeat(54)}\n`],
    ['ap_interrupts', '0\n'],
    ['config_time', '30\n'],
    ['poll_thread', '0\n'],
    ['poll_timeout', '250000\n'],
    ['ap_max_domain_id', '255\n'],
    ['ap_max_adapter_id', '255\n'],
    ['apmask', ONES],
    ['aqmask', ONES],
    ['scans', '1\n'],
    ['bindings', '16/16 (complete)\n'],
    ['bindings_complete_count', '1\n'],
    ['features', 'APSC APXA\n'],
    ['drivers_autoprobe', '1\n'],
    ['drivers_probe', 'EACCES'],
    ['drivers/vfio_ap/bind', 'EACCES'],
    ['drivers/vfio_ap/unbind', 'EACCES'],
    ['nothing', 'ENOENT'],
    ['drivers', 'EISDIR'],
    ['apmask/x', 'ENOTDIR'],
  ])('%s as %j', (name, text) => {
    expect(new TypedHost().cat(`${BUS}/${name}`)).toBe(text);
  });

  it.each<[string, string]>([
    ['features', 'ENOENT'],
    ['bindings_complete_count', 'ENOENT'],
    ['bindings', '16/16 (complete)\n'],
  ])('%s as %j in linux-6.1', (name, text) => {
    expect(new TypedHost({ profile: 'linux-6.1' }).cat(`${BUS}/${name}`)).toBe(text);
  });

  it.each<[string, string]>([
    ['ap_control_domain_mask', 'not supported\n'],
    ['ap_usage_domain_mask', 'not supported\n'],
    ['ap_adapter_mask', 'not supported\n'],
    ['features', '-\n'],
    ['ap_max_domain_id', '15\n'],
    ['ap_max_adapter_id', '63\n'],
  ])('%s as %j without facility 12', (name, text) => {
    const host = new TypedHost({}, goldenPartition({ facilities: [15] }));
    expect(host.cat(`${BUS}/${name}`)).toBe(text);
  });

  it('ap_domain as -1 while no domain was selected', () => {
    const partition = goldenPartition();
    partition.setConfiguration([], [], []);
    expect(new TypedHost({}, partition).cat(`${BUS}/ap_domain`)).toBe('-1\n');
  });

  it('ap_interrupts as 1 with facility 65', () => {
    const host = new TypedHost({}, goldenPartition({ facilities: [12, 15, 65] }));
    expect(host.cat(`${BUS}/ap_interrupts`)).toBe('1\n');
  });

  it('features as an empty line when no bit is on but another one is', () => {
    const host = new TypedHost({}, goldenPartition({ flags: 0x08000000, na: 0, nd: 0 }));
    expect(host.cat(`${BUS}/features`)).toBe('\n');
  });
});

describe('a bus file is written', () => {
  it.each<[string, string, string, string]>([
    ['ap_domain', '0x47', 'ok', '71\n'],
    ['ap_domain', ' 71 rest', 'ok', '71\n'],
    ['ap_domain', '-1', 'EINVAL', '4\n'],
    ['ap_domain', '256', 'EINVAL', '4\n'],
    ['ap_domain', 'x', 'EINVAL', '4\n'],
    ['config_time', '5', 'ok', '5\n'],
    ['config_time', '120', 'ok', '120\n'],
    ['config_time', '4', 'EINVAL', '30\n'],
    ['config_time', '121', 'EINVAL', '30\n'],
    ['config_time', 'x', 'EINVAL', '30\n'],
    ['poll_thread', 'yes', 'ok', '1\n'],
    ['poll_thread', 'maybe', 'EINVAL', '0\n'],
    ['poll_timeout', '1000', 'ok', '1000\n'],
    ['poll_timeout', '120000000000', 'ok', '120000000000\n'],
    ['poll_timeout', '120000000001', 'EINVAL', '250000\n'],
    ['poll_timeout', '0x1ffffffffffffffff', 'ERANGE', '250000\n'],
    ['poll_timeout', 'x', 'EINVAL', '250000\n'],
    ['apmask', '-5', 'ok', `0xfb${'f'.repeat(62)}\n`],
    ['apmask', '+256', 'EINVAL', ONES],
    ['aqmask', '0x 1', 'EINVAL', ONES],
    ['scans', 'anything', 'ok', '2\n'],
    ['drivers_autoprobe', '0', 'ok', '0\n'],
    ['drivers_autoprobe', 'x', 'ok', '1\n'],
  ])('%s with %j: %s, then it reads %j', (name, text, outcome, after) => {
    const host = new TypedHost();
    expect(host.echo(text, `${BUS}/${name}`)).toBe(outcome);
    expect(host.cat(`${BUS}/${name}`)).toBe(after);
  });

  it.each<[string, string, string]>([
    ['ap_max_domain_id', '1', 'EACCES'],
    ['bindings', '1', 'EACCES'],
    ['ap_interrupts', '1', 'EACCES'],
    ['features', '1', 'EACCES'],
    ['nothing', '1', 'ENOENT'],
    ['devices', '1', 'EISDIR'],
    ['drivers_probe', '07.0004', 'ENODEV'],
    ['drivers_probe', '05.0004', 'ok'],
    ['drivers/vfio_ap/bind', '07.0004', 'ENODEV'],
    ['drivers/vfio_ap/bind', 'card05', 'ENODEV'],
    ['drivers/vfio_ap/bind', '05.0004', 'EBUSY'],
    ['drivers/cex4queue/bind', '05.0004', 'EBUSY'],
    ['drivers/cex4card/bind', 'card05', 'EBUSY'],
    ['drivers/vfio_ap/unbind', '05.0004', 'ENODEV'],
    ['drivers/cex4queue/unbind', '05.0004', 'ok'],
  ])('%s with %j: %s', (name, text, outcome) => {
    expect(new TypedHost().echo(text, `${BUS}/${name}`)).toBe(outcome);
  });

  it('ap_domain with a domain outside aqmask is EINVAL', () => {
    const host = new TypedHost();
    host.echo('-71', `${BUS}/aqmask`);
    expect(host.echo('71', `${BUS}/ap_domain`)).toBe('EINVAL');
  });

  it('apmask with a newly reserved APQN of an mdev is EBUSY and says which', () => {
    const host = new TypedHost();
    host.echo('-5', `${BUS}/apmask`);
    host.echo(UUID1, CREATE);
    host.setUp(UUID1, { assign_adapter: [5], assign_domain: [4] });
    expect(host.echo('+5', `${BUS}/apmask`)).toBe('EBUSY');
    expect(host.driver('05.0004')).toBe('vfio_ap');
    expect(host.log().join()).toContain(
      'Can not reserve queue 05.0004 for host driver: in use by mdev',
    );
    expect(host.echo('4', `${MATRIX}/${UUID1}/unassign_domain`)).toBe('ok');
    expect(host.echo('+5', `${BUS}/apmask`)).toBe('ok');
    expect(host.driver('05.0004')).toBe('cex4queue');
  });

  it('an unchanged mask is a success without an event', () => {
    const host = new TypedHost();
    const before = host.host.journal.uevents.length;
    expect(host.echo('+5', `${BUS}/apmask`)).toBe('ok');
    expect(host.host.journal.uevents.length).toBe(before);
  });

  it('bind by hand to the side that does not own the queue is ENODEV, and doc-v6 takes it', () => {
    for (const [profile, outcome] of [
      ['current', 'ENODEV'],
      ['doc-v6', 'ok'],
    ] as const) {
      const host = new TypedHost({ profile });
      host.echo('05.0004', `${BUS}/drivers/cex4queue/unbind`);
      expect(host.echo('05.0004', `${BUS}/drivers/vfio_ap/bind`), profile).toBe(outcome);
    }
  });

  it('bind of a queue to the default driver is EINVAL while its card has no driver', () => {
    const host = new TypedHost();
    expect(host.echo('card05', `${BUS}/drivers/cex4card/unbind`)).toBe('ok');
    host.echo('05.0004', `${BUS}/drivers/cex4queue/unbind`);
    expect(host.echo('05.0004', `${BUS}/drivers/cex4queue/bind`)).toBe('EINVAL');
    expect(host.echo('05.0004', `${BUS}/drivers_probe`)).toBe('ok');
    expect(host.driver('05.0004')).toBeNull();
  });

  it('scans has no effect before the first scan', () => {
    const host = new TypedHost();
    host.host.bus.scans = 0;
    expect(host.echo('1', `${BUS}/scans`)).toBe('ok');
    expect(host.cat(`${BUS}/scans`)).toBe('0\n');
  });

  it('poll_thread stays off if interrupts are used', () => {
    const host = new TypedHost({}, goldenPartition({ facilities: [12, 15, 65] }));
    expect(host.echo('1', `${BUS}/poll_thread`)).toBe('ok');
    expect(host.cat(`${BUS}/poll_thread`)).toBe('0\n');
  });
});

describe('a uevent', () => {
  it.each<[string, (host: TypedHost) => void, string]>([
    ['follows the first scan', () => {}, 'change /devices/ap INITSCAN=done'],
    ['follows complete bindings', () => {}, 'change /devices/ap BINDINGS=complete COMPLETECOUNT=1'],
    [
      'tells a new card',
      () => {},
      'add /devices/ap/card06 DEVTYPE=ap_card DEV_TYPE=000E MODALIAS=ap:t0E MODE=accel',
    ],
    [
      'tells a new EP11 queue',
      () => {},
      'add /devices/ap/card0a/0a.0004 DEVTYPE=ap_queue MODE=ep11',
    ],
    [
      'tells which driver took a queue',
      () => {},
      'bind /devices/ap/card0a/0a.0004 DEVTYPE=ap_queue DRIVER=cex4queue MODE=ep11',
    ],
    [
      'tells a lost driver without MODALIAS',
      (h) => h.echo('card05', `${BUS}/drivers/cex4card/unbind`),
      'unbind /devices/ap/card05 DEVTYPE=ap_card DEV_TYPE=000E MODE=cca',
    ],
    [
      'tells a new apmask',
      (h) => h.echo('0x0', `${BUS}/apmask`),
      `change /devices/ap APMASK=0x${'0'.repeat(64)}\n`,
    ],
    [
      'tells a new aqmask',
      (h) => h.echo('0x0', `${BUS}/aqmask`),
      `change /devices/ap AQMASK=0x${'0'.repeat(64)}\n`,
    ],
    [
      'tells that a card went offline',
      (h) => h.echo('0', '/sys/devices/ap/card05/online'),
      'change /devices/ap/card05 ONLINE=0 DEVTYPE=ap_card DRIVER=cex4card DEV_TYPE=000E MODALIAS=ap:t0E MODE=cca',
    ],
    [
      'tells that a card was deconfigured',
      (h) => h.echo('0', '/sys/devices/ap/card05/config'),
      'change /devices/ap/card05 CONFIG=0 DEVTYPE=ap_card DRIVER=cex4card DEV_TYPE=000E MODALIAS=ap:t0E MODE=cca',
    ],
  ])('%s', (_, act, expected) => {
    const host = new TypedHost();
    act(host);
    const lines = host.host.journal.uevents.map((e) =>
      [e.action, e.path, ...e.keys.map(([k, v]) => `${k}=${v}`)].join(' '),
    );
    expect(lines).toContain(expected);
  });
});
