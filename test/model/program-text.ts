// SPDX-License-Identifier: Apache-2.0
// A generated sequence as an AP program, with its machine as a configuration file in comments.
// Source: docs/design.md sections 5 and 6.

import type { Operation } from '../vectors/operations.ts';
import type { Fault, GuestConfig, MachinePreset, Masks } from '../vectors/under-test.ts';

const hexByte = (n: number) => `0x${n.toString(16).padStart(2, '0')}`;
const list = (ids: readonly number[]) => `[${ids.map(hexByte).join(', ')}]`;
const us = (ns: number) => `${ns / 1000}us`;
const apqnText = (apqn: number) =>
  `${(apqn >> 8).toString(16).padStart(2, '0')}.${(apqn & 0xff).toString(16).padStart(4, '0')}`;

function masksText(masks: Masks): string {
  return `apm ${list(masks.apm)} aqm ${list(masks.aqm)} adm ${list(masks.adm)}`;
}

function guestLines(guest: GuestConfig): string[] {
  const secure = guest.secureExecution;
  const { format, apcb0, apcb1 } = guest.crycb;
  const used = format === 2 ? apcb1 : apcb0;
  return [
    `  ${guest.name}:`,
    `    vcpus: ${guest.vcpus}`,
    `    apie: ${guest.apie}`,
    `    facilities: [${guest.facilities.join(', ')}]`,
    `    # CRYCB format ${format}; APCB0 ${masksText(apcb0)}; APCB1 ${masksText(apcb1)}`,
    `    mdev: { adapters: ${list(used.apm)}, domains: ${list(used.aqm)}, controlDomains: ${list(used.adm)} }`,
    ...(secure ? [`    secureExecution: { secrets: ${list(secure.secrets)} }`] : []),
  ];
}

/** The machine in the words of a configuration file; what that format does not know stands in comments. */
export function configText(preset: MachinePreset): string {
  const { machine, guests } = preset;
  const { rapqNs, zapqNs, aqicNs, assocNs } = machine.timing;
  const adapters = machine.adapters.map(
    (a) =>
      `    ${hexByte(a.apid)}: { type: ${a.type}, mode: ${a.mode}, functions: 0x${a.functions.toString(16)}, ` +
      `depth: ${a.depth}, ml: ${a.ml}, nd: ${a.nd}, service: { fixed: ${us(a.serviceNs)} } }`,
  );
  const lines = [
    'apemu: 1',
    'machine:',
    `  # AP ${machine.apInstalled ? 'installed' : 'not installed'}, APXA ${machine.apxa}, QCI flags ${JSON.stringify(machine.qciFlags)}, na ${machine.na}, nd ${machine.nd}`,
    `  # CC 2 ${JSON.stringify(machine.cc2 ?? 'off')}, parts ${machine.partsAllowed}, association ${us(assocNs)}, host facilities [${guests[0].facilities.join(', ')}]`,
    `  timing: { rapq: ${us(rapqNs)}, zapq: ${us(zapqNs)}, aqic: ${us(aqicNs)} }`,
    '  adapters:',
    ...adapters,
    `  usageDomains: ${list(machine.usageDomains)}`,
    `  controlDomains: ${list(machine.controlDomains)}`,
    'guests:',
    ...guests.slice(1).flatMap(guestLines),
  ];
  return lines.join('\n');
}

function faultText(preset: MachinePreset, fault: Fault): string {
  let where = 'any';
  if (fault.apqn !== undefined) where = apqnText(fault.apqn);
  else if (fault.guest !== undefined) where = preset.guests[fault.guest].name;
  const what = fault.rc === undefined ? 'cc=2' : `rc=${fault.rc.toString(16).padStart(2, '0')}`;
  return `fault: ${where} on=${fault.on} ${what} count=${fault.count}`;
}

function operationLines(preset: MachinePreset, operation: Operation): string[] {
  const who = (guest: number, vcpu = 0) =>
    guest === 0 ? 'host' : `${preset.guests[guest].name}.${vcpu}`;
  switch (operation.op) {
    case 'instruction': {
      const at = who(operation.guest, operation.vcpu);
      const word = operation.word.toString(16).padStart(8, '0');
      const loaded = new Map(operation.gr);
      const gr = [...loaded].map(([n, value]) => ` gr${n}=${value.toString(16)}`).join('');
      const mode = operation.addressingMode;
      const special = operation.problem || mode !== 64;
      const before = [`${at}: psw p=${operation.problem ? 1 : 0} am=${mode}`];
      const after = [`${at}: psw p=0 am=64`];
      const line = `${at}: insn ${word}${gr}`;
      return special ? [...before, line, ...after] : [line];
    }
    case 'write':
      return [
        `${who(operation.guest)}: mem 0x${operation.address.toString(16)} = ${Buffer.from(operation.bytes).toString('hex')}`,
      ];
    case 'advance':
      return [`clock: advance ${us(operation.ns)}`];
    case 'masks':
      return [
        `# masks of ${who(operation.guest)}: APCB${operation.apcb} ${masksText(operation.masks)}`,
      ];
    case 'busy':
      return [`lpar: busy ${apqnText(operation.apqn)} ${us(operation.ns)}`];
    case 'fault':
      return [faultText(preset, operation.fault)];
    default:
      return [`lpar: ${operation.op} ${hexByte(operation.apid)}`];
  }
}

/** The whole sequence as text. */
export function programText(preset: MachinePreset, operations: readonly Operation[]): string {
  const config = configText(preset)
    .split('\n')
    .map((line) => `# ${line}`);
  return [
    'apemu-program 1',
    ...config,
    ...operations.flatMap((operation) => operationLines(preset, operation)),
    '',
  ].join('\n');
}
