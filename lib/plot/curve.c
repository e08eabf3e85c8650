/* SPDX-License-Identifier: MIT */
#include "plot/draw.h"

#include <math.h>
#include <stdlib.h>

struct panel {
	double x, y, w, h;
	struct ser_svg_scale sx, sy;
	bool log_x; /* sx is of log10 x */
};

static double px(const struct panel *p, double v)
{
	v = p->log_x ? log10(v) : v;
	return p->x + (v - p->sx.lo) / (p->sx.hi - p->sx.lo) * p->w;
}

static double py(const struct panel *p, double v)
{
	return p->y + p->h - (v - p->sy.lo) / (p->sy.hi - p->sy.lo) * p->h;
}

static void axes(struct ser_buf *b, const struct panel *p, const char *name, bool last)
{
	struct ser_buf t = {0};
	for (int i = 0; i < p->sy.n; i++) {
		double y = py(p, ser_svg_tick(&p->sy, i));
		t.n = 0;
		ser_svg_tick_text(&t, &p->sy, i);
		ser_svg_line(b, p->x, y, p->x + p->w, y, GRID);
		ser_svg_text(b, p->x - 6, y + 4, SMALL, SER_SVG_STOP, 0, FAINT, t.s);
	}
	for (int i = 0; !p->log_x && i < p->sx.n; i++) {
		double x = px(p, ser_svg_tick(&p->sx, i));
		t.n = 0;
		ser_svg_tick_text(&t, &p->sx, i);
		ser_svg_line(b, x, p->y, x, p->y + p->h, GRID);
		if (last)
			ser_svg_text(b, x, p->y + p->h + 15, SMALL, SER_SVG_MIDDLE, 0, FAINT, t.s);
	}
	ser_svg_rect(b, p->x, p->y, p->w, p->h, FRAME);
	t.n = 0;
	ser_svg_fit(&t, name, TEXT, p->h);
	ser_svg_text(b, MARGIN + 10, p->y + p->h / 2, TEXT, SER_SVG_MIDDLE, -90, INK, t.s);
	ser_buf_free(&t);
}

/* A tick at each x of n lines; its number where there is room beside the one before. */
static void log_ticks(struct ser_buf *b, const struct panel *p, const struct ser_plot_line *line, size_t n, bool last)
{
	size_t n_x = 0, cap = 0;
	double *x = NULL, right = -INFINITY;
	struct ser_buf t = {0};
	for (size_t s = 0; s < n; s++) {
		x = ser_grow(x, &cap, n_x + line[s].n, sizeof *x);
		for (size_t i = 0; i < line[s].n; i++)
			x[n_x++] = line[s].x[i];
	}
	ser_sort_rising(x, n_x);
	for (size_t i = 0; i < n_x; i++) {
		if (i > 0 && x[i] == x[i - 1])
			continue;
		ser_svg_line(b, px(p, x[i]), p->y, px(p, x[i]), p->y + p->h, GRID);
		if (!last || px(p, x[i]) < right + 26)
			continue;
		right = px(p, x[i]);
		t.n = 0;
		ser_buf_printf(&t, "%.6g", x[i]);
		ser_svg_text(b, right, p->y + p->h + 15, SMALL, SER_SVG_MIDDLE, 0, FAINT, t.s);
	}
	ser_buf_free(&t);
	free(x);
}

static void draw_line(struct ser_buf *b, const struct panel *p, const struct ser_plot_line *l, size_t series,
		      size_t n_series)
{
	double *xy = ser_malloc(2 * l->n + 1, sizeof *xy);
	char attr[160];
	for (size_t i = 0; i < l->n; i++) {
		xy[i] = px(p, l->x[i]);
		xy[l->n + i] = py(p, l->y[i]);
	}
	snprintf(attr, sizeof attr,
		 "fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\" stroke-linejoin=\"round\" stroke-dasharray=\"%s\"",
		 ser_svg_hue[series], ser_svg_dash[series]);
	if (l->n > 1)
		ser_svg_poly(b, l->n, xy, xy + l->n, false, attr);
	/* some markers, apart from those of the other lines; all of them where they are few */
	size_t every = l->n <= 12 ? 1 : (l->n + 7) / 8;
	for (size_t i = every == 1 ? 0 : (series * every / n_series) % every; i < l->n; i += every)
		ser_svg_marker(b, series, series, xy[i], xy[l->n + i], 3.4, NULL);
	snprintf(attr, sizeof attr, "stroke=\"%s\" stroke-width=\"1.2\" stroke-opacity=\"0.75\"", ser_svg_edge[series]);
	double aside =
		((double)series - (double)(n_series - 1) / 2) * 2.4; /* so that equal points show all their bars */
	for (size_t i = 0; l->lo != NULL && i < l->n; i++)
		ser_svg_line(b, xy[i] + aside, py(p, l->lo[i]), xy[i] + aside, py(p, l->hi[i]), attr);
	if (l->best >= 0 && (size_t)l->best < l->n) {
		double x = xy[l->best], y = xy[l->n + (size_t)l->best];
		snprintf(attr, sizeof attr, "fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\"", ser_svg_edge[series]);
		ser_buf_str(b, "<circle cx=\"");
		ser_svg_num(b, x);
		ser_buf_str(b, "\" cy=\"");
		ser_svg_num(b, y);
		ser_buf_printf(b, "\" r=\"7\" %s/>\n", attr);
	}
	free(xy);
}

int ser_plot_curve(const struct ser_plot_opt *o, const struct ser_plot_curve *d, struct ser_buf *out, struct ser_err *e)
{
	double x0 = INFINITY, x1 = -INFINITY;
	int rc = ser_plot_size(o, e);
	if (rc == SER_OK && d->n_series > SER_PLOT_MAX_SERIES)
		rc = ser_fail(e, SER_EUSAGE, "%zu lines in a panel: at most %d can be told apart", d->n_series,
			      SER_PLOT_MAX_SERIES);
	if (rc == SER_OK && d->n_panel > 12)
		rc = ser_fail(e, SER_EUSAGE, "%zu panels above each other: at most 12", d->n_panel);
	if (rc == SER_OK && d->faces != NULL)
		rc = ser_plot_check(d->faces->xy, 2 * d->faces->n_series * d->faces->n_moment * d->faces->n_point,
				    "coordinate", e);
	for (size_t i = 0; rc == SER_OK && i < d->n_panel * d->n_series; i++) {
		rc = ser_plot_check(d->line[i].x, d->line[i].n, "x of point", e);
		if (rc == SER_OK)
			rc = ser_plot_check(d->line[i].y, d->line[i].n, "y of point", e);
		if (rc == SER_OK && d->line[i].lo != NULL)
			rc = ser_plot_check(d->line[i].lo, d->line[i].n, "lower bound of point", e);
		if (rc == SER_OK && d->line[i].lo != NULL)
			rc = ser_plot_check(d->line[i].hi, d->line[i].n, "upper bound of point", e);
		for (size_t k = 0; k < d->line[i].n; k++) {
			x0 = fmin(x0, d->line[i].x[k]);
			x1 = fmax(x1, d->line[i].x[k]);
		}
	}
	if (rc == SER_OK && d->log_x && x0 <= 0)
		rc = ser_fail(e, SER_EDATA, "x of a point is %g: not for a logarithmic axis", x0);
	if (rc == SER_OK && !(x0 <= x1))
		rc = ser_fail(e, SER_EDATA, "there are no points to draw");
	if (rc != SER_OK)
		return rc;

	double width = o->width > 0 ? o->width : 760, head = ser_plot_head_height(o, width);
	double left = MARGIN + 18 + 52, below = 44, gap = 16;
	double high = o->height > 0 ? o->height / 3 : 240;
	double faces = d->faces != NULL ? ser_plot_faces_height(d->faces, width - 2 * MARGIN, high) : 0;
	double height = o->height > 0 ? o->height
				      : head + faces + below + 190 * (double)d->n_panel + (d->n_panel == 1 ? 130 : 0);
	struct ser_legend l = {0};
	if (d->n_series > 1)
		l = ser_legend_new(LEGEND_LINE, NULL, d->series, d->n_series, height - head - faces - below);
	double w = fmax(width - left - (l.n > 0 ? l.width : MARGIN + 10), 60);
	double h = fmax((height - head - faces - below + gap) / (double)d->n_panel - gap, 30);

	ser_svg_begin(out, width, height, o->title, o->metadata);
	ser_plot_head(out, o, width);
	if (d->faces != NULL)
		ser_plot_faces(out, d->faces, MARGIN, head, width - 2 * MARGIN, high);
	head += faces;
	for (size_t q = 0; q < d->n_panel; q++) {
		double y0 = INFINITY, y1 = -INFINITY;
		for (size_t s = 0; s < d->n_series; s++)
			for (size_t i = 0; i < d->line[q * d->n_series + s].n; i++) {
				const struct ser_plot_line *at = &d->line[q * d->n_series + s];
				y0 = fmin(y0, at->lo != NULL ? fmin(at->lo[i], at->y[i]) : at->y[i]);
				y1 = fmax(y1, at->lo != NULL ? fmax(at->hi[i], at->y[i]) : at->y[i]);
			}
		if (y0 > y1)
			y0 = y1 = 0;
		struct panel p = {left,    head + (double)q * (h + gap), w,
				  h,       ser_svg_scale(x0, x1, 8),     ser_svg_scale(y0, y1, h > 130 ? 5 : 3),
				  d->log_x};
		bool whole = x0 == floor(x0) && x1 == floor(x1) && x1 > x0; /* as epochs are */
		for (int want = 7; whole && p.sx.step > 1 && p.sx.step != floor(p.sx.step); want--)
			p.sx = ser_svg_scale(x0, x1, want);
		if (whole && p.sx.step < 1)
			p.sx = (struct ser_svg_scale){x0, x1, 1, (int)(x1 - x0) + 1, 0};
		if (d->log_x) { /* a little room at both ends */
			double room = x1 > x0 ? 0.04 * log10(x1 / x0) : 0.5;
			p.sx = (struct ser_svg_scale){.lo = log10(x0) - room, .hi = log10(x1) + room};
			log_ticks(out, &p, d->line + q * d->n_series, d->n_series, q + 1 == d->n_panel);
		}
		axes(out, &p, d->panel[q], q + 1 == d->n_panel);
		for (size_t s = 0; s < d->n_series; s++)
			draw_line(out, &p, &d->line[q * d->n_series + s], s, d->n_series);
	}
	if (o->x_label != NULL)
		ser_svg_text(out, left + w / 2, height - 10, TEXT, SER_SVG_MIDDLE, 0, INK, o->x_label);
	ser_legend_draw(out, &l, left + w, head);
	ser_svg_end(out);
	return SER_OK;
}
