/* SPDX-License-Identifier: MIT */
/* figure: what a chart shows, gathered from records, from training logs and from reports of scores, and put into words:
 * titles, axes, remarks below the title. Drawing is plot's. Nothing here prints or exits.
 *
 * Every kind is a set that grows by ser_X_add() and is drawn by ser_X_draw(), which may be called once: equal data in
 * equal order give equal bytes. Drawing takes the picture's size, title and metadata from `o`; a title that is NULL is
 * made from the data, subtitle and axis labels always are. Errors are those of plot.h, and where said below. */
#ifndef SER_FIGURE_H
#define SER_FIGURE_H

#include "plot/plot.h"
#include "stream/stream.h"

/* What a picture says of where its data come from, as JSON: the header's provenance, its dims if there are any, "inputs" of its extra
 * fields. For ser_plot_opt.metadata, while b lives; h keeps the map. */
void ser_figure_metadata(struct ser_header *h, struct ser_buf *b);

/* ---- points of records, such as those of ser-project ------------------------------------------------- */

/* Names of labels are borrowed; NULL: not shown. */
struct ser_points_opt {
	const char *field;        /* tensor [D], D >= 2, whose first two components are drawn */
	const char *color;        /* label by colour and marker, with a legend */
	const char *place;        /* label whose values are written where their points are */
	const char *panel;        /* label with a panel for each value */
	const char *const *order; /* [n_order] values of `color` that come first */
	size_t n_order;
};
struct ser_points;
struct ser_points *ser_points_new(const struct ser_points_opt *o); /* copies *o */
void ser_points_free(struct ser_points *p);                        /* NULL is fine */
/* SER_EDATA, naming the record: a label or the tensor is missing or of another kind, or a component is not finite. */
int ser_points_add(struct ser_points *p, struct ser_record *r, struct ser_err *e);
/* h: the records' header, which says by which method the points were found. *n_unnamed of *n_place values of the label
 * `place` lie scattered among the others and are not written. */
int ser_points_draw(struct ser_points *p, const struct ser_header *h, const struct ser_plot_opt *o, struct ser_buf *svg,
		    size_t *n_unnamed, size_t *n_place, struct ser_err *e);

/* ---- true against predicted classes -------------------------------------------------------------------- */

struct ser_truths;
/* Names of labels, borrowed. The classes order [n_order] come first, then those that the header h names (tensor "post"). */
struct ser_truths *ser_truths_new(const char *truth, const char *pred, const char *const *order, size_t n_order,
				  const struct ser_header *h);
void ser_truths_free(struct ser_truths *t);
int ser_truths_add(struct ser_truths *t, struct ser_record *r, struct ser_err *e); /* SER_EDATA: a label is missing */
int ser_truths_draw(struct ser_truths *t, const struct ser_plot_opt *o, struct ser_buf *svg, struct ser_err *e);

/* ---- how sure against how right ------------------------------------------------------------------------ */

struct ser_reliability;
struct ser_reliability *ser_reliability_new(const char *truth); /* name of the true label, borrowed */
void ser_reliability_free(struct ser_reliability *s);
/* SER_EDATA, naming the record: no label, or no tensor "post" of probabilities of classes that the header names. */
int ser_reliability_add(struct ser_reliability *s, const struct ser_header *h, struct ser_record *r, struct ser_err *e);
int ser_reliability_draw(struct ser_reliability *s, const struct ser_plot_opt *o, struct ser_buf *svg,
			 struct ser_err *e);

/* ---- a number by a label, as boxes ------------------------------------------------------------------------ */

/* Borrowed. */
struct ser_boxes_opt {
	const char *field; /* a number; or a tensor [D] or [T,D], of which a column counts, by its mean over T */
	size_t column;
	const char *label;        /* a box for each value */
	const char *const *order; /* [n_order] values that come first */
	size_t n_order;
};
/* The column of tensor `field` that is called so by the header: its name, of functionals with theirs behind it as CSV has it,
 * "pitch_mean"; or its number. SER_EUSAGE. */
int ser_boxes_column(const struct ser_header *h, const char *field, const char *name, size_t *column,
		     struct ser_err *e);
struct ser_boxes;
struct ser_boxes *ser_boxes_new(const struct ser_boxes_opt *o); /* copies *o */
void ser_boxes_free(struct ser_boxes *s);
int ser_boxes_add(struct ser_boxes *s, struct ser_record *r,
		  struct ser_err *e); /* SER_EDATA: no such number or label */
int ser_boxes_draw(struct ser_boxes *s, const struct ser_header *h, const struct ser_plot_opt *o, struct ser_buf *svg,
		   struct ser_err *e);

/* ---- a tensor over time, such as a spectrogram -------------------------------------------------------------- */

/* The tensor [T,D] of one record; its header names the axes. */
int ser_picture_draw(const struct ser_header *h, struct ser_record *r, const char *field, const struct ser_plot_opt *o,
		     struct ser_buf *svg, struct ser_err *e);

/* ---- a face over time ----------------------------------------------------------------------------------------- */

/* Names are borrowed. */
struct ser_faces_opt {
	const char *const *field; /* [n_field] tensors [T,D] or [T,N,C] of the same columns, each a colour */
	size_t n_field;
	const char *const
		*column; /* [n_column] whose values are drawn over time; n_column 0: the three that vary most */
	size_t n_column;
	size_t n_moment; /* faces that are drawn, evenly over the record, where columns are points "x_0", "y_0" ..; at most 24 */
};
/* One record; its header names the columns ("columns", or "classes" of a prediction) and shift_s. SER_EDATA: it does not, or tensors of
 * different columns; SER_EUSAGE: a column that is not there. */
int ser_faces_draw(const struct ser_header *h, struct ser_record *r, const struct ser_faces_opt *which,
		   const struct ser_plot_opt *o, struct ser_buf *svg, struct ser_err *e);

/* ---- texts: what the next three read ---------------------------------------------------------------------- */

/* A file's text, read into memory; it is cut into cells in place and must outlive the set that it was added to. */
struct ser_figure_text {
	const char *shown; /* the file in messages */
	const char *group; /* of bars; NULL: none */
	const char *name;  /* in legends and titles */
	bool nameless;     /* the name is the file's, and titles don't mention it */
	char *s;           /* [n] UTF-8, and a NUL */
	size_t n;
};
/* [[GROUP/]NAME=]FILE, "-" for standard input: without NAME it is the file's, less its extension. At most 64 MiB. Shown is borrowed.
 * SER_EIO; SER_EDATA: not UTF-8; SER_EUSAGE: such a name. */
int ser_figure_text_read(struct ser_figure_text *t, const char *operand, struct ser_err *e);
void ser_figure_text_free(struct ser_figure_text *t); /* what reading allocated */

/* ---- training logs: tables with a header row, parted by tabs --------------------------------------------- */

struct ser_logs;
struct ser_logs *ser_logs_new(void);
void ser_logs_free(struct ser_logs *l);
int ser_logs_add(struct ser_logs *l, const struct ser_figure_text *t,
		 struct ser_err *e);                                  /* SER_EDATA: not such a table */
void ser_logs_inputs(const struct ser_logs *l, struct ser_header *h); /* as ser_bars_inputs() */
struct ser_logs_opt {
	const char *x;        /* column along the x axis */
	const char *const *y; /* [n_y] columns, a panel for each */
	size_t n_y;           /* 0: the first log's "loss" and first "dev_..." */
	bool log_x;           /* a logarithmic x axis */
};
/* The best validation, by column "best", is ringed; columns NAME_lo and NAME_hi are the interval around NAME. SER_EDATA: there
 * is no such column, or it holds no numbers, or x falls. */
int ser_logs_draw(struct ser_logs *l, const struct ser_logs_opt *which, const struct ser_plot_opt *o,
		  struct ser_buf *svg, struct ser_err *e);

/* ---- reports of ser-score, as JSON or as lines "table row column value" ------------------------------------ */

struct ser_bars_opt {
	const char *table;        /* of the report: "scores" */
	const char *const *score; /* [n_score] its rows, "uar" for "pooled.uar" too */
	size_t n_score;           /* 0: the first row of "scores", all of another table */
	const char *interval;     /* "spk", "group", "utt" or "trial"; NULL: the first of these that all bars have */
};
bool ser_bars_knows_interval(const char *name);
struct ser_bars;
struct ser_bars *ser_bars_new(const struct ser_bars_opt *o); /* copies *o, borrows what it points to */
void ser_bars_free(struct ser_bars *b);
int ser_bars_add(struct ser_bars *b, const struct ser_figure_text *t, struct ser_err *e); /* SER_EDATA: no such table */
/* Put "inputs" into a header's extra fields: a list of maps with the name of each report and what it says of itself. */
void ser_bars_inputs(const struct ser_bars *b, struct ser_header *h);
/* Groups and bars in them: as the texts are named; without groups, texts by score; with one score, a bar each.
 * SER_EUSAGE: some texts have a group and others not, there are groups and several scores, or two bars of one name. */
int ser_bars_draw(struct ser_bars *b, const struct ser_plot_opt *o, struct ser_buf *svg, struct ser_err *e);

/* ---- detection error trade-off, out of ser-score verify --det ----------------------------------------------- */

struct ser_dets;
struct ser_dets *ser_dets_new(void);
void ser_dets_free(struct ser_dets *s);
int ser_dets_add(struct ser_dets *s, const struct ser_figure_text *t, struct ser_err *e); /* SER_EDATA: no such table */
void ser_dets_inputs(const struct ser_dets *s, struct ser_header *h);                     /* as ser_bars_inputs() */
/* Normal deviates on both axes (Martin et al., Eurospeech 1997), the equal error rate marked. */
int ser_dets_draw(struct ser_dets *s, const struct ser_plot_opt *o, struct ser_buf *svg, struct ser_err *e);

#endif
