// SPDX-License-Identifier: Apache-2.0
// Operations whose outcome depends on how a kernel was built, and not on its release.
// Source: docs/decisions.md VD-32; docs/linux-findings.md 2.
import type { MachineConfig } from '../config/types.ts';
import { formatApqn } from '../config/units.ts';
import { BUS } from '../host-operations/scene.ts';
import type { RecordedOperation } from '../sysfs/recorded-operation.ts';

/** A queue of the host and one of a guest without a driver, then an edit of a mask that concerns neither; and the files for debugging. */
export function buildQuestions({ machine }: MachineConfig): readonly RecordedOperation[] {
  const [first, second, third] = machine.adapters.keys();
  const [domain] = machine.usageDomains;
  if (third === undefined || domain === undefined) return [];
  const [host, guest] = [first, second].map((apid) => formatApqn((apid << 8) | domain));
  const driver = (queue: string): RecordedOperation => ['link', `${BUS}/devices/${queue}/driver`];
  return [
    ['read', `${BUS}/devices/${host}/states`],
    ['write', `${BUS}/apmask`, `-${second}\n`],
    ['write', `${BUS}/drivers/cex4queue/unbind`, host],
    ['write', `${BUS}/drivers/vfio_ap/unbind`, guest],
    ['write', `${BUS}/apmask`, `-${third}\n`],
    driver(host),
    driver(guest),
  ];
}
