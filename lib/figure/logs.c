/* SPDX-License-Identifier: MIT */
#include "figure/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMN = 256 };

struct log {
	const struct ser_figure_text *text;
	char *column[MAX_COLUMN];
	size_t n_column, n_row, cap;
	char **cell; /* [n_row,n_column] */
};

struct ser_logs {
	struct log *log;
	size_t n, cap;
};

struct ser_logs *ser_logs_new(void)
{
	return ser_calloc(1, sizeof(struct ser_logs));
}

void ser_logs_free(struct ser_logs *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		free(l->log[i].cell);
	free(l->log);
	free(l);
}

int ser_logs_add(struct ser_logs *all, const struct ser_figure_text *t, struct ser_err *e)
{
	char *at = t->s, *cell[MAX_COLUMN];
	size_t n;
	all->log = ser_grow(all->log, &all->cap, all->n + 1, sizeof *all->log);
	struct log *l = &all->log[all->n++];
	memset(l, 0, sizeof *l);
	l->text = t;
	if (!next_line(&at, l->column, MAX_COLUMN, &l->n_column))
		return ser_fail(e, SER_EDATA, "%s: is empty, expected a table with a header row", t->shown);
	for (; next_line(&at, cell, MAX_COLUMN, &n); l->n_row++) {
		if (n != l->n_column)
			return ser_fail(e, SER_EDATA, "%s:%zu: %zu column%s, expected %zu", t->shown, l->n_row + 2, n,
					ser_s(n), l->n_column);
		l->cell = ser_grow(l->cell, &l->cap, (l->n_row + 1) * n, sizeof *l->cell);
		memcpy(l->cell + l->n_row * n, cell, n * sizeof *cell);
	}
	return SER_OK;
}

void ser_logs_inputs(const struct ser_logs *l, struct ser_header *h)
{
	for (size_t i = 0; i < l->n; i++)
		input_add(h, l->log[i].text->name, NULL);
}

/* ---- lines ---- */

static ptrdiff_t column_of(const struct log *l, const char *name)
{
	for (size_t i = 0; i < l->n_column; i++)
		if (strcmp(l->column[i], name) == 0)
			return (ptrdiff_t)i;
	return -1;
}

static int number(const struct log *l, size_t row, ptrdiff_t column, double *x, struct ser_err *e)
{
	if (ser_parse_real(l->cell[row * l->n_column + (size_t)column], -1e30, 1e30, x, e) == SER_OK)
		return SER_OK;
	e->code = SER_EDATA;
	return ser_fail_in(e, "%s:%zu: column \"%s\"", l->text->shown, row + 2, l->column[column]);
}

/* The column NAME_lo or NAME_hi; -1: none. */
static ptrdiff_t bound_of(const struct log *l, const char *name, const char *which)
{
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%s_%s", name, which);
	ptrdiff_t col = column_of(l, b.s);
	ser_buf_free(&b);
	return col;
}

/* Points of a log where both columns have something, and their intervals where it has columns of bounds; best: by the
 * column "best", for validations. *line->x is the caller's to free, the others are in the same block. */
static int line_make(const struct log *l, const char *x_name, const char *y_name, struct ser_plot_line *line,
		     struct ser_err *e)
{
	ptrdiff_t xc = column_of(l, x_name), yc = column_of(l, y_name), bc = column_of(l, "best");
	ptrdiff_t bound[2] = {bound_of(l, y_name, "lo"), bound_of(l, y_name, "hi")};
	bool bounds = bound[0] >= 0 && bound[1] >= 0;
	if (xc < 0 || yc < 0)
		return ser_fail(e, SER_EDATA, "%s: there is no column \"%s\"", l->text->shown,
				xc < 0 ? x_name : y_name);
	double *x = ser_malloc(4 * l->n_row + 1, sizeof *x), *y = x + l->n_row, *lo = y + l->n_row, *hi = lo + l->n_row;
	double best = NAN;
	*line = (struct ser_plot_line){0, x, y, -1, bounds ? lo : NULL, bounds ? hi : NULL};
	for (size_t i = 0; i < l->n_row; i++) {
		char **cell = l->cell + i * l->n_column;
		size_t n = line->n;
		if (*cell[xc] == '\0' || *cell[yc] == '\0')
			continue;
		if (number(l, i, xc, &x[n], e) != SER_OK || number(l, i, yc, &y[n], e) != SER_OK)
			return e->code;
		if (n > 0 && x[n] < x[n - 1])
			return ser_fail(e, SER_EDATA, "%s:%zu: column \"%s\" falls", l->text->shown, i + 2, x_name);
		lo[n] = hi[n] = y[n];
		if (bounds && *cell[bound[0]] != '\0' && *cell[bound[1]] != '\0' &&
		    (number(l, i, bound[0], &lo[n], e) != SER_OK || number(l, i, bound[1], &hi[n], e) != SER_OK))
			return e->code;
		if (bc >= 0 && *cell[bc] != '\0' && ser_parse_real(cell[bc], -1e30, 1e30, &best, NULL) != 0)
			best = NAN;
		line->n++;
	}
	for (size_t i = 0; strncmp(y_name, "dev_", 4) == 0 && i < line->n && line->best < 0; i++)
		if (y[i] == best)
			line->best = (ptrdiff_t)i;
	return SER_OK;
}

static void line_free(struct ser_plot_line *l)
{
	free((double *)(uintptr_t)l->x);
}

/* Whether a column has any cell that is not empty. */
static bool has_any(const struct log *l, size_t column)
{
	for (size_t i = 0; i < l->n_row; i++)
		if (*l->cell[i * l->n_column + column] != '\0')
			return true;
	return false;
}

/* The loss and the first validation: at most two columns, borrowed. */
static size_t usual_columns(const struct log *l, const char *y[static 2])
{
	size_t n = 0;
	bool loss = false, dev = false;
	for (size_t i = 0; i < l->n_column; i++) {
		bool is_loss = strcmp(l->column[i], "loss") == 0, is_dev = strncmp(l->column[i], "dev_", 4) == 0;
		if ((is_loss && !loss) || (is_dev && !dev && has_any(l, i)))
			y[n++] = l->column[i];
		loss = loss || is_loss;
		dev = dev || (is_dev && has_any(l, i));
	}
	return n;
}

static void remark(struct ser_buf *sub, const struct ser_plot_line *l, size_t n_log, const char *x, const char *y)
{
	if (l->best >= 0 && n_log == 1)
		ser_buf_printf(sub, "%sRing: the best %s, %.4g at %s %.6g.", sub->n > 0 ? " " : "", y, l->y[l->best], x,
			       l->x[l->best]);
	else if (l->best >= 0 && sub->n == 0)
		ser_buf_str(sub, "Rings: the best validation of each.");
}

/* What upright bars are, once for all lines that have them */
static void remark_bars(struct ser_buf *sub, const struct ser_plot_line *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (line[i].lo != NULL) {
			ser_buf_printf(sub, "%sBars: the intervals of the tables.", sub->n > 0 ? " " : "");
			return;
		}
}

int ser_logs_draw(struct ser_logs *l, const struct ser_logs_opt *which, const struct ser_plot_opt *opt,
		  struct ser_buf *svg, struct ser_err *e)
{
	const char *x = which->x, *const *y = which->y;
	size_t n_y = which->n_y;
	const char *usual[2];
	struct ser_plot_opt o = *opt;
	struct ser_buf head = {0}, sub = {0};
	int rc = SER_OK;
	if (n_y == 0) {
		n_y = l->n > 0 ? usual_columns(&l->log[0], usual) : 0;
		y = usual;
	}
	if (n_y == 0)
		return ser_fail(e, SER_EDATA, "%s: has neither a column \"loss\" nor one \"dev_...\"; choose with --y",
				l->n > 0 ? l->log[0].text->shown : "no log");
	struct ser_plot_line *line = ser_calloc(ser_mul(n_y, l->n), sizeof *line);
	const char **series = ser_malloc(l->n, sizeof *series);
	for (size_t i = 0; i < l->n; i++)
		series[i] = l->log[i].text->name;
	for (size_t q = 0; q < n_y && rc == SER_OK; q++) {
		ser_buf_printf(&head, "%s%s", q == 0 ? "" : q + 1 == n_y ? " and " : ", ", y[q]);
		for (size_t i = 0; i < l->n && rc == SER_OK; i++) {
			rc = line_make(&l->log[i], x, y[q], &line[q * l->n + i], e);
			if (rc == SER_OK)
				remark(&sub, &line[q * l->n + i], l->n, x, y[q]);
		}
	}
	if (rc == SER_OK) {
		remark_bars(&sub, line, n_y * l->n);
		ser_buf_printf(&head, " by %s", x);
		if (l->n == 1 && !l->log[0].text->nameless)
			ser_buf_printf(&head, ": %s", series[0]);
		o.title = o.title != NULL ? o.title : head.s;
		o.subtitle = sub.s;
		o.x_label = x;
		struct ser_plot_curve d = {n_y, l->n, y, series, line, which->log_x};
		rc = ser_plot_curve(&o, &d, svg, e);
	}
	for (size_t i = 0; i < n_y * l->n; i++)
		line_free(&line[i]);
	free(line);
	free(series);
	ser_buf_free(&head);
	ser_buf_free(&sub);
	return rc;
}
