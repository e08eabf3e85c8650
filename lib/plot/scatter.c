/* SPDX-License-Identifier: MIT */
#include "plot/draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PANEL_TITLE = 18, GAP = 10, EDGE = 3 };

struct box {
	double x, y, w, h;
};

struct spot {
	double x, y;
};

/* The part of the plane that a box shows: x = box.x + (value - x0) * unit, y upwards. */
struct view {
	struct box box;
	double x0, y0, unit;
};

static double px(const struct view *v, double x)
{
	return v->box.x + (x - v->x0) * v->unit;
}

static double py(const struct view *v, double y)
{
	return v->box.y + v->box.h - (y - v->y0) * v->unit;
}

/* Where a point is drawn: at the frame, if it lies beyond. */
static struct spot spot(const struct view *v, double x, double y)
{
	const struct box *b = &v->box;
	return (struct spot){fmin(fmax(px(v, x), b->x + EDGE), b->x + b->w - EDGE),
			     fmin(fmax(py(v, y), b->y + EDGE), b->y + b->h - EDGE)};
}

static bool beyond(const struct view *v, double x, double y)
{
	const struct box *b = &v->box;
	return !(px(v, x) >= b->x && px(v, x) <= b->x + b->w && py(v, y) >= b->y && py(v, y) <= b->y + b->h);
}

/* From the least to the greatest of x [n] at item[]; where a few lie so far out that they would squash the others, of all but
 * a hundredth at each end and half of their span more. */
static void range(const double *x, const size_t *item, size_t n, double *lo, double *hi)
{
	double *v = ser_malloc(n, sizeof *v);
	for (size_t i = 0; i < n; i++)
		v[i] = x[item[i]];
	ser_sort_rising(v, n);
	size_t few = n / 100 + 1;
	*lo = v[0];
	*hi = v[n - 1];
	if (n >= 20) {
		double a = v[few], b = v[n - 1 - few], room = (b - a) / 2;
		if (b > a && *hi - *lo > 3 * (b - a)) {
			*lo = fmax(*lo, a - room);
			*hi = fmin(*hi, b + room);
		}
	}
	free(v);
}

/* The points item[0..n) in the box, one unit as long on both axes, with a margin for the markers. */
static struct view view_of(const struct ser_plot_scatter *d, const size_t *item, size_t n, struct box box)
{
	double x0, x1, y0, y1, rim = 0.04 * fmin(box.w, box.h) + 3;
	range(d->x, item, n, &x0, &x1);
	range(d->y, item, n, &y0, &y1);
	double dx = x1 - x0, dy = y1 - y0;
	double unit = fmin((box.w - 2 * rim) / dx, (box.h - 2 * rim) / dy); /* infinite where all points are one */
	if (!(unit <= 1e30))
		unit = fmin(box.w, box.h) / 2;
	return (struct view){box, (x0 + x1) / 2 - box.w / 2 / unit, (y0 + y1) / 2 - box.h / 2 / unit, unit};
}

struct keyed {
	uint64_t key;
	size_t i;
};

static int by_key(const void *a, const void *b)
{
	const struct keyed *p = a, *q = b;
	return p->key < q->key ? -1 : p->key > q->key ? 1 : p->i < q->i ? -1 : p->i > q->i;
}

/* The points mixed, lest the last class of a sorted stream cover the others: always in the same order. */
static size_t *mixed(size_t n)
{
	struct keyed *k = ser_malloc(n, sizeof *k);
	size_t *item = ser_malloc(n, sizeof *item);
	for (size_t i = 0; i < n; i++)
		k[i] = (struct keyed){ser_hash(&i, sizeof i), i};
	qsort(k, n, sizeof *k, by_key);
	for (size_t i = 0; i < n; i++)
		item[i] = k[i].i;
	free(k);
	return item;
}

/* ---- places: the hull of a label's points, and its name ---- */

struct point {
	double x, y, far;
};

static int by_far(const void *a, const void *b)
{
	const struct point *p = a, *q = b;
	return p->far < q->far ? -1 : p->far > q->far;
}

static int by_x(const void *a, const void *b)
{
	const struct point *p = a, *q = b;
	return p->x < q->x ? -1 : p->x > q->x ? 1 : p->y < q->y ? -1 : p->y > q->y;
}

static double turn(const struct point *a, const struct point *b, const struct point *c)
{
	return (b->x - a->x) * (c->y - a->y) - (b->y - a->y) * (c->x - a->x);
}

/* Convex hull (Andrew 1979) of p [n], which gets sorted; x, y have room for 2n. Returns its corners' number. */
static size_t hull(struct point *p, size_t n, double *x, double *y)
{
	struct point *h = ser_malloc(2 * n + 1, sizeof *h);
	size_t m = 0;
	qsort(p, n, sizeof *p, by_x);
	for (size_t i = 0; i < n; i++) {
		while (m >= 2 && turn(&h[m - 2], &h[m - 1], &p[i]) <= 0)
			m--;
		h[m++] = p[i];
	}
	for (size_t i = n - 1, lower = m + 1; i-- > 0;) {
		while (m >= lower && turn(&h[m - 2], &h[m - 1], &p[i]) <= 0)
			m--;
		h[m++] = p[i];
	}
	for (size_t i = 0; i < m; i++) {
		x[i] = h[i].x;
		y[i] = h[i].y;
	}
	free(h);
	return m > 1 ? m - 1 : m;
}

/* Where a label's points are: its central nine tenths, nearest to the median first. */
struct place {
	double x, y; /* of its name, in pixels */
	size_t n;
	struct point *p;
};

static struct place place_of(const struct ser_plot_scatter *d, const struct view *v, const size_t *item, size_t n,
			     size_t value)
{
	struct place a = {.p = ser_malloc(n, sizeof *a.p)};
	double *one = ser_malloc(n, sizeof *one), mx, my;
	for (size_t i = 0; i < n; i++)
		if (d->place.of[item[i]] == value) {
			struct spot at = spot(v, d->x[item[i]], d->y[item[i]]);
			a.p[a.n++] = (struct point){at.x, at.y, 0};
		}
	if (a.n > 0) {
		for (size_t i = 0; i < a.n; i++)
			one[i] = a.p[i].x;
		ser_sort_rising(one, a.n);
		mx = one[a.n / 2];
		for (size_t i = 0; i < a.n; i++)
			one[i] = a.p[i].y;
		ser_sort_rising(one, a.n);
		my = one[a.n / 2];
		for (size_t i = 0; i < a.n; i++)
			a.p[i].far = hypot(a.p[i].x - mx, a.p[i].y - my);
		qsort(a.p, a.n, sizeof *a.p, by_far);
		a.n -= a.n / 10;
		a.x = mx;
		a.y = my;
	}
	free(one);
	return a;
}

/* Whether a hull's corners, in their order, go around a point. */
static bool around(size_t m, const double *x, const double *y, double px_, double py_)
{
	for (size_t i = 0; i < m; i++) {
		size_t j = (i + 1) % m;
		if ((x[j] - x[i]) * (py_ - y[i]) - (y[j] - y[i]) * (px_ - x[i]) < 0)
			return false;
	}
	return true;
}

static bool overlaps(const struct box *a, const struct box *b)
{
	return a->x < b->x + b->w && b->x < a->x + a->w && a->y < b->y + b->h && b->y < a->y + a->h;
}

/* How many of the points [n], markers of radius r, a box covers. */
static size_t covers(const struct box *a, const struct spot *at, size_t n, double r)
{
	size_t c = 0;
	for (size_t i = 0; i < n; i++)
		c += at[i].x > a->x - r && at[i].x < a->x + a->w + r && at[i].y > a->y - r && at[i].y < a->y + a->h + r;
	return c;
}

/* A box for a name near the place: over no other name [n_taken], and over as few points [n] as can be; the nearer the better. */
static struct box beside(const struct place *p, double w, double h, struct box in, const struct box *taken,
			 size_t n_taken, const struct spot *at, size_t n, double r)
{
	enum { REACH = 8 }; /* in steps of a quarter of its height, and twice as wide */
	struct box best = {0};
	double least = HUGE_VAL;
	for (int j = -REACH; j <= REACH; j++)
		for (int i = -REACH; i <= REACH; i++) {
			struct box try = {p->x - w / 2 + i * h / 2, p->y - h / 2 + j * h / 4, w, h};
			try.x = fmin(fmax(try.x, in.x + 1), in.x + in.w - w - 1);
			try.y = fmin(fmax(try.y, in.y + 1), in.y + in.h - h - 1);
			double cost = hypot(try.x + w / 2 - p->x, try.y + h / 2 - p->y) / h;
			for (size_t k = 0; k < n_taken; k++)
				cost += overlaps(&try, &taken[k]) ? 1e6 : 0;
			if (cost < least)
				cost += 2 * (double)covers(&try, at, n, r);
			if (cost < least) {
				least = cost;
				best = try;
			}
		}
	return best;
}

/* Names at their places, moved where they would cover another or points at[n] of radius r. */
static void draw_places(struct ser_buf *b, const struct ser_plot_scatter *d, const struct place *place, struct box in,
			const struct spot *at, size_t n, double r)
{
	struct box *taken = ser_malloc(d->place.n_value, sizeof *taken);
	struct ser_buf fit = {0};
	size_t n_taken = 0;
	for (size_t k = 0; k < d->place.n_value; k++) {
		if (place[k].n == 0)
			continue;
		fit.n = 0;
		ser_svg_fit(&fit, d->place.value[k], TEXT, 120);
		double w = ser_svg_width(fit.s, TEXT * 1.09) + 4, h = TEXT + 4;
		struct box box = beside(&place[k], w, h, in, taken, n_taken, at, n, r);
		taken[n_taken++] = box;
		ser_plot_halo(b, box.x + w / 2, box.y + TEXT, TEXT, SER_SVG_MIDDLE,
			      "fill=\"#000\" font-weight=\"bold\"", fit.s);
	}
	ser_buf_free(&fit);
	free(taken);
}

/* ---- axes ---- */

/* The same step on both axes. */
static void ticks(struct ser_buf *b, const struct view *v, bool vertical)
{
	double from = vertical ? v->y0 : v->x0, span = (vertical ? v->box.h : v->box.w) / v->unit;
	struct ser_svg_scale s = ser_svg_scale(0, fmax(v->box.w, v->box.h) / v->unit, 8);
	s.lo = floor(from / s.step) * s.step;
	s.n = (int)ceil((from + span - s.lo) / s.step) + 1;
	s.hi = s.lo + (s.n - 1) * s.step;
	struct ser_buf t = {0};
	for (int i = 0; i < s.n; i++) {
		double at = vertical ? py(v, ser_svg_tick(&s, i)) : px(v, ser_svg_tick(&s, i));
		double lo = vertical ? v->box.y : v->box.x, hi = lo + (vertical ? v->box.h : v->box.w);
		if (at < lo - 1e-6 || at > hi + 1e-6)
			continue;
		t.n = 0;
		ser_svg_tick_text(&t, &s, i);
		if (vertical) {
			ser_svg_line(b, v->box.x, at, v->box.x + v->box.w, at, GRID);
			ser_svg_text(b, v->box.x - 6, at + 4, SMALL, SER_SVG_STOP, 0, FAINT, t.s);
		} else {
			ser_svg_line(b, at, v->box.y, at, v->box.y + v->box.h, GRID);
			ser_svg_text(b, at, v->box.y + v->box.h + 15, SMALL, SER_SVG_MIDDLE, 0, FAINT, t.s);
		}
	}
	ser_buf_free(&t);
}

static void draw_panel(struct ser_buf *b, const struct ser_plot_scatter *d, const size_t *item, size_t n,
		       struct box box, bool with_ticks)
{
	struct view v = view_of(d, item, n, box);
	struct place *place = ser_calloc(d->place.n_value, sizeof *place);
	double r = fmin(fmax(0.18 * sqrt(box.w * box.h / (double)n), 2.2), 5);
	if (with_ticks) {
		ticks(b, &v, false);
		ticks(b, &v, true);
	}
	for (size_t k = 0; k < d->place.n_value; k++) {
		place[k] = place_of(d, &v, item, n, k);
		double *x = ser_malloc(4 * place[k].n + 2, sizeof *x), *y = x + 2 * place[k].n + 1;
		size_t m = place[k].n > 2 ? hull(place[k].p, place[k].n, x, y) : 0, own = 0, all = 0;
		for (size_t i = 0; m > 2 && i < n; i++) {
			struct spot at = spot(&v, d->x[item[i]], d->y[item[i]]);
			if (around(m, x, y, at.x, at.y)) {
				all++;
				own += d->place.of[item[i]] == k;
			}
		}
		if (2 * own < all) { /* a name in the midst of others would mislead */
			place[k].n = 0;
			if (d->n_unnamed != NULL)
				(*d->n_unnamed)++;
		} else if (m > 2) {
			ser_svg_poly(b, m, x, y, true,
				     "fill=\"#777\" fill-opacity=\"0.09\" stroke=\"#777\" stroke-width=\"0.8\" "
				     "stroke-opacity=\"0.7\" stroke-linejoin=\"round\"");
		}
		free(x);
	}
	struct spot *drawn = ser_malloc(n, sizeof *drawn);
	ser_buf_str(b, "<g stroke-width=\"0.6\" fill-opacity=\"0.85\">\n");
	for (size_t i = 0; i < n; i++) {
		size_t c = d->color.n_value > 0 ? d->color.of[item[i]] : 0;
		c = d->color.n_value > 0 && d->color.mark != NULL ? d->color.mark[c] : c;
		drawn[i] = spot(&v, d->x[item[i]], d->y[item[i]]);
		if (d->n_beyond != NULL)
			*d->n_beyond += beyond(&v, d->x[item[i]], d->y[item[i]]);
		ser_svg_marker(b, c, c + c / SER_SVG_HUES, drawn[i].x, drawn[i].y, r,
			       d->tip != NULL ? d->tip[item[i]] : NULL);
	}
	ser_buf_str(b, "</g>\n");
	draw_places(b, d, place, box, drawn, n, r);
	free(drawn);
	ser_svg_rect(b, box.x, box.y, box.w, box.h, FRAME);
	for (size_t k = 0; k < d->place.n_value; k++)
		free(place[k].p);
	free(place);
}

/* ---- the picture ---- */

static int check(const struct ser_plot_opt *o, const struct ser_plot_scatter *d, struct ser_err *e)
{
	const struct ser_plot_label *label[3] = {&d->color, &d->place, &d->panel};
	static const size_t most[3] = {SER_PLOT_MAX_CATEGORY, 100, SER_PLOT_MAX_PANEL};
	static const char *const as[3] = {"colours and markers", "names in the map", "panels"};
	int rc = ser_plot_size(o, e);
	if (rc == SER_OK && d->n == 0)
		rc = ser_fail(e, SER_EDATA, "there are no points to draw");
	if (rc == SER_OK)
		rc = ser_plot_check(d->x, d->n, "x of point", e);
	if (rc == SER_OK)
		rc = ser_plot_check(d->y, d->n, "y of point", e);
	for (int i = 0; rc == SER_OK && i < 3; i++)
		if (label[i]->n_value > most[i])
			rc = ser_fail(e, SER_EUSAGE, "\"%s\" has %zu values, too many for %s: at most %zu",
				      label[i]->name, label[i]->n_value, as[i], most[i]);
	return rc;
}

int ser_plot_scatter(const struct ser_plot_opt *o, const struct ser_plot_scatter *d, struct ser_buf *out,
		     struct ser_err *e)
{
	int rc = check(o, d, e);
	if (rc != SER_OK)
		return rc;
	size_t n_panel = d->panel.n_value > 0 ? d->panel.n_value : 1, columns = n_panel;
	bool panels = d->panel.n_value > 0, with_ticks = d->ticks && !panels;
	double width = o->width > 0 ? o->width : panels ? 960 : 760;
	double head = ser_plot_head_height(o, width), left = MARGIN + 18 + (with_ticks ? 36 : 0),
	       below = 26 + (with_ticks ? 16 : 0);
	double guess = o->height > 0 ? o->height - head - below : panels ? 500 : 560;
	struct ser_legend l = ser_legend_new(LEGEND_MARKER, d->color.name, d->color.value, d->color.n_value, guess);
	l.mark = d->color.mark;
	double w = fmax(width - left - (l.n > 0 ? l.width : MARGIN), 60), h = guess, best = 0;
	if (panels && o->height == 0) /* squares, rather more of them beside each other than above */
		columns = n_panel <= 3 ? n_panel : n_panel <= 8 ? 4 : n_panel <= 15 ? 5 : n_panel <= 24 ? 6 : 8;
	for (size_t c = 1; panels && o->height > 0 && c <= n_panel;
	     c++) { /* the largest squares that there is room for */
		double side = fmin(w / (double)c, h / (double)((n_panel + c - 1) / c) - PANEL_TITLE - GAP);
		if (side > best) {
			best = side;
			columns = c;
		}
	}
	if (!panels && o->height == 0) { /* no higher than the points need */
		double x0 = INFINITY, x1 = -INFINITY, y0 = INFINITY, y1 = -INFINITY;
		for (size_t i = 0; i < d->n; i++) {
			x0 = fmin(x0, d->x[i]);
			x1 = fmax(x1, d->x[i]);
			y0 = fmin(y0, d->y[i]);
			y1 = fmax(y1, d->y[i]);
		}
		h = x1 > x0 ? fmin(fmax(w * (y1 - y0) / (x1 - x0), 0.55 * w), w) : w;
		h = fmax(h, ser_legend_height(&l));
	}
	size_t rows = (n_panel + columns - 1) / columns;
	double cell_w = (w + GAP) / (double)columns, cell_h = panels ? (h + GAP) / (double)rows : h + GAP;
	if (panels && o->height == 0) {
		cell_h = fmin(cell_w, 420) + PANEL_TITLE;
		h = cell_h * (double)rows - GAP;
	}
	double height = o->height > 0 ? o->height : head + h + below;
	h = fmax(h, 60);

	size_t *all = mixed(d->n), *item = ser_malloc(d->n, sizeof *item);
	struct ser_buf fit = {0};
	ser_svg_begin(out, width, height, o->title, o->metadata);
	ser_plot_head(out, o, width);
	for (size_t q = 0; q < n_panel; q++) {
		struct box box = {left + (double)(q % columns) * cell_w, head + (double)(q / columns) * cell_h,
				  fmax(cell_w - GAP, 12), fmax(cell_h - GAP, 12)};
		size_t n = 0;
		for (size_t i = 0; i < d->n; i++)
			if (!panels || d->panel.of[all[i]] == q)
				item[n++] = all[i];
		if (panels) {
			fit.n = 0;
			ser_svg_fit(&fit, d->panel.value[q], TEXT * 1.09, box.w);
			ser_svg_text(out, box.x, box.y + TEXT, TEXT, SER_SVG_START, 0, INK " font-weight=\"bold\"",
				     fit.s);
			box.y += PANEL_TITLE;
			box.h = fmax(box.h - PANEL_TITLE, 12);
		}
		if (n > 0)
			draw_panel(out, d, item, n, box, with_ticks);
	}
	if (o->x_label != NULL)
		ser_svg_text(out, left + w / 2, head + h + below - 8, TEXT, SER_SVG_MIDDLE, 0, INK, o->x_label);
	if (o->y_label != NULL)
		ser_svg_text(out, MARGIN + 10, head + h / 2, TEXT, SER_SVG_MIDDLE, -90, INK, o->y_label);
	ser_legend_draw(out, &l, left + w, head);
	ser_svg_end(out);
	ser_buf_free(&fit);
	free(all);
	free(item);
	return SER_OK;
}
