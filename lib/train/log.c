/* SPDX-License-Identifier: MIT */
/* The table that a training leaves of itself. */
#include "train/train.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct ser_train_log {
	FILE *f;
	char *path;
	const struct ser_task *task; /* borrowed */
	size_t n_task;
	long at; /* bytes that belong to it */
};

static int flush(struct ser_train_log *l, struct ser_err *e)
{
	if (fflush(l->f) != 0)
		return ser_fail(e, SER_EIO, "%s: write failed: %s", l->path, strerror(errno));
	l->at = ftell(l->f);
	return 0;
}

/* Everything behind what had been written when the checkpoint was goes. */
static int cut_back(struct ser_train_log *l, const char *note, struct ser_err *e)
{
	struct stat st;
	int64_t at;
	if (ser_parse_int(note, 0, INT64_MAX, &at, e) != 0 || fstat(fileno(l->f), &st) != 0 || st.st_size < at)
		return ser_fail(e, SER_EDATA, "%s: is not the log of this checkpoint", l->path);
	if (ftruncate(fileno(l->f), (off_t)at) != 0 || fseek(l->f, (long)at, SEEK_SET) != 0)
		return ser_fail(e, SER_EIO, "%s: cannot cut it back: %s", l->path, strerror(errno));
	l->at = (long)at;
	return 0;
}

static int begin(struct ser_train_log *l, struct ser_err *e)
{
	const struct ser_task *task = l->task, *v = ser_task_validator(task, l->n_task);
	fprintf(l->f, "epoch\tstep\tlr\tloss");
	for (size_t k = 0; k < l->n_task; k++)
		fprintf(l->f, "\tloss_%s", task[k].name);
	for (size_t k = 0; k < l->n_task; k++)
		if (task[k].kind->before != NULL)
			fprintf(l->f, "\tnmi_%s", task[k].name);
	fprintf(l->f, "\tgrad_norm\tdev_%s\tbest\n", v != NULL ? v->kind->score : "none");
	return flush(l, e);
}

int ser_train_log_open(struct ser_train_log **out, const char *path, const struct ser_task *task, size_t n_task,
		       const char *note, struct ser_err *e)
{
	struct ser_train_log *l = ser_calloc(1, sizeof *l);
	*out = NULL;
	l->path = ser_strdup(path);
	l->task = task;
	l->n_task = n_task;
	l->f = fopen(path, note != NULL ? "r+" : "w");
	int rc = l->f == NULL   ? ser_fail(e, SER_EIO, "%s: cannot open: %s", path, strerror(errno))
		 : note != NULL ? cut_back(l, note, e)
				: begin(l, e);
	if (rc == 0)
		*out = l;
	else
		ser_train_log_close(l, NULL);
	return rc;
}

int ser_train_log_row(struct ser_train_log *l, const struct ser_train_row *r, struct ser_err *e)
{
	char num[32];
	fprintf(l->f, "%zu\t%llu\t%s", r->epoch, (unsigned long long)r->step, ser_format_real(r->lr, num));
	fprintf(l->f, "\t%.6g", r->loss);
	for (size_t k = 0; k < l->n_task; k++)
		fprintf(l->f, "\t%.6g", r->part[k]);
	for (size_t k = 0; k < l->n_task; k++)
		if (l->task[k].kind->before != NULL)
			fprintf(l->f, isnan(l->task[k].nmi) ? "\t" : "\t%.6f", l->task[k].nmi);
	fprintf(l->f, "\t%.6g", r->grad_norm);
	if (r->validated)
		fprintf(l->f, "\t%.6f\t%.6f\n", r->dev, r->best);
	else
		fprintf(l->f, "\t\t\n");
	return flush(l, e);
}

void ser_train_log_note(const struct ser_train_log *l, char note[static 32])
{
	snprintf(note, 32, "%ld", l != NULL ? l->at : 0);
}

int ser_train_log_close(struct ser_train_log *l, struct ser_err *e)
{
	int rc = 0;
	if (l == NULL)
		return 0;
	if (l->f != NULL && fclose(l->f) != 0)
		rc = ser_fail(e, SER_EIO, "%s: write failed: %s", l->path, strerror(errno));
	free(l->path);
	free(l);
	return rc;
}
