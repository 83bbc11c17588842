// SPDX-License-Identifier: Apache-2.0
// The state machine of an AP queue in the shape kernel code has it: locks, lists, timers and a table of actions. Nothing in this file is
// there because of apemu; docs/c-drivers.md says what it took to compile it.
#include "queue.h"

u8 *queue_indicator;

static void queue_flush(struct queue *q, int rc)
{
	struct message *message, *after;

	list_for_each_entry_safe(message, after, &q->pendingq, list) {
		list_del_init(&message->list);
		q->pendingq_count--;
		message->rc = rc;
		message->receive(message, NULL, 0);
	}
	list_for_each_entry_safe(message, after, &q->requestq, list) {
		list_del_init(&message->list);
		q->requestq_count--;
		message->rc = rc;
		message->receive(message, NULL, 0);
	}
}

/* Stops in DEV_ERROR; somebody restarts the queue. */
static enum queue_sm_wait queue_error(struct queue *q, struct ap_queue_status status)
{
	q->dev_state = DEV_ERROR;
	q->rc = status.response_code;
	pr_warn("queue %02x.%04x: response code 0x%02x", AP_QID_CARD(q->qid), AP_QID_QUEUE(q->qid), q->rc);
	return SM_WAIT_NONE;
}

static int queue_enable_irq(struct queue *q)
{
	union ap_qirq_ctrl control = { .value = 0 };
	struct ap_queue_status status;

	control.ir = 1;
	control.isc = 6;
	status = ap_aqic(q->qid, control, virt_to_phys(queue_indicator));
	switch (status.response_code) {
	case AP_RESPONSE_NORMAL:
	case AP_RESPONSE_OTHERWISE_CHANGED:
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

/* One DQAP with everything that follows from it. */
static struct ap_queue_status queue_recv(struct queue *q)
{
	struct ap_queue_status status;
	struct message *message;
	size_t length = 0, got = 0;
	u64 psmid = 0, token = 0;
	bool found = false;

	do {
		status = ap_dqap(q->qid, &psmid, q->reply, q->reply_len, &length, NULL, &token);
		got += length;
	} while (status.response_code == AP_RESPONSE_REPLY_LARGER && token != 0);

	switch (status.response_code) {
	case AP_RESPONSE_NORMAL:
		if (q->queue_count > 0)
			q->queue_count--;
		if (q->queue_count > 0)
			mod_timer(&q->timeout, jiffies + REQUEST_TIMEOUT);
		list_for_each_entry(message, &q->pendingq, list) {
			if (message->psmid != psmid)
				continue;
			list_del_init(&message->list);
			q->pendingq_count--;
			message->rc = got > q->reply_len ? -EMSGSIZE : 0;
			message->receive(message, q->reply, got);
			found = true;
			break;
		}
		if (!found)
			pr_warn("queue %02x.%04x: a reply nobody waits for", AP_QID_CARD(q->qid), AP_QID_QUEUE(q->qid));
		/* What the machine has forgotten will not come. */
		if (!status.queue_empty)
			break;
		/* fallthrough */
	case AP_RESPONSE_NO_PENDING_REPLY:
		if (!status.queue_empty)
			break;
		q->queue_count = 0;
		while (!list_empty(&q->pendingq)) {
			list_move_tail(q->pendingq.next, &q->requestq);
			q->pendingq_count--;
			q->requestq_count++;
		}
		break;
	default:
		break;
	}
	return status;
}

static enum queue_sm_wait sm_reset(struct queue *q)
{
	struct ap_queue_status status = ap_rapq(q->qid, 0);

	switch (status.response_code) {
	case AP_RESPONSE_NORMAL:
	case AP_RESPONSE_RESET_IN_PROGRESS:
		q->sm_state = SM_RESET_WAIT;
		return SM_WAIT_LOW;
	default:
		return queue_error(q, status);
	}
}

static enum queue_sm_wait sm_ready(struct queue *q)
{
	q->queue_count = q->pendingq_count;
	q->sm_state = q->queue_count > 0 ? SM_WORKING : SM_IDLE;
	return SM_WAIT_AGAIN;
}

static enum queue_sm_wait sm_reset_wait(struct queue *q)
{
	struct ap_queue_status status = ap_tapq(q->qid, NULL);

	switch (status.response_code) {
	case AP_RESPONSE_NORMAL:
		if (queue_indicator == NULL || queue_enable_irq(q) != 0)
			return sm_ready(q);
		q->sm_state = SM_SETIRQ_WAIT;
		q->irq_since = jiffies;
		return SM_WAIT_AGAIN;
	case AP_RESPONSE_BUSY:
	case AP_RESPONSE_RESET_IN_PROGRESS:
		return SM_WAIT_LOW;
	default:
		return queue_error(q, status);
	}
}

static enum queue_sm_wait sm_setirq_wait(struct queue *q)
{
	struct ap_queue_status status = ap_tapq(q->qid, NULL);

	switch (status.response_code) {
	case AP_RESPONSE_NORMAL:
		if (status.irq_enabled || jiffies - q->irq_since > HZ)
			return sm_ready(q);
		return SM_WAIT_LOW;
	case AP_RESPONSE_BUSY:
		return SM_WAIT_LOW;
	default:
		return queue_error(q, status);
	}
}

static enum queue_sm_wait sm_read(struct queue *q)
{
	struct ap_queue_status status = queue_recv(q);

	switch (status.response_code) {
	case AP_RESPONSE_NORMAL:
		q->sm_state = q->queue_count > 0 ? SM_WORKING : SM_IDLE;
		return q->queue_count > 0 ? SM_WAIT_AGAIN : SM_WAIT_NONE;
	case AP_RESPONSE_NO_PENDING_REPLY:
		if (q->queue_count > 0)
			return SM_WAIT_HIGH;
		q->sm_state = SM_IDLE;
		return SM_WAIT_NONE;
	case AP_RESPONSE_BUSY:
		return SM_WAIT_HIGH;
	default:
		return queue_error(q, status);
	}
}

static enum queue_sm_wait sm_write(struct queue *q)
{
	struct ap_queue_status status;
	struct message *message;

	if (list_empty(&q->requestq))
		return SM_WAIT_NONE;
	message = list_first_entry(&q->requestq, struct message, list);
	status = ap_nqap(q->qid, message->psmid, message->msg, message->len);
	switch (status.response_code) {
	case AP_RESPONSE_NORMAL:
		list_move_tail(&message->list, &q->pendingq);
		q->requestq_count--;
		q->pendingq_count++;
		if (q->queue_count++ == 0)
			mod_timer(&q->timeout, jiffies + REQUEST_TIMEOUT);
		q->sm_state = q->queue_count < q->queue_depth ? SM_WORKING : SM_QUEUE_FULL;
		return q->queue_count < q->queue_depth ? SM_WAIT_AGAIN : SM_WAIT_HIGH;
	case AP_RESPONSE_Q_FULL:
		q->sm_state = SM_QUEUE_FULL;
		return SM_WAIT_HIGH;
	case AP_RESPONSE_BUSY:
		return SM_WAIT_HIGH;
	case AP_RESPONSE_RESET_IN_PROGRESS:
		q->sm_state = SM_RESET_WAIT;
		return SM_WAIT_LOW;
	case AP_RESPONSE_INVALID_DOMAIN:
	case AP_RESPONSE_MESSAGE_TOO_BIG:
	case AP_RESPONSE_REQ_FAC_NOT_INST:
		list_del_init(&message->list);
		q->requestq_count--;
		message->rc = -EINVAL;
		message->receive(message, NULL, 0);
		return SM_WAIT_AGAIN;
	default:
		return queue_error(q, status);
	}
}

static enum queue_sm_wait sm_read_write(struct queue *q)
{
	enum queue_sm_wait reading = sm_read(q), writing;

	if (q->dev_state != DEV_OPERATING)
		return SM_WAIT_NONE;
	writing = sm_write(q);
	return reading < writing ? reading : writing;
}

static enum queue_sm_wait (*const poll_actions[NR_SM_STATES])(struct queue *q) = {
	[SM_RESET_START] = sm_reset,
	[SM_RESET_WAIT] = sm_reset_wait,
	[SM_SETIRQ_WAIT] = sm_setirq_wait,
	[SM_IDLE] = sm_write,
	[SM_WORKING] = sm_read_write,
	[SM_QUEUE_FULL] = sm_read,
};

enum queue_sm_wait queue_sm_poll_loop(struct queue *q)
{
	enum queue_sm_wait wait;

	lockdep_assert_held(&q->lock);
	do {
		wait = q->dev_state == DEV_OPERATING ? poll_actions[q->sm_state](q) : SM_WAIT_NONE;
	} while (wait == SM_WAIT_AGAIN);
	return wait;
}

static void queue_request_timeout(struct timer_list *timer)
{
	struct queue *q = container_of(timer, struct queue, timeout);

	spin_lock_bh(&q->lock);
	if (q->dev_state == DEV_OPERATING && q->pendingq_count > 0) {
		queue_flush(q, -ETIMEDOUT);
		q->sm_state = SM_RESET_START;
	}
	spin_unlock_bh(&q->lock);
}

void queue_message(struct queue *q, struct message *message)
{
	spin_lock_bh(&q->lock);
	if (q->dev_state == DEV_OPERATING) {
		list_add_tail(&message->list, &q->requestq);
		q->requestq_count++;
	} else {
		message->rc = -ENODEV;
		message->receive(message, NULL, 0);
	}
	spin_unlock_bh(&q->lock);
}

void queue_restart(struct queue *q)
{
	lockdep_assert_held(&q->lock);
	queue_flush(q, -EAGAIN);
	q->dev_state = DEV_OPERATING;
	q->sm_state = SM_RESET_START;
	q->queue_count = 0;
}

void queue_init(struct queue *q, ap_qid_t qid, int depth)
{
	spin_lock_init(&q->lock);
	INIT_LIST_HEAD(&q->requestq);
	INIT_LIST_HEAD(&q->pendingq);
	timer_setup(&q->timeout, queue_request_timeout, 0);
	q->qid = qid;
	q->queue_depth = depth;
	q->dev_state = DEV_OPERATING;
	q->sm_state = SM_RESET_START;
}

void queue_remove(struct queue *q)
{
	spin_lock_bh(&q->lock);
	queue_flush(q, -ECANCELED);
	ap_rapq(q->qid, 0);
	q->dev_state = DEV_ERROR;
	spin_unlock_bh(&q->lock);
	del_timer_sync(&q->timeout);
}
