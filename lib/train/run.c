/* SPDX-License-Identifier: MIT */
#include "train/private.h"

#include <stdlib.h>
#include <unistd.h>

/* From the checkpoint where there is one; the log goes on from where it was then. */
static int begin(struct ser_trainer *t, const struct ser_train_keep *k, bool writes, struct ser_train_log **log,
		 struct ser_err *e)
{
	char *note = NULL;
	bool there = k->resume && access(k->checkpoint, F_OK) == 0;
	if (!ser_comm_same(t->o.comm, there))
		return ser_fail(e, SER_EIO, "%s: not all processes see it", k->checkpoint);
	int rc = there ? ser_trainer_resume(t, k->checkpoint, &note, e) : 0;
	if (rc == 0 && writes && k->log != NULL)
		rc = ser_train_log_open(log, k->log, t->task, t->n_task, note, e);
	free(note);
	return rc;
}

static int save(const struct ser_trainer *t, const struct ser_train_keep *k, const struct ser_train_log *log,
		struct ser_err *e)
{
	char note[32];
	ser_train_log_note(log, note);
	return ser_trainer_save(t, k->checkpoint, note, e);
}

int ser_train_run(struct ser_trainer *t, const struct ser_train_keep *k,
		  void (*tell)(void *ctx, const struct ser_train_row *row, bool more), void *ctx, struct ser_err *e)
{
	struct ser_train_row row;
	struct ser_train_log *log = NULL;
	bool writes = ser_comm_rank(t->o.comm) == 0, more = true;
	int rc = begin(t, k, writes, &log, e);
	while (rc == 0 && more) {
		rc = ser_trainer_step(t, &row, e);
		if (rc < 0 || row.epoch == 0) /* 0: resumed at the end */
			break;
		more = rc > 0;
		rc = row.end_of_epoch && log != NULL ? ser_train_log_row(log, &row, e) : 0;
		bool due = k->every > 0 ? row.step % (uint64_t)k->every == 0 || !more : row.end_of_epoch;
		if (rc == 0 && writes && k->checkpoint != NULL && due)
			rc = save(t, k, log, e);
		if (rc == 0 && tell != NULL)
			tell(ctx, &row, more);
	}
	if (rc < 0) {
		ser_train_log_close(log, NULL);
		return rc;
	}
	rc = ser_train_log_close(log, e);
	if (rc == 0)
		ser_trainer_finish(t);
	return rc;
}
