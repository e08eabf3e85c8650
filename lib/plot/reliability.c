/* SPDX-License-Identifier: MIT */
#include "plot/draw.h"

#include <math.h>

int ser_plot_reliability(const struct ser_plot_opt *o, const struct ser_plot_reliability *d, struct ser_buf *out,
			 struct ser_err *e)
{
	double all = 0, most = 0;
	int rc = ser_plot_size(o, e);
	if (rc == SER_OK && (d->n_bin == 0 || d->n_bin > 100))
		rc = ser_fail(e, SER_EUSAGE, "%zu bins, expected 1 to 100", d->n_bin);
	for (size_t i = 0; rc == SER_OK && i < d->n_bin; i++) {
		const double v[3] = {d->confidence[i], d->right[i], d->count[i]};
		rc = ser_plot_check(v, 3, "number of a bin:", e);
		all += d->count[i];
		most = fmax(most, d->count[i]);
	}
	if (rc == SER_OK && all <= 0)
		rc = ser_fail(e, SER_EDATA, "there are no predictions to draw");
	if (rc != SER_OK)
		return rc;

	double width = o->width > 0 ? o->width : 460, head = ser_plot_head_height(o, width), left = MARGIN + 18 + 46,
	       side = width - left - MARGIN - 8, how_many = 70, below = 46,
	       height = o->height > 0 ? o->height : head + side + 12 + how_many + below,
	       h = fmax(height - head - below - how_many - 12, 30), top = head + h + 12;
	struct ser_buf t = {0};
	ser_svg_begin(out, width, height, o->title, o->metadata);
	ser_plot_head(out, o, width);
	for (int i = 0; i <= 5; i++) {
		double x = left + side * i / 5, y = head + h - h * i / 5;
		t.n = 0;
		ser_buf_printf(&t, "%.1f", i / 5.0);
		ser_svg_line(out, x, head, x, head + h, GRID);
		ser_svg_line(out, left, y, left + side, y, GRID);
		ser_svg_text(out, left - 6, y + 4, SMALL, SER_SVG_STOP, 0, FAINT, t.s);
		ser_svg_text(out, x, top + how_many + 15, SMALL, SER_SVG_MIDDLE, 0, FAINT, t.s);
	}
	for (size_t i = 0; i < d->n_bin; i++) {
		double w = side / (double)d->n_bin, x = left + w * (double)i;
		if (d->count[i] <= 0)
			continue;
		double sure = d->confidence[i], right = d->right[i];
		/* what was so, and between it and what was said: too sure, or not sure enough */
		ser_svg_rect(out, x + 1, head + h - h * fmin(sure, right), w - 2, h * fmin(sure, right),
			     "fill=\"#0072b2\"");
		ser_svg_rect(out, x + 1, head + h - h * fmax(sure, right), w - 2, h * fabs(sure - right),
			     sure > right ? "fill=\"#f4b07a\" stroke=\"#d55e00\" stroke-dasharray=\"3 2\""
					  : "fill=\"#8fc8ea\"");
		ser_svg_line(out, x + 1, head + h - h * right, x + w - 1, head + h - h * right,
			     "stroke=\"#004064\" stroke-width=\"2\"");
		ser_svg_rect(out, x + 1, top + how_many * (1 - d->count[i] / most), w - 2,
			     how_many * d->count[i] / most, "fill=\"#888\"");
	}
	ser_svg_line(out, left, head + h, left + side, head,
		     "stroke=\"#222\" stroke-width=\"1.4\" stroke-dasharray=\"5 3\"");
	ser_svg_rect(out, left, head, side, h, FRAME);
	ser_svg_rect(out, left, top, side, how_many, FRAME);
	t.n = 0;
	ser_buf_printf(&t, "%.0f", most);
	ser_svg_text(out, left - 6, top + 9, SMALL, SER_SVG_STOP, 0, FAINT, t.s);
	ser_svg_text(out, left - 6, top + how_many, SMALL, SER_SVG_STOP, 0, FAINT, "0");
	ser_svg_text(out, MARGIN + 10, head + h / 2, TEXT, SER_SVG_MIDDLE, -90, INK, "share that was right");
	ser_svg_text(out, MARGIN + 10, top + how_many / 2, TEXT, SER_SVG_MIDDLE, -90, INK, "records");
	ser_svg_text(out, left + side / 2, height - 10, TEXT, SER_SVG_MIDDLE, 0, INK,
		     "posterior of the predicted class");
	ser_svg_end(out);
	ser_buf_free(&t);
	return SER_OK;
}
