/* SPDX-License-Identifier: MIT */
/* Private to plot: what the charts share. */
#ifndef SER_PLOT_DRAW_H
#define SER_PLOT_DRAW_H

#include "plot/plot.h"

#define INK   "fill=\"#222\""
#define FAINT "fill=\"#555\""
#define FRAME "fill=\"none\" stroke=\"#888\""
#define GRID  "stroke=\"#e2e2e2\""
enum { MARGIN = 14, TEXT = 12, SMALL = 11, LEGEND_ROW = 18, LEGEND_TEXT = 190 };

/* Sizes that were asked for are in range, the default taken where none was. */
int ser_plot_size(const struct ser_plot_opt *o, struct ser_err *e);
/* Every number is one that can be drawn. */
int ser_plot_check(const double *x, size_t n, const char *what, struct ser_err *e);

/* Title and subtitle: the height that they take in a picture of this width; drawn, returns the same. */
double ser_plot_head_height(const struct ser_plot_opt *o, double width);
double ser_plot_head(struct ser_buf *b, const struct ser_plot_opt *o, double width);

/* A legend of n names, in as many columns as the height wants. */
enum ser_legend_kind { LEGEND_MARKER, LEGEND_LINE, LEGEND_BAR };
struct ser_legend {
	const char *title;
	const char *const *name;
	size_t n, rows, columns;
	enum ser_legend_kind kind;
	double width, column; /* of all; of one column */
	const size_t *mark;   /* [n] colours and markers; NULL: by their order */
};
struct ser_legend ser_legend_new(enum ser_legend_kind kind, const char *title, const char *const *name, size_t n,
				 double height);
double ser_legend_height(const struct ser_legend *l);
void ser_legend_draw(struct ser_buf *b, const struct ser_legend *l, double x, double y);

/* Faces side by side in a width, no higher than that: their height with what is written below; drawn at (x,y). */
double ser_plot_faces_height(const struct ser_plot_faces *d, double width, double high);
void ser_plot_faces(struct ser_buf *b, const struct ser_plot_faces *d, double x, double y, double width, double high);

/* Text over points, with a white rim. */
void ser_plot_halo(struct ser_buf *b, double x, double y, double size, enum ser_svg_anchor anchor, const char *attr,
		   const char *text);
/* A bar of series i, hatched. */
void ser_plot_swatch(struct ser_buf *b, size_t i, double x, double y, double w, double h);

#endif
