// SPDX-License-Identifier: Apache-2.0
// The workload of a driver under test: the requests of its user, and how each of them ends. It does what zcrypt does above the AP bus.
// Source: docs/reference/messages.md sections 3.1 to 3.4 (what counts as a good reply), 5 (ten tries).
import { u16 } from '../../cex/messages/bytes.ts';
import { TYPE_6, TYPE_50, TYPE80_HEADER } from '../../cex/messages/headers.ts';
import { parseReply } from '../../cex/messages/parse.ts';
import type { DriverEnding, DriverRequest } from '../driver.ts';
import { NO_MESSAGE_NOW, type Workload } from './workload.ts';

/** How often a request is sent before its user is told that it fails. Source: Linux TRACK_AGAIN_MAX. */
const TRIES_MAX = 10;
/** Length in bytes of the largest request this workload has room for: more than any request that zcrypt makes by itself. */
const REQUEST_BYTES = 6144;

/** A request that is on its way. */
export interface UserRequest extends DriverRequest {
  tries: number;
}

/** What a driver knows of its user. It is plain data. */
export interface UserState {
  /** Requests that wait for a queue: new ones, and those that a queue has lost. */
  waiting: UserRequest[];
  /** Requests that were given to a queue which has not taken them yet, by APQN. */
  todo: Record<number, UserRequest[]>;
  /** Requests that were sent, by their address in storage. */
  sent: Record<number, UserRequest>;
  ended: DriverEnding[];
  closed: boolean;
}

/** What a queue's workload remembers. */
interface RequestsState {
  readonly apqn: number;
  /** Number of bytes that a request may have. */
  readonly room: number;
  readonly user: UserState;
}

export const createUserState = (): UserState => ({
  waiting: [],
  todo: {},
  sent: {},
  ended: [],
  closed: false,
});

/** Ends a request with an error. */
export const failRequest = (user: UserState, { id }: DriverRequest, error: string): void => {
  user.ended.push({ id, error });
};

/** Has a request that was lost tried once more, unless it has been tried too often. */
const tryAgain = (user: UserState, request: UserRequest): void => {
  if (user.closed) failRequest(user, request, 'ECANCELED');
  else if (++request.tries >= TRIES_MAX) failRequest(user, request, 'EIO');
  else user.waiting.push(request);
};

/** Why a reply is not a good answer to a request; undefined if it is. Messages of unknown types are passed on. */
const replyError = ({ message }: UserRequest, reply: Uint8Array): string | undefined => {
  if (message[1] !== TYPE_6 && message[1] !== TYPE_50) return undefined;
  const parsed = parseReply(reply);
  // A reply of type 80 belongs to a request of type 50 and to no other.
  const fits = (parsed.kind === 'result') === (message[1] === TYPE_50);
  if (parsed.kind === 'unknown') return 'EBADMSG';
  if (parsed.kind === 'error' || parsed.code !== 0) return 'EIO';
  // The header's length is needed to find the result, so it must be that of the message.
  if (parsed.kind === 'result' && u16(reply, TYPE80_HEADER.at.length) !== reply.length)
    return 'EMSGSIZE';
  if (!fits) return 'EBADMSG';
  if (parsed.kind === 'cca' && parsed.rc !== 0) return 'EINVAL';
  return parsed.kind === 'ep11' && parsed.rv !== 0 ? 'EINVAL' : undefined;
};

const take = (user: UserState, address: number): UserRequest | undefined => {
  const request = user.sent[address];
  delete user.sent[address];
  return request;
};

/** Sends the requests of the user that `args.user` holds. */
export const requestsWorkload: Workload<RequestsState> = {
  name: 'requests',

  init: (args, { apqn, maxMessageBytes }) => ({
    apqn,
    room: Math.min(REQUEST_BYTES, maxMessageBytes),
    user: args['user'] as UserState,
  }),

  requestBytes: ({ room }) => room,

  next({ apqn, room, user }, storage, address) {
    const todo = user.todo[apqn] ?? [];
    let request = todo.shift();
    while (request !== undefined && request.message.length > room) {
      failRequest(user, request, 'EMSGSIZE');
      request = todo.shift();
    }
    if (request === undefined) return NO_MESSAGE_NOW;
    storage.set(request.message, address);
    user.sent[address] = request;
    return request.message.length;
  },

  check({ user }, storage, address, _bytes, reply, replyBytes) {
    const request = take(user, address);
    if (request === undefined) return true;
    const bytes = storage.slice(reply, reply + replyBytes);
    const error = replyError(request, bytes);
    if (error === undefined) user.ended.push({ id: request.id, reply: bytes });
    else failRequest(user, request, error);
    return error === undefined;
  },

  lost({ user }, again, address) {
    const request = take(user, address);
    if (request === undefined) return;
    if (again) tryAgain(user, request);
    else failRequest(user, request, 'EINVAL');
  },
};
