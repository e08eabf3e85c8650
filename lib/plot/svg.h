/* SPDX-License-Identifier: MIT */
/* Drawing primitives. `attr` is attributes as they stand in the document, from the program itself and never from data. */
#ifndef SER_PLOT_SVG_H
#define SER_PLOT_SVG_H

#include "base/base.h"

enum { SER_SVG_HUES = 8 };                           /* colours, and as many markers, dashes and hatches */
extern const char *const ser_svg_hue[SER_SVG_HUES];  /* "#rrggbb" */
extern const char *const ser_svg_edge[SER_SVG_HUES]; /* the same, darker */
extern const char *const ser_svg_dash[SER_SVG_HUES]; /* of stroke-dasharray */

/* Begin and end a document. title and metadata may be NULL. */
void ser_svg_begin(struct ser_buf *b, double width, double height, const char *title, const char *metadata);
void ser_svg_end(struct ser_buf *b);

/* Text as XML character data: markup escaped, what XML cannot hold or is no UTF-8 becomes U+FFFD. */
void ser_svg_escape(struct ser_buf *b, const char *s);
/* A coordinate, to a hundredth. Asserts that x is finite. */
void ser_svg_num(struct ser_buf *b, double x);

/* n bytes of a media type as a data: address (RFC 2397). */
void ser_svg_data(struct ser_buf *b, const char *type, const void *data, size_t n);

void ser_svg_line(struct ser_buf *b, double x0, double y0, double x1, double y1, const char *attr);
void ser_svg_rect(struct ser_buf *b, double x, double y, double w, double h, const char *attr);
void ser_svg_poly(struct ser_buf *b, size_t n, const double *x, const double *y, bool closed, const char *attr);
/* Marker i of radius r in colour i of the classes that ser_svg_begin defines, with a tip unless NULL. */
void ser_svg_marker(struct ser_buf *b, size_t hue, size_t shape, double x, double y, double r, const char *tip);

enum ser_svg_anchor { SER_SVG_START, SER_SVG_MIDDLE, SER_SVG_STOP };
/* Text on the base line y, turned by `turn` degrees around (x,y). */
void ser_svg_text(struct ser_buf *b, double x, double y, double size, enum ser_svg_anchor anchor, double turn,
		  const char *attr, const char *text);
/* About how wide text is, by the widths of DejaVu Sans, the widest of the usual fonts. */
double ser_svg_width(const char *text, double size);
/* Text cut to a width, with an ellipsis where it was cut. Appended to *b, which is NUL-terminated. */
void ser_svg_fit(struct ser_buf *b, const char *text, double size, double width);

/* Round numbers from <= lo to >= hi, about `want` steps apart. */
struct ser_svg_scale {
	double lo, hi, step;
	int n, decimals; /* lo + i * step, i in [0,n) */
};
struct ser_svg_scale ser_svg_scale(double lo, double hi, int want);
double ser_svg_tick(const struct ser_svg_scale *s, int i);
void ser_svg_tick_text(struct ser_buf *b, const struct ser_svg_scale *s, int i);

#endif
