// SPDX-License-Identifier: Apache-2.0
// Requests to a Linux kernel that need no card: for the state of the cards, and requests with mistakes that the kernel or a card must
// refuse.
// Source: Linux, arch/s390/include/uapi/asm/zcrypt.h (ioctl numbers, structures).
import { type Block, ioctl, OPEN, open, type SystemCall } from './agent/orders.ts';
import { IOCTL, struct, type UserRequest } from './requests.ts';

const NODE = '/dev/z90crypt';

/** Numbers of ioctls that return information, with the number of bytes they store. */
const TELLS: readonly (readonly [code: number, bytes: number])[] = [
  [0x81007a58, 256],
  [0x81007a59, 256],
  [0x84007a5a, 1024],
  [0x80407a48, 64],
  [0x80407a49, 64],
  [0x81007a4a, 256],
  [0x80047a44, 4],
  [0x80047a45, 4],
  [0x80047a46, 4],
];
/** Tables of all queues for which the caller gives no room, so that the kernel refuses. */
const TABLES = [0xc0007a5f, 0xc0007a4f];
/** Asks which domain is used, which always works. */
const DOMAIN_INDEX = 0x80047a47;

const LONG = 0xffff_ffff;
const some = (): Block => ({ bytes: new Uint8Array(64).fill(0xa5) });

/** An RSA request of `bytes` bytes with room for `room` bytes. With 0 as `key` there is none. */
const rsaOf = (bytes: number, room: number, key: Block | number): Block =>
  struct(48, [
    [0, 8, some()],
    [8, 4, bytes],
    [16, 8, some()],
    [24, 4, room],
    [32, 8, key],
    [40, 8, key],
  ]);

const ccaOf = (request: number, reply: number, data: number): Block =>
  struct(94, [
    [2, 4, LONG],
    [8, 4, request],
    [20, 8, some()],
    [28, 4, data],
    [40, 8, some()],
    [48, 4, reply],
    [60, 8, some()],
    [68, 4, data],
    [80, 8, some()],
  ]);

const ep11Of = (targets: number, request: number, reply: number): Block =>
  struct(58, [
    [0, 2, targets],
    [2, 8, some()],
    [26, 8, request],
    [34, 8, some()],
    [42, 8, reply],
    [50, 8, some()],
  ]);

/** Requests that nobody can answer, each with its ioctl. */
const MISTAKES: readonly (readonly [code: number, argument: () => Block])[] = [
  [IOCTL.rsaModexpo, () => rsaOf(0, 64, some())],
  [IOCTL.rsaModexpo, () => rsaOf(64, 8, some())],
  [IOCTL.rsaModexpo, () => rsaOf(64, 64, 0)],
  [IOCTL.rsaModexpo, () => rsaOf(LONG, LONG, some())],
  [IOCTL.rsaCrt, () => rsaOf(63, 64, some())],
  [IOCTL.rsaCrt, () => rsaOf(64, 64, 0)],
  [IOCTL.cca, () => ccaOf(0, 64, 0)],
  [IOCTL.cca, () => ccaOf(LONG, 64, 0)],
  [IOCTL.cca, () => ccaOf(64, LONG, 0)],
  [IOCTL.cca, () => ccaOf(64, 64, LONG)],
  [IOCTL.ep11, () => ep11Of(0, 0, 64)],
  [IOCTL.ep11, () => ep11Of(1, LONG, 64)],
  [IOCTL.ep11, () => ep11Of(1, 64, LONG)],
  [IOCTL.ep11, () => ep11Of(0xffff, 64, 64)],
];

/** A request of several calls, of which all but the last may fail. */
const local = (calls: () => readonly SystemCall[]): UserRequest => ({
  kind: 'query',
  local: true,
  expected: undefined,
  calls: () => [
    open(NODE, OPEN.both),
    ...calls().map((call) => ({ ...call, goesOn: true })),
    ioctl(DOMAIN_INDEX, { bytes: new Uint8Array(4) }),
  ],
  output: () => new Uint8Array(0),
});

/** Requests that end whichever cards there are. */
export const ownRequests = (): readonly UserRequest[] => [
  local(() => [
    ...TELLS.map(([code, bytes]) => ioctl(code, { bytes: new Uint8Array(bytes) })),
    ...TABLES.map((code) => ioctl(code, 0)),
  ]),
  local(() => MISTAKES.map(([code, argument]) => ioctl(code, argument()))),
];
