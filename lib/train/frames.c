/* SPDX-License-Identifier: MIT */
/* What tasks share whose targets have a row a frame: which row of the target an output row lies on, whatever the rates of both. */
#include "train/private.h"

#include <math.h>
#include <stdlib.h>

int train_frames_open(struct frame_targets *f, const struct ser_task *t, const struct ser_dataset *d,
		      const char *target, const char *known, struct ser_err *e)
{
	const struct ser_encoder *c =
		&t->model->enc[ser_model_source_term(t->model, &t->model->head[t->head].source, 0).encoder];
	double input = ser_header_shift(&d->header, c->field), shift = ser_header_shift(&d->header, target);
	f->d = d;
	f->field = ser_dataset_field(d, target);
	f->known = known != NULL ? ser_dataset_field(d, known) : f->field;
	f->has_known = known != NULL;
	if (known != NULL && d->field[f->known].dim != 1)
		return ser_fail(e, SER_EDATA, "\"%s\" has %zu columns, expected one number a frame", known,
				d->field[f->known].dim);
	if (input == 0 || shift == 0)
		return ser_fail(e, SER_EDATA,
				"the stream's header gives no shift_s for \"%s\": targets cannot be laid beside frames",
				input == 0 ? c->field : target);
	f->rows = input / shift;
	for (size_t i = 0; i < d->n && known != NULL; i++)
		if (d->item[i].piece[f->known].n_frame != d->item[i].piece[f->field].n_frame)
			return ser_fail(e, SER_EDATA, "record \"%s\": \"%s\" has %zu frames, \"%s\" %zu", d->item[i].id,
					target, d->item[i].piece[f->field].n_frame, known,
					d->item[i].piece[f->known].n_frame);
	return 0;
}

static void read_target(struct frame_targets *f, size_t item)
{
	size_t n = f->d->item[item].piece[f->field].n_frame;
	f->x = ser_grow(f->x, &f->cap_x, ser_mul(n, f->d->field[f->field].dim), sizeof *f->x);
	ser_dataset_read(f->d, f->field, item, 0, n, f->x);
	f->n_x = n;
	if (!f->has_known)
		return;
	f->is_known = ser_grow(f->is_known, &f->cap_known, n, sizeof *f->is_known);
	ser_dataset_read(f->d, f->known, item, 0, n, f->is_known);
}

/* Rows are as long as they are apart: row k of n lies in the middle of its share of the rows that were read. -1: behind the target's end */
static double place(const struct frame_targets *f, const struct cut *c, size_t k, size_t n)
{
	double last = (double)(f->n_x - 1);
	double at = ((double)c->from + ((double)k + 0.5) * (double)c->n_src / (double)n) * f->rows - 0.5;
	return at > last + 0.5 ? -1 : at < 0 ? 0 : at > last ? last : at;
}

bool train_frames_known(const struct frame_targets *f, size_t row)
{
	return !f->has_known || f->is_known[row] >= 0;
}

size_t train_frames(struct ser_task *t, struct frame_targets *f, struct ser_tape *tape, const struct ser_batch *b,
		    size_t lo, size_t hi, bool (*take)(struct ser_task *t, double at))
{
	struct ser_shape s = ser_tape_shape(tape, t->encoded->frames);
	f->n = 0;
	for (size_t r = lo; r < hi; r++) {
		size_t first = f->n, from = s.seg[r - lo], to = s.seg[r - lo + 1];
		if (t->code[b->row[r]] < 0)
			continue;
		read_target(f, b->row[r]);
		for (size_t k = from; k < to; k++) {
			double at = place(f, &b->in[t->encoder].cut[r - b->lo], k - from, to - from);
			if (at < 0 || !take(t, at))
				continue;
			f->row = ser_grow(f->row, &f->cap_row, f->n + 1, sizeof *f->row);
			f->weight = ser_grow(f->weight, &f->cap_weight, f->n + 1, sizeof *f->weight);
			f->row[f->n++] = (int32_t)k;
		}
		for (size_t k = first; k < f->n; k++)
			f->weight[k] = (real)(1 / (double)(f->n - first));
	}
	return f->n;
}

void train_frames_free(struct frame_targets *f)
{
	free(f->x);
	free(f->is_known);
	free(f->row);
	free(f->weight);
}
