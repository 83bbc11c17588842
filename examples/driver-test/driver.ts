// SPDX-License-Identifier: Apache-2.0
// The driver under test: enqueues one request, waits while the queue is full, polls until the reply is there.
import { completed, type LibraryCpu } from 'apemu';

const RESPONSE_Q_FULL = 0x10;
const RESPONSE_NO_PENDING_REPLY = 0x10;

/** Sends `message` and returns the length of its reply; `wait` lets time pass. Throws for any other response code and for exceptions. */
export const exchange = (
  cpu: LibraryCpu,
  apqn: string,
  psmid: bigint,
  message: Uint8Array,
  wait: () => void,
): number => {
  // After a program interruption there is no status: `completed` throws then.
  const send = () => completed(cpu.nqap(apqn, { psmid, message }));
  let sent = send();
  for (; sent.status.rc === RESPONSE_Q_FULL; sent = send()) wait();
  if (sent.status.rc !== 0) throw new Error(`NQAP: response code ${sent.status.rc}`);
  let reply = completed(cpu.dqap(apqn));
  for (; reply.status.rc === RESPONSE_NO_PENDING_REPLY; reply = completed(cpu.dqap(apqn))) wait();
  if (reply.psmid !== psmid) throw new Error(`reply to ${reply.psmid}`);
  return reply.length;
};
