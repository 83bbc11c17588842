// SPDX-License-Identifier: Apache-2.0
// lszcrypt on the host: the record of its AP bus from the tree, for the program.
// Source: docs/reference/vfio-ap.md sections 3.2 to 3.4 and 7.4.
import type {
  ApSystemRecord,
  BusRecord,
  CardRecord,
  DeviceRecord,
  QueueRecord,
} from '../s390-tools/ap-system.ts';
import { lszcrypt as program } from '../s390-tools/lszcrypt.ts';
import { DEFAULT_RELEASE, releaseOf } from '../s390-tools/releases.ts';
import { type CommandResult, driverOf, namesIn, readLine, readLines } from './command.ts';
import type { Sysfs } from './sysfs.ts';

const AP_DEVICES = '/sys/devices/ap';
const AP_BUS = '/sys/bus/ap';

/** The files of one folder. */
class Folder {
  readonly #sysfs: Sysfs;
  readonly path: string;

  constructor(sysfs: Sysfs, path: string) {
    this.#sysfs = sysfs;
    this.path = path;
  }

  text(name: string): string | undefined {
    return readLine(this.#sysfs, `${this.path}/${name}`);
  }

  lines(name: string): string[] | undefined {
    return readLines(this.#sysfs, `${this.path}/${name}`);
  }

  number(name: string): number | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : Number(text);
  }

  flag(name: string): boolean | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : text !== '0';
  }

  /** A file that need not be there; null if it is and cannot be read. */
  optional(name: string): string | null | undefined {
    const exists = this.#sysfs.exists(`${this.path}/${name}`);
    return exists ? (this.text(name) ?? null) : undefined;
  }

  get driver(): string | undefined {
    return driverOf(this.#sysfs, this.path);
  }

  /** The folders in it whose names match. */
  folders(pattern: RegExp): { name: string; folder: Folder }[] {
    return namesIn(this.#sysfs, this.path, pattern).map((name) => ({
      name,
      folder: new Folder(this.#sysfs, `${this.path}/${name}`),
    }));
  }
}

/** The fields without those that are undefined, since a record does not have such fields. */
function present<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

const deviceOf = (folder: Folder): DeviceRecord =>
  present({
    config: folder.flag('config'),
    chkstop: folder.flag('chkstop'),
    online: folder.flag('online'),
    requests: folder.text('request_count') ?? '',
    pending: (folder.number('pendingq_count') ?? 0) + (folder.number('requestq_count') ?? 0),
    driver: folder.driver,
  });

const queueOf = (apqi: number, folder: Folder): QueueRecord =>
  present({
    ...deviceOf(folder),
    apqi,
    status: folder.text('status'),
    functions: folder.number('ap_functions'),
    seBind: folder.optional('se_bind'),
    seAssociate: folder.optional('se_associate'),
    masterKeys: folder.lines('mkvps'),
  });

const cardOf = (apid: number, folder: Folder): CardRecord =>
  present({
    ...deviceOf(folder),
    apid,
    type: folder.text('type'),
    functions: folder.number('ap_functions') ?? 0,
    hwtype: folder.text('hwtype') ?? '',
    depth: folder.number('depth') ?? 0,
    maxMessageBytes: folder.number('max_msg_size'),
    // This asks the card, so it is read only if it is to be shown.
    get serial() {
      return folder.text('serialnr');
    },
    queues: folder
      .folders(/^[0-9a-f]{2}\.[0-9a-f]{4}$/)
      .map(({ name, folder: queue }) => queueOf(Number.parseInt(name.slice(3), 16), queue)),
  });

const busOf = (folder: Folder): BusRecord =>
  present({
    features: folder.text('features'),
    domain: folder.number('ap_domain') ?? -1,
    maxDomain: folder.number('ap_max_domain_id') ?? -1,
    interrupts: folder.flag('ap_interrupts') ?? false,
    configTimeS: folder.number('config_time') ?? 0,
    pollThread: folder.flag('poll_thread') ?? false,
    pollTimeoutNs: folder.number('poll_timeout') ?? 0,
    usageDomains: folder.text('ap_usage_domain_mask') ?? '',
    controlDomains: folder.text('ap_control_domain_mask') ?? '',
  });

/** The AP bus as the tree shows it; undefined without one. */
function readApSystem(sysfs: Sysfs): ApSystemRecord | undefined {
  if (!sysfs.exists(AP_BUS)) return undefined;
  const cards = new Folder(sysfs, AP_DEVICES)
    .folders(/^card[0-9a-f]{2}$/)
    .map(({ name, folder }) => cardOf(Number.parseInt(name.slice(4), 16), folder));
  return { bus: busOf(new Folder(sysfs, AP_BUS)), cards };
}

/** Runs `lszcrypt` of a release of s390-tools with these arguments over a tree. */
export const lszcrypt = (
  sysfs: Sysfs,
  args: readonly string[] = [],
  release: string = DEFAULT_RELEASE,
): CommandResult => program(readApSystem(sysfs), args, releaseOf(release));
