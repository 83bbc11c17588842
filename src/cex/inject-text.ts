// SPDX-License-Identifier: Apache-2.0
// Injected replies as users write them: `82/8a`, `86/8b/1234`, `cca/8/2290`, `ep11/80010001`, `shape/rng-short/2`.
// Source: docs/reference/messages.md 3.1, 3.3, 3.4, 8.3; docs/design.md section 5 (faults).
import type { CodeIn, InjectedReply } from './injected-reply.ts';

/** One form of text: its pattern, and how its parts are read and written. */
interface Form {
  readonly example: string;
  readonly pattern: RegExp;
  read(parts: readonly (string | undefined)[]): InjectedReply;
}

const hex = (text: string): number => Number.parseInt(text, 16);

/** The forms, one row for each. Codes and EP11 values are hexadecimal as in the reference, CCA codes and shape values decimal. */
const FORMS: readonly Form[] = [
  {
    example: '82/8a',
    pattern: /^(82|87|88)\/([0-9a-f]{1,2})$/i,
    read: ([where, code]) => ({ kind: 'code', in: where as CodeIn, code: hex(code!) }),
  },
  {
    example: '86/8b/1234',
    pattern: /^86\/([0-9a-f]{1,2})(?:\/([0-9a-f]{1,8}))?$/i,
    read: ([code, apfs]) => ({
      kind: 'code',
      in: '86',
      code: hex(code!),
      ...(apfs === undefined ? {} : { apfs: hex(apfs) }),
    }),
  },
  {
    example: 'cca/8/2290',
    pattern: /^cca\/(\d{1,5})\/(\d{1,5})$/,
    read: ([rc, rs]) => ({ kind: 'cca', rc: Number(rc), rs: Number(rs) }),
  },
  {
    example: 'ep11/80010001',
    pattern: /^ep11\/([0-9a-f]{1,8})(?:\/([0-9a-f]{1,8}))?$/i,
    read: ([rv, returnCode]) => ({
      kind: 'ep11',
      rv: hex(rv!),
      ...(returnCode === undefined ? {} : { returnCode: hex(returnCode) }),
    }),
  },
  {
    example: 'shape/echo',
    pattern: /^shape\/([a-z0-9-]+)(?:\/(\d{1,9}|0x[0-9a-f]{1,8}))?$/,
    read: ([shape, value]) => ({
      kind: 'shape',
      shape: shape!,
      ...(value === undefined ? {} : { value: Number(value) }),
    }),
  },
];

/** What messages say is expected. */
export const INJECTION_EXPECTED = `a reply such as ${FORMS.map((form) => form.example).join(', ')}`;

/** Highest CCA code, which has 16 bits. */
const CCA_MAX = 0xffff;

/** The reply that a text stands for; undefined if it is not valid. `checkInjection` tests whether a shape exists. */
export function parseInjection(text: string): InjectedReply | undefined {
  for (const { pattern, read } of FORMS) {
    const match = pattern.exec(text);
    if (match === null) continue;
    const inject = read(match.slice(1));
    const fits = inject.kind !== 'cca' || (inject.rc <= CCA_MAX && inject.rs <= CCA_MAX);
    return fits ? inject : undefined;
  }
  return undefined;
}

function code(value: number, digits = 2): string {
  return value.toString(16).padStart(digits, '0');
}

/** The inverse of `parseInjection`; the function, if any, is not part of it. */
export function printInjection(inject: InjectedReply): string {
  const more = (value: number | undefined, radix: number): string =>
    value === undefined ? '' : `/${value.toString(radix)}`;
  switch (inject.kind) {
    case 'code':
      return `${inject.in ?? '82'}/${code(inject.code)}${more(inject.apfs, 16)}`;
    case 'cca':
      return `cca/${inject.rc}/${inject.rs}`;
    case 'ep11':
      return `ep11/${code(inject.rv ?? 5, 1)}${more(inject.returnCode, 16)}`;
    case 'shape':
      return `shape/${inject.shape}${more(inject.value, 10)}`;
  }
}
