/* SPDX-License-Identifier: MIT */
/* What charts show of records, logs and reports: the numbers in their words, worked out by hand, and what is refused. */
#include "figure/figure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct ser_buf svg;
static const struct ser_plot_opt plain;

static void begin(struct ser_record *r, const char *id)
{
	ser_record_clear(r);
	ser_record_set(r, "id", ser_str(id));
}

/* The picture is whole and holds this; the next begins anew. */
static void shows(const char *what)
{
	if (strstr(svg.s, what) == NULL)
		fail_msg("no \"%s\" in %s", what, svg.s);
	assert_non_null(strstr(svg.s, "</svg>"));
}

static void next(void)
{
	svg.n = 0;
}

static void text(struct ser_figure_text *t, const char *name, const char *s)
{
	*t = (struct ser_figure_text){.shown = name, .name = name, .s = ser_strdup(s), .n = strlen(s)};
}

/* 3 of 4 angry and 1 of 2 sad are right: UAR (0.75 + 0.5) / 2, accuracy 4 / 6. */
static void truths(void **state)
{
	static const char *const pair[6][2] = {{"anger", "anger"},   {"anger", "anger"},     {"anger", "anger"},
					       {"anger", "sadness"}, {"sadness", "sadness"}, {"sadness", "anger"}};
	struct ser_record r = {0};
	struct ser_header h;
	struct ser_err e;
	(void)state;
	ser_header_init(&h);
	struct ser_truths *t = ser_truths_new("emotion", "pred", NULL, 0, &h);
	for (size_t i = 0; i < 6; i++) {
		begin(&r, "u");
		ser_record_set(&r, "emotion", ser_str(pair[i][0]));
		ser_record_set(&r, "pred", ser_str(pair[i][1]));
		assert_int_equal(ser_truths_add(t, &r, &e), SER_OK);
	}
	assert_int_equal(ser_truths_draw(t, &plain, &svg, &e), SER_OK);
	shows("6 records, UAR 62.5 %, accuracy 66.7 %");
	ser_truths_free(t);
	t = ser_truths_new("emotion", "pred", NULL, 0, &h);
	begin(&r, "u");
	assert_int_equal(ser_truths_add(t, &r, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "\"emotion\""));
	ser_truths_free(t);
	next();
	ser_record_free(&r);
	ser_header_free(&h);
}

/* The header says how the points were found; equal data give equal bytes. */
static void points(void **state)
{
	const struct ser_points_opt o = {.field = "xy", .color = "emotion"};
	const float at[3][2] = {{0, 0}, {1, 2}, {3, 1}}, bad[2] = {1, NAN};
	struct ser_record r = {0};
	struct ser_header h;
	struct ser_err e;
	struct ser_buf first = {0};
	size_t n_unnamed, n_place;
	(void)state;
	ser_header_init(&h);
	struct ser_val *dim = ser_header_dim_add(&h, "xy");
	ser_val_set(&h.arena, dim, "method", ser_str("tsne"));
	ser_val_set(&h.arena, dim, "kl", ser_real(0.25));
	for (int pass = 0; pass < 2; pass++) {
		struct ser_points *p = ser_points_new(&o);
		for (size_t i = 0; i < 3; i++) {
			begin(&r, "u");
			ser_record_set(&r, "emotion", ser_str(i < 2 ? "anger" : "fear"));
			ser_record_set(&r, "xy", ser_f4(at[i], 1, (size_t[]){2}));
			assert_int_equal(ser_points_add(p, &r, &e), SER_OK);
		}
		assert_int_equal(ser_points_draw(p, &h, &plain, &svg, &n_unnamed, &n_place, &e), SER_OK);
		assert_int_equal(n_place, 0);
		shows("t-SNE of 3 records");
		shows("Kullback-Leibler divergence 0.250.");
		if (pass == 0)
			ser_buf_add(&first, svg.s, svg.n);
		else
			assert_true(svg.n == first.n && memcmp(svg.s, first.s, svg.n) == 0);
		next();
		ser_points_free(p);
	}
	struct ser_points *p = ser_points_new(&o);
	begin(&r, "u7");
	ser_record_set(&r, "emotion", ser_str("fear"));
	ser_record_set(&r, "xy", ser_f4(bad, 1, (size_t[]){2}));
	assert_int_equal(ser_points_add(p, &r, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "u7"));
	assert_int_equal(ser_points_draw(p, &h, &plain, &svg, &n_unnamed, &n_place, &e), SER_EDATA); /* of nothing */
	assert_int_equal(svg.n, 0);
	ser_points_free(p);
	ser_buf_free(&first);
	ser_record_free(&r);
	ser_header_free(&h);
}

/* A column of a tensor by its mean over frames, under the header's name. */
static void boxes(void **state)
{
	const struct ser_boxes_opt o = {.field = "feat", .column = 1, .label = "emotion"};
	const float x[4] = {0, 1, 0, 3};
	struct ser_record r = {0};
	struct ser_header h;
	struct ser_err e;
	(void)state;
	ser_header_init(&h);
	struct ser_val *dim = ser_header_dim_add(&h, "feat"), names = ser_val_list();
	ser_val_push(&h.arena, &names, ser_str("energy"));
	ser_val_push(&h.arena, &names, ser_str("pitch"));
	ser_val_set(&h.arena, dim, "columns", names);
	struct ser_boxes *s = ser_boxes_new(&o);
	begin(&r, "u1");
	ser_record_set(&r, "emotion", ser_str("fear"));
	ser_record_set(&r, "feat", ser_f4(x, 2, (size_t[]){2, 2}));
	assert_int_equal(ser_boxes_add(s, &r, &e), SER_OK);
	begin(&r, "u2");
	ser_record_set(&r, "emotion", ser_str("fear"));
	ser_record_set(&r, "feat", ser_f4(x, 1, (size_t[]){1}));
	assert_int_equal(ser_boxes_add(s, &r, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "there is no column 1"));
	assert_int_equal(ser_boxes_draw(s, &h, &plain, &svg, &e), SER_OK);
	shows("pitch by emotion");
	next();
	ser_boxes_free(s);
	ser_record_free(&r);
	ser_header_free(&h);
}

/* The best validation of a log is found by its column "best". */
static void logs(void **state)
{
	const struct ser_logs_opt o = {.x = "epoch"}, other = {.x = "step"};
	struct ser_figure_text t[3];
	struct ser_err e;
	(void)state;
	text(&t[0], "a.tsv", "epoch\tloss\tdev_uar\tbest\n1\t2.5\t0.5\t0.5\n2\t1.5\t0.75\t0.75\n3\t1\t0.625\t0.75\n");
	text(&t[1], "cut.tsv", "epoch\tloss\n1\t2\n2\n");
	text(&t[2], "falls.tsv", "epoch\tloss\n2\t1\n1\t2\n");
	struct ser_logs *l = ser_logs_new();
	assert_int_equal(ser_logs_add(l, &t[0], &e), SER_OK);
	assert_int_equal(ser_logs_draw(l, &other, &plain, &svg, &e), SER_EDATA);
	assert_string_equal(e.msg, "a.tsv: there is no column \"step\"");
	assert_int_equal(ser_logs_draw(l, &o, &plain, &svg, &e), SER_OK);
	shows("loss and dev_uar by epoch: a.tsv");
	shows("Ring: the best dev_uar, 0.75 at epoch 2.");
	next();
	assert_int_equal(ser_logs_add(l, &t[1], &e), SER_EDATA);
	assert_string_equal(e.msg, "cut.tsv:3: 1 column, expected 2");
	ser_logs_free(l);
	l = ser_logs_new();
	assert_int_equal(ser_logs_add(l, &t[2], &e), SER_OK);
	assert_int_equal(ser_logs_draw(l, &o, &plain, &svg, &e), SER_EDATA);
	assert_string_equal(e.msg, "falls.tsv:3: column \"epoch\" falls");
	ser_logs_free(l);
	for (int i = 0; i < 3; i++)
		free(t[i].s);
}

/* A report says the same as JSON and as lines. */
static void bars(void **state)
{
	static const char
		json[] = "{\"about\":{\"level\":0.95},\"scores\":[{\"score\":\"pooled.uar\",\"value\":0.625,"
			 "\"spk_lo\":0.5,\"spk_hi\":0.75,\"chance\":0.5}]}",
		tsv[] = "table\trow\tcolumn\tvalue\nabout\tlevel\tvalue\t0.95\nscores\tpooled.uar\tvalue\t0.625\n"
			"scores\tpooled.uar\tspk_lo\t0.5\nscores\tpooled.uar\tspk_hi\t0.75\n"
			"scores\tpooled.uar\tchance\t0.5\n";
	const struct ser_bars_opt o = {.table = "scores"};
	struct ser_figure_text t;
	struct ser_buf first = {0};
	struct ser_err e;
	(void)state;
	for (int k = 0; k < 2; k++) {
		struct ser_bars *b = ser_bars_new(&o);
		text(&t, "report", k == 0 ? json : tsv);
		if (ser_bars_add(b, &t, &e) != SER_OK || ser_bars_draw(b, &plain, &svg, &e) != SER_OK)
			fail_msg("%s", e.msg);
		shows("UAR");
		shows("Intervals: 95 %, over speakers.");
		shows("Dashed: chance.");
		if (k == 0)
			ser_buf_add(&first, svg.s, svg.n);
		else
			assert_true(svg.n == first.n && memcmp(svg.s, first.s, svg.n) == 0);
		next();
		ser_bars_free(b);
		free(t.s);
	}
	struct ser_bars *b = ser_bars_new(&o);
	text(&t, "other", "table\trow\tvalue\n");
	assert_int_equal(ser_bars_add(b, &t, &e), SER_EDATA);
	assert_string_equal(e.msg, "other: is neither of ser-score --tsv nor of --json");
	ser_bars_free(b);
	free(t.s);
	ser_buf_free(&first);
	assert_true(ser_bars_knows_interval("spk") && !ser_bars_knows_interval("speaker"));
}

/* The equal error rate is where both rates are nearest. */
static void dets(void **state)
{
	struct ser_figure_text t;
	struct ser_err e;
	struct ser_dets *s = ser_dets_new();
	(void)state;
	text(&t, "det",
	     "table\trow\tcolumn\tvalue\n"
	     "det\t0\tfalse_acceptance\t0.01\ndet\t0\tmiss\t0.4\n"
	     "det\t1\tfalse_acceptance\t0.1\ndet\t1\tmiss\t0.11\n"
	     "det\t2\tfalse_acceptance\t0.5\ndet\t2\tmiss\t0.02\n");
	if (ser_dets_add(s, &t, &e) != SER_OK || ser_dets_draw(s, &plain, &svg, &e) != SER_OK)
		fail_msg("%s", e.msg);
	shows("EER: 10.50 %");
	next();
	ser_dets_free(s);
	free(t.s);
	s = ser_dets_new();
	text(&t, "det", "table\trow\tcolumn\tvalue\ndet\t0\tfalse_acceptance\t1.5\ndet\t0\tmiss\t0\n");
	assert_int_equal(ser_dets_add(s, &t, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "expected them in [0,1]"));
	ser_dets_free(s);
	free(t.s);
}

static int teardown(void **state)
{
	(void)state;
	ser_buf_free(&svg);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(truths), cmocka_unit_test(points), cmocka_unit_test(boxes),
					   cmocka_unit_test(logs),   cmocka_unit_test(bars),   cmocka_unit_test(dets)};
	return cmocka_run_group_tests(tests, NULL, teardown);
}
