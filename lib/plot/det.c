/* SPDX-License-Identifier: MIT */
#include "plot/draw.h"

#include <math.h>
#include <stdlib.h>

int ser_plot_det(const struct ser_plot_opt *o, const struct ser_plot_curves *d, struct ser_buf *out, struct ser_err *e)
{
	int rc = ser_plot_size(o, e);
	if (rc == SER_OK && (d->n_series == 0 || d->n_tick < 2))
		rc = ser_fail(e, SER_EDATA, "there are no curves to draw");
	if (rc == SER_OK && d->n_series > SER_PLOT_MAX_SERIES)
		rc = ser_fail(e, SER_EUSAGE, "%zu curves: at most %d can be told apart", d->n_series,
			      SER_PLOT_MAX_SERIES);
	for (size_t i = 0; rc == SER_OK && i < d->n_series; i++) {
		rc = ser_plot_check(d->line[i].x, d->line[i].n, "x of point", e);
		if (rc == SER_OK)
			rc = ser_plot_check(d->line[i].y, d->line[i].n, "y of point", e);
	}
	if (rc != SER_OK)
		return rc;

	struct ser_legend l = {0};
	double width = o->width > 0 ? o->width : 620, head = ser_plot_head_height(o, width), left = MARGIN + 18 + 46,
	       below = 46;
	if (d->n_series > 1)
		l = ser_legend_new(LEGEND_LINE, NULL, d->series, d->n_series, 300);
	double w = fmax(width - left - (l.n > 0 ? l.width : MARGIN + 8), 60),
	       height = o->height > 0 ? o->height : head + w + below, h = fmax(height - head - below, 30),
	       lo = d->tick[0], hi = d->tick[d->n_tick - 1];
	char attr[160];
#define X(v) (left + (fmin(fmax((v), lo), hi) - lo) / (hi - lo) * w)
#define Y(v) (head + h - (fmin(fmax((v), lo), hi) - lo) / (hi - lo) * h)
	ser_svg_begin(out, width, height, o->title, o->metadata);
	ser_plot_head(out, o, width);
	for (size_t i = 0; i < d->n_tick; i++) {
		ser_svg_line(out, X(d->tick[i]), head, X(d->tick[i]), head + h, GRID);
		ser_svg_line(out, left, Y(d->tick[i]), left + w, Y(d->tick[i]), GRID);
		ser_svg_text(out, X(d->tick[i]), head + h + 15, SMALL, SER_SVG_MIDDLE, 0, FAINT, d->tick_name[i]);
		ser_svg_text(out, left - 6, Y(d->tick[i]) + 4, SMALL, SER_SVG_STOP, 0, FAINT, d->tick_name[i]);
	}
	ser_svg_line(out, left, head + h, left + w, head, "stroke=\"#888\" stroke-dasharray=\"4 3\"");
	for (size_t s = 0; s < d->n_series; s++) {
		const struct ser_plot_line *p = &d->line[s];
		double *xy = ser_malloc(2 * p->n + 1, sizeof *xy);
		size_t n = 0; /* what lies on the axes, and not on top of the point before */
		for (size_t i = 0; i < p->n; i++) {
			double x = X(p->x[i]), y = Y(p->y[i]);
			if (p->x[i] < lo || p->x[i] > hi || p->y[i] < lo || p->y[i] > hi ||
			    (n > 0 && fabs(x - xy[n - 1]) + fabs(y - xy[p->n + n - 1]) < 0.5))
				continue;
			xy[n] = x;
			xy[p->n + n++] = y;
		}
		snprintf(attr, sizeof attr, "fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\" stroke-dasharray=\"%s\"",
			 ser_svg_hue[s], ser_svg_dash[s]);
		if (n > 1)
			ser_svg_poly(out, n, xy, xy + p->n, false, attr);
		if (p->best >= 0 && (size_t)p->best < p->n)
			ser_svg_marker(out, s, s, X(p->x[p->best]), Y(p->y[p->best]), 5, NULL);
		free(xy);
	}
#undef X
#undef Y
	ser_svg_rect(out, left, head, w, h, FRAME);
	if (o->x_label != NULL)
		ser_svg_text(out, left + w / 2, height - 10, TEXT, SER_SVG_MIDDLE, 0, INK, o->x_label);
	if (o->y_label != NULL)
		ser_svg_text(out, MARGIN + 10, head + h / 2, TEXT, SER_SVG_MIDDLE, -90, INK, o->y_label);
	ser_legend_draw(out, &l, left + w, head);
	ser_svg_end(out);
	return SER_OK;
}
