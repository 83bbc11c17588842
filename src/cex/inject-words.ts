// SPDX-License-Identifier: Apache-2.0
// An injected reply as three 32-bit words, so that a fault record and a message slot of the machine image can hold it: every
// thread then sees the same faults, and a saved machine keeps them.
// Source: docs/design.md section 2 (fault tables are in the image); the packing is a choice.
import type { CodeIn, InjectedReply } from './injected-reply.ts';
import { REPLY_SHAPES } from './shapes.ts';

/** Kind, form, permission and code of the reply, then its two numbers. */
export type InjectionWords = readonly [head: number, first: number, second: number];

const KINDS = ['code', 'cca', 'ep11', 'shape'] as const;
const FORMS: readonly CodeIn[] = ['82', '87', '88', '86'];
const KIND_MASK = 0xf;
const FORM_SHIFT = 4;
const HAS_FIRST = 0x100;
const HAS_SECOND = 0x200;
const DAMAGE_ALLOWED = 0x400;
/** Reply code, or place of the shape in `REPLY_SHAPES`. */
const CODE_SHIFT = 16;

/** The two numbers of a reply, in the order of its text form. */
function numbersOf(inject: InjectedReply): readonly [number | undefined, number | undefined] {
  switch (inject.kind) {
    case 'code':
      return [inject.apfs, undefined];
    case 'cca':
      return [inject.rc, inject.rs];
    case 'ep11':
      return [inject.rv, inject.returnCode];
    case 'shape':
      return [inject.value, undefined];
  }
}

function codeOf(inject: InjectedReply): number {
  if (inject.kind === 'code') return inject.code;
  if (inject.kind !== 'shape') return 0;
  return REPLY_SHAPES.findIndex(({ name }) => name === inject.shape) & 0xff;
}

/** Packs a reply that `checkInjection` has let through; its function is not part of it. */
export function injectionWords(inject: InjectedReply, allowGuestDamage: boolean): InjectionWords {
  const [first, second] = numbersOf(inject);
  const form = inject.kind === 'code' ? FORMS.indexOf(inject.in ?? '82') : 0;
  const head =
    KINDS.indexOf(inject.kind) |
    (form << FORM_SHIFT) |
    (first === undefined ? 0 : HAS_FIRST) |
    (second === undefined ? 0 : HAS_SECOND) |
    (allowGuestDamage ? DAMAGE_ALLOWED : 0) |
    (codeOf(inject) << CODE_SHIFT);
  return [head, (first ?? 0) | 0, (second ?? 0) | 0];
}

/** The inverse: the reply, and whether it may damage a guest. */
export function injectionOf([head, first, second]: InjectionWords): {
  readonly inject: InjectedReply;
  readonly allowGuestDamage: boolean;
} {
  const allowGuestDamage = (head & DAMAGE_ALLOWED) !== 0;
  const numbers = [
    (head & HAS_FIRST) !== 0 ? first >>> 0 : undefined,
    (head & HAS_SECOND) !== 0 ? second >>> 0 : undefined,
  ] as const;
  return { inject: replyOf(head, numbers), allowGuestDamage };
}

function replyOf(
  head: number,
  [first, second]: readonly [number | undefined, number | undefined],
): InjectedReply {
  const code = (head >>> CODE_SHIFT) & 0xff;
  switch (KINDS[head & KIND_MASK]) {
    case 'cca':
      return { kind: 'cca', rc: first ?? 0, rs: second ?? 0 };
    case 'ep11':
      return {
        kind: 'ep11',
        ...(first === undefined ? {} : { rv: first }),
        ...(second === undefined ? {} : { returnCode: second }),
      };
    case 'shape': {
      const shape = REPLY_SHAPES[code]?.name ?? '';
      return { kind: 'shape', shape, ...(first === undefined ? {} : { value: first }) };
    }
    default: {
      const where = FORMS[(head >>> FORM_SHIFT) & 3] ?? '82';
      return { kind: 'code', in: where, code, ...(first === undefined ? {} : { apfs: first }) };
    }
  }
}
