/* SPDX-License-Identifier: MIT */
#include "plot/draw.h"

#include <math.h>

int ser_plot_box(const struct ser_plot_opt *o, const struct ser_plot_boxes *d, struct ser_buf *out, struct ser_err *e)
{
	double lo = INFINITY, hi = -INFINITY, longest = 0;
	int rc = ser_plot_size(o, e);
	if (rc == SER_OK && d->n_box == 0)
		rc = ser_fail(e, SER_EDATA, "there are no boxes to draw");
	if (rc == SER_OK && d->n_box > SER_PLOT_MAX_ROW)
		rc = ser_fail(e, SER_EUSAGE, "%zu boxes: at most %d", d->n_box, SER_PLOT_MAX_ROW);
	for (size_t i = 0; rc == SER_OK && i < d->n_box; i++) {
		const struct ser_plot_five *f = &d->box[i];
		const double v[5] = {f->low, f->q1, f->median, f->q3, f->high};
		rc = ser_plot_check(v, 5, "number of a box:", e);
		if (rc == SER_OK)
			rc = ser_plot_check(f->out, f->n_out, "outlier", e);
		lo = fmin(lo, f->low);
		hi = fmax(hi, f->high);
		for (size_t k = 0; k < f->n_out; k++) {
			lo = fmin(lo, f->out[k]);
			hi = fmax(hi, f->out[k]);
		}
		longest = fmax(longest, ser_svg_width(d->name[i], TEXT));
	}
	if (rc != SER_OK)
		return rc;

	double width = o->width > 0 ? o->width : 760, head = ser_plot_head_height(o, width);
	double left = MARGIN + fmin(longest, 0.42 * width) + 56, row = 30, below = 46,
	       height = o->height > 0 ? o->height : head + row * (double)d->n_box + below,
	       w = fmax(width - left - MARGIN - 8, 60), h = fmax(height - head - below, 20);
	struct ser_svg_scale s = ser_svg_scale(lo, hi, 6);
	struct ser_buf t = {0};
	row = h / (double)d->n_box;
#define X(v) (left + ((v)-s.lo) / (s.hi - s.lo) * w)
	ser_svg_begin(out, width, height, o->title, o->metadata);
	ser_plot_head(out, o, width);
	for (int i = 0; i < s.n; i++) {
		double x = X(ser_svg_tick(&s, i));
		t.n = 0;
		ser_svg_tick_text(&t, &s, i);
		ser_svg_line(out, x, head, x, head + h, GRID);
		ser_svg_text(out, x, head + h + 15, SMALL, SER_SVG_MIDDLE, 0, FAINT, t.s);
	}
	for (size_t i = 0; i < d->n_box; i++) {
		const struct ser_plot_five *f = &d->box[i];
		double mid = head + row * ((double)i + 0.5), half = fmin(row * 0.32, 14);
		size_t mark = d->mark != NULL ? d->mark[i] : 0;
		t.n = 0;
		ser_svg_fit(&t, d->name[i], TEXT, 0.42 * width);
		ser_svg_text(out, left - 48, mid + 4, TEXT, SER_SVG_STOP, 0, INK, t.s);
		t.n = 0;
		ser_buf_printf(&t, "%zu", f->n);
		ser_svg_text(out, left - 8, mid + 4, SMALL, SER_SVG_STOP, 0, FAINT, t.s);
		ser_svg_line(out, X(f->low), mid, X(f->q1), mid, "stroke=\"#222\" stroke-width=\"1.2\"");
		ser_svg_line(out, X(f->q3), mid, X(f->high), mid, "stroke=\"#222\" stroke-width=\"1.2\"");
		ser_svg_line(out, X(f->low), mid - half / 2, X(f->low), mid + half / 2,
			     "stroke=\"#222\" stroke-width=\"1.2\"");
		ser_svg_line(out, X(f->high), mid - half / 2, X(f->high), mid + half / 2,
			     "stroke=\"#222\" stroke-width=\"1.2\"");
		ser_plot_swatch(out, mark, X(f->q1), mid - half, X(f->q3) - X(f->q1), 2 * half);
		ser_svg_line(out, X(f->median), mid - half, X(f->median), mid + half,
			     "stroke=\"#fff\" stroke-width=\"4.5\"");
		ser_svg_line(out, X(f->median), mid - half, X(f->median), mid + half,
			     "stroke=\"#000\" stroke-width=\"2.2\"");
		for (size_t k = 0; k < f->n_out; k++)
			ser_svg_marker(out, mark, mark, X(f->out[k]), mid, 2.4, NULL);
	}
#undef X
	ser_svg_rect(out, left, head, w, h, FRAME);
	if (o->x_label != NULL)
		ser_svg_text(out, left + w / 2, height - 10, TEXT, SER_SVG_MIDDLE, 0, INK, o->x_label);
	ser_svg_end(out);
	ser_buf_free(&t);
	return SER_OK;
}
