// SPDX-License-Identifier: Apache-2.0
// chzcrypt -e, -d, --config-on and --config-off: files of cards and queues, written, read back and compared.
// Source: outputs of s390-tools 2.16 to 2.43 in test/golden/s390-tools; docs/reference/vfio-ap.md section 7.4.
import type { Operation } from '../ap-bus/operation.ts';
import { cardName, queueName } from '../s390-tools/ap-system.ts';
import type { Session } from './chzcrypt-session.ts';
import { readLine } from './command.ts';

const DEVICES = '/sys/bus/ap/devices';

/** A state to which devices are set. */
export interface DeviceChange {
  readonly file: 'online' | 'config';
  readonly value: '0' | '1';
  /** Name of the state in messages. */
  readonly state: string;
}

const parsed = (text: string | undefined): number => Number.parseInt(text ?? '', 16);

/** `card05`, `0x05` or `05`, two digits of it: folder of the card. Undefined: another form; null: such a form, without a number. */
function cardFolder(text: string): string | null | undefined {
  const form = /^card|^0x/.exec(text)?.[0] ?? (/^[0-9a-fA-F]+$/.test(text) ? '' : undefined);
  if (form === undefined) return undefined;
  const digits = /^[0-9a-fA-F]{1,2}/.exec(text.slice(form.length))?.[0];
  return digits === undefined ? null : cardName(parsed(digits));
}

/** Folder of a device below the bus's, or the message of what is no device. */
function folderOf(text: string, { file }: DeviceChange): { folder: string } | { mistake: string } {
  const card = cardFolder(text);
  if (card === null) return { mistake: `Error - unable to parse '${text}'.` };
  if (card !== undefined) return { folder: card };
  if (file === 'config')
    return {
      mistake: `Error - invalid device ${text}\n Config on/off is only valid for card devices.`,
    };
  const pair = /^\s*([0-9a-f]{1,2})\.([0-9a-f]{1,4})/i.exec(text);
  if (pair === null) return { mistake: `Error - cryptographic device ${text} malformed.` };
  const apid = parsed(pair[1]);
  return { folder: `${cardName(apid)}/${queueName(apid, parsed(pair[2]))}` };
}

/** Changes one device. Returns the message that ends the program, or undefined. */
export function* changeDevice(
  session: Session,
  text: string,
  change: DeviceChange,
): Operation<string | undefined> {
  const { sysfs, run } = session;
  const { file, value, state } = change;
  const found = folderOf(text, change);
  if ('mistake' in found) return found.mistake;
  const { folder } = found;
  const path = `${DEVICES}/${folder}`;
  if (!sysfs.exists(path)) return `Error - cryptographic device ${folder} does not exist.`;
  const config = readLine(sysfs, `${path}/config`);
  if (file === 'config') {
    if (config === undefined)
      return `Error - can't read ${path}/config.\nFile may not exist due to an older zcrypt device driver.`;
    if (config === value) {
      run.warn(`Warning - device ${folder} is already ${state}.`);
      return undefined;
    }
  } else {
    if (!sysfs.exists(`${path}/online`))
      return `Error - can't write to ${path}/online.\n Wrong permissions or wrong tools version.`;
    if (value === '1' && config === '0') {
      // The message has a line end of its own.
      run.warn(`Warning - device ${text} is deconfigured, can't set to online.\n`);
      return undefined;
    }
  }
  session.verbose(`Setting cryptographic device ${folder} ${state}\n`);
  yield* sysfs.write(`${path}/${file}`, value);
  if (readLine(sysfs, `${path}/${file}`) === value) return undefined;
  return `Error - unable to set cryptographic device ${folder} ${state}.`;
}
