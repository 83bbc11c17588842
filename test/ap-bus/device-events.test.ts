// SPDX-License-Identifier: Apache-2.0
// What user space is told of devices, and asks to be told: events in their order, and `uevent` files.
// Source: docs/reference/vfio-ap.md section 3.4a; the extended recordings show the same on three kernels.
import { describe, expect, it } from 'vitest';
import { ueventText } from '../../src/ap-bus/events.ts';
import { BUS, CREATE, MATRIX, TypedHost, UUID1 } from '../vfio-ap/typed.ts';

const CARD = '/sys/devices/ap/card05';
const M1 = `${MATRIX}/${UUID1}`;

/** Events that `act` causes, as a netlink socket has them. */
function told(host: TypedHost, act: () => unknown): string[] {
  const texts: string[] = [];
  const stop = host.host.journal.onUevent((event) => texts.push(ueventText(event)));
  act();
  stop();
  return texts;
}

/** First lines of events: `action@path`. */
const heads = (texts: readonly string[]): string[] => texts.map((text) => text.split('\n')[0]);

describe('14.A3: events', () => {
  it('of a card that leaves: its queues in the order in which they came, then the card', () => {
    const host = new TypedHost();
    const { partition } = host;
    // 05.00ab goes and comes back, so that it is the last of its card.
    partition.setConfiguration([0x05, 0x06], [0x04, 0x47], [0x04]);
    host.echo('1', `${BUS}/scans`);
    partition.setConfiguration([0x05, 0x06], [0x04, 0x47, 0x02], [0x04]);
    host.echo('1', `${BUS}/scans`);
    partition.setConfiguration([0x06], [0x04, 0x47, 0x02], [0x04]);
    const removed = heads(told(host, () => host.echo('1', `${BUS}/scans`)));
    expect(removed.filter((head) => head.startsWith('remove@'))).toEqual([
      'remove@/devices/ap/card05/05.0004',
      'remove@/devices/ap/card05/05.0047',
      'remove@/devices/ap/card05/05.0002',
      'remove@/devices/ap/card05',
    ]);
  });

  it.each([
    ['current', [true, false, true]],
    ['linux-6.1', [true, true, true]],
  ] as const)(
    'of complete bindings in %s: after a probe, after another, and when the configuration has gained something',
    (profile, expected) => {
      const host = new TypedHost({ profile });
      const complete = (act: () => unknown): boolean =>
        told(host, act).some((text) => text.includes('BINDINGS=complete'));
      const rebind = (): void => {
        host.echo('05.0004', `${BUS}/drivers/cex4queue/unbind`);
        host.echo('05.0004', `${BUS}/drivers/cex4queue/bind`);
      };
      const scan = (): unknown => host.echo('1', `${BUS}/scans`);
      rebind();
      const first = profile === 'current' ? complete(scan) : complete(rebind);
      const again = profile === 'current' ? complete(scan) : complete(rebind);
      host.partition.setConfiguration([0x05, 0x06, 0x0a], [0x04], [0x04]);
      scan();
      host.partition.setConfiguration([0x05, 0x06, 0x0a, 0x21], [0x04], [0x04]);
      expect([first, again, complete(scan)]).toEqual(expected);
    },
  );

  it('of an mdev: its own, those of its vfio group and device, and of its driver, and the way back', () => {
    const host = new TypedHost();
    expect(told(host, () => host.echo(UUID1, CREATE))).toEqual([
      `add@/devices/vfio_ap/matrix/${UUID1}\nACTION=add\nDEVPATH=/devices/vfio_ap/matrix/${UUID1}\nSUBSYSTEM=mdev`,
      'add@/devices/virtual/vfio/0\nACTION=add\nDEVPATH=/devices/virtual/vfio/0\nSUBSYSTEM=vfio\nMAJOR=254\nMINOR=0\nDEVNAME=vfio/0',
      `add@/devices/vfio_ap/matrix/${UUID1}/vfio-dev/vfio0\nACTION=add\nDEVPATH=/devices/vfio_ap/matrix/${UUID1}/vfio-dev/vfio0\nSUBSYSTEM=vfio-dev`,
      `bind@/devices/vfio_ap/matrix/${UUID1}\nACTION=bind\nDEVPATH=/devices/vfio_ap/matrix/${UUID1}\nSUBSYSTEM=mdev\nDRIVER=vfio_ap_mdev`,
    ]);
    expect(host.host.sysfs.list(`${M1}/vfio-dev`)).toEqual({ ok: true, names: ['vfio0'] });
    expect(heads(told(host, () => host.echo('1', `${M1}/remove`)))).toEqual([
      `remove@/devices/vfio_ap/matrix/${UUID1}/vfio-dev/vfio0`,
      'remove@/devices/virtual/vfio/0',
      `unbind@/devices/vfio_ap/matrix/${UUID1}`,
      `remove@/devices/vfio_ap/matrix/${UUID1}`,
    ]);
  });
});

describe('14.A4: the file uevent', () => {
  it.each([
    [CARD, 'DEVTYPE=ap_card\nDRIVER=cex4card\nDEV_TYPE=000E\nMODALIAS=ap:t0E\nMODE=cca\n'],
    [`${CARD}/05.0004`, 'DEVTYPE=ap_queue\nDRIVER=cex4queue\nMODE=cca\n'],
    [`${BUS}/devices/06.0004`, 'DEVTYPE=ap_queue\nDRIVER=cex4queue\nMODE=accel\n'],
    [`${BUS}/devices/0a.0004`, 'DEVTYPE=ap_queue\nDRIVER=cex4queue\nMODE=ep11\n'],
    [MATRIX, 'DRIVER=vfio_ap\n'],
  ])('of %s reads %j', (device, text) => {
    expect(new TypedHost().cat(`${device}/uevent`)).toBe(text);
  });

  it('has no driver where there is none', () => {
    const host = new TypedHost();
    host.echo('05.0004', `${BUS}/drivers/cex4queue/unbind`);
    expect(host.cat(`${CARD}/05.0004/uevent`)).toBe('DEVTYPE=ap_queue\nMODE=cca\n');
  });

  const ID = '1f3c6a2e-0000-4000-8000-0000000000aa';

  it.each([
    ['change', ['SYNTH_UUID=0']],
    [`add ${ID}`, [`SYNTH_UUID=${ID}`]],
    [`change ${ID} A=1 B=two`, [`SYNTH_UUID=${ID}`, 'SYNTH_ARG_A=1', 'SYNTH_ARG_B=two']],
  ])('takes %j and sends that event', (text, own) => {
    const host = new TypedHost();
    const queue = `${CARD}/05.0004/uevent`;
    const [action] = text.split(' ');
    const path = '/devices/ap/card05/05.0004';
    for (const end of ['', '\n'])
      expect(told(host, () => expect(host.write(queue, `${text}${end}`)).toBe('ok'))).toEqual([
        [
          `${action}@${path}`,
          ...[`ACTION=${action}`, `DEVPATH=${path}`, 'SUBSYSTEM=ap'],
          ...own,
          ...['DEVTYPE=ap_queue', 'DRIVER=cex4queue', 'MODE=cca'],
        ].join('\n'),
      ]);
  });

  it.each([
    'changed',
    'Change',
    ' change',
    'change ',
    'change 0',
    `change ${ID} A`,
    `change ${ID} A=`,
    `change ${ID} A-B=1`,
    `change ${ID}  A=1`,
    'change\n\n',
  ])('refuses %j with EINVAL and sends nothing', (text) => {
    const host = new TypedHost();
    for (const device of [CARD, `${CARD}/05.0004`, MATRIX, BUS, `${BUS}/drivers/vfio_ap`]) {
      const write = (): unknown => expect(host.write(`${device}/uevent`, text)).toBe('EINVAL');
      expect(told(host, write), device).toEqual([]);
    }
  });
});
