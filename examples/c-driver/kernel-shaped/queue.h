/* SPDX-License-Identifier: Apache-2.0 */
/* The queue device as its state machine and its users share it; the header your kernel code has for this stays as it is. */
#ifndef QUEUE_H
#define QUEUE_H

#include <apemu/kernel.h>

enum queue_sm_state { SM_RESET_START, SM_RESET_WAIT, SM_SETIRQ_WAIT, SM_IDLE, SM_WORKING, SM_QUEUE_FULL, NR_SM_STATES };
enum queue_sm_wait { SM_WAIT_AGAIN, SM_WAIT_HIGH, SM_WAIT_LOW, SM_WAIT_INTERRUPT, SM_WAIT_NONE };
enum queue_dev_state { DEV_OPERATING, DEV_ERROR };

struct message {
	struct list_head list;
	u64 psmid;
	void *msg;
	size_t len;
	int rc;
	void (*receive)(struct message *message, const void *reply, size_t length);
	void *private;
};

struct queue {
	struct list_head node;
	spinlock_t lock;
	ap_qid_t qid;
	enum queue_dev_state dev_state;
	enum queue_sm_state sm_state;
	int rc;
	int queue_count;
	int queue_depth;
	int requestq_count;
	int pendingq_count;
	u64 irq_since;
	struct list_head requestq;
	struct list_head pendingq;
	struct timer_list timeout;
	void *reply;
	size_t reply_len;
};

#define REQUEST_TIMEOUT (10 * HZ)

/* Notification byte of all queues; NULL: no interruptions. */
extern u8 *queue_indicator;

void queue_init(struct queue *q, ap_qid_t qid, int depth);
void queue_remove(struct queue *q);
enum queue_sm_wait queue_sm_poll_loop(struct queue *q);
void queue_message(struct queue *q, struct message *message);
void queue_restart(struct queue *q);

#endif
