// SPDX-License-Identifier: Apache-2.0
// Sections 3.3 and 3.4: every card and queue file, its format, permissions and errors.
import { describe, expect, it } from 'vitest';
import type { HostSideOptions } from '../../src/sysfs/host-side.ts';
import { adapter, CCA, goldenPartition } from '../vfio-ap/fake-partition.ts';
import { BUS, MATRIX, TypedHost, UUID1 } from '../vfio-ap/typed.ts';

const CARD = '/sys/devices/ap/card05';
const QUEUE = `${BUS}/devices/05.0004`;
const settled = (options = {}, partition = goldenPartition()): TypedHost => {
  const host = new TypedHost(options, partition);
  host.timers.advance(100_000_000);
  return host;
};

describe('a card file is read', () => {
  it.each<[string, string]>([
    ['hwtype', '14\n'],
    ['raw_hwtype', '14\n'],
    ['depth', '8\n'],
    ['ap_functions', '0xF2000000\n'],
    ['request_count', '1\n'], // the random number generator's
    ['requestq_count', '0\n'],
    ['pendingq_count', '0\n'],
    ['modalias', 'ap:t0E\n'],
    ['config', '1\n'],
    ['chkstop', '0\n'],
    ['max_msg_size', '12288\n'],
    ['online', '1\n'],
    ['type', 'CEX8C\n'],
    ['load', '0\n'],
    ['serialnr', '\n'],
    ['API_ordinalnr', 'ENOENT'],
  ])('%s as %j', (name, text) => {
    expect(new TypedHost().cat(`${CARD}/${name}`)).toBe(text);
  });

  it.each<[string, string, string]>([
    ['card06', 'type', 'CEX8A\n'],
    ['card0a', 'type', 'CEX8P\n'],
    ['card0a', 'API_ordinalnr', '\n'],
    ['card0a', 'FW_version', '\n'],
    ['card0a', 'op_modes', '\n'],
    ['card06', 'serialnr', 'ENOENT'],
  ])('%s/%s as %j', (card, name, text) => {
    expect(new TypedHost().cat(`/sys/devices/ap/${card}/${name}`)).toBe(text);
  });

  it('depth as qd itself in linux-6.1', () => {
    expect(new TypedHost({ profile: 'linux-6.1' }).cat(`${CARD}/depth`)).toBe('7\n');
  });

  it('max_msg_size from the ml field, and a type above CEX8 as CEX8', () => {
    const partition = goldenPartition();
    partition.hardware[5] = adapter(CCA, { type: 15, ml: 5 });
    const host = new TypedHost({}, partition);
    expect(host.cat(`${CARD}/max_msg_size`)).toBe('20480\n');
    expect([host.cat(`${CARD}/hwtype`), host.cat(`${CARD}/raw_hwtype`)]).toEqual(['14\n', '15\n']);
  });
});

describe('a card file is written', () => {
  it.each<[string, string, string]>([
    ['config', '0', 'ok'],
    ['config', '2', 'EINVAL'],
    ['config', 'x', 'EINVAL'],
    ['online', '0', 'ok'],
    ['online', '2', 'EINVAL'],
    ['online', '-1', 'EINVAL'],
    ['request_count', 'anything', 'ok'],
    ['hwtype', '1', 'EACCES'],
    ['chkstop', '1', 'EACCES'],
    ['type', '1', 'EACCES'],
  ])('%s with %j: %s', (name, text, outcome) => {
    expect(new TypedHost().echo(text, `${CARD}/${name}`)).toBe(outcome);
  });

  it.each(['EIO', 'EOPNOTSUPP'] as const)(
    'config answers %s if SCLP does, and keeps its value',
    (errno) => {
      const host = new TypedHost();
      host.partition.sclp = errno;
      expect(host.echo('0', `${CARD}/config`)).toBe(errno);
      expect(host.cat(`${CARD}/config`)).toBe('1\n');
    },
  );

  it('online=1 while deconfigured or checkstopped is ENODEV', () => {
    const host = new TypedHost();
    host.echo('0', `${CARD}/config`);
    expect(host.echo('1', `${CARD}/online`)).toBe('ENODEV');
    expect(host.cat(`${CARD}/online`)).toBe('0\n');
    host.partition.hardware[6]!.checkstop = true;
    host.echo('1', `${BUS}/scans`);
    expect(host.cat('/sys/devices/ap/card06/chkstop')).toBe('1\n');
    expect(host.echo('1', '/sys/devices/ap/card06/online')).toBe('ENODEV');
  });

  it('online goes on to the queues', () => {
    const host = new TypedHost();
    host.echo('0', `${CARD}/online`);
    expect(host.cat(`${QUEUE}/online`)).toBe('0\n');
    expect(host.echo('1', `${QUEUE}/online`)).toBe('EINVAL');
    host.echo('1', `${CARD}/online`);
    expect(host.cat(`${QUEUE}/online`)).toBe('1\n');
  });
});

describe('a queue file is read', () => {
  it.each<[string, string]>([
    ['request_count', '1\n'], // the random number generator's
    ['requestq_count', '0\n'],
    ['pendingq_count', '0\n'],
    ['reset', 'No Reset Timer set.\n'],
    ['interrupt', 'Interrupts disabled.\n'],
    ['config', '1\n'],
    ['chkstop', '0\n'],
    ['ap_functions', '0xF2000000\n'],
    ['driver_override', '\n'],
    ['states', 'OPERATING [IDLE]\n'],
    ['last_err_rc', 'NORMAL\n'],
    ['online', '1\n'],
    ['load', '0\n'],
    [
      'mkvps',
      'AES NEW: - -\nAES CUR: - -\nAES OLD: - -\nAPKA NEW: - -\nAPKA CUR: - -\nAPKA OLD: - -\nASYM NEW: - -\nASYM CUR: - -\nASYM OLD: - -\n',
    ],
    ['se_bind', 'ENOENT'],
    ['se_associate', 'ENOENT'],
    ['status', 'ENOENT'],
  ])('%s as %j', (name, text) => {
    expect(settled().cat(`${QUEUE}/${name}`)).toBe(text);
  });

  it.each<[string, string]>([
    ['request_count', '-\n'],
    ['states', 'UNINITIATED\n'],
    ['status', 'unassigned\n'],
    ['online', 'ENOENT'],
    ['mkvps', 'ENOENT'],
  ])('%s as %j once the queue is bound to vfio_ap', (name, text) => {
    const host = settled();
    host.echo('-5', `${BUS}/apmask`);
    expect(host.cat(`${QUEUE}/${name}`)).toBe(text);
  });

  it('reset as in progress until TAPQ showed its end', () => {
    const host = new TypedHost();
    expect(host.cat(`${QUEUE}/reset`)).toBe('Reset in progress.\n');
    host.timers.advance(40_000_000);
    expect(host.cat(`${QUEUE}/reset`)).toBe('No Reset Timer set.\n');
  });

  it('ap_functions as EIO if TAPQ answers above 05', () => {
    const host = settled();
    host.partition.tapqScript = () => 6;
    expect(host.cat(`${QUEUE}/ap_functions`)).toBe('EIO');
  });

  it('last_err_rc and states after deconfiguration', () => {
    const host = settled();
    host.partition.deconfigure(5);
    host.echo('1', `${BUS}/scans`);
    expect(host.cat(`${QUEUE}/last_err_rc`)).toBe('DECONFIGURED\n');
    expect(host.cat(`${QUEUE}/states`)).toBe('ERROR [IDLE]\n');
    expect(host.cat(`${QUEUE}/config`)).toBe('0\n');
    host.partition.configure(5);
    host.echo('1', `${BUS}/scans`);
    host.timers.advance(40_000_000);
    expect(host.cat(`${QUEUE}/states`)).toBe('OPERATING [IDLE]\n');
  });
});

describe('a queue file is written', () => {
  it.each<[string, string, string]>([
    ['online', '0', 'ok'],
    ['online', '2', 'EINVAL'],
    ['online', 'x', 'EINVAL'],
    ['reset', 'anything', 'ok'],
    ['request_count', '5', 'ok'],
    ['se_bind', '1', 'ENOENT'],
    ['config', '1', 'EACCES'],
    ['status', '1', 'ENOENT'],
    ['driver_override', 'vfio_ap', 'ok'],
  ])('%s with %j: %s', (name, text, outcome) => {
    expect(settled().echo(text, `${QUEUE}/${name}`)).toBe(outcome);
  });

  it('online=1 while the card is deconfigured is ENODEV', () => {
    const host = settled();
    host.echo('0', `${CARD}/config`);
    expect(host.echo('1', `${QUEUE}/online`)).toBe('ENODEV');
  });

  it('reset resets a queue under the feet of vfio_ap only while it is in operation', () => {
    const host = settled();
    const before = host.partition.counts.rapq;
    host.echo('1', `${QUEUE}/reset`);
    expect(host.partition.counts.rapq).toBe(before + 1);
    host.echo('-5', `${BUS}/apmask`);
    const bound = host.partition.counts.rapq;
    expect(host.echo('1', `${QUEUE}/reset`)).toBe('ok');
    expect(host.partition.counts.rapq).toBe(bound);
  });
});

describe('se_bind and se_associate in a secure-execution guest with APSB', () => {
  const EP11 = `${BUS}/devices/0a.0004`;
  const ACCELERATOR = `${BUS}/devices/06.0004`;
  const seHost = (options: Partial<HostSideOptions> = {}, flags = 0xc0800000, bindRc = 0) => {
    const partition = goldenPartition({ flags });
    Object.assign(partition, {
      bapq: () => {
        partition.bindState = 1;
        return bindRc << 16;
      },
      aapq: () => {
        partition.bindState = 0;
        return 0;
      },
    });
    return settled({ secureExecution: true, ...options }, partition);
  };

  it('go from unbound over bound to associated, and tell it', () => {
    const host = seHost();
    host.partition.bindState = 2;
    expect(host.cat(`${EP11}/se_bind`)).toBe('unbound\n');
    expect(host.echo('1', `${EP11}/se_bind`)).toBe('ok');
    expect(host.cat(`${EP11}/se_bind`)).toBe('bound\n');
    expect(host.cat(`${EP11}/se_associate`)).toBe('unassociated\n');
    expect(host.echo('7', `${EP11}/se_associate`)).toBe('ok');
    host.timers.advance(40_000_000);
    expect(host.cat(`${EP11}/se_associate`)).toBe('associated 7\n');
    const own = host.host.journal.uevents.map((event) => event.keys[0]?.join('='));
    expect(own).toContain('SE_BIND=1');
    expect(own).toContain('SE_ASSOC=7');
  });

  it.each<[string, Partial<HostSideOptions>, number, string, string]>([
    ['not in a partition', { secureExecution: false }, 0xc0800000, EP11, 'ENOENT'],
    ['not without APSB', {}, 0xc0000000, EP11, 'ENOENT'],
    ['not for CCA', {}, 0xc0800000, QUEUE, 'ENOENT'],
    ['not in linux-6.1', { profile: 'linux-6.1' }, 0xc0800000, EP11, 'ENOENT'],
    ['for EP11', {}, 0xc0800000, EP11, 'unassociated\n'],
    ['for accelerators, which are not associated', {}, 0xc0800000, ACCELERATOR, '-\n'],
  ])('are there %s', (_what, options, flags, queue, text) => {
    const host = seHost(options, flags);
    host.partition.bindState = 2;
    expect(host.cat(`${queue}/se_associate`)).toBe(text);
    expect(host.cat(`${queue}/se_bind`)).toBe(text === 'ENOENT' ? text : 'unbound\n');
  });

  it('answer EIO when BAPQ does not end with 00, though the queue may be bound', () => {
    const host = seHost({}, 0xc0800000, 0x0a);
    host.partition.bindState = 2;
    expect(host.echo('1', `${EP11}/se_bind`)).toBe('EIO');
    expect(host.cat(`${EP11}/se_bind`)).toBe('bound\n');
  });

  it.each<[string, string, number, string]>([
    ['se_bind', 'maybe', 2, 'EINVAL'],
    ['se_bind', '1', 1, 'EINVAL'],
    ['se_associate', '65535', 1, 'EINVAL'],
    ['se_associate', '7', 2, 'EINVAL'],
    ['se_associate', '0x1ffffffffffffffff', 1, 'ERANGE'],
  ])('%s with %j in bind state %i: %s', (name, text, state, outcome) => {
    const host = seHost();
    host.partition.bindState = state;
    expect(host.echo(text, `${EP11}/${name}`)).toBe(outcome);
  });

  it('answer EBUSY while the state machine is not idle, EIO if TAPQ fails', () => {
    const host = seHost();
    host.partition.bindState = 2;
    host.echo('1', `${EP11}/reset`);
    expect(host.echo('1', `${EP11}/se_bind`)).toBe('EBUSY');
    host.partition.tapqScript = () => 0x36;
    expect(host.cat(`${EP11}/se_bind`)).toBe('EIO');
    expect(host.cat(`${EP11}/se_associate`)).toBe('EIO');
  });
});

describe('driver_override', () => {
  it('moves a queue to vfio_ap and back as section 3.4 types it', () => {
    const host = settled();
    expect(host.echo('vfio_ap', `${QUEUE}/driver_override`)).toBe('ok');
    expect(host.cat(`${QUEUE}/driver_override`)).toBe('vfio_ap\n');
    expect(host.echo('05.0004', `${QUEUE}/driver/unbind`)).toBe('ok');
    expect(host.echo('05.0004', `${QUEUE}/driver/unbind`)).toBe('ENOENT');
    expect(host.echo('05.0004', `${BUS}/drivers_probe`)).toBe('ok');
    expect(host.driver('05.0004')).toBe('vfio_ap');
    expect(host.echo('-6', `${BUS}/apmask`)).toBe('EINVAL');
    expect(host.echo('05.0004', `${QUEUE}/driver/unbind`)).toBe('ok');
    expect(host.echo('', `${QUEUE}/driver_override`)).toBe('ok');
    expect(host.echo('05.0004', `${BUS}/drivers_probe`)).toBe('ok');
    expect(host.driver('05.0004')).toBe('cex4queue');
    expect(host.echo('-6', `${BUS}/apmask`)).toBe('ok');
  });

  it('is EINVAL, untouched, if a mask is not all ones', () => {
    const host = settled();
    host.echo('-6', `${BUS}/apmask`);
    expect(host.echo('vfio_ap', `${QUEUE}/driver_override`)).toBe('EINVAL');
    expect(host.cat(`${QUEUE}/driver_override`)).toBe('\n');
  });

  it.each([
    ['vfio_ap', 'vfio_ap\n', 'EINVAL'],
    [' vfio_ap ', ' vfio_ap \n', 'EINVAL'],
    ['vfio_ap\ncex4queue', 'vfio_ap\n', 'EINVAL'],
    ['vfio_ap\0x', 'vfio_ap\n', 'EINVAL'],
    ['\nvfio_ap', '\n', 'ok'],
    ['\0', '\n', 'ok'],
  ])('%j is kept as %j; a mask edit, also one without a change, is %s then', (text, kept, mask) => {
    const host = settled();
    expect(host.write(`${QUEUE}/driver_override`, text)).toBe('ok');
    expect(host.cat(`${QUEUE}/driver_override`)).toBe(kept);
    expect(host.echo('+5', `${BUS}/apmask`)).toBe(mask);
  });

  it('of 4,094 bytes is taken, of 4,095 refused', () => {
    const host = settled();
    expect(host.write(`${QUEUE}/driver_override`, 'x'.repeat(4094))).toBe('ok');
    expect(host.write(`${QUEUE}/driver_override`, 'y'.repeat(4095))).toBe('EINVAL');
    expect(host.cat(`${QUEUE}/driver_override`)).toMatch(/^x{4094}\n$/);
  });

  it('leaves a queue to whom its driver belongs: assignment is refused while the host drives it', () => {
    const host = settled();
    host.echo('vfio_ap', `${QUEUE}/driver_override`);
    host.setUp(UUID1, { assign_adapter: [5] });
    expect(host.echo('4', `${MATRIX}/${UUID1}/assign_domain`)).toBe('EADDRNOTAVAIL');
    expect(host.echo('05.0004', `${BUS}/drivers/vfio_ap/bind`)).toBe('EBUSY');
    host.echo('05.0004', `${BUS}/drivers/cex4queue/unbind`);
    expect(host.echo('4', `${MATRIX}/${UUID1}/assign_domain`)).toBe('EADDRNOTAVAIL');
    expect(host.echo('05.0004', `${BUS}/drivers/cex4queue/bind`)).toBe('ENODEV');
    expect(host.echo('05.0004', `${BUS}/drivers/vfio_ap/bind`)).toBe('ok');
    expect(host.echo('4', `${MATRIX}/${UUID1}/assign_domain`)).toBe('ok');
  });

  it('counts for ever when its queue leaves the partition with it', () => {
    const host = settled();
    host.echo('vfio_ap', `${QUEUE}/driver_override`);
    host.partition.setConfiguration([6, 10, 33], [4], [4]);
    host.echo('1', `${BUS}/scans`);
    expect(host.cat(`${QUEUE}/driver_override`)).toBe('ENOENT');
    expect(host.echo('-6', `${BUS}/apmask`)).toBe('EINVAL');
  });

  it('does not exist before 6.19', () => {
    const host = settled({ profile: 'linux-6.12' });
    expect(host.cat(`${QUEUE}/driver_override`)).toBe('ENOENT');
  });
});
