/* SPDX-License-Identifier: Apache-2.0 */
/* TCG plugin: takes the QEMU it runs in back to a moment, without another process. It calls functions of QEMU that are no interface: they
 * are looked up by name, and nothing is done before a self-test has shown that they and what they work on are as expected.
 *
 *   -plugin moment.so,sock=PATH
 *
 * A line is a command, and gets one line back that begins with "ok" or with "no" and a reason:
 *   save        stops the guest, keeps its devices, makes its storage private to this process; tests itself
 *   load        stops the guest and puts devices and storage back; the guest stays stopped
 *   go          lets the guest run
 *   skip MIN MAX  where the CPU waits: moves the TOD clock on to its clock comparator, by MIN ns at least and MAX at most
 */
#define _GNU_SOURCE
#include "qemu-plugin.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

EXPORT int qemu_plugin_version = INTERFACE;

/* What is used of QEMU, by name. */
typedef struct RAMBlock RAMBlock;
#define FUNCTIONS(F) \
	F(int, qemu_ram_foreach_block, (int (*)(RAMBlock *, void *), void *)) \
	F(void *, qemu_ram_get_host_addr, (RAMBlock *)) \
	F(uint64_t, qemu_ram_get_used_length, (RAMBlock *)) \
	F(uint64_t, qemu_ram_get_offset, (RAMBlock *)) \
	F(int, qemu_ram_get_fd, (RAMBlock *)) \
	F(int, vm_stop, (int)) \
	F(void, vm_start, (void)) \
	F(bool, runstate_is_running, (void)) \
	F(void *, qemu_get_aio_context, (void)) \
	F(void, aio_bh_schedule_oneshot_full, (void *, void (*)(void *), void *, const char *)) \
	F(int, qemu_save_device_state, (void *)) \
	F(void, global_state_store_running, (void)) \
	F(int, qemu_loadvm_state, (void *)) \
	F(void *, qemu_file_new_output, (void *)) \
	F(void *, qemu_file_new_input, (void *)) \
	F(int, qemu_fclose, (void *)) \
	F(void, qemu_fflush, (void *)) \
	F(void *, qio_channel_buffer_new, (size_t)) \
	F(void, object_unref, (void *)) \
	F(void, tb_invalidate_phys_range, (uint64_t, uint64_t)) \
	F(void, tlb_flush, (void *))
#define DECLARE(type, name, args) static type (*name) args;
FUNCTIONS(DECLARE)
static void **cpu_description; /* vmstate_cpu_common, a struct VMStateDescription */

/* QAPI RunState. */
enum { PAUSED = 4 };
/* struct QIOChannelBuffer behind its QIOChannel. The self-test compares its first two members. */
struct buffer { char parent[80]; size_t capacity, usage, offset; uint8_t *data; };
#define CAPACITY (1 << 20)
#define PAGE 4096

struct state { uint8_t *bytes; size_t size; };
static struct state kept;
static uint8_t *ram, *base;
static size_t ram_bytes;
static uint64_t ram_offset, *map;
static int ram_fd = -1, pagemap = -1;
static char answer[256];
static struct sockaddr_un address = { .sun_family = AF_UNIX };

static bool no(const char *why) { snprintf(answer, sizeof answer, "no %s\n", why); return false; }

static bool find_functions(void)
{
#define FIND(type, name, args) if (!(name = (type (*) args)dlsym(RTLD_DEFAULT, #name))) return no("QEMU has no function " #name);
	FUNCTIONS(FIND)
	if (!(cpu_description = dlsym(RTLD_DEFAULT, "vmstate_cpu_common"))) return no("QEMU has no vmstate_cpu_common");
	return true;
}

static bool save_state(struct state *s)
{
	struct buffer *c = qio_channel_buffer_new(CAPACITY);
	if (c->capacity != CAPACITY || c->usage != 0) return no("a channel buffer looks different");
	void *f = qemu_file_new_output(c);
	global_state_store_running();
	int rc = qemu_save_device_state(f);
	qemu_fflush(f);
	bool ok = rc == 0 && c->usage > 0 && c->usage <= c->capacity;
	if (ok) {
		free(s->bytes);
		s->bytes = malloc(s->size = c->usage);
		memcpy(s->bytes, c->data, s->size);
	}
	qemu_fclose(f);
	object_unref(c);
	return ok || no("the devices cannot be saved");
}

static bool load_state(const struct state *s)
{
	struct buffer *c = qio_channel_buffer_new(s->size + 16);
	memcpy(c->data, s->bytes, s->size);
	c->usage = s->size;
	c->offset = 0;
	void *f = qemu_file_new_input(c);
	int rc = qemu_loadvm_state(f);
	qemu_fclose(f);
	object_unref(c);
	return rc == 0 || no("the devices cannot be loaded");
}

/* QEMU drops all translated code when a CPU is loaded, since storage may have changed under it. Here it is known what has changed, and only
 * that is dropped: in the description of a CPU's state the second function, post_load, becomes this one. */
static bool kept_translations;
static int post_load(void *cpu, int version) { tlb_flush(cpu); (void)version; return 0; }
static bool keep_translations(void)
{
	Dl_info mine, d;
	if (!dladdr((void *)vm_start, &mine)) return no("QEMU's functions have no file");
	for (int i = 1, seen = 0; i < 8; i++) {
		void *p = cpu_description[i];
		if ((uintptr_t)p < (uintptr_t)mine.dli_fbase || !dladdr(p, &d) || d.dli_fbase != mine.dli_fbase) continue;
		if (++seen < 2) continue;
		void *page = (void *)((uintptr_t)&cpu_description[i] & ~(uintptr_t)(PAGE - 1));
		if (mprotect(page, PAGE, PROT_READ | PROT_WRITE)) return no("the description of a CPU cannot be changed");
		cpu_description[i] = (void *)post_load;
		kept_translations = true;
		return true;
	}
	return no("the description of a CPU looks different");
}

static int largest(RAMBlock *b, void *x)
{
	if (qemu_ram_get_used_length(b) > ram_bytes) {
		ram_bytes = qemu_ram_get_used_length(b);
		ram = qemu_ram_get_host_addr(b);
		ram_offset = qemu_ram_get_offset(b);
		ram_fd = qemu_ram_get_fd(b);
	}
	(void)x;
	return 0;
}

/* Storage becomes a private copy of its file, which stays as it is now. */
static bool make_private(void)
{
	qemu_ram_foreach_block(largest, NULL);
	if (ram_fd < 0) return no("the storage is no file");
	base = mmap(NULL, ram_bytes, PROT_READ, MAP_SHARED, ram_fd, 0);
	if (base == MAP_FAILED) return no("the storage cannot be mapped");
	if (mmap(ram, ram_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, ram_fd, 0) != ram) return no("the storage cannot be made private");
	map = malloc(ram_bytes / PAGE * 8);
	pagemap = open("/proc/self/pagemap", O_RDONLY);
	return pagemap >= 0 || no("/proc/self/pagemap cannot be read");
}

/* Pages that are this process's own (present, and no longer the file's) and differ go back. Source: Linux, admin-guide/mm/pagemap. */
static bool put_back_ram(void)
{
	size_t pages = ram_bytes / PAGE;
	if (pread(pagemap, map, pages * 8, (off_t)((uintptr_t)ram / PAGE * 8)) != (ssize_t)(pages * 8)) return no("/proc/self/pagemap is short");
	for (size_t p = 0; p < pages; p++) {
		if (!(map[p] >> 63) || (map[p] >> 61 & 1) || !memcmp(ram + PAGE * p, base + PAGE * p, PAGE)) continue;
		memcpy(ram + PAGE * p, base + PAGE * p, PAGE);
		tb_invalidate_phys_range(ram_offset + PAGE * p, ram_offset + PAGE * (p + 1));
	}
	return true;
}

/* Section "todclock": a flag, the high byte, the TOD. Section "cpu": registers, PSW, prefix, TOD programmable register, three words of
 * pfault, CPU timer, clock comparator. Loading the first sets the clock and arms the comparators anew. */
static uint8_t *tod_in(const struct state *s)
{
	uint8_t *at = memmem(s->bytes, s->size, "\010todclock", 9);
	return at ? at + 9 + 8 + 2 : NULL;
}
static uint8_t *comparator_in(const struct state *s)
{
	uint8_t *at = memmem(s->bytes, s->size, "\003cpu\0\0\0\0\0\0\0\004", 12);
	return at ? at + 12 + 128 + 16 + 8 + 4 + 24 + 8 : NULL;
}
static uint64_t get64(const uint8_t *p) { uint64_t v = 0; for (int i = 0; i < 8; i++) v = v << 8 | p[i]; return v; }
static void put64(uint8_t *p, uint64_t v) { for (int i = 7; i >= 0; i--) p[i] = v, v >>= 8; }

/* What was saved, loaded and saved again must be the same but for the clock. The first load makes QEMU keep storage keys, which are
 * saved from then on: what is compared was saved after it. */
static bool test_itself(void)
{
	struct state once = { 0 }, twice = { 0 };
	bool ok = load_state(&kept) && save_state(&once) && load_state(&once) && save_state(&twice);
	if (ok) {
		size_t different = 0;
		bool same = once.size == twice.size && once.size >= kept.size && tod_in(&kept) && comparator_in(&kept);
		for (size_t i = 0; same && i < once.size; i++) different += once.bytes[i] != twice.bytes[i];
		ok = (same && different < 64) || no("the devices are not the same after they were loaded");
	}
	free(once.bytes);
	free(twice.bytes);
	return ok && load_state(&kept);
}

static bool save(void)
{
	if (!cpu_description && !find_functions()) return false;
	vm_stop(PAUSED);
	if (!save_state(&kept)) return false;
	if (!base && !make_private()) return false;
	/* The first time this drops all translations: others of our plugins have them made anew. */
	if (!test_itself() || (!kept_translations && !keep_translations())) return false;
	snprintf(answer, sizeof answer, "ok %zu\n", kept.size);
	return true;
}
static bool load(void)
{
	vm_stop(PAUSED);
	return put_back_ram() && load_state(&kept);
}

static volatile int idle;
static void on_idle(qemu_plugin_id_t id, unsigned n) { idle = 1; (void)id; (void)n; }
static void on_resume(qemu_plugin_id_t id, unsigned n) { idle = 0; (void)id; (void)n; }

#define UNITS(ns) ((ns) / 1000 * 4096)
static bool skip(uint64_t least, uint64_t most)
{
	if (!idle || !runstate_is_running()) { strcpy(answer, "ok 0\n"); return true; }
	struct state now = { 0 };
	vm_stop(PAUSED);
	bool ok = save_state(&now);
	if (ok) {
		uint8_t *tod = tod_in(&now);
		uint64_t at = get64(tod), comparator = get64(comparator_in(&now)), by;
		by = comparator == UINT64_MAX ? UNITS(most) : comparator <= at ? 0 : comparator - at;
		if (by > UNITS(most)) by = UNITS(most);
		if (by < UNITS(least)) by = UNITS(least);
		put64(tod, at + by);
		ok = by == 0 || load_state(&now);
		if (ok) snprintf(answer, sizeof answer, "ok %llu\n", (unsigned long long)(by / 4096 * 1000));
	}
	free(now.bytes);
	vm_start();
	return ok;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;
static int finished;
static void in_main_loop(void *p)
{
	const char *line = p;
	unsigned long long least, most;
	strcpy(answer, "ok\n");
	if (!strncmp(line, "save", 4)) save();
	else if (!strncmp(line, "load", 4)) load();
	else if (!strncmp(line, "go", 2)) vm_start();
	else if (sscanf(line, "skip %llu %llu", &least, &most) == 2) skip(least, most);
	else no("there is no such command");
	pthread_mutex_lock(&lock);
	finished = 1;
	pthread_cond_signal(&done);
	pthread_mutex_unlock(&lock);
}

static void perform(const char *line)
{
	if (!cpu_description && !find_functions()) return;
	finished = 0;
	aio_bh_schedule_oneshot_full(qemu_get_aio_context(), in_main_loop, (void *)line, "moment");
	pthread_mutex_lock(&lock);
	while (!finished) pthread_cond_wait(&done, &lock);
	pthread_mutex_unlock(&lock);
}

static void *serve(void *x)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(s, (void *)&address, sizeof address) || listen(s, 1)) {
		fprintf(stderr, "moment: %s: %s\n", address.sun_path, strerror(errno));
		return NULL;
	}
	for (;;) {
		int c = accept(s, NULL, NULL);
		char line[256];
		ssize_t n;
		while ((n = read(c, line, sizeof line - 1)) > 0) {
			line[n] = 0;
			perform(line);
			if (write(c, answer, strlen(answer)) < 0) break;
		}
		close(c);
	}
	(void)x;
	return NULL;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
	pthread_t t;
	for (int i = 0; i < argc; i++)
		if (!strncmp(argv[i], "sock=", 5)) snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[i] + 5);
	qemu_plugin_register_vcpu_idle_cb(id, on_idle);
	qemu_plugin_register_vcpu_resume_cb(id, on_resume);
	(void)info;
	return pthread_create(&t, NULL, serve, NULL);
}
