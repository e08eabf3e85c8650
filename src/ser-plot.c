/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "figure/figure.h"

#include <stdlib.h>
#include <string.h>

static struct ser_plot_opt o;
static struct ser_points_opt points = {.field = "proj"};
static struct ser_bars_opt bars = {.table = "scores"};
static const char *color;                 /* scatter */
static const char *label, *pred = "pred"; /* confusion */
static const char *order;                 /* of classes */
static struct ser_boxes_opt boxes;
static const char *field = "feat", *id; /* spectrogram */
static struct ser_logs_opt logs = {.x = "epoch"};
static const char *y_names;     /* curve */
static const char *score_names; /* bars */
static int format;
static const struct ser_plot_plugin *converter; /* of a format other than SVG */

/* ---- what every mode begins and ends with ---- */

/* Where the data come from, as JSON, into o.metadata. */
static void metadata(const struct ser_cli *c, struct ser_header *h, struct ser_buf *b)
{
	struct ser_val all = ser_val_map();
	const struct ser_val *inputs = ser_val_get(&h->extra, "inputs");
	ser_cli_prov_header(c, h);
	ser_val_set(&h->arena, &all, "prov", h->prov);
	if (h->dims.u.map.n > 0)
		ser_val_set(&h->arena, &all, "dims", h->dims);
	if (inputs != NULL)
		ser_val_set(&h->arena, &all, "inputs", *inputs);
	ser_val_json(b, &all, false);
	o.metadata = b->s;
}

/* rc and e are what drawing gave. */
static void print(struct ser_cli *c, int rc, const struct ser_err *failed, struct ser_buf *svg)
{
	struct ser_outfile f;
	struct ser_err e;
	if (rc != SER_OK)
		ser_cli_die(c, failed);
	if (converter != NULL && ser_plot_convert(converter, (enum ser_plot_format)format, o.metadata, svg, &e) != 0)
		ser_cli_die(c, &e);
	if (c->out == NULL || strcmp(c->out, "-") == 0) {
		fwrite(svg->s, 1, svg->n, stdout); /* ser_cli_end() sees whether that went well */
	} else {
		if (ser_outfile_open(&f, c->out, &e) != 0)
			ser_cli_die(c, &e);
		fwrite(svg->s, 1, svg->n, f.f);
		if (ser_outfile_commit(&f, &e) != 0)
			ser_cli_die(c, &e);
	}
	ser_buf_free(svg);
}

/* Every record of the operands through one function; the headers merged into h. Folds were trained on different speakers,
 * so what they say of their tensors may differ; only where points are drawn must it be one. */
static void each(struct ser_cli *c, struct ser_in *in, struct ser_header *h, bool one_space,
		 int (*add)(void *set, struct ser_record *r, struct ser_err *e), void *set)
{
	struct ser_record r = {0};
	struct ser_header next;
	struct ser_err e;
	bool segment;
	if (!one_space)
		h->dims = ser_val_map();
	while (ser_in_next(in, &r, &segment)) {
		if (segment) {
			ser_header_copy(&next, ser_in_header(in));
			if (!one_space)
				next.dims = ser_val_map();
			if (ser_header_merge(h, &next, &e) != 0)
				ser_cli_die(c, &e);
			ser_header_free(&next);
		}
		if (add(set, &r, &e) != 0)
			ser_cli_die(c, &e);
	}
	ser_in_close(in);
	ser_record_free(&r);
}

/* ---- pictures of records ---- */

static int add_point(void *set, struct ser_record *r, struct ser_err *e)
{
	return ser_points_add(set, r, e);
}

static void scatter(struct ser_cli *c)
{
	struct ser_strs names = ser_cli_names(c, "color", color);
	if (names.n > 2)
		ser_cli_usage(c, "--color takes one or two labels, not %zu", names.n);
	points.color = names.n > 0 ? names.s[names.n - 1] : NULL;
	points.place = names.n == 2 ? names.s[0] : NULL;
	struct ser_strs first = ser_cli_names(c, "order", order);
	points.order = first.s;
	points.n_order = points.color != NULL ? first.n : 0;

	struct ser_points *p = ser_points_new(&points);
	struct ser_in *in = ser_in_open(c);
	struct ser_header h;
	struct ser_buf svg = {0}, meta = {0};
	struct ser_err e;
	size_t n_unnamed, n_place;
	ser_header_copy(&h, ser_in_header(in));
	each(c, in, &h, true, add_point, p);
	metadata(c, &h, &meta);
	int rc = ser_points_draw(p, &h, &o, &svg, &n_unnamed, &n_place, &e);
	if (rc == SER_OK && n_unnamed > 0 && points.panel == NULL)
		ser_cli_warn(c,
			     "%zu of %zu values of %s lie scattered among the others and are not named; --panel %s "
			     "shows each",
			     n_unnamed, n_place, points.place, points.place);
	print(c, rc, &e, &svg);
	ser_points_free(p);
	ser_buf_free(&meta);
	ser_header_free(&h);
	ser_cli_names_free(&names);
	ser_cli_names_free(&first);
}

static int add_truth(void *set, struct ser_record *r, struct ser_err *e)
{
	return ser_truths_add(set, r, e);
}

static void confusion(struct ser_cli *c)
{
	struct ser_in *in = ser_in_open(c);
	struct ser_header h;
	struct ser_buf svg = {0}, meta = {0};
	struct ser_err e;
	ser_header_copy(&h, ser_in_header(in));
	struct ser_strs first = ser_cli_names(c, "order", order);
	struct ser_truths *t = ser_truths_new(label, pred, first.s, first.n, &h);
	each(c, in, &h, false, add_truth, t);
	metadata(c, &h, &meta);
	print(c, ser_truths_draw(t, &o, &svg, &e), &e, &svg);
	ser_truths_free(t);
	ser_buf_free(&meta);
	ser_header_free(&h);
	ser_cli_names_free(&first);
}

static int add_box(void *set, struct ser_record *r, struct ser_err *e)
{
	return ser_boxes_add(set, r, e);
}

static void box(struct ser_cli *c)
{
	struct ser_in *in = ser_in_open(c);
	struct ser_header h;
	struct ser_buf svg = {0}, meta = {0};
	struct ser_err e;
	struct ser_strs first = ser_cli_names(c, "order", order);
	boxes.order = first.s;
	boxes.n_order = first.n;
	ser_header_copy(&h, ser_in_header(in));
	struct ser_boxes *b = ser_boxes_new(&boxes);
	each(c, in, &h, true, add_box, b);
	metadata(c, &h, &meta);
	print(c, ser_boxes_draw(b, &h, &o, &svg, &e), &e, &svg);
	ser_boxes_free(b);
	ser_buf_free(&meta);
	ser_header_free(&h);
	ser_cli_names_free(&first);
}

/* Folds' headers may name the classes in their own order, so each record is read under its own. */
struct sure {
	struct ser_in *in;
	struct ser_reliability *r;
};

static int add_sure(void *set, struct ser_record *r, struct ser_err *e)
{
	struct sure *s = set;
	return ser_reliability_add(s->r, ser_in_header(s->in), r, e);
}

static void reliability(struct ser_cli *c)
{
	struct ser_header h;
	struct ser_buf svg = {0}, meta = {0};
	struct ser_err e;
	struct sure s = {ser_in_open(c), ser_reliability_new(label)};
	ser_header_copy(&h, ser_in_header(s.in));
	each(c, s.in, &h, false, add_sure, &s);
	metadata(c, &h, &meta);
	print(c, ser_reliability_draw(s.r, &o, &svg, &e), &e, &svg);
	ser_reliability_free(s.r);
	ser_buf_free(&meta);
	ser_header_free(&h);
}

/* One record: of this id, or the first. The rest is read too, so that a stream that was cut off is told. */
static void spectrogram(struct ser_cli *c)
{
	struct ser_in *in = ser_in_open(c);
	struct ser_record r = {0}, found = {0};
	struct ser_header h;
	struct ser_buf svg = {0}, meta = {0};
	struct ser_err e;
	bool segment, there = false;
	ser_header_init(&h);
	while (ser_in_next(in, &r, &segment)) {
		if (there || (id != NULL && strcmp(ser_record_id(&r), id) != 0))
			continue;
		there = true;
		ser_record_copy(&found, &r);
		ser_header_free(&h);
		ser_header_copy(&h, ser_in_header(in));
	}
	if (!there)
		ser_cli_fail(c, SER_EDATA, id != NULL ? "there is no record \"%s\"" : "there is no record", id);
	metadata(c, &h, &meta);
	print(c, ser_picture_draw(&h, &found, field, &o, &svg, &e), &e, &svg);
	ser_record_free(&r);
	ser_record_free(&found);
	ser_in_close(in); /* whose name the record bears */
	ser_buf_free(&meta);
	ser_header_free(&h);
}

/* ---- pictures of texts: operands [[GROUP/]NAME=]FILE ---- */

static struct ser_figure_text text_open(struct ser_cli *c, const char *operand)
{
	struct ser_figure_text t = {0};
	struct ser_err e;
	const char *eq = strchr(operand, '='), *path = eq != NULL ? eq + 1 : operand, *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path, *dot = strrchr(base, '.');
	bool std = strcmp(path, "-") == 0;
	t.shown = std ? "<stdin>" : path;
	if (eq != NULL) {
		const char *parted = memchr(operand, '/', (size_t)(eq - operand));
		t.group = parted != NULL ? ser_strndup(operand, (size_t)(parted - operand)) : NULL;
		operand = parted != NULL ? parted + 1 : operand;
		t.name = ser_strndup(operand, (size_t)(eq - operand));
	} else {
		t.nameless = true; /* a file is often called log.tsv */
		t.name = std                         ? ser_strdup(t.shown)
			 : dot != NULL && dot > base ? ser_strndup(base, (size_t)(dot - base))
						     : ser_strdup(base);
	}
	const size_t most = (size_t)64 << 20;
	if ((std ? ser_read_all(stdin, t.shown, most, &t.s, &t.n, &e) : ser_read_file(path, most, &t.s, &t.n, &e)) != 0)
		ser_cli_die(c, &e);
	if (!ser_utf8_ok(t.s, t.n))
		ser_cli_fail(c, SER_EDATA, "%s: is not UTF-8 text", t.shown);
	if (!ser_utf8_ok(t.name, strlen(t.name)))
		ser_cli_usage(c, "%s: the name is not UTF-8 text", t.shown);
	return t;
}

struct texts {
	struct ser_figure_text *t;
	size_t n;
};

static struct texts texts_open(struct ser_cli *c)
{
	struct texts l = {NULL, c->n_operand > 0 ? (size_t)c->n_operand : 1};
	l.t = ser_calloc(l.n, sizeof *l.t);
	for (size_t i = 0; i < l.n; i++)
		l.t[i] = text_open(c, c->n_operand > 0 ? c->operand[i] : "-");
	return l;
}

static void texts_free(struct texts *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free((char *)(uintptr_t)l->t[i].group);
		free((char *)(uintptr_t)l->t[i].name);
		free(l->t[i].s);
	}
	free(l->t);
}

static void curve(struct ser_cli *c)
{
	struct texts text = texts_open(c);
	struct ser_strs y = ser_cli_names(c, "y", y_names);
	struct ser_logs *l = ser_logs_new();
	struct ser_header h;
	struct ser_buf svg = {0}, meta = {0};
	struct ser_err e;
	for (size_t i = 0; i < text.n; i++)
		if (ser_lines_whole(text.t[i].s, text.t[i].n, text.t[i].shown, &e) != 0 ||
		    ser_logs_add(l, &text.t[i], &e) != 0)
			ser_cli_die(c, &e);
	ser_header_init(&h);
	ser_logs_inputs(l, &h);
	metadata(c, &h, &meta);
	logs.y = y.s;
	logs.n_y = y.n;
	print(c, ser_logs_draw(l, &logs, &o, &svg, &e), &e, &svg);
	ser_logs_free(l);
	ser_buf_free(&meta);
	ser_header_free(&h);
	ser_cli_names_free(&y);
	texts_free(&text);
}

static void bar_chart(struct ser_cli *c)
{
	if (bars.interval != NULL && !ser_bars_knows_interval(bars.interval))
		ser_cli_usage(c, "--interval is spk, group, utt or trial, not \"%s\"", bars.interval);
	struct texts text = texts_open(c);
	struct ser_strs score = ser_cli_names(c, "score", score_names);
	struct ser_header h;
	struct ser_buf svg = {0}, meta = {0};
	struct ser_err e;
	bars.score = score.s;
	bars.n_score = score.n;
	struct ser_bars *b = ser_bars_new(&bars);
	for (size_t i = 0; i < text.n; i++)
		if (ser_bars_add(b, &text.t[i], &e) != 0)
			ser_cli_die(c, &e);
	ser_header_init(&h);
	ser_bars_inputs(b, &h);
	metadata(c, &h, &meta);
	print(c, ser_bars_draw(b, &o, &svg, &e), &e, &svg);
	ser_bars_free(b);
	ser_buf_free(&meta);
	ser_header_free(&h);
	ser_cli_names_free(&score);
	texts_free(&text);
}

static void det(struct ser_cli *c)
{
	struct texts text = texts_open(c);
	struct ser_dets *d = ser_dets_new();
	struct ser_header h;
	struct ser_buf svg = {0}, meta = {0};
	struct ser_err e;
	for (size_t i = 0; i < text.n; i++)
		if (ser_dets_add(d, &text.t[i], &e) != 0)
			ser_cli_die(c, &e);
	ser_header_init(&h);
	ser_dets_inputs(d, &h);
	metadata(c, &h, &meta);
	print(c, ser_dets_draw(d, &o, &svg, &e), &e, &svg);
	ser_dets_free(d);
	ser_buf_free(&meta);
	ser_header_free(&h);
	texts_free(&text);
}

int main(int argc, char **argv)
{
	const struct ser_option title = {"title", "title, in place of one made from the data",
					 SER_OPT_STR(&o.title, "TEXT")},
				width = {"width", "pixels; 0: as many as are easy to read",
					 SER_OPT_REAL(&o.width, "N", 0, 10000)},
				height = {"height", "the same", SER_OPT_REAL(&o.height, "N", 0, 10000)},
				as = {"format", "of the picture", SER_OPT_CHOICE(&format, "NAME", ser_plot_formats)};
	const struct ser_option classes = {"order", "classes that come first, parted by commas",
					   SER_OPT_STR(&order, "NAMES")},
				truth = {"label", "the true label", SER_OPT_STR(&label, "NAME"),
					 .flags = SER_OPTION_NEEDED};
	const struct ser_option scatter_opts[] = {
		{"field", "tensor whose first two components are drawn", SER_OPT_STR(&points.field, "NAME")},
		{"color", "label B by colour and marker; label A by names in the map", SER_OPT_STR(&color, "[A,]B")},
		{"panel", "a panel for each value of this label", SER_OPT_STR(&points.panel, "NAME")},
		classes,
		title,
		width,
		height,
		as,
		{0}};
	const struct ser_option confusion_opts[] = {
		truth, {"pred", "the predicted label", SER_OPT_STR(&pred, "NAME")}, classes, title, width, height, as,
		{0}};
	const struct ser_option curve_opts[] = {
		{"x", "column along the x axis", SER_OPT_STR(&logs.x, "NAME")},
		{"y", "columns, parted by commas, each in a panel; without: loss and the first dev_...",
		 SER_OPT_STR(&y_names, "NAMES")},
		{"log-x", "a logarithmic x axis", SER_OPT_FLAG(&logs.log_x)},
		title,
		width,
		height,
		as,
		{0}};
	const struct ser_option bars_opts[] = {
		{"score", "rows, parted by commas; without: the first of the scores, all of another table",
		 SER_OPT_STR(&score_names, "NAMES")},
		{"table", "table of the report", SER_OPT_STR(&bars.table, "NAME")},
		{"interval", "spk, group, utt or trial; without: the first of these that all bars have",
		 SER_OPT_STR(&bars.interval, "NAME")},
		title,
		width,
		height,
		as,
		{0}};
	const struct ser_option reliability_opts[] = {truth, title, width, height, as, {0}};
	const struct ser_option box_opts[] = {
		{"field", "a number, or a tensor of which a column counts, by its mean over time",
		 SER_OPT_STR(&boxes.field, "NAME"), .flags = SER_OPTION_NEEDED},
		{"column", "which column of the tensor, from 0", SER_OPT_COUNT(&boxes.column, "N", 0, 1000000)},
		{"label", "a box for each value of this label", SER_OPT_STR(&boxes.label, "NAME"),
		 .flags = SER_OPTION_NEEDED},
		classes,
		title,
		width,
		height,
		as,
		{0}};
	const struct ser_option spectrogram_opts[] = {
		{"field", "tensor [T,D] that is drawn", SER_OPT_STR(&field, "NAME")},
		{"id", "of this record; without: of the first", SER_OPT_STR(&id, "ID")},
		title,
		width,
		height,
		as,
		{0}};
	const struct ser_option det_opts[] = {title, width, height, as, {0}};
	const struct ser_mode modes[] = {
		{"scatter", "Points of records, such as those of ser-project.", scatter_opts, NULL},
		{"confusion", "True against predicted classes, counts and shares.", confusion_opts, NULL},
		{"curve", "Training logs: columns of tables, by epoch.", curve_opts, "[[NAME=]FILE]..."},
		{"bars", "Scores of ser-score --tsv or --json, with intervals.", bars_opts, "[[[GROUP/]NAME=]FILE]..."},
		{"reliability", "How often predictions are right, by their posterior.", reliability_opts, NULL},
		{"box", "A number of the records, such as a feature, by a label.", box_opts, NULL},
		{"spectrogram", "A record's frames over time.", spectrogram_opts, NULL},
		{"det", "Detection error trade-off, of ser-score verify --det --tsv or --json.", det_opts,
		 "[[NAME=]FILE]..."},
		{0},
	};
	static void (*const run[])(struct ser_cli *) = {scatter,     confusion, curve,       bar_chart,
							reliability, box,       spectrogram, det};
	struct ser_tool tool = {"ser-plot", "Draw records, logs and scores.",        "[FILE]...", NULL,
				modes,      SER_CLI_IN | SER_CLI_OUT | SER_CLI_LOOSE};
	struct ser_cli c;
	struct ser_err e;
	ser_cli_begin(&c, &tool, argc, argv);
	if (format != SER_PLOT_SVG) {
		if (ser_plot_converter(&converter, &e) != 0)
			ser_cli_die(&c, &e);
		tool.common |= SER_CLI_READ_ALL; /* fonts, wherever they are */
	}
	ser_cli_confine(&c);
	run[c.mode](&c);
	return ser_cli_end(&c);
}
