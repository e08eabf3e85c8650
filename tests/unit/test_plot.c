/* SPDX-License-Identifier: MIT */
#include "plot/plot.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void is(struct ser_buf *b, const char *want)
{
	assert_string_equal(b->s, want);
	b->n = 0;
}

static void text(void **state)
{
	struct ser_buf b = {0};
	(void)state;
	ser_svg_escape(&b, "a<b>&\"c' \xe4\xb8\xad");
	is(&b, "a&lt;b&gt;&amp;&quot;c' \xe4\xb8\xad");
	/* what XML cannot hold: controls, U+FFFE; what is no UTF-8: a lone byte, one cut off, one too long */
	ser_svg_escape(&b, "\x01\xef\xbf\xbe");
	is(&b, "\xef\xbf\xbd\xef\xbf\xbd");
	ser_svg_escape(&b, "x\x80y\xe4\xb8");
	is(&b, "x\xef\xbf\xbdy\xef\xbf\xbd\xef\xbf\xbd");
	ser_svg_escape(&b, "\xc0\xbc");
	assert_null(strchr(b.s, '<'));
	b.n = 0;
	const double x[] = {0, -0.001, 1.005, 3, -2.5, 100, 1e6 / 3};
	const char *const want[] = {"0", "0", "1", "3", "-2.5", "100", "333333.33"};
	for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
		ser_svg_num(&b, x[i]);
		is(&b, want[i]);
	}
	assert_true(fabs(ser_svg_width("iM", 10) - (2.78 + 8.63)) < 1e-9); /* DejaVu Sans: 278 and 863 of 1000 */
	ser_svg_fit(&b, "short", 10, 100);
	is(&b, "short");
	ser_svg_fit(&b, "much too long a name", 10, 60);
	assert_true(ser_svg_width(b.s, 10) <= 60);
	assert_string_equal(b.s + b.n - 3, "\xe2\x80\xa6");
	assert_memory_equal(b.s, "much", 4);
	b.n = 0;
	ser_svg_fit(&b, "\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad", 10, 21); /* cut between characters */
	is(&b, "\xe4\xb8\xad\xe2\x80\xa6");
	ser_buf_free(&b);
}

static void scale(void **state)
{
	struct ser_buf b = {0};
	struct ser_svg_scale s = ser_svg_scale(0.13, 0.94, 5);
	(void)state;
	assert_true(s.n == 6 && s.decimals == 1 && fabs(s.lo) < 1e-12 && fabs(s.hi - 1) < 1e-12);
	for (int i = 0; i < s.n; i++) {
		static const char *const want[] = {"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"};
		ser_svg_tick_text(&b, &s, i);
		is(&b, want[i]);
	}
	s = ser_svg_scale(-30, 20, 5);
	ser_svg_tick_text(&b, &s, 0);
	is(&b, "\xe2\x88\x92"
	       "30");
	/* whatever the range: it is covered, by a fair number of steps, none of them lost in rounding */
	static const double range[][2] = {{0, 0},         {5, 5},     {-1e-9, 1e-9}, {1e29, 1e30}, {-1e30, 1e30},
					  {1e6, 1e6 + 1}, {0, 1e-30}, {-7, -7},      {0.1, 0.3},   {99.99, 100.01}};
	for (size_t i = 0; i < sizeof range / sizeof *range; i++)
		for (int want = 1; want <= 10; want++) {
			s = ser_svg_scale(range[i][0], range[i][1], want);
			double slack = 1e-6 * s.step;
			assert_true(s.lo <= range[i][0] + slack && s.hi >= range[i][1] - slack && s.hi > s.lo);
			assert_true(s.n >= 2 && s.n <= want + 3);
			assert_true(ser_svg_tick(&s, 1) > ser_svg_tick(&s, 0));
		}
	ser_buf_free(&b);
}

static size_t count(const char *s, const char *what)
{
	size_t n = 0;
	for (; (s = strstr(s, what)) != NULL; s++)
		n++;
	return n;
}

/* The numbers of a document are all finite, and its tags in pairs. */
static void sound(const struct ser_buf *b)
{
	int depth = 0;
	assert_null(strstr(b->s, "nan"));
	assert_null(strstr(b->s, "inf"));
	for (const char *s = b->s; (s = strchr(s, '<')) != NULL; s++) {
		const char *end = strchr(s, '>');
		assert_non_null(end);
		if (s[1] == '/')
			depth--;
		else if (s[1] != '?' && end[-1] != '/')
			depth++;
		assert_true(depth >= 0);
	}
	assert_int_equal(depth, 0);
}

/* No circle's centre lies where the name is written, about as wide as high. */
static void covers_none(const char *svg, const char *name)
{
	char end[32];
	double x, y, cx, cy;
	size_t n = 0;
	snprintf(end, sizeof end, "\"bold\">%s</text>", name);
	const char *at = strstr(svg, end);
	assert_non_null(at);
	while (strncmp(at, "<text x=", 8) != 0)
		at--;
	assert_int_equal(sscanf(at, "<text x=\"%lf\" y=\"%lf\"", &x, &y), 2);
	for (const char *c = svg; (c = strstr(c, "<circle cx=")) != NULL; c++, n++) {
		assert_int_equal(sscanf(c, "<circle cx=\"%lf\" cy=\"%lf\"", &cx, &cy), 2);
		assert_true(fabs(cx - x) > 5 || cy < y - 12 || cy > y + 2);
	}
	assert_true(n >= 48);
}

enum { N = 300 };

static void scatter(void **state)
{
	static double x[N], y[N];
	static size_t of[N], spot[N];
	static const char *const value[] = {"a", "b", "c"};
	struct ser_rng rng;
	struct ser_err e;
	struct ser_buf b = {0}, again = {0};
	struct ser_plot_opt o = {.title = "t", .x_label = "x", .y_label = "y", .metadata = "{}"};
	size_t unnamed = 0;
	(void)state;
	ser_rng_seed(&rng, 1);
	for (size_t i = 0; i < N; i++) {
		of[i] = i % 2;
		spot[i] = i % 3;
		x[i] = 20 * (double)spot[i] + ser_rng_normal(&rng);
		y[i] = ser_rng_normal(&rng);
	}
	struct ser_plot_scatter d = {.n = N, .x = x, .y = y, .ticks = true, .n_unnamed = &unnamed};
	d.color = (struct ser_plot_label){"emo", 2, value, of, NULL};
	d.place = (struct ser_plot_label){"spk", 3, value, spot, NULL};
	assert_int_equal(ser_plot_scatter(&o, &d, &b, &e), 0);
	sound(&b);
	assert_int_equal(unnamed, 0);
	assert_int_equal(count(b.s, "class=\"ser-k0\""), N / 2 + 1); /* and the legend's */
	assert_int_equal(count(b.s, "<polygon"), 3);
	assert_int_equal(ser_plot_scatter(&o, &d, &again, &e), 0);
	assert_string_equal(b.s, again.s);
	/* points on a loose grid: the names stand between them */
	for (size_t i = 0; i < 48; i++) {
		x[i] = (double)(i % 8) + (i % 8 > 3 ? 4 : 0);
		y[i] = (double)(i / 8);
		spot[i] = i % 8 > 3;
	}
	d.n = 48;
	d.color.n_value = 0;
	b.n = 0;
	assert_int_equal(ser_plot_scatter(&o, &d, &b, &e), 0);
	covers_none(b.s, "a");
	covers_none(b.s, "b");
	d.n = N;
	d.color.n_value = 2;
	/* the same points, the names given out anew: none has a place */
	for (size_t i = 0; i < N; i++)
		spot[i] = i / 3 % 3;
	b.n = 0;
	assert_int_equal(ser_plot_scatter(&o, &d, &b, &e), 0);
	assert_int_equal(unnamed, 3);
	assert_int_equal(count(b.s, "<polygon"), 0);
	/* points on a grid: the outline has its four corners, and nothing between them */
	for (size_t i = 0; i < 9; i++) {
		x[i] = (double)(i % 3);
		y[i] = (double)(i / 3);
		spot[i] = 0;
	}
	d.n = 9;
	b.n = 0;
	assert_int_equal(ser_plot_scatter(&o, &d, &b, &e), 0);
	const char *outline = strstr(b.s, "<polygon points=\"");
	assert_non_null(outline);
	double corner[4][2], lo[2] = {INFINITY, INFINITY}, hi[2] = {-INFINITY, -INFINITY};
	char behind = 0;
	assert_int_equal(sscanf(outline, "<polygon points=\"%lf,%lf %lf,%lf %lf,%lf %lf,%lf%c", &corner[0][0],
				&corner[0][1], &corner[1][0], &corner[1][1], &corner[2][0], &corner[2][1],
				&corner[3][0], &corner[3][1], &behind),
			 9);
	assert_int_equal(behind, '"');
	for (size_t i = 0; i < 8; i++) {
		lo[i % 2] = fmin(lo[i % 2], corner[i / 2][i % 2]);
		hi[i % 2] = fmax(hi[i % 2], corner[i / 2][i % 2]);
	}
	for (size_t i = 0; i < 8; i++)
		assert_true(corner[i / 2][i % 2] == lo[i % 2] || corner[i / 2][i % 2] == hi[i % 2]);
	assert_true(hi[0] - lo[0] > 100 && fabs((hi[0] - lo[0]) - (hi[1] - lo[1])) <= 0.11);
	d.n = N;
	/* two of 300 far out: the others keep their room, these stand at the frame */
	size_t n_beyond = 0;
	for (size_t i = 0; i < N; i++) {
		x[i] = ser_rng_normal(&rng) + (i == 7 ? 1e6 : 0);
		y[i] = ser_rng_normal(&rng) - (i == 9 ? 1e30 : 0);
	}
	d.n_beyond = &n_beyond;
	b.n = 0;
	assert_int_equal(ser_plot_scatter(&o, &d, &b, &e), 0);
	sound(&b);
	assert_int_equal(n_beyond, 2);
	n_beyond = 0;
	x[7] = y[9] = 3.5; /* no outliers: all that can be seen is drawn where it is */
	b.n = 0;
	assert_int_equal(ser_plot_scatter(&o, &d, &b, &e), 0);
	assert_int_equal(n_beyond, 0);
	d.n_beyond = NULL;
	/* points that are all one, or on a line, or far out; panels, one of them empty; tiny pictures */
	for (int round = 0; round < 5; round++) {
		for (size_t i = 0; i < N; i++) {
			x[i] = round == 0 ? 7 : round == 1 ? 1e30 : round == 2 ? 1e-40 * (double)i : (double)i;
			y[i] = round == 3 ? (double)i : round == 4 ? -1e30 + 1e22 * (double)i : 3;
			spot[i] = 2 * (i % 2);
		}
		for (int panels = 0; panels < 2; panels++) {
			d.panel = panels ? d.place : (struct ser_plot_label){0};
			for (double size = 0; size <= 200; size += 200) {
				o.width = o.height = size;
				b.n = 0;
				assert_int_equal(ser_plot_scatter(&o, &d, &b, &e), 0);
				sound(&b);
			}
		}
	}
	/* refusals leave nothing behind */
	b.n = 0;
	y[5] = NAN;
	assert_int_equal(ser_plot_scatter(&o, &d, &b, &e), SER_EDATA);
	y[5] = INFINITY;
	assert_int_equal(ser_plot_scatter(&o, &d, &b, &e), SER_EDATA);
	y[5] = 0;
	d.color.n_value = 65;
	assert_int_equal(ser_plot_scatter(&o, &d, &b, &e), SER_EUSAGE);
	d.color.n_value = 2;
	o.width = 199;
	assert_int_equal(ser_plot_scatter(&o, &d, &b, &e), SER_EUSAGE);
	o.width = 0;
	d.n = 0;
	assert_int_equal(ser_plot_scatter(&o, &d, &b, &e), SER_EDATA);
	assert_int_equal(b.n, 0);
	ser_buf_free(&b);
	ser_buf_free(&again);
}

static void confusion(void **state)
{
	double n[9] = {8, 2, 0, 1, 1e6, 3, 0, 0, 0};
	static const char *const name[] = {"a long name of a class, longer than there is room for", "b", "c"};
	struct ser_err e;
	struct ser_buf b = {0};
	struct ser_plot_opt o = {.title = "t"};
	struct ser_plot_confusion d = {3, n, name};
	(void)state;
	assert_int_equal(ser_plot_confusion(&o, &d, &b, &e), 0);
	sound(&b);
	assert_non_null(strstr(b.s, ">80 %<"));
	assert_non_null(strstr(b.s, ">20 %<"));
	assert_non_null(strstr(b.s, ">1000000<"));
	assert_non_null(strstr(b.s, ">&lt;1 %<"));
	o.width = o.height = 200;
	assert_int_equal(ser_plot_confusion(&o, &d, &b, &e), 0);
	b.n = 0;
	n[0] = -1;
	assert_int_equal(ser_plot_confusion(&o, &d, &b, &e), SER_EDATA);
	n[0] = NAN;
	assert_int_equal(ser_plot_confusion(&o, &d, &b, &e), SER_EDATA);
	memset(n, 0, sizeof n);
	assert_int_equal(ser_plot_confusion(&o, &d, &b, &e), SER_EDATA);
	d.k = 41;
	assert_int_equal(ser_plot_confusion(&o, &d, &b, &e), SER_EUSAGE);
	d.k = 0;
	assert_int_equal(ser_plot_confusion(&o, &d, &b, &e), SER_EDATA);
	assert_int_equal(b.n, 0);
	ser_buf_free(&b);
}

static void curve(void **state)
{
	static const double x[] = {1, 2, 3}, y[] = {5, 5, 5};
	double bad[] = {1, INFINITY, 2};
	static const char *const panel[] = {"loss", "none"}, *const series[] = {"one", "two"};
	struct ser_plot_line line[4] = {{3, x, y, 1, NULL, NULL},
					{1, x, y, -1, NULL, NULL},
					{0, x, y, -1, NULL, NULL},
					{0, x, y, -1, NULL, NULL}};
	struct ser_plot_curve d = {2, 2, panel, series, line, false};
	struct ser_plot_opt o = {.x_label = "epoch"};
	struct ser_err e;
	struct ser_buf b = {0};
	(void)state;
	assert_int_equal(ser_plot_curve(&o, &d, &b, &e), 0);
	sound(&b);
	assert_int_equal(count(b.s, "<polyline"), 1);
	b.n = 0;
	line[0].y = bad;
	assert_int_equal(ser_plot_curve(&o, &d, &b, &e), SER_EDATA);
	line[0].n = line[1].n = 0;
	assert_int_equal(ser_plot_curve(&o, &d, &b, &e), SER_EDATA);
	d.n_series = 9;
	assert_int_equal(ser_plot_curve(&o, &d, &b, &e), SER_EUSAGE);
	assert_int_equal(b.n, 0);
	ser_buf_free(&b);
}

static void bars(void **state)
{
	static const char *const group[] = {"g", "h"}, *const series[] = {"s", "t"};
	struct ser_plot_bar bar[4] = {{true, true, true, .5, .4, .6, .2}, {true, false, false, -.1, 0, 0, 0}, {0}, {0}};
	struct ser_plot_bars d = {2, 2, group, series, bar};
	struct ser_plot_opt o = {.title = "t"};
	struct ser_err e;
	struct ser_buf b = {0};
	(void)state;
	assert_int_equal(ser_plot_bars(&o, &d, &b, &e), 0);
	sound(&b);
	assert_int_equal(count(b.s, ">0.500<"), 2); /* with its rim */
	b.n = 0;
	bar[0].value = bar[1].value = 0; /* nothing but zeros */
	bar[0].has_interval = bar[0].has_chance = false;
	assert_int_equal(ser_plot_bars(&o, &d, &b, &e), 0);
	sound(&b);
	b.n = 0;
	bar[0].has_interval = true;
	bar[0].hi = NAN;
	assert_int_equal(ser_plot_bars(&o, &d, &b, &e), SER_EDATA);
	bar[0].present = bar[1].present = false;
	assert_int_equal(ser_plot_bars(&o, &d, &b, &e), SER_EDATA);
	d.n_series = 9;
	assert_int_equal(ser_plot_bars(&o, &d, &b, &e), SER_EUSAGE);
	assert_int_equal(b.n, 0);
	ser_buf_free(&b);
}

static void image(void **state)
{
	float v[6] = {0, 1, 2, 3, 4, 5};
	struct ser_plot_image d = {3, 2, v, 0, 1.5, 0, 8, 0, 5, "dB"};
	struct ser_plot_opt o = {.title = "t", .x_label = "s"};
	struct ser_err e;
	struct ser_buf b = {0};
	(void)state;
	assert_int_equal(ser_plot_image(&o, &d, &b, &e), 0);
	sound(&b);
	assert_int_equal(count(b.s, "href=\"data:image/png;base64,iVBORw0KGgo"), 2); /* and its scale */
	b.n = 0;
	v[3] = NAN;
	assert_int_equal(ser_plot_image(&o, &d, &b, &e), SER_EDATA);
	v[3] = 3;
	d.hi = 0;
	assert_int_equal(ser_plot_image(&o, &d, &b, &e), SER_EDATA);
	d.n_y = 0;
	assert_int_equal(ser_plot_image(&o, &d, &b, &e), SER_EDATA);
	d.n_y = (size_t)1 << 40;
	assert_int_equal(ser_plot_image(&o, &d, &b, &e), SER_EUSAGE);
	assert_int_equal(b.n, 0);
	ser_svg_data(&b, "a/b", "foobar", 6); /* RFC 4648, section 10 */
	ser_svg_data(&b, "a/b", "foob", 4);
	ser_svg_data(&b, "a/b", "fooba", 5);
	assert_string_equal(b.s, "data:a/b;base64,Zm9vYmFydata:a/b;base64,Zm9vYg==data:a/b;base64,Zm9vYmE=");
	ser_buf_free(&b);
}

static void reliability(void **state)
{
	double sure[2] = {.3, .9}, right[2] = {.5, .8}, n[2] = {4, 0};
	struct ser_plot_reliability d = {2, sure, right, n};
	struct ser_plot_opt o = {.title = "t"};
	struct ser_err e;
	struct ser_buf b = {0};
	(void)state;
	assert_int_equal(ser_plot_reliability(&o, &d, &b, &e), 0);
	sound(&b);
	assert_int_equal(count(b.s, "fill=\"#8fc8ea\""), 1); /* not sure enough; the other bin is empty */
	b.n = 0;
	n[0] = 0;
	assert_int_equal(ser_plot_reliability(&o, &d, &b, &e), SER_EDATA);
	right[0] = INFINITY;
	assert_int_equal(ser_plot_reliability(&o, &d, &b, &e), SER_EDATA);
	d.n_bin = 101;
	assert_int_equal(ser_plot_reliability(&o, &d, &b, &e), SER_EUSAGE);
	assert_int_equal(b.n, 0);
	ser_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(text),    cmocka_unit_test(scale),
					   cmocka_unit_test(scatter), cmocka_unit_test(confusion),
					   cmocka_unit_test(curve),   cmocka_unit_test(bars),
					   cmocka_unit_test(image),   cmocka_unit_test(reliability)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
