/* SPDX-License-Identifier: MIT */
#include "figure/private.h"
#include "stat/boot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct curve {
	const struct ser_figure_text *text;
	struct report report;
	double *x, *y; /* [n] normal deviates of false acceptances and misses */
	size_t n;
	double eer; /* of the points, where both are nearest */
	size_t at;
};

struct ser_dets {
	struct curve *curve;
	size_t n, cap;
	struct ser_arena arena;
};

struct ser_dets *ser_dets_new(void)
{
	return ser_calloc(1, sizeof(struct ser_dets));
}

void ser_dets_free(struct ser_dets *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++) {
		report_free(&s->curve[i].report);
		free(s->curve[i].x);
		free(s->curve[i].y);
	}
	free(s->curve);
	ser_arena_free(&s->arena);
	free(s);
}

/* The values of a column in their order. */
static double *column(const struct report *r, const char *name, size_t *n)
{
	ptrdiff_t c = ser_map_find(r->column, name, strlen(name));
	double *v = ser_malloc(r->n, sizeof *v);
	*n = 0;
	for (size_t i = 0; c >= 0 && i < r->n; i++)
		if (r->v[i].column == (size_t)c)
			v[(*n)++] = r->v[i].x;
	return v;
}

/* Rates of 0 and 1 have no deviate: they lie beyond every axis. */
static double deviate(double p)
{
	return ser_normal_quantile(fmin(fmax(p, 1e-9), 1 - 1e-9));
}

int ser_dets_add(struct ser_dets *s, const struct ser_figure_text *t, struct ser_err *e)
{
	s->curve = ser_grow(s->curve, &s->cap, s->n + 1, sizeof *s->curve);
	struct curve *c = &s->curve[s->n++];
	size_t n_miss;
	*c = (struct curve){.text = t};
	int rc = report_read(&c->report, t, "det", &s->arena, e);
	if (rc != SER_OK)
		return ser_fail(e, rc, "%s: there is no table \"det\", which ser-score verify --det writes", t->shown);
	c->x = column(&c->report, "false_acceptance", &c->n);
	c->y = column(&c->report, "miss", &n_miss);
	if (c->n == 0 || c->n != n_miss)
		return ser_fail(e, SER_EDATA, "%s: table \"det\" has %zu false acceptances and %zu misses", t->shown,
				c->n, n_miss);
	double least = INFINITY;
	for (size_t i = 0; i < c->n; i++) {
		if (!(c->x[i] >= 0 && c->x[i] <= 1 && c->y[i] >= 0 && c->y[i] <= 1))
			return ser_fail(e, SER_EDATA, "%s: rates %g and %g, expected them in [0,1]", t->shown, c->x[i],
					c->y[i]);
		if (fabs(c->x[i] - c->y[i]) < least) {
			least = fabs(c->x[i] - c->y[i]);
			c->at = i;
			c->eer = (c->x[i] + c->y[i]) / 2;
		}
		c->x[i] = deviate(c->x[i]);
		c->y[i] = deviate(c->y[i]);
	}
	return SER_OK;
}

void ser_dets_inputs(const struct ser_dets *s, struct ser_header *h)
{
	for (size_t i = 0; i < s->n; i++)
		input_add(h, s->curve[i].text->name, &s->curve[i].report.about);
}

int ser_dets_draw(struct ser_dets *s, const struct ser_plot_opt *opt, struct ser_buf *svg, struct ser_err *e)
{
	static const double rate[] = {0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6};
	static const char *const rate_name[] = {"0.1", "0.5", "1", "2", "5", "10", "20", "40", "60"};
	enum { N = sizeof rate / sizeof *rate };
	double tick[N];
	struct ser_plot_line *line = ser_calloc(s->n, sizeof *line);
	const char **name = ser_calloc(s->n, sizeof *name);
	struct ser_buf sub = {0};
	struct ser_plot_opt o = *opt;
	for (int i = 0; i < N; i++)
		tick[i] = deviate(rate[i]);
	for (size_t i = 0; i < s->n; i++) {
		line[i] = (struct ser_plot_line){
			.n = s->curve[i].n, .x = s->curve[i].x, .y = s->curve[i].y, .best = (ptrdiff_t)s->curve[i].at};
		name[i] = s->curve[i].text->name;
		ser_buf_printf(&sub, "%s%s%s%.2f %%", i > 0 ? ", " : "EER: ", s->n > 1 ? name[i] : "",
			       s->n > 1 ? " " : "", 100 * s->curve[i].eer);
	}
	ser_buf_str(&sub, ". Dashed: both errors equal. Axes are normal deviates.");
	o.title = o.title != NULL ? o.title : "Detection error trade-off";
	o.subtitle = sub.s;
	o.x_label = "false acceptances, %";
	o.y_label = "misses, %";
	struct ser_plot_curves d = {s->n, name, line, N, tick, rate_name};
	int rc = ser_plot_det(&o, &d, svg, e);
	ser_buf_free(&sub);
	free(line);
	free(name);
	return rc;
}
