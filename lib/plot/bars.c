/* SPDX-License-Identifier: MIT */
#include "plot/draw.h"

#include <math.h>

static int check(const struct ser_plot_opt *o, const struct ser_plot_bars *d, double *lo, double *hi, struct ser_err *e)
{
	size_t n = 0;
	int rc = ser_plot_size(o, e);
	*lo = *hi = 0;
	if (rc == SER_OK && d->n_series > SER_PLOT_MAX_SERIES)
		rc = ser_fail(e, SER_EUSAGE, "%zu bars in a group: at most %d can be told apart", d->n_series,
			      SER_PLOT_MAX_SERIES);
	if (rc == SER_OK && d->n_group * d->n_series > SER_PLOT_MAX_ROW)
		rc = ser_fail(e, SER_EUSAGE, "%zu bars: at most %d", d->n_group * d->n_series, SER_PLOT_MAX_ROW);
	for (size_t i = 0; rc == SER_OK && i < d->n_group * d->n_series; i++) {
		const struct ser_plot_bar *b = &d->bar[i];
		double v[4] = {b->value, b->has_interval ? b->lo : b->value, b->has_interval ? b->hi : b->value,
			       b->has_chance ? b->chance : 0};
		if (!b->present)
			continue;
		n++;
		rc = ser_plot_check(v, 4, "number of a bar:", e);
		for (int k = 0; k < 4; k++) {
			*lo = fmin(*lo, v[k]);
			*hi = fmax(*hi, v[k]);
		}
	}
	if (rc == SER_OK && n == 0)
		rc = ser_fail(e, SER_EDATA, "there are no bars to draw");
	return rc;
}

int ser_plot_bars(const struct ser_plot_opt *o, const struct ser_plot_bars *d, struct ser_buf *out, struct ser_err *e)
{
	double lo, hi, widest = 0;
	int rc = check(o, d, &lo, &hi, e);
	if (rc != SER_OK)
		return rc;
	bool many = d->n_series > 1;
	double width = o->width > 0 ? o->width : 760, longest = 0.42 * width;
	for (size_t i = 0; i < d->n_group; i++)
		widest = fmax(widest, fmin(ser_svg_width(d->group[i], TEXT), longest));
	double head = ser_plot_head_height(o, width);
	double left = MARGIN + widest + 10, below = 44, gap = many ? 14 : 8;
	struct ser_legend l = {0};
	if (many)
		l = ser_legend_new(LEGEND_BAR, NULL, d->series, d->n_series, 400);
	double w = fmax(width - left - (l.n > 0 ? l.width : MARGIN) - 8, 80);
	double bar = many ? 15 : 20, group = bar * (double)d->n_series + gap,
	       need = fmax(group * (double)d->n_group + gap, l.n > 0 ? (double)l.rows * LEGEND_ROW : 0);
	double height = o->height > 0 ? o->height : head + need + below, h = fmax(height - head - below, 20);
	group = (h - gap) / (double)d->n_group;
	bar = fmax((group - gap) / (double)d->n_series, 2);

	/* from a little below the least, or 0, to a round number, or beyond it where the longest bar's number needs room */
	struct ser_svg_scale s = ser_svg_scale(lo, hi, w > 300 ? 6 : 3);
	double x0 = lo < 0 ? fmax(lo - 0.03 * (hi - lo), s.lo) : 0, number = 46, unit = w / (s.hi - x0);
	if ((s.hi - hi) * unit < number)
		unit = fmin(unit, (w - number) / ((hi > lo ? hi : s.hi) - x0));
	double zero = left - x0 * unit;
	struct ser_buf t = {0};
	ser_svg_begin(out, width, height, o->title, o->metadata);
	ser_plot_head(out, o, width);
	for (int i = 0; i < s.n; i++) {
		double x = zero + ser_svg_tick(&s, i) * unit;
		if (x < left - 1e-6 || x > left + w + 1e-6)
			continue;
		t.n = 0;
		ser_svg_tick_text(&t, &s, i);
		ser_svg_line(out, x, head, x, head + h, GRID);
		ser_svg_text(out, x, head + h + 15, SMALL, SER_SVG_MIDDLE, 0, FAINT, t.s);
	}
	for (size_t g = 0; g < d->n_group; g++) {
		double top = head + gap + (double)g * group;
		t.n = 0;
		ser_svg_fit(&t, d->group[g], TEXT, longest);
		ser_svg_text(out, left - 8, top + (group - gap) / 2 + 4, TEXT, SER_SVG_STOP, 0, INK, t.s);
		for (size_t k = 0; k < d->n_series; k++) {
			const struct ser_plot_bar *v = &d->bar[g * d->n_series + k];
			double y = top + (double)k * bar, mid = y + bar / 2, x = zero + v->value * unit, end = x;
			char text[32];
			if (!v->present)
				continue;
			ser_plot_swatch(out, many ? k : 0, fmin(zero, x), y + 1, fabs(x - zero), bar - 2);
			if (v->has_chance) {
				double at = zero + v->chance * unit;
				ser_svg_line(out, at, y - 2, at, y + bar + 2, "stroke=\"#fff\" stroke-width=\"4\"");
				ser_svg_line(out, at, y - 2, at, y + bar + 2,
					     "stroke=\"#000\" stroke-width=\"1.6\" stroke-dasharray=\"3 2\"");
				if (at > end && at < end + 44)
					end = at;
			}
			if (v->has_interval) {
				double a = zero + v->lo * unit, b = zero + v->hi * unit, cap = fmin(bar / 4, 4);
				ser_svg_line(out, a, mid, b, mid, "stroke=\"#fff\" stroke-width=\"3.4\"");
				ser_svg_line(out, a, mid, b, mid, "stroke=\"#000\" stroke-width=\"1.4\"");
				ser_svg_line(out, a, mid - cap, a, mid + cap, "stroke=\"#000\" stroke-width=\"1.4\"");
				ser_svg_line(out, b, mid - cap, b, mid + cap, "stroke=\"#000\" stroke-width=\"1.4\"");
				end = fmax(end, fmax(a, b));
			}
			snprintf(text, sizeof text, fabs(v->value) < 10 ? "%.3f" : "%.4g", v->value);
			ser_plot_halo(out, fmax(end, zero) + 6, mid + 4, fmin(SMALL, bar), SER_SVG_START, INK, text);
		}
	}
	ser_svg_line(out, zero, head, zero, head + h, "stroke=\"#444\" stroke-width=\"1.2\"");
	ser_svg_rect(out, left, head, w, h, FRAME);
	if (o->x_label != NULL)
		ser_svg_text(out, left + w / 2, height - 10, TEXT, SER_SVG_MIDDLE, 0, INK, o->x_label);
	ser_legend_draw(out, &l, left + w, head);
	ser_svg_end(out);
	ser_buf_free(&t);
	return SER_OK;
}
