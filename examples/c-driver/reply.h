/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a reply is a good answer to a request: headers of accelerators (type 50 and 80) and CCA coprocessors (type 6 and 86). */
#ifndef REPLY_H
#define REPLY_H

#include <apemu/ap.h>

/* Longest reply of a queue with the usual limit. */
#define REPLY_BYTES 12288

/* 0, or why it is none: a negative errno. */
int reply_error(const void *request, size_t request_length, const void *reply, size_t length);

#endif
