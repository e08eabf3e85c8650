/* SPDX-License-Identifier: MIT */
#include "plot/draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TITLE = 15, LINE = 16 };

int ser_plot_size(const struct ser_plot_opt *o, struct ser_err *e)
{
	const double v[2] = {o->width, o->height};
	for (int i = 0; i < 2; i++)
		if (v[i] != 0 && !(v[i] >= 200 && v[i] <= 10000))
			return ser_fail(e, SER_EUSAGE, "a picture %g pixels %s: expected 200 to 10000", v[i],
					i == 0 ? "wide" : "high");
	return SER_OK;
}

int ser_plot_check(const double *x, size_t n, const char *what, struct ser_err *e)
{
	for (size_t i = 0; i < n; i++)
		if (!(fabs(x[i]) <= 1e30))
			return ser_fail(e, SER_EDATA, "%s %zu is %g, expected a finite number up to 1e30", what, i + 1,
					x[i]);
	return SER_OK;
}

/* Break text into lines at spaces; draws them when b is given. Returns how many. */
static int subtitle(struct ser_buf *b, const char *s, double width, double y)
{
	struct ser_buf line = {0}, fit = {0};
	int n = 0;
	while (s != NULL && *s != '\0') {
		size_t take = strlen(s), skip = 0;
		for (line.n = 0, ser_buf_add(&line, s, take); ser_svg_width(line.s, TEXT) > width;) {
			size_t cut = take;
			while (cut > 0 && s[cut - 1] != ' ')
				cut--;
			if (cut <= 1)
				break;
			take = cut - 1;
			skip = 1;
			line.n = 0;
			ser_buf_add(&line, s, take);
		}
		if (b != NULL) {
			fit.n = 0;
			ser_svg_fit(&fit, line.s, TEXT, width);
			ser_svg_text(b, MARGIN, y + n * LINE, TEXT, SER_SVG_START, 0, FAINT, fit.s);
		}
		n++;
		s += take + skip;
	}
	ser_buf_free(&line);
	ser_buf_free(&fit);
	return n;
}

static bool has(const char *s)
{
	return s != NULL && *s != '\0';
}

double ser_plot_head_height(const struct ser_plot_opt *o, double width)
{
	return MARGIN + (has(o->title) ? TITLE + 6 : 0) + subtitle(NULL, o->subtitle, width - 2 * MARGIN, 0) * LINE + 6;
}

double ser_plot_head(struct ser_buf *b, const struct ser_plot_opt *o, double width)
{
	double y = MARGIN;
	struct ser_buf fit = {0};
	if (has(o->title)) {
		ser_svg_fit(&fit, o->title, TITLE * 1.09, width - 2 * MARGIN); /* bold is wider */
		ser_svg_text(b, MARGIN, y + TITLE - 2, TITLE, SER_SVG_START, 0, INK " font-weight=\"bold\"", fit.s);
		y += TITLE + 6;
	}
	subtitle(b, o->subtitle, width - 2 * MARGIN, y + TEXT - 1);
	ser_buf_free(&fit);
	return ser_plot_head_height(o, width);
}

struct ser_legend ser_legend_new(enum ser_legend_kind kind, const char *title, const char *const *name, size_t n,
				 double height)
{
	struct ser_legend l = {.kind = kind, .title = has(title) ? title : NULL, .name = name, .n = n};
	double widest = 0, mark = kind == LEGEND_MARKER ? 20 : 38;
	if (n == 0)
		return l;
	double room = (height - (l.title != NULL ? LEGEND_ROW : 0)) / LEGEND_ROW;
	l.rows = room < 4 ? 4 : (size_t)room;
	l.columns = (n + l.rows - 1) / l.rows;
	l.rows = (n + l.columns - 1) / l.columns;
	for (size_t i = 0; i < n; i++)
		widest = fmax(widest, fmin(ser_svg_width(name[i], TEXT), LEGEND_TEXT));
	l.column = mark + widest + 12;
	l.width = MARGIN + l.column * (double)l.columns;
	if (l.title != NULL)
		l.width = fmax(l.width, MARGIN + fmin(ser_svg_width(l.title, TEXT * 1.09), LEGEND_TEXT) + 12);
	return l;
}

void ser_plot_swatch(struct ser_buf *b, size_t i, double x, double y, double w, double h)
{
	char attr[96];
	snprintf(attr, sizeof attr, "fill=\"%s\" stroke=\"%s\"", ser_svg_hue[i % SER_SVG_HUES],
		 ser_svg_edge[i % SER_SVG_HUES]);
	ser_svg_rect(b, x, y, w, h, attr);
	if (i % SER_SVG_HUES > 0) {
		snprintf(attr, sizeof attr, "fill=\"url(#ser-h%zu)\"", i % SER_SVG_HUES);
		ser_svg_rect(b, x, y, w, h, attr);
	}
}

double ser_legend_height(const struct ser_legend *l)
{
	return l->n == 0 ? 0 : (double)(l->rows + (l->title != NULL)) * LEGEND_ROW;
}

void ser_legend_draw(struct ser_buf *b, const struct ser_legend *l, double x, double y)
{
	struct ser_buf fit = {0};
	char attr[128];
	if (l->n == 0)
		return;
	x += MARGIN;
	if (l->title != NULL) {
		ser_svg_fit(&fit, l->title, TEXT * 1.09, LEGEND_TEXT);
		ser_svg_text(b, x, y + TEXT, TEXT, SER_SVG_START, 0, INK " font-weight=\"bold\"", fit.s);
		y += LEGEND_ROW;
	}
	for (size_t i = 0; i < l->n; i++) {
		double at = x + (double)(i / l->rows) * l->column, row = y + (double)(i % l->rows) * LEGEND_ROW,
		       text = at + (l->kind == LEGEND_MARKER ? 20 : 38), mid = row + LEGEND_ROW / 2.0;
		if (l->kind == LEGEND_MARKER) {
			size_t m = l->mark != NULL ? l->mark[i] : i;
			ser_svg_marker(b, m, m + m / SER_SVG_HUES, at + 8, mid, 5, NULL);
		} else if (l->kind == LEGEND_LINE) {
			snprintf(attr, sizeof attr, "stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\"",
				 ser_svg_hue[i % SER_SVG_HUES], ser_svg_dash[i % SER_SVG_HUES]);
			ser_svg_line(b, at, mid, at + 32, mid, attr);
			ser_svg_marker(b, i, i, at + 16, mid, 4, NULL);
		} else {
			ser_plot_swatch(b, i, at, mid - 6, 30, 12);
		}
		fit.n = 0;
		ser_svg_fit(&fit, l->name[i], TEXT, LEGEND_TEXT);
		ser_svg_text(b, text, mid + 4, TEXT, SER_SVG_START, 0, INK, fit.s);
	}
	ser_buf_free(&fit);
}

void ser_plot_halo(struct ser_buf *b, double x, double y, double size, enum ser_svg_anchor anchor, const char *attr,
		   const char *text)
{
	ser_svg_text(b, x, y, size, anchor, 0,
		     "fill=\"#fff\" stroke=\"#fff\" stroke-width=\"3.5\" stroke-linejoin=\"round\" "
		     "stroke-opacity=\"0.85\" font-weight=\"bold\" aria-hidden=\"true\"",
		     text);
	ser_svg_text(b, x, y, size, anchor, 0, attr, text);
}
