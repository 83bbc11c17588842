/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of a kernel that queue code of a driver uses, as far as they mean something in one thread that is never preempted: enough to
 * compile the state machine of a driver from the file it has in its kernel. Written for apemu; what is missing, a driver brings along.
 */
#ifndef APEMU_KERNEL_H
#define APEMU_KERNEL_H

#include "ap.h"

#define __packed __attribute__((packed))
#define __aligned(bytes) __attribute__((aligned(bytes)))
#define __maybe_unused __attribute__((unused))
#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)
#define container_of(pointer, type, member) ((type *)((u8 *)(pointer) - offsetof(type, member)))
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile __typeof__(x) *)&(x) = (value))

#define BUG_ON(condition) AP_BUG_ON(condition)
#define BUG() ap_panic("BUG()")
/* A warning is a finding too: nothing in a test runs on with a broken assumption. */
#define WARN_ON(condition)                                               \
	({                                                               \
		if (condition)                                           \
			ap_panic("WARN_ON(" #condition ")");             \
		0;                                                       \
	})
#define WARN_ON_ONCE(condition) WARN_ON(condition)

#define pr_debug(...) do { if (0) ap_log(__VA_ARGS__); } while (0)
#define pr_info(...) ap_log(__VA_ARGS__)
#define pr_warn(...) ap_log(__VA_ARGS__)
#define pr_err(...) ap_log(__VA_ARGS__)

typedef u64 ktime_t;
#define ktime_get() ap_time_ns()
#define NSEC_PER_MSEC AP_MSEC
#define NSEC_PER_SEC AP_SEC

/* ---- Memory: flags say how to wait for it, and there is nothing to wait for. ---- */

typedef unsigned int gfp_t;
#define GFP_KERNEL 0u
#define GFP_ATOMIC 0u
#define kzalloc(size, flags) ((void)(flags), ap_alloc(size))
#define kmalloc(size, flags) kzalloc(size, flags)
#define kfree(memory) ap_free(memory)

static inline void *virt_to_phys(void *address) { return address; }

/* ---- Locks: there is one thread. Taken twice, or given back twice, is a finding. ---- */

typedef struct { int held; } spinlock_t;

static inline void spin_lock_init(spinlock_t *lock) { lock->held = 0; }
#define spin_lock(lock)                           \
	do {                                      \
		AP_BUG_ON((lock)->held != 0);     \
		(lock)->held = 1;                 \
	} while (0)
#define spin_unlock(lock)                         \
	do {                                      \
		AP_BUG_ON((lock)->held != 1);     \
		(lock)->held = 0;                 \
	} while (0)
#define spin_lock_bh(lock) spin_lock(lock)
#define spin_unlock_bh(lock) spin_unlock(lock)
#define lockdep_assert_held(lock) AP_BUG_ON((lock)->held != 1)

/* ---- Lists: two-way, round; an element that was taken out points nowhere. ---- */

struct list_head {
	struct list_head *next, *prev;
};

static inline void INIT_LIST_HEAD(struct list_head *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_empty(const struct list_head *head) { return head->next == head; }

static inline void list_insert_(struct list_head *entry, struct list_head *prev, struct list_head *next)
{
	entry->next = next;
	entry->prev = prev;
	prev->next = entry;
	next->prev = entry;
}

static inline void list_add(struct list_head *entry, struct list_head *head) { list_insert_(entry, head, head->next); }
static inline void list_add_tail(struct list_head *entry, struct list_head *head) { list_insert_(entry, head->prev, head); }

static inline void list_del(struct list_head *entry)
{
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
	entry->next = NULL;
	entry->prev = NULL;
}

static inline void list_del_init(struct list_head *entry)
{
	list_del(entry);
	INIT_LIST_HEAD(entry);
}

static inline void list_move_tail(struct list_head *entry, struct list_head *head)
{
	list_del(entry);
	list_add_tail(entry, head);
}

#define list_entry(pointer, type, member) container_of(pointer, type, member)
#define list_first_entry(head, type, member) list_entry((head)->next, type, member)
#define list_for_each_entry(at, head, member)                                            \
	for (at = list_first_entry(head, __typeof__(*at), member); &at->member != (head); \
	     at = list_entry(at->member.next, __typeof__(*at), member))
#define list_for_each_entry_safe(at, after, head, member)                                \
	for (at = list_first_entry(head, __typeof__(*at), member),                        \
	    after = list_entry(at->member.next, __typeof__(*at), member);                 \
	     &at->member != (head);                                                       \
	     at = after, after = list_entry(after->member.next, __typeof__(*after), member))

/* ---- Timers ---- */

struct timer_list {
	struct ap_timer timer;
	void (*function)(struct timer_list *timer);
};

static inline void timer_list_run_(struct ap_timer *timer)
{
	struct timer_list *list = container_of(timer, struct timer_list, timer);

	list->function(list);
}

static inline void timer_setup(struct timer_list *timer, void (*function)(struct timer_list *), unsigned int flags)
{
	(void)flags;
	timer->function = function;
	timer->timer.function = timer_list_run_;
}

/* Here, jiffies are milliseconds. */
#define HZ 1000u
static inline u64 jiffies_now_(void) { return ap_time_ns() / AP_MSEC; }
#define jiffies jiffies_now_()

static inline int mod_timer(struct timer_list *timer, u64 expires)
{
	u64 now = jiffies;
	bool armed = timer->timer.armed;

	ap_timer_start(&timer->timer, expires > now ? (expires - now) * AP_MSEC : 0);
	return armed;
}

static inline int del_timer_sync(struct timer_list *timer) { return ap_timer_cancel(&timer->timer); }
static inline bool timer_pending(const struct timer_list *timer) { return timer->timer.armed; }

#endif
