// SPDX-License-Identifier: Apache-2.0
// mdevs of both types as user tools see them: what the attributes of a definition lead to, and the attributes that lead to an existing
// mdev.
// Source: docs/reference/vfio-ap.md sections 7.3 and 8.3 (V-04, V-13).
import { andNot, bitsOf, emptyMask, type Mask, maskOf, setBit } from '../ap-bus/mask.ts';
import { hexToMask, kstrtoul } from '../ap-bus/number-syntax.ts';
import { MDEV_TYPE } from '../vfio-ap/files.ts';
import { VIRTUAL_MDEV_TYPE } from '../vfio-ap/virtual/files.ts';
import {
  emptyMap,
  parseMapping,
  realMask,
  type VirtualMap,
  withMapping,
  withoutMapping,
} from '../vfio-ap/virtual/map.ts';
import { namesIn, readLine } from './command.ts';
import type { Sysfs } from './sysfs.ts';

export const MATRIX_PATH = '/sys/devices/vfio_ap/matrix';
export const TYPES_PATH = `${MATRIX_PATH}/mdev_supported_types`;
export const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const MAX_NUMBER = 255;

/** One attribute of a definition: an object with one pair. Their order is that of the definition. */
export type AttributePair = Readonly<Record<string, string>>;

/** Real numbers that an mdev has: its own, or those behind its virtual ones. */
export interface RealMatrix {
  readonly apm: Mask;
  readonly aqm: Mask;
  readonly adm: Mask;
}

const emptyMatrix = (): RealMatrix => ({
  apm: emptyMask(),
  aqm: emptyMask(),
  adm: emptyMask(),
});

/** UUIDs of the active mdevs. */
export const activeMdevs = (sysfs: Sysfs): string[] => namesIn(sysfs, MATRIX_PATH, UUID_PATTERN);

/** The type of an active mdev; virtual ones have the file `map`. */
export const typeOf = (sysfs: Sysfs, uuid: string): string =>
  sysfs.exists(`${MATRIX_PATH}/${uuid}/map`) ? VIRTUAL_MDEV_TYPE : MDEV_TYPE;

const pairOf = (pair: AttributePair): readonly [string, string] =>
  Object.entries(pair)[0] ?? ['', ''];

const TARGETS: Readonly<Record<string, readonly [keyof RealMatrix, boolean]>> = {
  assign_adapter: ['apm', true],
  assign_domain: ['aqm', true],
  assign_control_domain: ['adm', true],
  unassign_adapter: ['apm', false],
  unassign_domain: ['aqm', false],
  unassign_control_domain: ['adm', false],
};

/** The matrix that attributes of a type lead to, or the message of the first that is wrong. */
export const matrixOf = (
  attrs: readonly AttributePair[],
  type: string = MDEV_TYPE,
): RealMatrix | string =>
  type === VIRTUAL_MDEV_TYPE ? virtualMatrixOf(attrs) : ownMatrixOf(attrs);

function ownMatrixOf(attrs: readonly AttributePair[]): RealMatrix | string {
  const wanted = emptyMatrix();
  for (const pair of attrs) {
    const [name, value] = pairOf(pair);
    if (name === 'ap_config') {
      const masks = value.split(',').map((field) => hexToMask(field));
      if (masks.length !== 3) return `Invalid ap_config '${value}'`;
      for (const [i, part] of (['apm', 'aqm', 'adm'] as const).entries()) {
        const parsed = masks[i];
        if (parsed === undefined || !parsed.ok) return `Invalid ap_config '${value}'`;
        wanted[part].set(parsed.value);
      }
      continue;
    }
    const target = Object.hasOwn(TARGETS, name) ? TARGETS[name] : undefined;
    const parsed = kstrtoul(value);
    if (target === undefined) return `Unknown attribute '${name}'`;
    if (!parsed.ok || parsed.value > MAX_NUMBER) return `Invalid value '${value}' of ${name}`;
    const [part, set] = target;
    if (set) setBit(wanted[part], parsed.value);
    else wanted[part].set(andNot(wanted[part], maskOf([parsed.value])));
  }
  return wanted;
}

const MAPPED: Readonly<Record<string, readonly ['adapter' | 'domain', boolean]>> = {
  assign_adapter: ['adapter', true],
  assign_domain: ['domain', true],
  unassign_adapter: ['adapter', false],
  unassign_domain: ['domain', false],
};
/** Attributes of virtual mdevs that change no map. */
const SETTINGS: readonly string[] = ['choice', 'allow_secure'];

function virtualMatrixOf(attrs: readonly AttributePair[]): RealMatrix | string {
  let map: VirtualMap = emptyMap();
  for (const pair of attrs) {
    const [name, value] = pairOf(pair);
    if (SETTINGS.includes(name)) continue;
    const target = Object.hasOwn(MAPPED, name) ? MAPPED[name] : undefined;
    if (target === undefined) return `Unknown attribute '${name}' of ${VIRTUAL_MDEV_TYPE}`;
    const [axis, assigns] = target;
    const parsed = parseMapping(value);
    const numbers = parsed.ok ? [parsed.value.virtual, ...parsed.value.real] : [];
    const bare = numbers.length < 2 && assigns;
    if (!parsed.ok || bare || numbers.some((n) => n > MAX_NUMBER))
      return `Invalid value '${value}' of ${name} (expected VIRTUAL:REAL[,REAL…], such as 4:3,22,254)`;
    const change = assigns ? withMapping : withoutMapping;
    map = { ...map, [axis]: change(map[axis], parsed.value) };
  }
  return { ...emptyMatrix(), apm: realMask(map.adapter), aqm: realMask(map.domain) };
}

/** Lines of a file of an active mdev, without empty ones. */
const linesOf = (sysfs: Sysfs, uuid: string, file: string): string[] => {
  const result = sysfs.read(`${MATRIX_PATH}/${uuid}/${file}`);
  return result.ok ? result.text.split('\n').filter((line) => line !== '') : [];
};

/** The real matrix of an active mdev, from its files. */
export function activeMatrix(sysfs: Sysfs, uuid: string): RealMatrix {
  if (typeOf(sysfs, uuid) === VIRTUAL_MDEV_TYPE) {
    const { adapter, domain } = activeMap(sysfs, uuid);
    return { ...emptyMatrix(), apm: realMask(adapter), aqm: realMask(domain) };
  }
  const wanted = emptyMatrix();
  for (const line of linesOf(sysfs, uuid, 'matrix')) {
    const [apid = '', apqi = ''] = line.split('.');
    if (apid !== '') setBit(wanted.apm, Number.parseInt(apid, 16));
    if (apqi !== '') setBit(wanted.aqm, Number.parseInt(apqi, 16));
  }
  for (const line of linesOf(sysfs, uuid, 'control_domains'))
    setBit(wanted.adm, Number.parseInt(line, 16));
  return wanted;
}

/** What an active virtual mdev maps, from its file `map`: `04.0000: 03.0008 …`. */
function activeMap(sysfs: Sysfs, uuid: string): VirtualMap {
  let map: VirtualMap = emptyMap();
  for (const line of linesOf(sysfs, uuid, 'map')) {
    const [virtual, ...real] = line.replace(':', '').split(' ').map(numbersOf);
    if (virtual === undefined) continue;
    const add = (axis: 'adapter' | 'domain', part: 0 | 1) =>
      withMapping(map[axis], { virtual: virtual[part], real: real.map((one) => one[part]) });
    map = { adapter: add('adapter', 0), domain: add('domain', 1) };
  }
  return map;
}

const numbersOf = (apqn: string): readonly [number, number] => {
  const [apid = '', apqi = ''] = apqn.split('.');
  return [Number.parseInt(apid, 16), Number.parseInt(apqi, 16)];
};

/** Attributes that make an active mdev as it is: adapters, domains, control domains; settings that are not the default. */
export function attributesOf(sysfs: Sysfs, uuid: string): AttributePair[] {
  if (typeOf(sysfs, uuid) === VIRTUAL_MDEV_TYPE) return virtualAttributesOf(sysfs, uuid);
  const { apm, aqm, adm } = activeMatrix(sysfs, uuid);
  return [
    ...bitsOf(apm).map((n) => ({ assign_adapter: String(n) })),
    ...bitsOf(aqm).map((n) => ({ assign_domain: String(n) })),
    ...bitsOf(adm).map((n) => ({ assign_control_domain: String(n) })),
  ];
}

function virtualAttributesOf(sysfs: Sysfs, uuid: string): AttributePair[] {
  const { adapter, domain } = activeMap(sysfs, uuid);
  const get = (file: string): string => readLine(sysfs, `${MATRIX_PATH}/${uuid}/${file}`) ?? '';
  const choice = /\[(\w+)\]/.exec(get('choice'))?.[1] ?? 'least';
  return [
    ...[...adapter].map(([virtual, real]) => ({ assign_adapter: `${virtual}:${real}` })),
    ...[...domain].map(([virtual, real]) => ({ assign_domain: `${virtual}:${real}` })),
    ...(choice === 'least' ? [] : [{ choice }]),
    ...(get('allow_secure') === '1' ? [{ allow_secure: '1' }] : []),
  ];
}
