/* SPDX-License-Identifier: Apache-2.0 */
/* TCG plugin: counts the translated blocks of address ranges of the guest that are executed, in a file its reader shares.
 *
 *   -plugin cover.so,map=FILE
 *
 * FILE, doublewords in host order: number of ranges, then start and end of each, in the first page; the reader may write them at any time, and
 * code that is translated from then on is counted. Behind it SLOTS counters, one for each halfword of the ranges, one range after the other,
 * at the place where a block begins; behind them, in the same order, a byte each: halfwords of the longest block translated there.
 * With interface 1 a block is counted in the translated code itself; later ones count inline for each CPU apart only, so there it is a call. */
#include "qemu-plugin.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

EXPORT int qemu_plugin_version = INTERFACE;

#define HEADER 4096
#define SLOTS (1ul << 19)
static volatile uint64_t *header;
static uint64_t *counters;
static uint8_t *lengths;

#if INTERFACE != 1
static void on_block(unsigned cpu, void *counter) { ++*(uint64_t *)counter; (void)cpu; }
#endif

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	uint64_t at = qemu_plugin_tb_vaddr(tb), first = 0;
	for (uint64_t i = 0; i < header[0] && i < HEADER / 16 - 1; i++) {
		uint64_t start = header[1 + 2 * i], end = header[2 + 2 * i], slot = first + (at - start) / 2;
		first += (end - start + 1) / 2;
		if (at - start >= end - start || slot >= SLOTS) continue;
		struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(tb, qemu_plugin_tb_n_insns(tb) - 1);
		uint64_t halfwords = (qemu_plugin_insn_vaddr(last) + qemu_plugin_insn_size(last) - at) / 2;
		if (halfwords > 255) halfwords = 255;
		if (halfwords > lengths[slot]) lengths[slot] = halfwords;
#if INTERFACE == 1
		qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, &counters[slot], 1);
#else
		qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_PLUGIN_CB_NO_REGS, &counters[slot]);
#endif
		return;
	}
	(void)id;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
	size_t bytes = HEADER + SLOTS * 9;
	int fd = -1;
	for (int i = 0; i < argc; i++)
		if (!strncmp(argv[i], "map=", 4)) fd = open(argv[i] + 4, O_RDWR);
	if (fd < 0 || ftruncate(fd, bytes)) return 1;
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) return 1;
	header = map;
	counters = (uint64_t *)((uint8_t *)map + HEADER);
	lengths = (uint8_t *)(counters + SLOTS);
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	(void)info;
	return 0;
}
