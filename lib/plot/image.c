/* SPDX-License-Identifier: MIT */
#include "plot/draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* ---- bytes in a document ---- */

void ser_svg_data(struct ser_buf *b, const char *type, const void *data, size_t n)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = data;
	ser_buf_printf(b, "data:%s;base64,", type);
	ser_buf_reserve(b, n / 3 * 4 + 5);
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i < 3 ? n - i : 3;
		uint32_t v =
			(uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0);
		char c[4] = {digit[v >> 18], digit[v >> 12 & 63], left > 1 ? digit[v >> 6 & 63] : '=',
			     left > 2 ? digit[v & 63] : '='};
		ser_buf_add(b, c, 4);
	}
}

/* ---- PNG (ISO/IEC 15948): one byte a pixel into a palette ---- */

static void be32(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (24 - 8 * i));
}

static void chunk(struct ser_buf *b, const char *type, const void *p, size_t n)
{
	unsigned char word[4];
	be32(word, (uint32_t)n);
	ser_buf_add(b, word, 4);
	size_t from = b->n;
	ser_buf_add(b, type, 4);
	ser_buf_add(b, p, n);
	be32(word, (uint32_t)crc32(0, (const unsigned char *)b->s + from, (uInt)(n + 4)));
	ser_buf_add(b, word, 4);
}

/* Brightness rises evenly along the scale, on paper and for all eyes: D. A. Green, "A colour scheme for the display of astronomical
 * intensity images", Bull. Astron. Soc. India 39 (2011) 289-295, start 0.5, rotations -1.5, hue 1.2. */
static void palette(unsigned char rgb[256 * 3])
{
	static const double mix[3][2] = {{-0.14861, 1.78277}, {-0.29227, -0.90649}, {1.97294, 0}};
	for (int i = 0; i < 256; i++) {
		double x = 0.03 + 0.95 * i / 255, turn = 2 * 3.14159265358979323846 * (0.5 / 3 + 1 - 1.5 * x),
		       amp = 1.2 * x * (1 - x) / 2;
		for (int k = 0; k < 3; k++) {
			double v = x + amp * (mix[k][0] * cos(turn) + mix[k][1] * sin(turn));
			rgb[3 * i + k] = (unsigned char)lround(255 * fmin(fmax(v, 0), 1));
		}
	}
}

/* Rows from the greatest y down, columns along x. */
static void png(struct ser_buf *b, const struct ser_plot_image *d)
{
	unsigned char head[13] = {0}, rgb[256 * 3];
	size_t n = (d->n_x + 1) * d->n_y; /* each row has a filter's number before it, 0: none */
	unsigned char *raw = ser_malloc(n, 1), *at = raw;
	for (size_t y = d->n_y; y-- > 0;) {
		*at++ = 0;
		for (size_t x = 0; x < d->n_x; x++) {
			double v = ((double)d->value[x * d->n_y + y] - d->lo) / (d->hi - d->lo);
			*at++ = (unsigned char)lround(255 * fmin(fmax(v, 0), 1));
		}
	}
	uLongf packed = compressBound((uLong)n);
	unsigned char *z = ser_malloc(packed, 1);
	ser_assert(compress2(z, &packed, raw, (uLong)n, 9) == Z_OK);
	be32(head, (uint32_t)d->n_x);
	be32(head + 4, (uint32_t)d->n_y);
	head[8] = 8;
	head[9] = 3;
	palette(rgb);
	ser_buf_add(b, "\x89PNG\r\n\x1a\n", 8);
	chunk(b, "IHDR", head, sizeof head);
	chunk(b, "PLTE", rgb, sizeof rgb);
	chunk(b, "IDAT", z, packed);
	chunk(b, "IEND", "", 0);
	free(raw);
	free(z);
}

/* ---- the chart ---- */

static void picture(struct ser_buf *b, const struct ser_plot_image *d, double x, double y, double w, double h)
{
	struct ser_buf file = {0};
	png(&file, d);
	ser_buf_str(b, "<image x=\"");
	ser_svg_num(b, x);
	ser_buf_str(b, "\" y=\"");
	ser_svg_num(b, y);
	ser_buf_str(b, "\" width=\"");
	ser_svg_num(b, w);
	ser_buf_str(b, "\" height=\"");
	ser_svg_num(b, h);
	ser_buf_str(b, "\" preserveAspectRatio=\"none\" href=\"");
	ser_svg_data(b, "image/png", file.s, file.n);
	ser_buf_str(b, "\"/>\n");
	ser_buf_free(&file);
}

/* Ticks of [lo,hi] at the left of a box, or below it. */
static void ticks(struct ser_buf *b, double lo, double hi, double x, double y, double w, double h, bool left)
{
	struct ser_svg_scale s = ser_svg_scale(lo, hi, (int)fmax((left ? h : w) / (left ? 26 : 70), 2));
	struct ser_buf t = {0};
	for (int i = 0; i < s.n; i++) {
		double v = ser_svg_tick(&s, i), at = (v - lo) / (hi - lo);
		if (at < -1e-9 || at > 1 + 1e-9)
			continue;
		t.n = 0;
		ser_svg_tick_text(&t, &s, i);
		if (left) {
			ser_svg_line(b, x - 4, y + h * (1 - at), x, y + h * (1 - at), "stroke=\"#888\"");
			ser_svg_text(b, x - 7, y + h * (1 - at) + 4, SMALL, SER_SVG_STOP, 0, FAINT, t.s);
		} else {
			ser_svg_line(b, x + w * at, y + h, x + w * at, y + h + 4, "stroke=\"#888\"");
			ser_svg_text(b, x + w * at, y + h + 16, SMALL, SER_SVG_MIDDLE, 0, FAINT, t.s);
		}
	}
	ser_buf_free(&t);
}

int ser_plot_image(const struct ser_plot_opt *o, const struct ser_plot_image *d, struct ser_buf *out, struct ser_err *e)
{
	int rc = ser_plot_size(o, e);
	const double ends[6] = {d->x0, d->x1, d->y0, d->y1, d->lo, d->hi};
	if (rc == SER_OK)
		rc = ser_plot_check(ends, 6, "end of a scale:", e);
	if (rc == SER_OK && (d->n_x == 0 || d->n_y == 0))
		rc = ser_fail(e, SER_EDATA, "there is nothing to draw: %zu times %zu values", d->n_x, d->n_y);
	if (rc == SER_OK && (d->n_x > 100000 || d->n_y > 20000 || d->n_x * d->n_y > (size_t)1 << 26))
		rc = ser_fail(e, SER_EUSAGE, "a picture of %zu times %zu values is too large", d->n_x, d->n_y);
	for (size_t i = 0; rc == SER_OK && i < d->n_x * d->n_y; i++)
		if (!isfinite(d->value[i]))
			rc = ser_fail(e, SER_EDATA, "value %zu is %g, expected a finite number", i + 1,
				      (double)d->value[i]);
	if (rc == SER_OK && !(d->x1 > d->x0 && d->y1 > d->y0 && d->hi > d->lo))
		rc = ser_fail(e, SER_EDATA, "there is nothing to draw: a scale from %g to %g", d->lo, d->hi);
	if (rc != SER_OK)
		return rc;

	double width = o->width > 0 ? o->width : 760, head = ser_plot_head_height(o, width), left = MARGIN + 20 + 46,
	       below = 46, right = d->v_label != NULL ? 74 : MARGIN + 4,
	       height = o->height > 0 ? o->height : head + 240 + below, w = fmax(width - left - right, 60),
	       h = fmax(height - head - below, 30);
	ser_svg_begin(out, width, height, o->title, o->metadata);
	ser_plot_head(out, o, width);
	picture(out, d, left, head, w, h);
	ser_svg_rect(out, left, head, w, h, FRAME);
	ticks(out, d->x0, d->x1, left, head, w, h, false);
	ticks(out, d->y0, d->y1, left, head, w, h, true);
	if (d->v_label != NULL) {
		float ramp[64];
		for (int i = 0; i < 64; i++)
			ramp[i] = (float)(d->lo + (d->hi - d->lo) * i / 63);
		struct ser_plot_image scale = {1, 64, ramp, 0, 1, d->lo, d->hi, d->lo, d->hi, NULL};
		double x = left + w + 44;
		picture(out, &scale, x, head, 12, h);
		ser_svg_rect(out, x, head, 12, h, FRAME);
		ticks(out, d->lo, d->hi, x, head, 12, h, true);
		ser_svg_text(out, x + 12, head + h + 16, SMALL, SER_SVG_STOP, 0, FAINT, d->v_label);
	}
	if (o->x_label != NULL)
		ser_svg_text(out, left + w / 2, height - 10, TEXT, SER_SVG_MIDDLE, 0, INK, o->x_label);
	if (o->y_label != NULL)
		ser_svg_text(out, MARGIN + 10, head + h / 2, TEXT, SER_SVG_MIDDLE, -90, INK, o->y_label);
	ser_svg_end(out);
	return SER_OK;
}
