// SPDX-License-Identifier: Apache-2.0
// The exit statuses that the shell itself gives. Source: POSIX.1-2017, shell command language, sections 2.8.1 and 2.8.2.

/** The text is not valid. */
export const SYNTAX_ERROR = 2;
/** A file exists and is not a program. */
export const NOT_EXECUTABLE = 126;
/** There is no command, or file, with this name. */
export const NOT_FOUND = 127;
