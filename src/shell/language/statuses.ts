// SPDX-License-Identifier: Apache-2.0
// Exit statuses the shell itself gives. Source: POSIX.1-2017, shell command language, sections 2.8.1 and 2.8.2.

/** The text is not in the language. */
export const SYNTAX_ERROR = 2;
/** A file that is there and is not a program. */
export const NOT_EXECUTABLE = 126;
/** No command, or file, of the name. */
export const NOT_FOUND = 127;
