/* SPDX-License-Identifier: MIT */
#include "figure/private.h"
#include "stat/metrics.h"

#include <stdlib.h>
#include <string.h>

struct ser_truths {
	const char *truth, *pred;
	struct label class; /* of both labels; its things are truth and prediction by turns */
	size_t n_said;      /* classes that the header names */
};

struct ser_truths *ser_truths_new(const char *truth, const char *pred, const char *const *order, size_t n_order,
				  const struct ser_header *h)
{
	struct ser_truths *t = ser_calloc(1, sizeof *t);
	const struct ser_val *dim = ser_header_dim(h, "post"), *l = dim != NULL ? ser_val_get(dim, "classes") : NULL;
	t->truth = truth;
	t->pred = pred;
	t->class = label_new(truth);
	label_first(&t->class, order, n_order);
	for (size_t i = 0; l != NULL && l->kind == SER_LIST && i < l->u.list.n; i++)
		if (l->u.list.v[i].kind == SER_STR)
			ser_map_add(t->class.value, l->u.list.v[i].u.str.s, l->u.list.v[i].u.str.n, NULL);
	t->n_said = ser_map_len(t->class.value);
	return t;
}

void ser_truths_free(struct ser_truths *t)
{
	if (t == NULL)
		return;
	label_free(&t->class);
	free(t);
}

int ser_truths_add(struct ser_truths *t, struct ser_record *r, struct ser_err *e)
{
	const char *name[2] = {t->truth, t->pred};
	int rc = SER_OK;
	for (int i = 0; i < 2 && rc == SER_OK; i++) {
		t->class.name = name[i];
		rc = label_add(&t->class, r, NULL, e);
	}
	return rc;
}

int ser_truths_draw(struct ser_truths *t, const struct ser_plot_opt *opt, struct ser_buf *svg, struct ser_err *e)
{
	label_sort(&t->class, t->n_said);
	size_t k = ser_map_len(t->class.value), n = t->class.n / 2;
	struct ser_buf head = {0}, sub = {0};
	struct ser_plot_opt o = *opt;
	double *count = ser_calloc(ser_mul(k, k), sizeof *count);
	const size_t *of = t->class.of, *rank = t->class.rank;
	for (size_t i = 0; i < n; i++)
		count[rank[of[2 * i]] * k + rank[of[2 * i + 1]]]++;
	if (n > 0) {
		struct ser_class_score score;
		ser_score_classes(count, k, &score, NULL);
		ser_buf_printf(&sub, "%zu record%s, UAR %.1f %%, accuracy %.1f %%. Rows add up to 100 %%.", n, ser_s(n),
			       100 * score.uar, 100 * score.war);
	}
	ser_buf_printf(&head, "%s: true and predicted", t->truth);
	size_t n_true = 0;
	for (size_t i = 0; i < k; i++) {
		double row = 0;
		for (size_t j = 0; j < k; j++)
			row += count[i * k + j];
		n_true += row > 0;
	}
	if (n_true > 0)
		ser_buf_printf(&sub, " By chance UAR is %.1f %%.", 100 / (double)n_true);
	o.title = o.title != NULL ? o.title : head.s;
	o.subtitle = sub.s;
	struct ser_plot_confusion d = {k, count, t->class.sorted};
	int rc = ser_plot_confusion(&o, &d, svg, e);
	ser_buf_free(&head);
	ser_buf_free(&sub);
	free(count);
	return rc;
}
