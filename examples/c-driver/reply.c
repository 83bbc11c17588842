// SPDX-License-Identifier: Apache-2.0
// Headers of replies, as the adapters store them: big-endian, so every number has a type that says so.
// Source: docs/reference/messages.md sections 2.1 to 2.6.
#include "reply.h"

enum { TYPE_6 = 0x06, TYPE_50 = 0x50, TYPE_80 = 0x80, TYPE_82 = 0x82, TYPE_86 = 0x86, TYPE_87 = 0x87, TYPE_88 = 0x88 };

struct type50_header {
	u8 _reserved0;
	u8 type;
	be16 length;
	u8 _reserved1[4];
	be16 key_block_type;
};

struct type80_header {
	u8 _reserved0;
	u8 type;
	be16 length;
	u8 code;
	u8 _reserved1[11];
};

struct type86_header {
	u8 _reserved0;
	u8 type;
	u8 format;
	u8 _reserved1;
	u8 code;
	u8 _reserved2[7];
	be32 apfs;
	be32 count1;
	be32 offset1;
	be32 count2;
	be32 offset2;
	u8 _reserved3[16];
};

struct cprbx {
	be16 length;
	u8 version;
	u8 format;
	u8 _reserved0[2];
	be16 function;
	u8 _reserved1[16];
	be32 reply_parameter_length;
	u8 _reserved2[116];
	be16 return_code;
	be16 reason_code;
	u8 _reserved3[72];
};

_Static_assert(sizeof(struct type80_header) == 16, "type 80 header");
_Static_assert(sizeof(struct type86_header) == 48, "type 86 header");
_Static_assert(sizeof(struct cprbx) == 220, "CPRBX");
_Static_assert(offsetof(struct cprbx, return_code) == 144, "CPRBX return code");

#define CPRBX_VERSION 2

/* Bytes of the result of a type 50 request; 0 for a format nobody knows. */
static size_t result_bytes(const void *request, size_t length)
{
	const struct type50_header *header = request;

	if (length < sizeof(*header))
		return 0;
	switch (be16_to_cpu(header->key_block_type) & 0xf) {
	case 1:
		return 128;
	case 2:
		return 256;
	case 3:
		return 512;
	default:
		return 0;
	}
}

static int accelerator_error(const void *request, size_t request_length, const struct type80_header *reply, size_t length)
{
	size_t expected = sizeof(*reply) + result_bytes(request, request_length);

	if (length < sizeof(*reply) || reply->type != TYPE_80)
		return -EPIPE;
	if (reply->code != 0)
		return -EIO;
	return be16_to_cpu(reply->length) == length && length == expected ? 0 : -EPIPE;
}

static int coprocessor_error(const struct type86_header *reply, size_t length)
{
	const struct cprbx *block = (const void *)(reply + 1);

	if (length < sizeof(*reply) + sizeof(*block) || reply->type != TYPE_86)
		return -EPIPE;
	if (reply->code != 0)
		return -EIO;
	if (block->version != CPRBX_VERSION)
		return -EPIPE;
	/* What the headers say of the length is what the queue has given. */
	u64 control = be32_to_cpu(reply->count1), data = be32_to_cpu(reply->count2);
	if (sizeof(*reply) + control + data != length || be32_to_cpu(reply->offset1) != sizeof(*reply))
		return -EPIPE;
	if (control != sizeof(*block) + be32_to_cpu(block->reply_parameter_length))
		return -EPIPE;
	return be16_to_cpu(block->return_code) == 0 ? 0 : -EINVAL;
}

int reply_error(const void *request, size_t request_length, const void *reply, size_t length)
{
	const u8 *bytes = reply;
	u8 asked = request_length > 1 ? ((const u8 *)request)[1] : 0;

	if (asked != TYPE_50 && asked != TYPE_6)
		return 0;
	if (length < 8)
		return -EPIPE;
	if (bytes[1] == TYPE_82 || bytes[1] == TYPE_87 || bytes[1] == TYPE_88)
		return -EIO;
	return asked == TYPE_50 ? accelerator_error(request, request_length, reply, length)
				: coprocessor_error(reply, length);
}
