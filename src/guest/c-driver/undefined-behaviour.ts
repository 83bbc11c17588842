// SPDX-License-Identifier: Apache-2.0
// Undefined behaviour as clang's checks report it: by calls with the address of a description in the module's memory. The description
// begins with file, line and column.
// Source: clang documentation, UndefinedBehaviorSanitizer; compiler-rt ubsan_handlers.h (layout of the descriptions).

/** Words for each check, by the name of its function without prefix and endings. */
const CHECKS: Readonly<Record<string, string>> = {
  add_overflow: 'signed overflow in an addition',
  sub_overflow: 'signed overflow in a subtraction',
  mul_overflow: 'signed overflow in a multiplication',
  negate_overflow: 'signed overflow in a negation',
  divrem_overflow: 'division by zero, or overflow in a division',
  shift_out_of_bounds: 'shift by more bits than there are, or of a negative number',
  out_of_bounds: 'index outside the array',
  type_mismatch: 'use of a pointer that is NULL, or to too little memory',
  pointer_overflow: 'pointer arithmetic outside of memory',
  builtin_unreachable: 'code was reached that cannot be reached',
  missing_return: 'the end of a function that has to return a value',
  vla_bound_not_positive: 'an array of no elements',
  load_invalid_value: 'a value that its type does not have (bool or enum)',
  invalid_builtin: 'a builtin with an argument of zero',
  nonnull_arg: 'NULL for an argument that must not be',
  nonnull_return_v1: 'NULL returned where it must not be',
  float_cast_overflow: 'a floating-point number outside of the type it is converted to',
  implicit_conversion: 'a conversion that changed the value',
  alignment_assumption: 'an alignment that was promised and is not there',
};

const PREFIX = '__ubsan_handle_';

const checkOf = (name: string): string | undefined => {
  if (!name.startsWith(PREFIX)) return undefined;
  const check = name.slice(PREFIX.length).replace(/_abort$/, '');
  return CHECKS[check] ?? CHECKS[check.replace(/_v1$/, '')];
};

/** Whether an import is one of clang's checks. */
export const isUndefinedBehaviour = (name: string): boolean => checkOf(name) !== undefined;

/** Describes in words what has happened. */
export const undefinedBehaviourWords = (name: string, args: readonly number[]): string => {
  const check = checkOf(name) ?? name;
  if (name.startsWith(`${PREFIX}type_mismatch`) && args[1] === 0) return 'use of a NULL pointer';
  if (name.startsWith(`${PREFIX}out_of_bounds`) && args[1] !== undefined)
    return `index ${args[1]} outside the array`;
  return check;
};
