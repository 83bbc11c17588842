// SPDX-License-Identifier: Apache-2.0
// 10,000 malformed strings to every writable file: nothing throws, nothing sleeps, a refused write changes nothing, and what is
// accepted is in the file's grammar (written here as regular expressions, not taken from the parsers).
import { describe, expect, it } from 'vitest';
import { bitsOf } from '../../src/ap-bus/mask.ts';
import { random } from '../vfio-ap/sequences.ts';
import { BUS, CREATE, MATRIX, TypedHost, UUID1, UUID2 } from '../vfio-ap/typed.ts';

const STRINGS = 10_000;
/** Refused writes between two looks at the whole state. */
const CHECK_EVERY = 20;
const M1 = `${MATRIX}/${UUID1}`;
const CARD = '/sys/devices/ap/card0a';
const QUEUE = `${CARD}/0a.0004`;
const ZCRYPT = '/sys/class/zcrypt';
const RANDOM = '/sys/class/misc/hw_random';
const DBF = '/sys/kernel/debug/s390dbf';

const NUMBER = /^\+?(0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*)\n?$/i;
const SCANNED = /^[\s\xa0]*-?[0-9]/;
const BOOLEAN = /^([ytnf01]|o[nf])/i;
const HEX_MASK = /^(0?x)?[0-9a-f]{0,64}\n?$/i;
const RELATIVE =
  /^([+-](0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*)(-(0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*))?[,\n]*)+$/i;
const MASK = { test: (t: string) => HEX_MASK.test(t) || RELATIVE.test(t) };
const CONFIG = { test: (t: string) => t.slice(0, 201).split(/[,\n]/).length >= 3 };
const QUEUE_NAME = /^[0-9a-f]{2}\.[0-9a-f]{4}\n?$/;
const DEVICE_NAME = /^([0-9a-f]{2}\.[0-9a-f]{4}|card[0-9a-f]{2})\n?$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}[\s\S]?$/i;
const ANY = /^[\s\S]*$/;
const GENERATOR = /^(zcrypt|none)?\n?$/;
const DEBUG_PAGES = /^[\s\xa0]*[0-9]*\n?$/;
const DEBUG_LEVEL = { test: (t: string) => t.startsWith('-') || DEBUG_PAGES.test(t) };

/** Path, what it may accept, and well-formed texts to damage. */
const FILES: readonly [string, { test(text: string): boolean }, readonly string[]][] = [
  [`${BUS}/apmask`, MASK, ['-5,+6\n', `0x${'f'.repeat(64)}\n`, '+0-255']],
  [`${BUS}/aqmask`, MASK, ['-4,+0x47\n', '+0xab-0xac', '0x08']],
  [`${BUS}/ap_domain`, SCANNED, ['4\n', '0x47']],
  [`${BUS}/config_time`, SCANNED, ['30\n', '120']],
  [`${BUS}/poll_thread`, BOOLEAN, ['1\n', 'off']],
  [`${BUS}/poll_timeout`, NUMBER, ['250000\n', '0x10']],
  [`${BUS}/scans`, ANY, ['1\n']],
  [`${BUS}/drivers_autoprobe`, ANY, ['1\n']],
  [`${BUS}/drivers_probe`, DEVICE_NAME, ['0a.0004\n', 'card0a']],
  [`${BUS}/drivers/vfio_ap/bind`, QUEUE_NAME, ['05.0004\n', '06.00ab']],
  [`${BUS}/drivers/vfio_ap/unbind`, QUEUE_NAME, ['05.00ff\n', '06.0047']],
  [`${BUS}/drivers/cex4queue/bind`, QUEUE_NAME, ['0a.0004\n', '21.0047']],
  [`${BUS}/drivers/cex4queue/unbind`, QUEUE_NAME, ['0a.0004\n', '21.0047']],
  [`${BUS}/drivers/cex4card/bind`, DEVICE_NAME, ['card0a\n']],
  [`${BUS}/drivers/cex4card/unbind`, DEVICE_NAME, ['card0a\n']],
  [`${CARD}/config`, SCANNED, ['1\n', '0']],
  [`${CARD}/online`, SCANNED, ['1\n', '0']],
  [`${CARD}/request_count`, ANY, ['1\n']],
  [`${QUEUE}/online`, SCANNED, ['1\n', '0']],
  [`${QUEUE}/request_count`, ANY, ['1\n']],
  [`${QUEUE}/reset`, ANY, ['1\n']],
  [`${QUEUE}/driver_override`, ANY, ['cex4queue\n', '\n']],
  [`${QUEUE}/se_bind`, BOOLEAN, ['1\n', '0']],
  [`${QUEUE}/se_associate`, NUMBER, ['1\n']],
  [CREATE, UUID, [`${UUID1}\n`, '33333333-0000-4000-8000-000000000000']],
  ...['assign', 'unassign'].flatMap((verb) =>
    ['adapter', 'domain', 'control_domain'].map((what): [string, RegExp, readonly string[]] => [
      `${M1}/${verb}_${what}`,
      NUMBER,
      ['5\n', '0x47'],
    ]),
  ),
  [`${M1}/ap_config`, CONFIG, ['0x04,0x08,0x08\n', ',,', `0x${'0'.repeat(64)},0x,0x`]],
  [`${M1}/remove`, NUMBER, ['1\n', '0']],
  [`${ZCRYPT}/create`, ANY, ['own\n', '']],
  [`${ZCRYPT}/destroy`, ANY, ['custom\n']],
  ...['ioctlmask', 'apmask', 'aqmask', 'admask'].map(
    (mask): [string, typeof MASK, readonly string[]] => [
      `${ZCRYPT}/custom/${mask}`,
      MASK,
      ['+5,-6\n', `0x${'f'.repeat(64)}\n`],
    ],
  ),
  [`${RANDOM}/rng_current`, GENERATOR, ['zcrypt\n', 'none']],
  [`${RANDOM}/rng_quality`, NUMBER, ['990\n', '0x40']],
  ...['ap', 'pkey', 'vfio_ap', 'zcrypt'].flatMap(
    (area): [string, { test(text: string): boolean }, readonly string[]][] => [
      [`${DBF}/${area}/level`, DEBUG_LEVEL, ['6\n', '-']],
      [`${DBF}/${area}/pages`, DEBUG_PAGES, ['4\n', '16']],
      [`${DBF}/${area}/flush`, ANY, ['-\n', '0']],
    ],
  ),
];

function start(): TypedHost {
  const host = new TypedHost();
  host.echo('-5,-6', `${BUS}/apmask`);
  host.setUp(UUID1, { assign_adapter: [5], assign_domain: [4], assign_control_domain: [9] });
  host.setUp(UUID2, { assign_adapter: [6], assign_domain: [4, 0x47] });
  host.echo('custom', `${ZCRYPT}/create`);
  return host;
}

/** Everything a write could change, as text. */
function digest(host: TypedHost): string {
  const { bus, matrix } = host.host;
  const devices = [...bus.devices].map(
    (d) => `${d.name}${d.driver?.name}${d.config}${d.zcrypt?.online}`,
  );
  const mdevs = matrix.mdevs.flatMap((m) =>
    [m.matrix, m.shadow].flatMap(({ apm, aqm, adm }) => [
      m.uuid,
      bitsOf(apm),
      bitsOf(aqm),
      bitsOf(adm),
    ]),
  );
  const scalars = [
    bus.defaultDomain,
    bus.configTimeS,
    bus.pollTimeoutNs,
    bus.pollThread,
    bus.scans,
  ];
  return [
    ...devices,
    ...mdevs,
    ...scalars,
    bus.apmask,
    bus.aqmask,
    bus.autoprobe,
    bus.overrides,
    JSON.stringify(bus.requests.save()),
    JSON.stringify(bus.journal.areas.save()),
  ].join();
}

const ALPHABET = '0123456789abcdefxXgG+-,. \n\t\0oOnNyYé\u{1f600}\x7f_/';

/** A damaged text. */
function damaged(next: () => number, seeds: readonly string[]): string {
  const pick = (from: string): string => [...from][Math.floor(next() * [...from].length)];
  if (next() < 0.02) return pick(ALPHABET).repeat(1 + Math.floor(next() * 9000));
  let text = next() < 0.3 ? '' : seeds[Math.floor(next() * seeds.length)];
  for (let edits = 1 + Math.floor(next() * 3); edits > 0; edits--) {
    const at = Math.floor(next() * (text.length + 1));
    const roll = next();
    if (roll < 0.5) text = text.slice(0, at) + pick(ALPHABET) + text.slice(at);
    else if (roll < 0.75) text = text.slice(0, at) + text.slice(at + 1);
    else text = text.slice(0, at) + pick(ALPHABET) + text.slice(at + 1);
  }
  return text;
}

describe(`${STRINGS} damaged texts`, () => {
  it('go to every writable file there is', () => {
    const { sysfs } = start().host;
    const covered = new Set(
      FILES.map(([path]) => sysfs.realpath(path)).map((r) => (r.ok ? r.text : '')),
    );
    const missing: string[] = [];
    const walk = (path: string): void => {
      const status = sysfs.lstat(path);
      if (!status.ok || status.kind === 'link') return;
      if (status.kind === 'dir') {
        const listing = sysfs.list(path);
        if (listing.ok) for (const name of listing.names) walk(`${path}/${name}`);
      } else if ((status.mode & 0o200) !== 0 && !path.endsWith('/uevent')) {
        const like = path
          .replace(/card(05|06|21)/, 'card0a')
          .replace(/\/(05|06|0a|21)\.[0-9a-f]{4}\//, '/0a.0004/')
          .replace(UUID2, UUID1);
        if (!covered.has(like)) missing.push(path);
      }
    };
    walk('/sys');
    expect(missing).toEqual([]);
  });

  it.each(FILES)('%s refuses without a trace or accepts by its grammar', (path, grammar, seeds) => {
    const next = random(path.length * 7919);
    let host = start();
    let before = digest(host);
    for (let i = 0; i < STRINGS; i++) {
      const text = damaged(next, seeds);
      const at = `string ${i}: ${JSON.stringify(text.slice(0, 80))}`;
      // One write of a page at most; it ends without sleeping.
      const step = host.host.sysfs.write(path, text.slice(0, 4096)).next();
      if (step.done !== true) throw new Error(`${at} sleeps`);
      if (step.value === 'ok' && text !== '') {
        const cut = text.slice(0, 4096).split('\0')[0];
        const accepted = grammar.test(path === CREATE ? text : cut);
        if (!accepted) throw new Error(`${at} was accepted`);
        if (!host.host.sysfs.exists(path)) host = start();
        before = digest(host);
      } else if (i % CHECK_EVERY === 0 && digest(host) !== before) {
        throw new Error(
          `${at}: it or one of ${CHECK_EVERY} before it was refused, yet something changed`,
        );
      }
    }
    expect(digest(host)).toBe(before);
  });
});
