/* SPDX-License-Identifier: MIT */
/* Between the files of this module only. */
#ifndef SER_FIGURE_PRIVATE_H
#define SER_FIGURE_PRIVATE_H

#include "figure/figure.h"

/* ---- label.c: a label of n things ---- */

struct label {
	const char *name; /* borrowed; NULL: not asked for, and nothing below is used */
	struct ser_map *value;
	size_t n, cap, *of; /* [n] value of thing i: its place in the map, then in the order */
	const char **sorted;
	size_t *rank; /* where in the order the values of the map are */
	size_t *mark; /* colour and marker of each value, in the order */
	size_t n_first;
};
struct label label_new(const char *name);
void label_free(struct label *l);
/* The value of the next thing, as text in *shown (borrowed; may be NULL). */
int label_add(struct label *l, struct ser_record *r, const char **shown, struct ser_err *e);
/* Before any is added: values that come first in the order, whether a record has them or not. */
void label_first(struct label *l, const char *const *value, size_t n);
/* Put values in order: numbers as such, others by their bytes; the first n_first stay where they are. */
void label_sort(struct label *l, size_t n_first);
/* Sort, and what plot wants to know. */
struct ser_plot_label label_done(struct label *l);

/* ---- texts.c: lines of cells parted by tabs, and where they come from ---- */

/* Cut the next line of *at, and it at tabs, into at most `most` cells; false at the end. */
bool next_line(char **at, char **cell, size_t most, size_t *n);
/* Append to "inputs" of a header's extra fields: a name and, when not NULL, what the input says of itself. */
void input_add(struct ser_header *h, const char *name, const struct ser_val *about);

/* ---- report.c: one report's table: numbers by row and column, rows in their order ---- */

struct report {
	struct ser_map *row, *column;
	struct {
		size_t row, column;
		double x;
	} * v;
	size_t n, cap;
	struct ser_val about;  /* what the report says about itself: a map, in an arena of the caller's */
	double n_item, square; /* of table "classes": items of all classes, and the sum of each class' square */
};
int report_read(struct report *s, const struct ser_figure_text *t, const char *table, struct ser_arena *a,
		struct ser_err *e);
void report_free(struct report *s);
bool report_get(const struct report *s, size_t row, const char *column, double *x);
/* The row that a name means: itself, or with "pooled." before it; -1: none. */
ptrdiff_t report_row(const struct report *s, const char *name);
/* Its column of values: value, mean, difference or recall; NULL: none. */
const char *report_value(const struct report *s);
/* An interval of a row, from columns KIND_lo and KIND_hi. */
bool report_interval(const struct report *s, size_t row, const char *kind, double *lo, double *hi);

#endif
