/* SPDX-License-Identifier: MIT */
#include "figure/private.h"

#include <math.h>
#include <stdlib.h>

struct ser_points {
	struct ser_points_opt o;
	struct label panel, place, color;
	size_t n, cap[3];
	double *x, *y;     /* [n] */
	char **tip;        /* [n] */
	struct ser_buf at; /* the tip being made */
};

struct ser_points *ser_points_new(const struct ser_points_opt *o)
{
	struct ser_points *p = ser_calloc(1, sizeof *p);
	p->o = *o;
	p->panel = label_new(o->panel);
	p->place = label_new(o->place);
	p->color = label_new(o->color);
	label_first(&p->color, o->order, o->n_order);
	return p;
}

void ser_points_free(struct ser_points *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++)
		free(p->tip[i]);
	free(p->tip);
	free(p->x);
	free(p->y);
	ser_buf_free(&p->at);
	label_free(&p->panel);
	label_free(&p->place);
	label_free(&p->color);
	free(p);
}

int ser_points_add(struct ser_points *p, struct ser_record *r, struct ser_err *e)
{
	const float *v;
	size_t d;
	int rc = ser_record_f4(r, p->o.field, 1, &v, &d, e);
	if (rc != SER_OK)
		return rc;
	if (d < 2)
		return ser_record_fail(r, e, SER_EDATA, "\"%s\" has %zu dimension%s, expected at least 2", p->o.field,
				       d, ser_s(d));
	if (!(isfinite(v[0]) && isfinite(v[1])))
		return ser_record_fail(r, e, SER_EDATA, "\"%s\" is at %g, %g, expected finite numbers", p->o.field,
				       (double)v[0], (double)v[1]);
	struct label *l[3] = {&p->panel, &p->place, &p->color};
	p->at.n = 0;
	ser_buf_str(&p->at, ser_record_id(r));
	for (int i = 0; i < 3; i++) {
		const char *shown;
		if (l[i]->name == NULL)
			continue;
		if ((rc = label_add(l[i], r, &shown, e)) != SER_OK)
			return rc;
		ser_buf_printf(&p->at, ", %s", shown);
	}
	p->x = ser_grow(p->x, &p->cap[0], p->n + 1, sizeof *p->x);
	p->y = ser_grow(p->y, &p->cap[1], p->n + 1, sizeof *p->y);
	p->tip = ser_grow(p->tip, &p->cap[2], p->n + 1, sizeof *p->tip);
	p->x[p->n] = v[0];
	p->y[p->n] = v[1];
	p->tip[p->n++] = ser_strdup(p->at.s);
	return SER_OK;
}

/* ---- what the header says of the method, in words ---- */

struct words {
	struct ser_buf x, y, title, sub;
	bool ticks;
};

static void words_free(struct words *w)
{
	ser_buf_free(&w->x);
	ser_buf_free(&w->y);
	ser_buf_free(&w->title);
	ser_buf_free(&w->sub);
}

static void describe(struct words *w, const struct ser_header *h, const char *field, size_t n)
{
	static const struct {
		const char *method, *axis, *title, *of;
	} known[] = {{"tsne", "t-SNE", "t-SNE", ""},
		     {"pca", "principal component", "Principal components", ""},
		     {"lda", "linear discriminant", "Linear discriminants", " between"}};
	const struct ser_val *dim = ser_header_dim(h, field), *method = dim != NULL ? ser_val_get(dim, "method") : NULL,
			     *share = dim != NULL ? ser_val_get(dim, "share") : NULL,
			     *kl = dim != NULL ? ser_val_get(dim, "kl") : NULL;
	const char *axis = field, *title = field, *of = "";
	w->ticks = true;
	for (size_t i = 0; method != NULL && i < sizeof known / sizeof *known; i++)
		if (ser_val_is_str(method, known[i].method)) {
			axis = known[i].axis;
			title = known[i].title;
			of = known[i].of;
			w->ticks = i > 0; /* distances in a t-SNE map mean nothing */
		}
	struct ser_buf *to[2] = {&w->x, &w->y};
	for (size_t i = 0; i < 2; i++) {
		ser_buf_printf(to[i], "%s %zu", axis, i + 1);
		if (share != NULL && share->kind == SER_LIST && i < share->u.list.n &&
		    share->u.list.v[i].kind == SER_REAL)
			ser_buf_printf(to[i], " (%.1f %% of the variance%s)", 100 * share->u.list.v[i].u.f, of);
	}
	ser_buf_printf(&w->title, "%s of %zu record%s", title, n, ser_s(n));
	if (kl != NULL && kl->kind == SER_REAL)
		ser_buf_printf(&w->sub, "Kullback-Leibler divergence %.3f. ", kl->u.f);
}

/* The subtitle once it is known how many points lie beyond, and how many values of `place` could not be named. */
static void remark(struct ser_buf *sub, const struct ser_points *p, size_t n_beyond, size_t n_unnamed, size_t n_place)
{
	if (n_beyond > 0)
		ser_buf_printf(sub, "Far beyond the others, drawn at the frame: %zu of %zu. ", n_beyond, p->n);
	if (p->place.name != NULL && n_unnamed < n_place)
		ser_buf_printf(sub, "Names: %s; outlines hold the central nine tenths of each. ", p->place.name);
	if (n_unnamed > 0)
		ser_buf_printf(sub, "Not named, for scattered among the others: %zu of %zu %s. ", n_unnamed, n_place,
			       p->place.name);
	if (p->panel.name != NULL)
		ser_buf_printf(sub, "Panels: %s, each on a scale of its own. ", p->panel.name);
}

int ser_points_draw(struct ser_points *p, const struct ser_header *h, const struct ser_plot_opt *opt,
		    struct ser_buf *svg, size_t *n_unnamed, size_t *n_place, struct ser_err *e)
{
	struct words w = {0};
	struct ser_plot_opt o = *opt;
	struct ser_plot_scatter d = {.n = p->n, .x = p->x, .y = p->y, .tip = (const char *const *)p->tip};
	size_t start = svg->n;
	int rc = SER_OK;
	describe(&w, h, p->o.field, p->n);
	d.ticks = w.ticks;
	d.color = label_done(&p->color);
	d.place = label_done(&p->place);
	d.panel = label_done(&p->panel);
	o.title = o.title != NULL ? o.title : w.title.s;
	o.x_label = w.x.s;
	o.y_label = w.y.s;
	size_t n_beyond = 0;
	*n_unnamed = 0;
	*n_place = d.place.n_value;
	size_t keep = w.sub.n;
	for (int pass = 0; pass < 2 && rc == SER_OK; pass++) { /* how many are named is known when it is drawn */
		svg->n = start;
		w.sub.n = keep;
		remark(&w.sub, p, n_beyond, *n_unnamed, *n_place);
		o.subtitle = w.sub.s;
		d.n_unnamed = pass == 0 ? n_unnamed : NULL;
		d.n_beyond = pass == 0 ? &n_beyond : NULL;
		rc = ser_plot_scatter(&o, &d, svg, e);
		if (*n_unnamed == 0 && n_beyond == 0)
			break;
	}
	words_free(&w);
	return rc;
}
