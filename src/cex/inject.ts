// SPDX-License-Identifier: Apache-2.0
// Injected replies: every error code at will, and shapes no card sends.
// Source: docs/reference/messages.md 3.1, 3.3, 3.4, 8.3.
import { ApemuError } from '../errors.ts';
import { ccaReply } from './cca/reply.ts';
import { ep11Reply } from './ep11/reply.ts';
import { errorReply } from './frame.ts';
import type { InjectedReply } from './injected-reply.ts';
import { putU32 } from './messages/bytes.ts';
import { readPayload } from './messages/ep11.ts';
import {
  REQUEST_BLOCK,
  REQUEST_PARAMETERS,
  TYPE_82,
  TYPE_87,
  TYPE_88,
  TYPE86_HEADER,
} from './messages/headers.ts';
import { CCA, EP11 } from './messages/reply-codes.ts';
import type { Work } from './model.ts';
import { requestFunction } from './request-function.ts';
import { damagesGuest, REPLY_SHAPES } from './shapes.ts';

const ERROR_TYPES = { 82: TYPE_82, 87: TYPE_87, 88: TYPE_88 } as const;

/** Whether an injected reply can damage a guest kernel, and how; undefined if not. */
export function injectionDanger(inject: InjectedReply): string | undefined {
  if (inject.kind !== 'shape') return undefined;
  return REPLY_SHAPES.find((s) => s.name === inject.shape)?.danger;
}

/**
 * Checks an injection from a configuration or program.
 * @throws ApemuError APEMU_ERR_CEX_INJECT for unknown shapes and codes out of range, APEMU_ERR_CEX_INJECT_DANGER for a
 * damaging shape without the switch.
 */
export function checkInjection(inject: InjectedReply, allowGuestDamage: boolean): void {
  if (inject.kind === 'code' && !(inject.code >= 0 && inject.code <= 0xff)) {
    throw new ApemuError('APEMU_ERR_CEX_INJECT', `reply code ${inject.code} is not 0 to 255`);
  }
  if (inject.kind !== 'shape') return;
  if (!REPLY_SHAPES.some((s) => s.name === inject.shape)) {
    const known = REPLY_SHAPES.map((s) => s.name).join(', ');
    throw new ApemuError(
      'APEMU_ERR_CEX_INJECT',
      `reply shape ${inject.shape} is unknown; known are ${known}`,
    );
  }
  const danger = injectionDanger(inject);
  if (danger !== undefined && !allowGuestDamage) {
    throw new ApemuError(
      'APEMU_ERR_CEX_INJECT_DANGER',
      `reply shape ${inject.shape} ${danger}; it needs the switch allowGuestDamage`,
    );
  }
}

/** The whole CPRB and function code are in the request, so a type 86 can be made of it. */
function complete({ adapter, request }: Work): boolean {
  const cca = adapter.mode === 'cca' && request.length >= REQUEST_PARAMETERS + 2;
  return cca || (adapter.mode === 'ep11' && request.length > REQUEST_BLOCK + 32);
}

function ep11Error(work: Work, rv: number, returnCode: number): number {
  const at = REQUEST_BLOCK + 32;
  const payload = readPayload(work.request, at, work.request.length - at);
  const head = payload ?? { functionId: 0, ordinal: 0, domain: work.context.apqi, body: [] };
  return ep11Reply({ work, payload: head }, { rv, returnCode });
}

function injectCode(work: Work, inject: Extract<InjectedReply, { kind: 'code' }>): number {
  const where = inject.in ?? '82';
  if (where !== '86' || !complete(work)) {
    const type = where === '86' ? TYPE_82 : ERROR_TYPES[where];
    return errorReply(work.reply, inject.code, type);
  }
  const size =
    work.adapter.mode === 'cca'
      ? ccaReply(work, { code: CCA.ok })
      : ep11Error(work, EP11.generalError, 0);
  work.reply[TYPE86_HEADER.at.code] = inject.code;
  if (size > TYPE86_HEADER.size) putU32(work.reply, TYPE86_HEADER.at.apfs, inject.apfs ?? 0);
  return size;
}

/** Replaces or spoils the reply in the draft; returns the new size. What does not fit leaves it as it is. */
function inject(work: Work, size: number, wanted: InjectedReply): number {
  const { mode } = work.adapter;
  switch (wanted.kind) {
    case 'code':
      return injectCode(work, wanted);
    case 'cca':
      if (mode !== 'cca' || !complete(work)) return size;
      return ccaReply(work, { code: { ...CCA.ok, rc: wanted.rc, rs: wanted.rs } });
    case 'ep11':
      if (mode !== 'ep11' || !complete(work)) return size;
      return ep11Error(work, wanted.rv ?? EP11.generalError, wanted.returnCode ?? 0);
    case 'shape': {
      const shape = REPLY_SHAPES.find((s) => s.name === wanted.shape);
      return shape?.spoil(work, size, wanted.value ?? shape.standard) ?? size;
    }
  }
}

/**
 * Injects into the reply of `size` bytes in the draft, and returns its new size. CD-12: the reply stays as it is if the injection does
 * not fit the function, the mode or the reply, or if the result may damage a guest and the switch for that is off.
 */
export function applyInjection(work: Work, size: number, wanted: InjectedReply): number {
  const { adapter, request, reply, context } = work;
  if (wanted.function !== undefined) {
    if (requestFunction(adapter.mode, request) !== wanted.function) return size;
  }
  if (context.allowGuestDamage === true) return inject(work, size, wanted);
  if (injectionDanger(wanted) !== undefined) return size;
  const good = new Uint8Array(reply.subarray(0, size));
  const spoiled = inject(work, size, wanted);
  if (!damagesGuest(work, spoiled)) return spoiled;
  reply.set(good);
  return size;
}
