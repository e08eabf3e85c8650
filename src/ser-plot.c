/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "figure/figure.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct ser_plot_opt o;
static struct ser_points_opt points = {.field = "proj"};
static struct ser_bars_opt bars = {.table = "scores"};
static const char *color;                 /* scatter */
static const char *label, *pred = "pred"; /* confusion */
static const char *order;                 /* of classes */
static struct ser_boxes_opt boxes;
static const char *column = "0";              /* of boxes */
static const char *field = "feat", *id;       /* spectrogram; id: face */
static const char *tracks = "land", *columns; /* face */
static struct ser_faces_opt faces = {.n_moment = 6};
static struct ser_logs_opt logs = {.x = "epoch"};
static const char *y_names;     /* curve */
static const char *score_names; /* bars */
static int format;
static const struct ser_plot_plugin *converter; /* of a format other than SVG */

/* What every mode draws from and into; the metadata are o's. */
struct picture {
	struct ser_in *in;
	struct ser_header h;
	struct ser_figure_text *text; /* [n_text] */
	size_t n_text;
	struct ser_buf svg, meta;
};

/* ---- what every mode begins and ends with ---- */

static void check(const struct ser_cli *c, int rc, const struct ser_err *e)
{
	if (rc != SER_OK)
		ser_cli_die(c, e);
}

static void open_records(struct ser_cli *c, struct picture *p)
{
	p->in = ser_in_open(c);
	ser_header_copy(&p->h, ser_in_header(p->in));
}

/* Operands [[GROUP/]NAME=]FILE */
static void open_texts(struct ser_cli *c, struct picture *p)
{
	struct ser_err e;
	p->n_text = c->n_operand > 0 ? (size_t)c->n_operand : 1;
	p->text = ser_calloc(p->n_text, sizeof *p->text);
	ser_header_init(&p->h);
	for (size_t i = 0; i < p->n_text; i++) {
		int rc = ser_figure_text_read(&p->text[i], c->n_operand > 0 ? c->operand[i] : "-", &e);
		if (rc == SER_EUSAGE)
			ser_cli_usage(c, "%s", e.msg);
		check(c, rc, &e);
	}
}

/* The header is what it will be. */
static void metadata(const struct ser_cli *c, struct picture *p)
{
	ser_cli_prov_header(c, &p->h);
	ser_figure_metadata(&p->h, &p->meta);
	o.metadata = p->meta.s;
}

static void print(struct ser_cli *c, struct picture *p)
{
	struct ser_outfile f;
	struct ser_err e;
	if (converter != NULL)
		check(c, ser_plot_convert(converter, (enum ser_plot_format)format, o.metadata, &p->svg, &e), &e);
	fwrite(p->svg.s, 1, p->svg.n, ser_out_text_open(c, &f));
	ser_out_text_close(c, &f);
}

static void close_all(struct picture *p)
{
	for (size_t i = 0; i < p->n_text; i++)
		ser_figure_text_free(&p->text[i]);
	free(p->text);
	ser_in_close(p->in);
	ser_header_free(&p->h);
	ser_buf_free(&p->svg);
	ser_buf_free(&p->meta);
}

/* ---- pictures of records ---- */

/* Every record of the operands through one function; the headers merged. Folds were trained on different speakers,
 * so what they say of their tensors may differ; only where points are drawn must it be one. */
static void each(struct ser_cli *c, struct picture *p, bool one_space,
		 int (*add)(void *set, struct ser_record *r, struct ser_err *e), void *set)
{
	struct ser_record r = {0};
	struct ser_header next;
	struct ser_err e;
	bool segment;
	if (!one_space)
		p->h.dims = ser_val_map();
	while (ser_in_next(p->in, &r, &segment)) {
		if (segment) {
			ser_header_copy(&next, ser_in_header(p->in));
			if (!one_space)
				next.dims = ser_val_map();
			check(c, ser_header_merge(&p->h, &next, &e), &e);
			ser_header_free(&next);
		}
		check(c, add(set, &r, &e), &e);
	}
	metadata(c, p);
	ser_record_free(&r);
}

static int add_point(void *set, struct ser_record *r, struct ser_err *e)
{
	return ser_points_add(set, r, e);
}

static void scatter(struct ser_cli *c, struct picture *p)
{
	struct ser_strs names = ser_cli_names(c, "color", color);
	struct ser_err e;
	size_t n_unnamed, n_place;
	if (names.n > 2)
		ser_cli_usage(c, "--color takes one or two labels, not %zu", names.n);
	points.color = names.n > 0 ? names.s[names.n - 1] : NULL;
	points.place = names.n == 2 ? names.s[0] : NULL;
	struct ser_strs first = ser_cli_names(c, "order", order);
	points.order = first.s;
	points.n_order = points.color != NULL ? first.n : 0;
	open_records(c, p);
	struct ser_points *s = ser_points_new(&points);
	each(c, p, true, add_point, s);
	check(c, ser_points_draw(s, &p->h, &o, &p->svg, &n_unnamed, &n_place, &e), &e);
	if (n_unnamed > 0 && points.panel == NULL)
		ser_cli_warn(c,
			     "%zu of %zu value%s of %s lie scattered among the others and are not named; --panel %s "
			     "shows each",
			     n_unnamed, n_place, ser_s(n_place), points.place, points.place);
	ser_points_free(s);
	ser_cli_names_free(&names);
	ser_cli_names_free(&first);
}

static int add_truth(void *set, struct ser_record *r, struct ser_err *e)
{
	return ser_truths_add(set, r, e);
}

static void confusion(struct ser_cli *c, struct picture *p)
{
	struct ser_err e;
	open_records(c, p);
	struct ser_strs first = ser_cli_names(c, "order", order);
	struct ser_truths *s = ser_truths_new(label, pred, first.s, first.n, &p->h);
	each(c, p, false, add_truth, s);
	check(c, ser_truths_draw(s, &o, &p->svg, &e), &e);
	ser_truths_free(s);
	ser_cli_names_free(&first);
}

static int add_box(void *set, struct ser_record *r, struct ser_err *e)
{
	return ser_boxes_add(set, r, e);
}

static void box(struct ser_cli *c, struct picture *p)
{
	struct ser_err e;
	open_records(c, p);
	struct ser_strs first = ser_cli_names(c, "order", order);
	boxes.order = first.s;
	boxes.n_order = first.n;
	if (ser_boxes_column(&p->h, boxes.field, column, &boxes.column, &e) != SER_OK)
		ser_cli_usage(c, "--column: %s", e.msg);
	struct ser_boxes *s = ser_boxes_new(&boxes);
	each(c, p, true, add_box, s);
	check(c, ser_boxes_draw(s, &p->h, &o, &p->svg, &e), &e);
	ser_boxes_free(s);
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

static void reliability(struct ser_cli *c, struct picture *p)
{
	struct ser_err e;
	open_records(c, p);
	struct sure s = {p->in, ser_reliability_new(label)};
	each(c, p, false, add_sure, &s);
	check(c, ser_reliability_draw(s.r, &o, &p->svg, &e), &e);
	ser_reliability_free(s.r);
}

/* One record: of this id, or the first. The rest is read too, so that a stream that was cut off is told. */
static void find(struct ser_cli *c, struct picture *p, struct ser_record *found)
{
	struct ser_record r = {0};
	bool segment, there = false;
	open_records(c, p);
	while (ser_in_next(p->in, &r, &segment)) {
		if (there || (id != NULL && strcmp(ser_record_id(&r), id) != 0))
			continue;
		there = true;
		ser_record_copy(found, &r);
		ser_header_free(&p->h);
		ser_header_copy(&p->h, ser_in_header(p->in));
	}
	if (!there)
		ser_cli_fail(c, SER_EDATA, id != NULL ? "there is no record \"%s\"" : "there is no record", id);
	metadata(c, p);
	ser_record_free(&r);
}

static void spectrogram(struct ser_cli *c, struct picture *p)
{
	struct ser_record r = {0};
	struct ser_err e;
	find(c, p, &r);
	check(c, ser_picture_draw(&p->h, &r, field, &o, &p->svg, &e), &e);
	ser_record_free(&r);
}

static void face(struct ser_cli *c, struct picture *p)
{
	struct ser_record r = {0};
	struct ser_strs f = ser_cli_names(c, "field", tracks), shown = ser_cli_names(c, "columns", columns);
	struct ser_err e;
	faces.field = f.s;
	faces.n_field = f.n;
	faces.column = shown.s;
	faces.n_column = shown.n;
	find(c, p, &r);
	check(c, ser_faces_draw(&p->h, &r, &faces, &o, &p->svg, &e), &e);
	ser_record_free(&r);
	ser_cli_names_free(&f);
	ser_cli_names_free(&shown);
}

/* ---- pictures of texts ---- */

static void curve(struct ser_cli *c, struct picture *p)
{
	struct ser_err e;
	open_texts(c, p);
	struct ser_strs y = ser_cli_names(c, "y", y_names);
	struct ser_logs *s = ser_logs_new();
	for (size_t i = 0; i < p->n_text; i++) {
		const struct ser_figure_text *t = &p->text[i];
		check(c, ser_lines_whole(t->s, t->n, t->shown, &e), &e);
		check(c, ser_logs_add(s, t, &e), &e);
	}
	ser_logs_inputs(s, &p->h);
	metadata(c, p);
	logs.y = y.s;
	logs.n_y = y.n;
	check(c, ser_logs_draw(s, &logs, &o, &p->svg, &e), &e);
	ser_logs_free(s);
	ser_cli_names_free(&y);
}

static void bar_chart(struct ser_cli *c, struct picture *p)
{
	struct ser_err e;
	if (bars.interval != NULL && !ser_bars_knows_interval(bars.interval))
		ser_cli_usage(c, "--interval is spk, group, utt or trial, not \"%s\"", bars.interval);
	open_texts(c, p);
	struct ser_strs score = ser_cli_names(c, "score", score_names);
	bars.score = score.s;
	bars.n_score = score.n;
	struct ser_bars *s = ser_bars_new(&bars);
	for (size_t i = 0; i < p->n_text; i++)
		check(c, ser_bars_add(s, &p->text[i], &e), &e);
	ser_bars_inputs(s, &p->h);
	metadata(c, p);
	check(c, ser_bars_draw(s, &o, &p->svg, &e), &e);
	ser_bars_free(s);
	ser_cli_names_free(&score);
}

static void det(struct ser_cli *c, struct picture *p)
{
	struct ser_err e;
	open_texts(c, p);
	struct ser_dets *s = ser_dets_new();
	for (size_t i = 0; i < p->n_text; i++)
		check(c, ser_dets_add(s, &p->text[i], &e), &e);
	ser_dets_inputs(s, &p->h);
	metadata(c, p);
	check(c, ser_dets_draw(s, &o, &p->svg, &e), &e);
	ser_dets_free(s);
}

int main(int argc, char **argv)
{
	const struct ser_option of_all[] = {
		{"title", "title, in place of one made from the data", SER_OPT_STR(&o.title, "TEXT")},
		{"width", "pixels; 0: as many as are easy to read", SER_OPT_REAL(&o.width, "N", 0, 10000)},
		{"height", "the same", SER_OPT_REAL(&o.height, "N", 0, 10000)},
		{"format", "of the picture", SER_OPT_CHOICE(&format, "NAME", ser_plot_formats)},
		{0}};
	const struct ser_option classes = {"order", "classes that come first, parted by commas",
					   SER_OPT_STR(&order, "NAMES")},
				truth = {"label", "the true label", SER_OPT_STR(&label, "NAME"),
					 .flags = SER_OPTION_NEEDED};
	const struct ser_option scatter_opts[] = {
		{"field", "tensor whose first two components are drawn", SER_OPT_STR(&points.field, "NAME")},
		{"color", "label B by colour and marker; label A by names in the map", SER_OPT_STR(&color, "[A,]B")},
		{"panel", "a panel for each value of this label", SER_OPT_STR(&points.panel, "NAME")},
		classes,
		{0}};
	const struct ser_option confusion_opts[] = {
		truth, {"pred", "the predicted label", SER_OPT_STR(&pred, "NAME")}, classes, {0}};
	const struct ser_option curve_opts[] = {
		{"x", "column along the x axis", SER_OPT_STR(&logs.x, "NAME")},
		{"y", "columns, parted by commas, each in a panel; without: loss and the first dev_...",
		 SER_OPT_STR(&y_names, "NAMES")},
		{"log-x", "a logarithmic x axis", SER_OPT_FLAG(&logs.log_x)},
		{0}};
	const struct ser_option bars_opts[] = {
		{"score", "rows, parted by commas; without: the first of the scores, all of another table",
		 SER_OPT_STR(&score_names, "NAMES")},
		{"table", "table of the report", SER_OPT_STR(&bars.table, "NAME")},
		{"interval", "spk, group, utt or trial; without: the first of these that all bars have",
		 SER_OPT_STR(&bars.interval, "NAME")},
		{0}};
	const struct ser_option reliability_opts[] = {truth, {0}};
	const struct ser_option box_opts[] = {
		{"field", "a number, or a tensor of which a column counts, by its mean over time",
		 SER_OPT_STR(&boxes.field, "NAME"), .flags = SER_OPTION_NEEDED},
		{"column", "which column of the tensor, by its name, or its number from 0",
		 SER_OPT_STR(&column, "N|NAME")},
		{"label", "a box for each value of this label", SER_OPT_STR(&boxes.label, "NAME"),
		 .flags = SER_OPTION_NEEDED},
		classes,
		{0}};
	const struct ser_option spectrogram_opts[] = {
		{"field", "tensor [T,D] that is drawn", SER_OPT_STR(&field, "NAME")},
		{"id", "of this record; without: of the first", SER_OPT_STR(&id, "ID")},
		{0}};
	const struct ser_option face_opts[] = {
		{"field", "tensors of the same columns, parted by commas, each in a colour",
		 SER_OPT_STR(&tracks, "NAMES")},
		{"columns", "those drawn over time, parted by commas; without: the three that vary most",
		 SER_OPT_STR(&columns, "NAMES")},
		{"moments", "faces that are drawn, evenly over the record", SER_OPT_COUNT(&faces.n_moment, "N", 0, 24)},
		{"id", "of this record; without: of the first", SER_OPT_STR(&id, "ID")},
		{0}};
	const struct ser_mode modes[] = {
		{"scatter", "Points of records, such as those of ser-project.", scatter_opts, NULL},
		{"confusion", "True against predicted classes, counts and shares.", confusion_opts, NULL},
		{"curve", "Training logs: columns of tables, by epoch.", curve_opts, "[[NAME=]FILE]..."},
		{"bars", "Scores of ser-score --tsv or --json, with intervals.", bars_opts, "[[[GROUP/]NAME=]FILE]..."},
		{"reliability", "How often predictions are right, by their posterior.", reliability_opts, NULL},
		{"box", "A number of the records, such as a feature, by a label.", box_opts, NULL},
		{"spectrogram", "A record's frames over time.", spectrogram_opts, NULL},
		{"face", "A record's face at some moments, and its points over time.", face_opts, NULL},
		{"det", "Detection error trade-off, of ser-score verify --det --tsv or --json.", NULL,
		 "[[NAME=]FILE]..."},
		{0},
	};
	static void (*const run[])(struct ser_cli *, struct picture *) = {
		scatter, confusion, curve, bar_chart, reliability, box, spectrogram, face, det};
	struct ser_tool tool = {"ser-plot", "Draw records, logs and scores.",        "[FILE]...", of_all,
				modes,      SER_CLI_IN | SER_CLI_OUT | SER_CLI_LOOSE};
	struct picture p = {0};
	struct ser_cli c;
	struct ser_err e;
	ser_cli_begin(&c, &tool, argc, argv);
	const char *end = c.out != NULL ? strrchr(c.out, '.') : NULL;
	for (int i = 0; end != NULL && !ser_cli_given(&c, "format") && ser_plot_formats[i] != NULL; i++)
		if (strcasecmp(end + 1, ser_plot_formats[i]) == 0)
			format = i;
	if (format != SER_PLOT_SVG) {
		if (ser_plot_converter(&converter, &e) != 0)
			ser_cli_die(&c, &e);
		tool.common |= SER_CLI_READ_ALL; /* fonts, wherever they are */
	}
	ser_cli_confine(&c);
	run[c.mode](&c, &p);
	print(&c, &p);
	close_all(&p);
	return ser_cli_end(&c);
}
