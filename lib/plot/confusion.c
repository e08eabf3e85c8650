/* SPDX-License-Identifier: MIT */
#include "plot/draw.h"

#include <math.h>
#include <string.h>

/* White to dark blue, lightness falling evenly, so that it reads the same in grey. */
static void shade(double share, int rgb[3])
{
	static const int stop[5][3] = {{255, 255, 255}, {207, 225, 242}, {147, 195, 222}, {56, 130, 190}, {8, 48, 107}};
	double at = share * 4;
	int i = at >= 4 ? 3 : (int)at;
	for (int c = 0; c < 3; c++)
		rgb[c] = (int)lround(stop[i][c] + (stop[i + 1][c] - stop[i][c]) * (at - i));
}

static void cell(struct ser_buf *b, double x, double y, double side, double count, double share, bool true_class)
{
	int rgb[3];
	char attr[96], text[32];
	shade(share, rgb);
	snprintf(attr, sizeof attr, "fill=\"#%02x%02x%02x\"", (unsigned)rgb[0], (unsigned)rgb[1], (unsigned)rgb[2]);
	ser_svg_rect(b, x, y, side, side, attr);
	/* black or white, whichever stands out more (relative luminance, WCAG 2) */
	double light = 0.2126 * pow(rgb[0] / 255.0, 2.2) + 0.7152 * pow(rgb[1] / 255.0, 2.2) +
		       0.0722 * pow(rgb[2] / 255.0, 2.2);
	const char *ink = light < 0.22 ? "fill=\"#fff\"" : count > 0 ? INK : "fill=\"#999\"";
	double size = fmin(fmax(side * 0.26, 5), 14);
	snprintf(text, sizeof text, "%.10g", count);
	double wide = ser_svg_width(text, size);
	if (wide > side - 3)
		size *= (side - 3) / wide;
	bool both = side >= 30 && count > 0;
	snprintf(attr, sizeof attr, "%s%s", ink, true_class ? " font-weight=\"bold\"" : "");
	ser_svg_text(b, x + side / 2, y + side / 2 + (both ? -1 : size * 0.36), size, SER_SVG_MIDDLE, 0, attr, text);
	if (both) {
		snprintf(text, sizeof text, share > 0 && share < 0.005 ? "<1 %%" : "%.0f %%", 100 * share);
		ser_svg_text(b, x + side / 2, y + side / 2 + size * 0.85, size * 0.72, SER_SVG_MIDDLE, 0, ink, text);
	}
}

static void color_bar(struct ser_buf *b, double x, double y, double h)
{
	enum { STEPS = 50 };
	char text[16], attr[64];
	for (int i = 0; i < STEPS; i++) {
		int rgb[3];
		shade((i + 0.5) / STEPS, rgb);
		snprintf(attr, sizeof attr, "fill=\"#%02x%02x%02x\"", (unsigned)rgb[0], (unsigned)rgb[1],
			 (unsigned)rgb[2]);
		ser_svg_rect(b, x, y + h * (STEPS - 1 - i) / STEPS, 12, h / STEPS + 0.5, attr);
	}
	ser_svg_rect(b, x, y, 12, h, FRAME);
	for (int i = 0; i <= 4; i++) {
		snprintf(text, sizeof text, "%d %%", 25 * i);
		ser_svg_text(b, x + 17, y + h * (4 - i) / 4 + 4, SMALL, SER_SVG_START, 0, FAINT, text);
	}
	ser_svg_text(b, x + 68, y + h / 2, SMALL, SER_SVG_MIDDLE, -90, FAINT, "share of the true class");
}

int ser_plot_confusion(const struct ser_plot_opt *o, const struct ser_plot_confusion *d, struct ser_buf *out,
		       struct ser_err *e)
{
	size_t k = d->k;
	double widest = 0, total = 0;
	int rc = ser_plot_size(o, e);
	if (rc == SER_OK && k > SER_PLOT_MAX_CLASS)
		rc = ser_fail(e, SER_EUSAGE, "a confusion matrix of %zu classes: at most %d can be read", k,
			      SER_PLOT_MAX_CLASS);
	if (rc == SER_OK)
		rc = ser_plot_check(d->count, k * k, "count", e);
	for (size_t i = 0; rc == SER_OK && i < k * k; i++) {
		if (d->count[i] < 0)
			return ser_fail(e, SER_EDATA, "count %zu is %g, expected none below 0", i + 1, d->count[i]);
		total += d->count[i];
	}
	if (rc == SER_OK && !(total > 0))
		rc = ser_fail(e, SER_EDATA, "there is nothing to count");
	if (rc != SER_OK)
		return rc;
	for (size_t i = 0; i < k; i++)
		widest = fmax(widest, fmin(ser_svg_width(d->name[i], TEXT), 150));
	/* the cells are squares: as large as a width or a height allows, or as is easy to read */
	double easy = k > 12 ? 38 : fmin(fmax(widest + 14, 54), k > 8 ? 54 : 84), side = easy,
	       left = MARGIN + 20 + widest + 56, right = 92;
	for (int pass = 0; pass < 2; pass++) { /* the names' slant depends on the side, and the height on it */
		bool slant = widest > side - 6;
		double above = slant ? widest * 0.71 + 12 : 20, width = o->width > 0 ? o->width : 10000,
		       head = ser_plot_head_height(o, o->width > 0 ? o->width
								   : fmax(left + easy * (double)k + right, 420));
		double room = (width - left - right - (slant ? widest * 0.5 : 0)) / (double)k;
		if (o->height > 0)
			room = fmin(room, (o->height - head - above - 18 - MARGIN) / (double)k);
		side = fmax(o->width > 0 || o->height > 0 ? fmin(room, 90) : fmin(room, easy), 8);
	}
	bool slant = widest > side - 6;
	double above = slant ? widest * 0.71 + 12 : 20, grid = side * (double)k;
	double width = o->width > 0 ? o->width : fmax(left + grid + fmax(right, slant ? widest * 0.71 : 0), 420);
	double head = ser_plot_head_height(o, width), top = head + 18 + above;
	double height = o->height > 0 ? o->height : top + grid + MARGIN;

	struct ser_buf fit = {0};
	ser_svg_begin(out, width, height, o->title, o->metadata);
	ser_plot_head(out, o, width);
	ser_svg_text(out, left + grid / 2, head + TEXT, TEXT, SER_SVG_MIDDLE, 0, INK " font-weight=\"bold\"",
		     o->x_label != NULL ? o->x_label : "predicted");
	ser_svg_text(out, MARGIN + 10, top + grid / 2, TEXT, SER_SVG_MIDDLE, -90, INK " font-weight=\"bold\"",
		     o->y_label != NULL ? o->y_label : "true");
	for (size_t i = 0; i < k; i++) {
		double sum = 0, mid = ((double)i + 0.5) * side, size = fmin(TEXT, side);
		char n[32];
		for (size_t j = 0; j < k; j++)
			sum += d->count[i * k + j];
		fit.n = 0;
		ser_svg_fit(&fit, d->name[i], size, 150);
		ser_svg_text(out, left + mid - (slant ? 2 : 0), top - 6, size, slant ? SER_SVG_START : SER_SVG_MIDDLE,
			     slant ? -45 : 0, INK, fit.s);
		snprintf(n, sizeof n, "%.10g", sum);
		ser_svg_text(out, left - 6, top + mid + 4, fmin(SMALL, size), SER_SVG_STOP, 0, FAINT, n);
		ser_svg_text(out, left - 48, top + mid + 4, size, SER_SVG_STOP, 0, INK, fit.s);
		for (size_t j = 0; j < k; j++)
			cell(out, left + (double)j * side, top + (double)i * side, side, d->count[i * k + j],
			     sum > 0 ? d->count[i * k + j] / sum : 0, i == j);
	}
	ser_svg_text(out, left - 6, top - 6, SMALL, SER_SVG_STOP, 0, FAINT, "n");
	for (size_t i = 0; i <= k; i++) {
		double at = (double)i * side;
		ser_svg_line(out, left + at, top, left + at, top + grid, "stroke=\"#ddd\"");
		ser_svg_line(out, left, top + at, left + grid, top + at, "stroke=\"#ddd\"");
	}
	ser_svg_rect(out, left, top, grid, grid, FRAME);
	color_bar(out, left + grid + 14, top, fmin(grid, 260));
	ser_svg_end(out);
	ser_buf_free(&fit);
	return SER_OK;
}
