/* SPDX-License-Identifier: MIT */
/* What tasks share that learn from masked frames: which these are, and how right was what was said of them. */
#include "train/private.h"

#include <stdlib.h>

static void add(struct masked_rows *m, size_t row, size_t seg)
{
	m->row = ser_grow(m->row, &m->cap_row, m->n + 1, sizeof *m->row);
	m->seg = ser_grow(m->seg, &m->cap_seg, m->n + 1, sizeof *m->seg);
	m->weight = ser_grow(m->weight, &m->cap_weight, m->n + 1, sizeof *m->weight);
	m->row[m->n] = (int32_t)row;
	m->seg[m->n++] = seg;
}

/* Masked frames of this process' part of a batch, or those that are heard: their numbers, utterances, weights: share/(such frames of the
 * utterance). They go behind what is in m. */
static void frames_of(struct masked_rows *m, struct ser_shape s, const bool *masked, bool which, double share)
{
	for (size_t b = 0; b < s.n_seg; b++) {
		size_t first = m->n;
		for (size_t i = s.seg[b]; i < s.seg[b + 1]; i++)
			if (masked[i] == which && (m->label == NULL || m->label[i] >= 0))
				add(m, i, b);
		for (size_t k = first; k < m->n; k++)
			m->weight[k] = (real)(share / (double)(m->n - first));
	}
}

size_t train_masked(const struct ser_task *t, struct ser_tape *tape, struct masked_rows *m)
{
	const struct ser_encoded *y = t->encoded;
	struct ser_shape s = ser_tape_shape(tape, y->frames);
	const bool *masked = ser_nn_masked(tape, y->front.masked);
	m->n = 0;
	if (masked == NULL)
		return 0;
	if (m->heard < 1)
		frames_of(m, s, masked, true, 1 - m->heard);
	if (m->heard > 0)
		frames_of(m, s, masked, false, m->heard);
	return m->n;
}

void train_masked_free(struct masked_rows *m)
{
	free(m->row);
	free(m->seg);
	free(m->weight);
}

void train_every_item(struct ser_task *t, const struct ser_dataset *d)
{
	t->n_item = d->n;
	t->code = ser_calloc(d->n, sizeof *t->code);
}

int train_can_mask(const struct ser_task *t, size_t encoder, struct ser_err *e)
{
	const struct ser_encoder *c = &t->model->enc[encoder];
	if (c->arch->hop > 0)
		return 0;
	return ser_fail(e, SER_EUSAGE, "task %s masks frames inside the encoder: architecture %s cannot", t->kind->name,
			c->arch->name);
}

/* Right ones, and all */
size_t train_hits_size(const struct ser_task *t)
{
	(void)t;
	return 2;
}

double train_hits_total(const struct ser_task *t, const double *sum)
{
	(void)t;
	return sum[1] > 0 ? sum[0] / sum[1] : 0;
}
