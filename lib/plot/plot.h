/* SPDX-License-Identifier: MIT */
/* plot: charts as SVG 1.1 text. Equal data give equal bytes; no number in them is other than finite; text is escaped.
 * Colours are those of Okabe and Ito (Color Universal Design, 2008), told apart by the colour-blind, and each goes with
 * a marker, a dash or a hatch of its own for print. Units are pixels, of which a browser shows 96 an inch. */
#ifndef SER_PLOT_H
#define SER_PLOT_H

#include "base/base.h"
#include "plot/svg.h"

enum {
	SER_PLOT_MAX_CATEGORY = 64, /* told apart by colour and marker */
	SER_PLOT_MAX_SERIES = 8,    /* told apart by colour, and dash or hatch */
	SER_PLOT_MAX_CLASS = 40,    /* of a confusion matrix */
	SER_PLOT_MAX_PANEL = 64,    /* panels of one picture */
	SER_PLOT_MAX_ROW = 200      /* bars */
};

/* What all charts have. Texts are borrowed; NULL or "": none. */
struct ser_plot_opt {
	double width, height;          /* of the picture; 0: what the chart finds fit. 200 to 10000 */
	const char *title, *subtitle;  /* above it; a subtitle is broken into lines */
	const char *x_label, *y_label; /* of the axes */
	const char *metadata;          /* into <metadata>, as text: where the data come from */
};

/* A label of n things: its name, its values in the order of the legend, and which of them thing i has. n_value 0: none. */
struct ser_plot_label {
	const char *name;
	size_t n_value;
	const char *const *value;
	const size_t *of;   /* [n] */
	const size_t *mark; /* [n_value] which colour and marker each value has; NULL: by their order */
};

/* Points in the plane. One unit is as long on both axes. */
struct ser_plot_scatter {
	size_t n;
	const double *x, *y;         /* [n] finite */
	const char *const *tip;      /* [n] shown when pointed at; NULL: none */
	struct ser_plot_label color; /* colour and marker, with a legend */
	struct ser_plot_label place; /* written where a value's points are, in the hull of the central nine tenths */
	size_t *n_beyond; /* grows by the points that lie far beyond the others and are drawn at the frame; NULL: not counted */
	size_t *n_unnamed; /* grows by the values not written, for most in their hull is of others; NULL: not counted */
	struct ser_plot_label panel; /* a panel for each value, on its own scale */
	bool ticks;                  /* numbers on the axes; not in panels, whose scales differ */
};

/* counts [k,k]: row the true class, column the predicted one. Shaded by the share of the row. */
struct ser_plot_confusion {
	size_t k;
	const double *count;
	const char *const *name; /* [k] */
};

/* One panel for each quantity, one line in it for each series, x common to all. */
struct ser_plot_line {
	size_t n;
	const double *x, *y;   /* [n] finite, x rising */
	ptrdiff_t best;        /* the point that is ringed, -1: none */
	const double *lo, *hi; /* [n] finite, the interval around each y, as a bar beside its neighbours'; NULL: none */
};
/* A face at some moments, side by side above a curve's panels: points in the plane, y downwards. One unit is as long everywhere. */
struct ser_plot_faces {
	size_t n_series, n_moment, n_point, n_join;
	const double *xy;          /* [n_series, n_moment, n_point, 2] finite; a series in the colour of its lines */
	const size_t (*join)[2];   /* [n_join] points that a line joins */
	const char *const *moment; /* [n_moment] written below */
};
struct ser_plot_curve {
	size_t n_panel, n_series;
	const char *const *panel, *const *series; /* names */
	const struct ser_plot_line *line;         /* [n_panel,n_series] */
	bool log_x; /* the x axis is logarithmic, with a tick at each x that a line has, where they do not collide; x > 0 */
	const struct ser_plot_faces *faces; /* NULL: none */
};

/* A bar for each group and series, where present. */
struct ser_plot_bar {
	bool present, has_interval, has_chance;
	double value, lo, hi; /* the interval around value */
	double chance;        /* what chance would give, marked across the bar */
};
struct ser_plot_bars {
	size_t n_group, n_series; /* n_series 1: one bar a group, no legend */
	const char *const *group, *const *series;
	const struct ser_plot_bar *bar; /* [n_group,n_series] */
};

/* Values over a plane, such as a spectrogram, by a scale of colours whose brightness rises. The picture's pixels are a PNG in it. */
struct ser_plot_image {
	size_t n_x, n_y;
	const float *value;    /* [n_x,n_y] finite */
	double x0, x1, y0, y1; /* what the picture's edges are on the axes, x0 < x1, y0 < y1 */
	double lo, hi;         /* of the scale, lo < hi; values beyond are drawn as these */
	const char *v_label;   /* unit of the scale, which is drawn beside; NULL: no scale */
};

/* How often predictions were right, by how sure they were. */
struct ser_plot_reliability {
	size_t n_bin;             /* of equal width in [0,1] */
	const double *confidence; /* [n_bin] mean posterior of the predicted class of the bin's predictions */
	const double *right;      /* [n_bin] share of them that was right */
	const double *count;      /* [n_bin] */
};

/* A box for each name: quartiles, median, whiskers and what is beyond them. */
struct ser_plot_five {
	size_t n; /* values it is made of */
	double low, q1, median, q3, high;
	const double *out; /* [n_out] */
	size_t n_out;
};
struct ser_plot_boxes {
	size_t n_box;
	const char *const *name;
	const struct ser_plot_five *box; /* [n_box] */
	const size_t *mark;              /* [n_box] colours; NULL: one for all */
};

/* Curves on one square, both axes with the same ticks, rising; `best` of a line is marked. What is beyond the ticks is not drawn. */
struct ser_plot_curves {
	size_t n_series;
	const char *const *series;
	const struct ser_plot_line *line; /* [n_series] */
	size_t n_tick;
	const double *tick;           /* [n_tick] */
	const char *const *tick_name; /* [n_tick] */
};

/* Append a whole document to *out. SER_EDATA when there is nothing to draw or a number is not finite, SER_EUSAGE when
 * there is too much of something to be told apart or the size is out of range; then nothing is appended. */
int ser_plot_scatter(const struct ser_plot_opt *o, const struct ser_plot_scatter *d, struct ser_buf *out,
		     struct ser_err *e);
int ser_plot_confusion(const struct ser_plot_opt *o, const struct ser_plot_confusion *d, struct ser_buf *out,
		       struct ser_err *e);
int ser_plot_curve(const struct ser_plot_opt *o, const struct ser_plot_curve *d, struct ser_buf *out,
		   struct ser_err *e);
int ser_plot_bars(const struct ser_plot_opt *o, const struct ser_plot_bars *d, struct ser_buf *out, struct ser_err *e);
int ser_plot_box(const struct ser_plot_opt *o, const struct ser_plot_boxes *d, struct ser_buf *out, struct ser_err *e);
int ser_plot_det(const struct ser_plot_opt *o, const struct ser_plot_curves *d, struct ser_buf *out, struct ser_err *e);
int ser_plot_image(const struct ser_plot_opt *o, const struct ser_plot_image *d, struct ser_buf *out,
		   struct ser_err *e);
int ser_plot_reliability(const struct ser_plot_opt *o, const struct ser_plot_reliability *d, struct ser_buf *out,
			 struct ser_err *e);

/* What a picture can be made into. _converter loads the plug-in that does it, before a process gives up reading what fonts need; SER_EIO:
 * there is none. _convert puts PDF or PNG in the place of an SVG, with the metadata of its options; SER_EDATA: it is too large. */
enum ser_plot_format { SER_PLOT_SVG, SER_PLOT_PDF, SER_PLOT_PNG };
enum { SER_PLOT_PNG_SCALE = 2 }; /* pixels of PNG for one of SVG, so that text is sharp in print */
extern const char *const ser_plot_formats[];
struct ser_plot_plugin;
int ser_plot_converter(const struct ser_plot_plugin **p, struct ser_err *e);
int ser_plot_convert(const struct ser_plot_plugin *p, enum ser_plot_format format, const char *metadata,
		     struct ser_buf *picture, struct ser_err *e);

#endif
