/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "ml/score.h"
#include "plot/plot.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double width, height;
static const char *title;
static const char *field = "proj", *color, *panel;                      /* scatter */
static const char *label, *pred = "pred";                               /* confusion */
static const char *x_name = "epoch", *y_names;                          /* curve */
static const char *score_names, *table_name = "scores", *interval_name; /* bars */

/* ---- where the data come from, as JSON for <metadata> ---- */

static void metadata(const struct ser_cli *c, struct ser_header *h, struct ser_buf *b)
{
	struct ser_val all = ser_val_map();
	ser_cli_prov_header(c, h);
	ser_val_set(&h->arena, &all, "prov", h->prov);
	if (h->dims.u.map.n > 0)
		ser_val_set(&h->arena, &all, "dims", h->dims);
	for (size_t i = 0; i < h->extra.u.map.n; i++)
		if (strcmp(h->extra.u.map.f[i].name, "inputs") == 0)
			ser_val_set(&h->arena, &all, "inputs", h->extra.u.map.f[i].val);
	ser_val_json(b, &all, false);
}

static void print(struct ser_cli *c, const struct ser_buf *svg)
{
	struct ser_outfile f;
	struct ser_err e;
	if (c->out == NULL || strcmp(c->out, "-") == 0) {
		fwrite(svg->s, 1, svg->n, stdout); /* ser_cli_end() sees whether that went well */
		return;
	}
	if (ser_outfile_open(&f, c->out, &e) != 0)
		ser_cli_die(c, &e);
	fwrite(svg->s, 1, svg->n, f.f);
	if (ser_outfile_commit(&f, &e) != 0)
		ser_cli_die(c, &e);
}

/* The end of every mode: rc and e are what drawing gave. */
static void finish(struct ser_cli *c, int rc, const struct ser_err *e, struct ser_buf *svg)
{
	if (rc != SER_OK)
		ser_cli_die(c, e);
	print(c, svg);
	ser_buf_free(svg);
}

/* ---- labels ---- */

struct label {
	const char *name; /* NULL: not asked for */
	struct ser_map *value;
	size_t *of, cap;
	const char **sorted;
	size_t *rank; /* where in the order the values of the map are */
};

static void label_add(struct ser_cli *c, struct label *l, struct ser_record *r, size_t n)
{
	const char *s;
	struct ser_err e;
	if (l->name == NULL)
		return;
	if (ser_record_str(r, l->name, &s, &e) != 0)
		ser_cli_die(c, &e);
	l->of = ser_grow(l->of, &l->cap, n + 1, sizeof *l->of);
	l->of[n] = ser_map_add(l->value, s, strlen(s), NULL);
}

static int by_number(const void *a, const void *b)
{
	double x = 0, y = 0;
	ser_parse_real(*(const char *const *)a, -1e300, 1e300, &x, NULL);
	ser_parse_real(*(const char *const *)b, -1e300, 1e300, &y, NULL);
	return x < y ? -1 : x > y ? 1 : strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Values in order, numbers as such; those of the header's list first, when there is one. */
static void label_sort(struct label *l, size_t n_first)
{
	size_t n = ser_map_len(l->value);
	bool numbers = true;
	double x;
	l->sorted = ser_malloc(n, sizeof *l->sorted);
	l->rank = ser_malloc(n, sizeof *l->rank);
	for (size_t i = 0; i < n; i++) {
		l->sorted[i] = ser_map_key(l->value, i, NULL);
		numbers = numbers && ser_parse_real(l->sorted[i], -1e300, 1e300, &x, NULL) == 0;
	}
	qsort(l->sorted + n_first, n - n_first, sizeof *l->sorted, numbers ? by_number : by_text);
	for (size_t i = 0; i < n; i++)
		l->rank[ser_map_find(l->value, l->sorted[i], strlen(l->sorted[i]))] = i;
}

static struct ser_plot_label label_done(struct label *l, size_t n)
{
	if (l->name == NULL)
		return (struct ser_plot_label){0};
	label_sort(l, 0);
	for (size_t i = 0; i < n; i++)
		l->of[i] = l->rank[l->of[i]];
	return (struct ser_plot_label){l->name, ser_map_len(l->value), l->sorted, l->of};
}

static void label_free(struct label *l)
{
	ser_map_free(l->value);
	free(l->of);
	free(l->sorted);
	free(l->rank);
}

/* ---- scatter ---- */

/* What the header says of the method, into axis labels, a title and a subtitle. */
struct words {
	struct ser_buf x, y, title, sub;
	bool ticks;
};

static void describe(struct words *w, const struct ser_header *h, size_t n)
{
	const struct ser_val *dim = ser_header_dim(h, field), *method = dim != NULL ? ser_val_get(dim, "method") : NULL,
			     *share = dim != NULL ? ser_val_get(dim, "share") : NULL,
			     *kl = dim != NULL ? ser_val_get(dim, "kl") : NULL;
	bool tsne = method != NULL && ser_val_is_str(method, "tsne"),
	     pca = method != NULL && ser_val_is_str(method, "pca"),
	     lda = method != NULL && ser_val_is_str(method, "lda");
	struct ser_buf *axis[2] = {&w->x, &w->y};
	for (size_t i = 0; i < 2; i++) {
		const char *what = tsne ? "t-SNE" : pca ? "principal component" : lda ? "linear discriminant" : field;
		ser_buf_printf(axis[i], "%s %zu", what, i + 1);
		if (share != NULL && share->kind == SER_LIST && i < share->u.list.n &&
		    share->u.list.v[i].kind == SER_REAL)
			ser_buf_printf(axis[i], " (%.1f %% of the variance%s)", 100 * share->u.list.v[i].u.f,
				       lda ? " between" : "");
	}
	w->ticks = !tsne; /* distances in such a map mean nothing */
	ser_buf_printf(&w->title, "%s of %zu records",
		       tsne  ? "t-SNE"
		       : pca ? "Principal components"
		       : lda ? "Linear discriminants"
			     : field,
		       n);
	if (kl != NULL && kl->kind == SER_REAL)
		ser_buf_printf(&w->sub, "Kullback-Leibler divergence %.3f. ", kl->u.f);
}

static void scatter(struct ser_cli *c)
{
	struct ser_strs names = ser_cli_names(c, "color", color);
	struct label hue = {.value = ser_map_new()}, place = hue, part = hue;
	place.value = ser_map_new();
	part.value = ser_map_new();
	if (names.n > 2)
		ser_cli_usage(c, "--color takes one or two labels, not %zu", names.n);
	if (names.n > 0)
		hue.name = names.s[names.n - 1];
	if (names.n == 2)
		place.name = names.s[0];
	part.name = panel;

	struct ser_in *in = ser_in_open(c);
	struct ser_header h;
	struct ser_record r = {0};
	struct ser_err e;
	struct ser_buf tip = {0}, svg = {0}, meta = {0};
	double *x = NULL, *y = NULL;
	char **tips = NULL;
	size_t n = 0, cap[3] = {0};
	bool segment;
	ser_header_copy(&h, ser_in_header(in));
	while (ser_in_next(in, &r, &segment)) {
		const float *v;
		size_t d;
		int rc = segment ? ser_header_merge(&h, ser_in_header(in), &e) : 0;
		if (rc == 0)
			rc = ser_record_f4(&r, field, 1, &v, &d, &e);
		if (rc == 0 && d < 2)
			rc = ser_record_fail(&r, &e, SER_EDATA, "\"%s\" has %zu dimensions, expected at least 2", field,
					     d);
		if (rc == 0 && !(isfinite(v[0]) && isfinite(v[1])))
			rc = ser_record_fail(&r, &e, SER_EDATA, "\"%s\" is at %g, %g, expected finite numbers", field,
					     (double)v[0], (double)v[1]);
		if (rc != 0)
			ser_cli_die(c, &e);
		x = ser_grow(x, &cap[0], n + 1, sizeof *x);
		y = ser_grow(y, &cap[1], n + 1, sizeof *y);
		tips = ser_grow(tips, &cap[2], n + 1, sizeof *tips);
		x[n] = v[0];
		y[n] = v[1];
		tip.n = 0;
		ser_buf_str(&tip, ser_record_id(&r));
		struct label *l[3] = {&part, &place, &hue};
		for (int i = 0; i < 3; i++) {
			label_add(c, l[i], &r, n);
			if (l[i]->name != NULL)
				ser_buf_printf(&tip, ", %s", ser_map_key(l[i]->value, l[i]->of[n], NULL));
		}
		tips[n++] = ser_strdup(tip.s);
	}
	ser_in_close(in);
	ser_record_free(&r);

	struct words w = {0};
	describe(&w, &h, n);
	metadata(c, &h, &meta);
	struct ser_plot_scatter d = {.n = n, .x = x, .y = y, .tip = (const char *const *)tips, .ticks = w.ticks};
	d.color = label_done(&hue, n);
	d.place = label_done(&place, n);
	d.panel = label_done(&part, n);
	size_t n_unnamed = 0, n_name = d.place.n_value, keep = w.sub.n;
	int rc = SER_OK;
	for (int pass = 0; pass < 2 && rc == SER_OK; pass++) { /* how many are named is known when it is drawn */
		svg.n = 0;
		w.sub.n = keep;
		if (place.name != NULL && n_unnamed < n_name)
			ser_buf_printf(&w.sub, "Names: %s; outlines hold the central nine tenths of each. ",
				       place.name);
		if (n_unnamed > 0)
			ser_buf_printf(&w.sub, "Not named, for scattered among the others: %zu of %zu %s. ", n_unnamed,
				       n_name, place.name);
		if (panel != NULL)
			ser_buf_printf(&w.sub, "Panels: %s, each on a scale of its own. ", panel);
		struct ser_plot_opt o = {width, height, title != NULL ? title : w.title.s, w.sub.s, w.x.s,
					 w.y.s, meta.s};
		d.n_unnamed = pass == 0 ? &n_unnamed : NULL;
		rc = ser_plot_scatter(&o, &d, &svg, &e);
		if (n_unnamed == 0)
			break;
	}
	if (rc == SER_OK && n_unnamed > 0 && panel == NULL)
		ser_cli_warn(c,
			     "%zu of %zu values of %s lie scattered among the others and are not named; --panel %s "
			     "shows each",
			     n_unnamed, n_name, place.name, place.name);
	finish(c, rc, &e, &svg);

	struct ser_buf *b[] = {&tip, &meta, &w.x, &w.y, &w.title, &w.sub};
	for (size_t i = 0; i < sizeof b / sizeof *b; i++)
		ser_buf_free(b[i]);
	for (size_t i = 0; i < n; i++)
		free(tips[i]);
	free(tips);
	free(x);
	free(y);
	label_free(&hue);
	label_free(&place);
	label_free(&part);
	ser_header_free(&h);
	ser_cli_names_free(&names);
}

/* ---- confusion ---- */

/* The header's names of the classes, when it has them. */
static size_t header_classes(const struct ser_header *h, struct ser_map *value)
{
	const struct ser_val *dim = ser_header_dim(h, "post"), *l = dim != NULL ? ser_val_get(dim, "classes") : NULL;
	for (size_t i = 0; l != NULL && l->kind == SER_LIST && i < l->u.list.n; i++)
		if (l->u.list.v[i].kind == SER_STR)
			ser_map_add(value, l->u.list.v[i].u.str.s, l->u.list.v[i].u.str.n, NULL);
	return ser_map_len(value);
}

static void confusion(struct ser_cli *c)
{
	struct label all = {.value = ser_map_new()};
	struct ser_in *in = ser_in_open(c);
	struct ser_header h;
	struct ser_record r = {0};
	struct ser_err e;
	struct ser_buf svg = {0}, meta = {0}, head = {0}, sub = {0};
	size_t n = 0, n_said, *truth = NULL, *guess = NULL, cap[2] = {0};
	bool segment;
	ser_header_copy(&h, ser_in_header(in));
	n_said = header_classes(&h, all.value);
	while (ser_in_next(in, &r, &segment)) {
		const char *t, *p;
		int rc = segment ? ser_header_merge(&h, ser_in_header(in), &e) : 0;
		if (rc == 0)
			rc = ser_record_str(&r, label, &t, &e);
		if (rc == 0)
			rc = ser_record_str(&r, pred, &p, &e);
		if (rc != 0)
			ser_cli_die(c, &e);
		truth = ser_grow(truth, &cap[0], n + 1, sizeof *truth);
		guess = ser_grow(guess, &cap[1], n + 1, sizeof *guess);
		truth[n] = ser_map_add(all.value, t, strlen(t), NULL);
		guess[n++] = ser_map_add(all.value, p, strlen(p), NULL);
	}
	ser_in_close(in);
	ser_record_free(&r);

	size_t k = ser_map_len(all.value);
	label_sort(&all, n_said);
	double *count = ser_calloc(ser_mul(k, k), sizeof *count);
	for (size_t i = 0; i < n; i++)
		count[all.rank[truth[i]] * k + all.rank[guess[i]]]++;
	if (k > 0 && n > 0) {
		struct ser_class_score score;
		ser_score_classes(count, k, &score, NULL);
		ser_buf_printf(&sub, "%zu records, UAR %.1f %%, accuracy %.1f %%. Rows add up to 100 %%.", n,
			       100 * score.uar, 100 * score.war);
	}
	ser_buf_printf(&head, "%s: true and predicted", label);
	metadata(c, &h, &meta);
	struct ser_plot_opt o = {width, height, title != NULL ? title : head.s, sub.s, NULL, NULL, meta.s};
	struct ser_plot_confusion d = {k, count, all.sorted};
	finish(c, ser_plot_confusion(&o, &d, &svg, &e), &e, &svg);
	ser_buf_free(&meta);
	ser_buf_free(&head);
	ser_buf_free(&sub);
	free(truth);
	free(guess);
	free(count);
	label_free(&all);
	ser_header_free(&h);
}

/* ---- text files: [[GROUP/]NAME=]FILE ---- */

struct text {
	const char *shown; /* in messages */
	char *group, *name, *s;
	size_t n;
};

static void read_stdin(struct ser_cli *c, struct text *t)
{
	struct ser_buf b = {0};
	size_t got;
	do {
		ser_buf_reserve(&b, 65536);
		got = fread(b.s + b.n, 1, 65535, stdin);
		b.n += got;
		if (b.n > (size_t)64 << 20)
			ser_cli_fail(c, SER_EDATA, "<stdin>: longer than 64 MiB");
	} while (got > 0);
	if (ferror(stdin))
		ser_cli_fail(c, SER_EIO, "<stdin>: read failed: %s", strerror(errno));
	b.s[b.n] = '\0';
	t->s = b.s;
	t->n = b.n;
}

static struct text text_open(struct ser_cli *c, const char *operand)
{
	struct text t = {0};
	struct ser_err e;
	const char *eq = strchr(operand, '='), *path = eq != NULL ? eq + 1 : operand, *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path, *dot = strrchr(base, '.');
	bool is_stdin = strcmp(path, "-") == 0;
	if (eq != NULL) {
		const char *parted = memchr(operand, '/', (size_t)(eq - operand));
		t.group = parted != NULL ? ser_strndup(operand, (size_t)(parted - operand)) : NULL;
		operand = parted != NULL ? parted + 1 : operand;
		t.name = ser_strndup(operand, (size_t)(eq - operand));
	} else {
		t.name = is_stdin                    ? ser_strdup("<stdin>")
			 : dot != NULL && dot > base ? ser_strndup(base, (size_t)(dot - base))
						     : ser_strdup(base);
	}
	t.shown = is_stdin ? "<stdin>" : path;
	if (is_stdin)
		read_stdin(c, &t);
	else if (ser_read_file(path, (size_t)64 << 20, &t.s, &t.n, &e) != 0)
		ser_cli_die(c, &e);
	if (!ser_utf8_ok(t.s, t.n))
		ser_cli_fail(c, SER_EDATA, "%s: is not UTF-8 text", t.shown);
	if (!ser_utf8_ok(t.name, strlen(t.name)))
		ser_cli_usage(c, "%s: the name is not UTF-8 text", t.shown);
	return t;
}

static struct text *texts_open(struct ser_cli *c, size_t *n)
{
	static char dash[] = "-";
	*n = c->n_operand > 0 ? (size_t)c->n_operand : 1;
	struct text *t = ser_calloc(*n, sizeof *t);
	for (size_t i = 0; i < *n; i++)
		t[i] = text_open(c, c->n_operand > 0 ? c->operand[i] : dash);
	return t;
}

static void texts_free(struct text *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(t[i].group);
		free(t[i].name);
		free(t[i].s);
	}
	free(t);
}

/* Cut the next line, and it at tabs, into at most `most` cells; false at the end. Cells that are missing are "". */
static bool next_line(char **at, char **cell, size_t most, size_t *n)
{
	char *s = *at;
	if (*s == '\0')
		return false;
	size_t len = strcspn(s, "\n");
	*at = s + len + (s[len] == '\n');
	s[len] = '\0';
	if (len > 0 && s[len - 1] == '\r')
		s[len - 1] = '\0';
	for (*n = 0; *n < most;) {
		cell[(*n)++] = s;
		s = strchr(s, '\t');
		if (s == NULL)
			break;
		*s++ = '\0';
	}
	return true;
}

static void input_add(struct ser_header *h, struct ser_val *list, const char *name, const struct ser_val *about)
{
	struct ser_val v = ser_val_map();
	ser_val_set(&h->arena, &v, "name", ser_str(name));
	if (about != NULL)
		ser_val_set(&h->arena, &v, "about", *about);
	ser_val_push(&h->arena, list, v);
}

/* ---- curve ---- */

enum { MAX_COLUMN = 256 };

struct log {
	char *column[MAX_COLUMN];
	size_t n_column, n_row, cap;
	char **cell; /* [n_row,n_column] */
};

static ptrdiff_t column_of(const struct log *l, const char *name)
{
	for (size_t i = 0; i < l->n_column; i++)
		if (strcmp(l->column[i], name) == 0)
			return (ptrdiff_t)i;
	return -1;
}

static void log_read(struct ser_cli *c, const struct text *t, struct log *l)
{
	char *at = t->s, *cell[MAX_COLUMN];
	size_t n, line = 1;
	if (!next_line(&at, l->column, MAX_COLUMN, &l->n_column))
		ser_cli_fail(c, SER_EDATA, "%s: is empty, expected a table with a header row", t->shown);
	for (; next_line(&at, cell, MAX_COLUMN, &n); l->n_row++) {
		line++;
		if (n != l->n_column)
			ser_cli_fail(c, SER_EDATA, "%s:%zu: %zu columns, expected %zu", t->shown, line, n, l->n_column);
		l->cell = ser_grow(l->cell, &l->cap, (l->n_row + 1) * n, sizeof *l->cell);
		memcpy(l->cell + l->n_row * n, cell, n * sizeof *cell);
	}
}

/* A log's columns x and y where both are there; the best value's row by the column "best". */
static struct ser_plot_line log_line(struct ser_cli *c, const struct text *t, const struct log *l, const char *yname)
{
	ptrdiff_t xc = column_of(l, x_name), yc = column_of(l, yname), bc = column_of(l, "best");
	double *x = ser_malloc(2 * l->n_row + 1, sizeof *x), *y = x + l->n_row, best = NAN;
	struct ser_plot_line out = {0, x, y, -1};
	struct ser_err e;
	if (xc < 0 || yc < 0)
		ser_cli_fail(c, SER_EDATA, "%s: there is no column \"%s\"", t->shown, xc < 0 ? x_name : yname);
	for (size_t i = 0; i < l->n_row; i++) {
		char **cell = l->cell + i * l->n_column;
		ptrdiff_t col[2] = {xc, yc};
		double *to[2] = {x + out.n, y + out.n};
		if (*cell[xc] == '\0' || *cell[yc] == '\0')
			continue;
		for (int k = 0; k < 2; k++)
			if (ser_parse_real(cell[col[k]], -1e30, 1e30, to[k], &e) != 0) {
				e.code = SER_EDATA;
				ser_fail_in(&e, "%s:%zu: column \"%s\"", t->shown, i + 2, k == 0 ? x_name : yname);
				ser_cli_die(c, &e);
			}
		if (out.n > 0 && x[out.n] < x[out.n - 1])
			ser_cli_fail(c, SER_EDATA, "%s:%zu: column \"%s\" falls", t->shown, i + 2, x_name);
		if (bc >= 0 && *cell[bc] != '\0' && ser_parse_real(cell[bc], -1e30, 1e30, &best, NULL) != 0)
			best = NAN;
		out.n++;
	}
	for (size_t i = 0; strncmp(yname, "dev_", 4) == 0 && i < out.n && out.best < 0; i++)
		if (y[i] == best)
			out.best = (ptrdiff_t)i;
	return out;
}

static void line_free(struct ser_plot_line *l)
{
	free((double *)(uintptr_t)l->x); /* y is in the same block */
}

/* Whether a log has any number in a column. */
static bool log_has(struct ser_cli *c, const struct text *t, const struct log *l, const char *name)
{
	struct ser_plot_line line = log_line(c, t, l, name);
	line_free(&line);
	return line.n > 0;
}

static void curve(struct ser_cli *c)
{
	size_t n_file;
	struct text *file = texts_open(c, &n_file);
	struct log *logs = ser_calloc(n_file, sizeof *logs);
	struct ser_header h;
	struct ser_val inputs = ser_val_list();
	struct ser_buf svg = {0}, meta = {0}, head = {0}, names = {0}, sub = {0};
	struct ser_err e;
	ser_header_init(&h);
	for (size_t i = 0; i < n_file; i++) {
		log_read(c, &file[i], &logs[i]);
		input_add(&h, &inputs, file[i].name, NULL);
	}
	if (y_names == NULL) { /* the loss and the first validation */
		for (size_t i = 0, dev = 0; i < logs[0].n_column; i++)
			if (strcmp(logs[0].column[i], "loss") == 0 ||
			    (strncmp(logs[0].column[i], "dev_", 4) == 0 &&
			     log_has(c, &file[0], &logs[0], logs[0].column[i]) && dev++ == 0))
				ser_buf_printf(&names, "%s%s", names.n > 0 ? "," : "", logs[0].column[i]);
		if (names.n == 0)
			ser_cli_fail(c, SER_EDATA,
				     "%s: has neither a column \"loss\" nor one \"dev_...\"; choose with --y",
				     file[0].shown);
	}
	struct ser_strs y = ser_cli_names(c, "y", y_names != NULL ? y_names : names.s);
	struct ser_plot_line *line = ser_calloc(ser_mul(y.n, n_file), sizeof *line);
	const char **series = ser_malloc(n_file, sizeof *series);
	for (size_t q = 0; q < y.n; q++) {
		ser_buf_printf(&head, "%s%s", q == 0 ? "" : q + 1 == y.n ? " and " : ", ", y.s[q]);
		for (size_t i = 0; i < n_file; i++) {
			line[q * n_file + i] = log_line(c, &file[i], &logs[i], y.s[q]);
			const struct ser_plot_line *l = &line[q * n_file + i];
			if (l->best >= 0 && n_file == 1)
				ser_buf_printf(&sub, "%sRing: the best %s, %.4g at %s %.6g.", sub.n > 0 ? " " : "",
					       y.s[q], l->y[l->best], x_name, l->x[l->best]);
			else if (l->best >= 0 && sub.n == 0)
				ser_buf_str(&sub, "Rings: the best validation of each.");
		}
	}
	for (size_t i = 0; i < n_file; i++)
		series[i] = file[i].name;
	ser_buf_printf(&head, " by %s", x_name);
	if (n_file == 1 && strcmp(file[0].name, "<stdin>") != 0)
		ser_buf_printf(&head, ": %s", file[0].name);
	ser_val_set(&h.arena, &h.extra, "inputs", inputs);
	metadata(c, &h, &meta);
	struct ser_plot_opt o = {width, height, title != NULL ? title : head.s, sub.s, x_name, NULL, meta.s};
	struct ser_plot_curve d = {y.n, n_file, y.s, series, line};
	finish(c, ser_plot_curve(&o, &d, &svg, &e), &e, &svg);

	struct ser_buf *b[] = {&meta, &head, &names, &sub};
	for (size_t i = 0; i < sizeof b / sizeof *b; i++)
		ser_buf_free(b[i]);
	for (size_t i = 0; i < y.n * n_file; i++)
		line_free(&line[i]);
	for (size_t i = 0; i < n_file; i++)
		free(logs[i].cell);
	free(line);
	free(series);
	free(logs);
	ser_cli_names_free(&y);
	ser_header_free(&h);
	texts_free(file, n_file);
}

/* ---- bars ---- */

/* One file's table: numbers by row and column, rows in their order. */
struct scores {
	struct ser_map *row, *column;
	struct {
		size_t row, column;
		double x;
	} * v;
	size_t n, cap;
	struct ser_val about;
};

static void scores_add(struct scores *s, const char *row, size_t n, const char *column, double x)
{
	size_t r = ser_map_add(s->row, row, n, NULL);
	s->v = ser_grow(s->v, &s->cap, s->n + 1, sizeof *s->v);
	s->v[s->n].row = r;
	s->v[s->n].column = ser_map_add(s->column, column, strlen(column), NULL);
	s->v[s->n++].x = x;
}

static bool scores_get(const struct scores *s, size_t row, const char *column, double *x)
{
	ptrdiff_t c = ser_map_find(s->column, column, strlen(column));
	for (size_t i = 0; c >= 0 && i < s->n; i++)
		if (s->v[i].row == row && s->v[i].column == (size_t)c) {
			*x = s->v[i].x;
			return true;
		}
	return false;
}

/* A row's name is its strings, parted by dots, as in the form with tabs. */
static void scores_json(struct ser_cli *c, const struct text *t, struct ser_arena *a, struct scores *s)
{
	struct ser_val top;
	struct ser_err e;
	struct ser_buf row = {0};
	if (ser_val_from_json(a, t->s, t->n, &top, &e) != 0) {
		ser_fail_in(&e, "%s", t->shown);
		ser_cli_die(c, &e);
	}
	const struct ser_val *about = ser_val_get(&top, "about"), *list = ser_val_get(&top, table_name);
	if (about != NULL && about->kind == SER_MAP)
		s->about = *about;
	for (size_t i = 0; list != NULL && list->kind == SER_LIST && i < list->u.list.n; i++) {
		const struct ser_val *m = &list->u.list.v[i];
		row.n = 0;
		ser_buf_str(&row, "");
		for (size_t k = 0; m->kind == SER_MAP && k < m->u.map.n; k++)
			if (m->u.map.f[k].val.kind == SER_STR)
				ser_buf_printf(&row, "%s%s", row.n > 0 ? "." : "", m->u.map.f[k].val.u.str.s);
		for (size_t k = 0; m->kind == SER_MAP && k < m->u.map.n; k++) {
			const struct ser_val *v = &m->u.map.f[k].val;
			if (v->kind == SER_REAL || v->kind == SER_INT)
				scores_add(s, row.s, row.n, m->u.map.f[k].name,
					   v->kind == SER_INT ? (double)v->u.i : v->u.f);
		}
	}
	ser_buf_free(&row);
}

static void scores_tsv(struct ser_cli *c, const struct text *t, struct ser_arena *a, struct scores *s)
{
	char *at = t->s, *cell[5];
	size_t n, line = 1;
	double x;
	if (!next_line(&at, cell, 5, &n) || n != 4 || strcmp(cell[0], "table") != 0 || strcmp(cell[1], "row") != 0 ||
	    strcmp(cell[2], "column") != 0 || strcmp(cell[3], "value") != 0)
		ser_cli_fail(c, SER_EDATA, "%s: is neither of ser-score --tsv nor of --json", t->shown);
	while (next_line(&at, cell, 5, &n)) {
		line++;
		if (n != 4)
			ser_cli_fail(c, SER_EDATA, "%s:%zu: %zu columns, expected 4", t->shown, line, n);
		if (strcmp(cell[0], "about") == 0)
			ser_val_set(a, &s->about, cell[1], ser_str(cell[3]));
		else if (strcmp(cell[0], table_name) == 0 && ser_parse_real(cell[3], -1e30, 1e30, &x, NULL) == 0)
			scores_add(s, cell[1], strlen(cell[1]), cell[2], x);
	}
}

/* The row that a name means: itself, or with "pooled." before it; -1: none. */
static ptrdiff_t row_of(const struct scores *s, const char *name)
{
	struct ser_buf b = {0};
	ptrdiff_t r = ser_map_find(s->row, name, strlen(name));
	ser_buf_printf(&b, "pooled.%s", name);
	if (r < 0)
		r = ser_map_find(s->row, b.s, b.n);
	ser_buf_free(&b);
	return r;
}

static const char *const value_columns[] = {"value", "mean", "difference", "recall", NULL};
static const struct {
	const char *name, *over;
} intervals[] = {{"spk", "speakers"}, {"group", "groups"}, {"utt", "records"}, {"trial", "trials"}, {NULL, NULL}};

static const char *value_column(const struct scores *s)
{
	for (int i = 0; value_columns[i] != NULL; i++)
		if (ser_map_find(s->column, value_columns[i], strlen(value_columns[i])) >= 0)
			return value_columns[i];
	return NULL;
}

static bool interval(const struct scores *s, size_t row, const char *kind, double *lo, double *hi)
{
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%s_lo", kind);
	bool found = scores_get(s, row, b.s, lo);
	b.n = 0;
	ser_buf_printf(&b, "%s_hi", kind);
	found = found && scores_get(s, row, b.s, hi);
	ser_buf_free(&b);
	return found;
}

/* A score as people write it. */
static void pretty(struct ser_buf *b, const char *name)
{
	static const char *const known[][2] = {{"uar", "UAR"},
					       {"war", "accuracy (WAR)"},
					       {"macro_f1", "macro F1"},
					       {"micro_f1", "micro F1"},
					       {"ccc", "CCC"},
					       {"nmi", "NMI"},
					       {"ami", "AMI"},
					       {"ari", "ARI"},
					       {"mcc", "MCC"},
					       {"mse", "MSE"},
					       {"mae", "MAE"},
					       {"eer", "EER"},
					       {"min_dcf", "minDCF"},
					       {"v_measure", "V-measure"},
					       {"hungarian", "Hungarian accuracy"},
					       {"pearson", "Pearson's r"},
					       {"spearman", "Spearman's rho"},
					       {"kappa", "Cohen's kappa"}};
	const char *after = "";
	if (strncmp(name, "pooled.", 7) == 0)
		name += 7;
	if (strncmp(name, "fold_mean.", 10) == 0) {
		name += 10;
		after = ", mean of folds";
	}
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(name, known[i][0]) == 0) {
			ser_buf_printf(b, "%s%s", known[i][1], after);
			return;
		}
	for (const char *s = name; *s != '\0'; s++)
		ser_buf_add(b, *s == '_' ? " " : s, 1);
	ser_buf_str(b, after);
}

static void scores_read(struct ser_cli *c, const struct text *t, struct ser_arena *a, struct scores *s)
{
	*s = (struct scores){.row = ser_map_new(), .column = ser_map_new(), .about = ser_val_map()};
	if (t->s[strspn(t->s, " \t\r\n")] == '{')
		scores_json(c, t, a, s);
	else
		scores_tsv(c, t, a, s);
	if (ser_map_len(s->row) == 0)
		ser_cli_fail(c, SER_EDATA, "%s: there is no table \"%s\"", t->shown, table_name);
	if (value_column(s) == NULL)
		ser_cli_fail(c, SER_EDATA, "%s: table \"%s\" has no column value, mean, difference or recall", t->shown,
			     table_name);
}

/* The kind of interval that every bar has; NULL: there is none. */
static const char *choose_interval(struct ser_cli *c, const struct scores *s, const struct text *file, size_t n_file,
				   const ptrdiff_t *row, size_t n_score, const char **over)
{
	*over = NULL;
	for (int k = 0; intervals[k].name != NULL; k++) {
		bool all = true;
		double lo, hi;
		if (interval_name != NULL && strcmp(interval_name, intervals[k].name) != 0)
			continue;
		for (size_t i = 0; i < n_file * n_score; i++) {
			bool here = interval(&s[i / n_score], (size_t)row[i], intervals[k].name, &lo, &hi);
			if (!here && interval_name != NULL)
				ser_cli_fail(c, SER_EDATA, "%s: there is no interval over %s", file[i / n_score].shown,
					     intervals[k].over);
			all = all && here;
		}
		if (all) {
			*over = intervals[k].over;
			return intervals[k].name;
		}
	}
	return NULL;
}

static void bars(struct ser_cli *c)
{
	size_t n_file, n_score, n_group = 0, n_named = 0;
	struct text *file = texts_open(c, &n_file);
	struct scores *s = ser_calloc(n_file, sizeof *s);
	struct ser_header h;
	struct ser_val inputs = ser_val_list();
	struct ser_buf svg = {0}, meta = {0}, head = {0}, sub = {0}, axis = {0};
	struct ser_err e;
	ser_header_init(&h);
	for (size_t i = 0; i < n_file; i++) {
		scores_read(c, &file[i], &h.arena, &s[i]);
		input_add(&h, &inputs, file[i].name, &s[i].about);
		n_named += file[i].group != NULL;
	}
	/* which rows */
	struct ser_strs want = ser_cli_names(c, "score", score_names);
	n_score = want.n > 0 ? want.n : strcmp(table_name, "scores") == 0 ? 1 : ser_map_len(s[0].row);
	const char **score = ser_malloc(n_score, sizeof *score);
	ptrdiff_t *row = ser_malloc(ser_mul(n_file, n_score), sizeof *row);
	for (size_t k = 0; k < n_score; k++) {
		score[k] = want.n > 0 ? want.s[k] : ser_map_key(s[0].row, k, NULL);
		for (size_t i = 0; i < n_file; i++)
			if ((row[i * n_score + k] = row_of(&s[i], score[k])) < 0)
				ser_cli_fail(c, SER_EDATA, "%s: table \"%s\" has no row \"%s\"", file[i].shown,
					     table_name, score[k]);
	}
	if (n_named > 0 && (n_named < n_file || n_score > 1))
		ser_cli_usage(c, "GROUP/NAME=FILE is for all files or none, and for one --score");
	/* groups and bars in them: as named; else files by score; else one bar a group */
	struct ser_map *group = ser_map_new(), *series = ser_map_new();
	size_t *at = ser_malloc(ser_mul(n_file, n_score), sizeof *at);
	char **shown = ser_calloc(n_score, sizeof *shown);
	for (size_t k = 0; k < n_score; k++) {
		struct ser_buf b = {0};
		pretty(&b, score[k]);
		shown[k] = b.s;
	}
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < n_file * n_score; i++) {
			const struct text *f = &file[i / n_score];
			const char *g = n_named > 0   ? f->group
					: n_score > 1 ? shown[i % n_score]
						      : f->name,
				   *b = n_named > 0 || (n_score > 1 && n_file > 1) ? f->name : "";
			size_t gi = ser_map_add(group, g, strlen(g), NULL),
			       si = ser_map_add(series, b, strlen(b), NULL);
			at[i] = gi * ser_map_len(series) + si; /* right in the second pass, when all series are there */
		}
	n_group = ser_map_len(group);
	size_t n_series = ser_map_len(series);
	const char *over, *kind = choose_interval(c, s, file, n_file, row, n_score, &over);
	struct ser_plot_bar *bar = ser_calloc(ser_mul(n_group, n_series), sizeof *bar);
	for (size_t i = 0; i < n_file * n_score; i++) {
		const struct scores *f = &s[i / n_score];
		struct ser_plot_bar *b = &bar[at[i]];
		if (b->present)
			ser_cli_usage(c, "two bars are named \"%s\": name them apart, NAME=FILE",
				      file[i / n_score].name);
		if (!scores_get(f, (size_t)row[i], value_column(f), &b->value))
			ser_cli_fail(c, SER_EDATA, "%s: row \"%s\" has no value", file[i / n_score].shown,
				     score[i % n_score]);
		b->present = true;
		b->has_interval = kind != NULL && interval(f, (size_t)row[i], kind, &b->lo, &b->hi);
		b->has_chance = scores_get(f, (size_t)row[i], "chance", &b->chance);
	}
	if (kind != NULL) {
		const struct ser_val *level = ser_val_get(&s[0].about, "level");
		double x = level == NULL ? 0 : level->kind == SER_REAL ? level->u.f : 0;
		if (level != NULL && level->kind == SER_STR)
			ser_parse_real(level->u.str.s, 0, 1, &x, NULL);
		if (x > 0)
			ser_buf_printf(&sub, "Intervals: %.4g %%, over %s.", 100 * x, over);
		else
			ser_buf_printf(&sub, "Intervals over %s.", over);
	}
	for (size_t i = 0; i < n_group * n_series; i++)
		if (bar[i].present && bar[i].has_chance) {
			ser_buf_printf(&sub, "%sDashed: chance.", sub.n > 0 ? " " : "");
			break;
		}
	bool differences = strcmp(value_column(&s[0]), "difference") == 0;
	if (n_score > 1)
		ser_buf_str(&axis, strcmp(value_column(&s[0]), "recall") == 0 ? "recall" : "score");
	else
		ser_buf_str(&axis, shown[0]);
	ser_buf_printf(&axis, "%s", differences ? ": first less second" : "");
	if (n_score == 1)
		ser_buf_str(&head, axis.s);
	else
		ser_buf_printf(&head, "%s%s%s", n_file == 1 && strcmp(file[0].name, "<stdin>") != 0 ? file[0].name : "",
			       n_file == 1 && strcmp(file[0].name, "<stdin>") != 0 ? ": " : "", table_name);
	ser_val_set(&h.arena, &h.extra, "inputs", inputs);
	metadata(c, &h, &meta);
	const char **names = ser_malloc(n_group + n_series, sizeof *names);
	for (size_t i = 0; i < n_group; i++)
		names[i] = ser_map_key(group, i, NULL);
	for (size_t i = 0; i < n_series; i++)
		names[n_group + i] = ser_map_key(series, i, NULL);
	struct ser_plot_opt o = {width, height, title != NULL ? title : head.s, sub.s, axis.s, NULL, meta.s};
	struct ser_plot_bars d = {n_group, n_series, names, names + n_group, bar};
	finish(c, ser_plot_bars(&o, &d, &svg, &e), &e, &svg);

	struct ser_buf *b[] = {&meta, &head, &sub, &axis};
	for (size_t i = 0; i < sizeof b / sizeof *b; i++)
		ser_buf_free(b[i]);
	for (size_t i = 0; i < n_file; i++) {
		ser_map_free(s[i].row);
		ser_map_free(s[i].column);
		free(s[i].v);
	}
	for (size_t k = 0; k < n_score; k++)
		free(shown[k]);
	free(shown);
	free(s);
	free(score);
	free(row);
	free(at);
	free(bar);
	free(names);
	ser_map_free(group);
	ser_map_free(series);
	ser_cli_names_free(&want);
	ser_header_free(&h);
	texts_free(file, n_file);
}

int main(int argc, char **argv)
{
#define COMMON                                                                                                           \
	{"title", 0, SER_OPTION_STR, &title, "TEXT", 0, 0, NULL, 0, "title, in place of one made from the data"},        \
		{"width", 0, SER_OPTION_REAL, &width, "N", 0, 10000, NULL, 0, "pixels; 0: as many as are easy to read"}, \
		{"height", 0, SER_OPTION_REAL, &height, "N", 0, 10000, NULL, 0, "the same"},                             \
	{                                                                                                                \
		0                                                                                                        \
	}
	const struct ser_option scatter_opts[] = {
		{"field", 0, SER_OPTION_STR, &field, "NAME", 0, 0, NULL, 0,
		 "tensor whose first two components are drawn"},
		{"color", 0, SER_OPTION_STR, &color, "[A,]B", 0, 0, NULL, 0,
		 "label B by colour and marker; label A by names in the map"},
		{"panel", 0, SER_OPTION_STR, &panel, "NAME", 0, 0, NULL, 0, "a panel for each value of this label"},
		COMMON};
	const struct ser_option confusion_opts[] = {
		{"label", 0, SER_OPTION_STR, &label, "NAME", 0, 0, NULL, SER_OPTION_NEEDED, "the true label"},
		{"pred", 0, SER_OPTION_STR, &pred, "NAME", 0, 0, NULL, 0, "the predicted label"},
		COMMON};
	const struct ser_option curve_opts[] = {
		{"x", 0, SER_OPTION_STR, &x_name, "NAME", 0, 0, NULL, 0, "column along the x axis"},
		{"y", 0, SER_OPTION_STR, &y_names, "NAMES", 0, 0, NULL, 0,
		 "columns, parted by commas, each in a panel; without: loss and the first dev_..."},
		COMMON};
	const struct ser_option bars_opts[] = {
		{"score", 0, SER_OPTION_STR, &score_names, "NAMES", 0, 0, NULL, 0,
		 "rows, parted by commas; without: the first of the scores, all of another table"},
		{"table", 0, SER_OPTION_STR, &table_name, "NAME", 0, 0, NULL, 0, "table of the report"},
		{"interval", 0, SER_OPTION_STR, &interval_name, "NAME", 0, 0, NULL, 0,
		 "spk, group, utt or trial; without: the first of these that all bars have"},
		COMMON};
	const struct ser_mode modes[] = {
		{"scatter", "Points of records, such as those of ser-project.", scatter_opts, NULL},
		{"confusion", "True against predicted classes, counts and shares.", confusion_opts, NULL},
		{"curve", "Training logs: columns of tables, by epoch.", curve_opts, "[[NAME=]FILE]..."},
		{"bars", "Scores of ser-score --tsv or --json, with intervals.", bars_opts, "[[[GROUP/]NAME=]FILE]..."},
		{0},
	};
	static void (*const run[])(struct ser_cli *) = {scatter, confusion, curve, bars};
	const struct ser_tool tool = {"ser-plot",  "Draw records, logs and scores as SVG.",
				      "[FILE]...", NULL,
				      modes,       SER_CLI_IN | SER_CLI_OUT};
	struct ser_cli c;
	ser_cli_begin(&c, &tool, argc, argv);
	for (int i = 0; interval_name != NULL; i++) {
		if (intervals[i].name == NULL)
			ser_cli_usage(&c, "--interval is spk, group, utt or trial, not \"%s\"", interval_name);
		if (strcmp(intervals[i].name, interval_name) == 0)
			break;
	}
	run[c.mode](&c);
	return ser_cli_end(&c);
}
