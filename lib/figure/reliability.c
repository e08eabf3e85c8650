/* SPDX-License-Identifier: MIT */
#include "figure/private.h"
#include "stat/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 10 };

struct ser_reliability {
	const char *truth, *pred;
	double *sure; /* [n] */
	bool *right;  /* [n] */
	size_t n, cap[2];
};

struct ser_reliability *ser_reliability_new(const char *truth)
{
	struct ser_reliability *s = ser_calloc(1, sizeof *s);
	s->truth = truth;
	return s;
}

void ser_reliability_free(struct ser_reliability *s)
{
	if (s == NULL)
		return;
	free(s->sure);
	free(s->right);
	free(s);
}

int ser_reliability_add(struct ser_reliability *s, const struct ser_header *h, struct ser_record *r, struct ser_err *e)
{
	const struct ser_val *dim = ser_header_dim(h, "post"),
			     *names = dim != NULL ? ser_val_get(dim, "classes") : NULL;
	const char *truth;
	const float *post;
	size_t k, best = 0;
	int rc = ser_record_f4(r, "post", 1, &post, &k, e);
	if (rc == SER_OK)
		rc = ser_record_str(r, s->truth, &truth, e);
	if (rc == SER_OK && (names == NULL || names->kind != SER_LIST || names->u.list.n != k || k == 0))
		rc = ser_record_fail(r, e, SER_EDATA, "the header does not name the %zu class%s of \"post\"", k,
				     ser_plural(k, "", "es"));
	if (rc != SER_OK)
		return rc;
	for (size_t i = 0; i < k; i++) {
		if (!(post[i] >= 0 && post[i] <= 1.0001F))
			return ser_record_fail(r, e, SER_EDATA, "\"post\" holds %g, expected a probability",
					       (double)post[i]);
		best = post[i] > post[best] ? i : best;
	}
	s->sure = ser_grow(s->sure, &s->cap[0], s->n + 1, sizeof *s->sure);
	s->right = ser_grow(s->right, &s->cap[1], s->n + 1, sizeof *s->right);
	s->sure[s->n] = fmin((double)post[best], 1);
	s->right[s->n++] = ser_val_is_str(&names->u.list.v[best], truth);
	return SER_OK;
}

int ser_reliability_draw(struct ser_reliability *s, const struct ser_plot_opt *opt, struct ser_buf *svg,
			 struct ser_err *e)
{
	double mean[BINS], share[BINS], count[BINS];
	struct ser_buf sub = {0};
	struct ser_plot_opt o = *opt;
	if (s->n == 0)
		return ser_fail(e, SER_EDATA, "there are no predictions to draw");
	double ece = ser_calibration(s->sure, s->right, NULL, s->n, BINS, mean, share, count);
	ser_buf_printf(&sub,
		       "%zu record%s; expected calibration error %.4f. Orange: less often right than said; light blue: "
		       "more often; dashed: as often.",
		       s->n, ser_s(s->n), ece);
	o.title = o.title != NULL ? o.title : "Reliability";
	o.subtitle = sub.s;
	int rc = ser_plot_reliability(&o, &(struct ser_plot_reliability){BINS, mean, share, count}, svg, e);
	ser_buf_free(&sub);
	return rc;
}
