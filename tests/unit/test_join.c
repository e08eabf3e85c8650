/* SPDX-License-Identifier: MIT */
/* Joined records: which pass, which fields they get, and what is refused. */
#include "stream/join.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A record of an id, a label "mood" unless it is NULL, and a tensor "x" [2,n] of n, n + 1, ... unless n is 0. */
static void make(struct ser_record *r, const char *id, const char *mood, size_t n)
{
	float x[8];
	for (size_t i = 0; i < 2 * n; i++)
		x[i] = (float)(n + i);
	ser_record_clear(r);
	ser_record_set(r, "id", ser_str(id));
	ser_record_set(r, "spk", ser_str("s"));
	if (mood != NULL)
		ser_record_set(r, "mood", ser_str(mood));
	if (n > 0)
		ser_record_set_copy(r, "x", ser_f4(x, 2, (const size_t[]){2, n}));
}

/* B: ids b0, b1, b2 with moods and tensors [2,1], and a field that A lacks. */
static struct ser_join *join_of(const struct ser_join_opt *o)
{
	static const char *const id[] = {"b0", "b1", "b2"}, *const mood[] = {"good", "bad", "good"};
	struct ser_join *j = ser_join_new(o);
	struct ser_record r = {0};
	struct ser_err e;
	for (size_t i = 0; i < 3; i++) {
		make(&r, id[i], mood[i], 1);
		ser_record_set(&r, "n", ser_int((int64_t)i));
		assert_int_equal(ser_join_add(j, id[i], &r, "B", &e), 0);
	}
	ser_record_free(&r);
	return j;
}

static const char *text(struct ser_record *r, const char *name)
{
	const char *s;
	struct ser_err e;
	return ser_record_get(r, name) != NULL && ser_record_str(r, name, &s, &e) == 0 ? s : "none";
}

static void which_pass(void **state)
{
	const size_t mem[] = {(size_t)1 << 20, 1}; /* in memory, on disk */
	struct ser_record r = {0};
	struct ser_err e;
	(void)state;
	for (int i = 0; i < 6; i++) {
		struct ser_join_opt o = {.on = "id", .mem = mem[i % 2], .left = i / 2 == 1, .anti = i / 2 == 2};
		struct ser_join *j = join_of(&o);
		make(&r, "b2", NULL, 0);
		assert_int_equal(ser_join_do(j, &r, &e), !o.anti);
		assert_string_equal(text(&r, "mood"), o.anti ? "none" : "good");
		assert_string_equal(text(&r, "n"), o.anti ? "none" : "2");
		make(&r, "a0", NULL, 0);
		assert_int_equal(ser_join_do(j, &r, &e), o.left || o.anti);
		assert_string_equal(text(&r, "mood"), "none");
		make(&r, "b0", "good", 0); /* the same in both */
		assert_int_equal(ser_join_do(j, &r, &e), !o.anti);
		assert_int_equal(ser_join_n(j), 3);
		assert_int_equal(ser_join_n_used(j), 2);
		ser_join_free(j);
	}
	ser_join_free(NULL);
	ser_record_free(&r);
}

static void fields(void **state)
{
	static const char *const only[] = {"n"};
	struct ser_join_opt o = {.on = "id", .mem = 1 << 20};
	struct ser_record r = {0};
	struct ser_err e;
	(void)state;
	struct ser_join *j = join_of(&o);
	make(&r, "b1", "good", 0);
	assert_int_equal(ser_join_do(j, &r, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "field \"mood\" is in both inputs and differs"));
	o.suffix = "_b";
	make(&r, "b1", "good", 0);
	assert_int_equal(ser_join_do(j, &r, &e), 1);
	assert_string_equal(text(&r, "mood"), "good");
	assert_string_equal(text(&r, "mood_b"), "bad");
	assert_string_equal(text(&r, "id_b"), "none");
	make(&r, "b1", "good", 0);
	ser_record_set(&r, "mood_b", ser_str("here"));
	assert_int_equal(ser_join_do(j, &r, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "field \"mood_b\" is there already"));
	o.field = only;
	o.n_field = 1;
	make(&r, "b1", "good", 0);
	assert_int_equal(ser_join_do(j, &r, &e), 1);
	assert_string_equal(text(&r, "n"), "1");
	assert_string_equal(text(&r, "mood_b"), "none");

	make(&r, "b0", NULL, 0);
	assert_int_equal(ser_join_add(j, "b0", &r, "B: line 4", &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "B: line 4: \"b0\" is there twice as id"));
	ser_join_free(j);

	o = (struct ser_join_opt){.on = "mood", .mem = 1 << 20}; /* by another label: A's ids stay */
	j = ser_join_new(&o);
	make(&r, "b0", "good", 1);
	assert_int_equal(ser_join_add(j, "good", &r, "B", &e), 0);
	make(&r, "a7", "good", 0);
	assert_int_equal(ser_join_do(j, &r, &e), 1);
	assert_string_equal(text(&r, "id"), "a7");
	assert_non_null(ser_record_get(&r, "x"));
	make(&r, "a8", NULL, 0);
	assert_int_equal(ser_join_do(j, &r, &e), SER_EDATA);
	ser_join_free(j);
	ser_record_free(&r);
}

static void tensors(void **state)
{
	const float want[] = {2, 3, 1, 4, 5, 2}; /* [2,2] and [2,1], side by side */
	struct ser_join_opt o = {.on = "id", .mem = 1 << 20, .concat = "x"};
	struct ser_record r = {0};
	struct ser_err e;
	const float *x;
	size_t shape[2];
	(void)state;
	struct ser_join *j = join_of(&o);
	make(&r, "b0", NULL, 2);
	assert_int_equal(ser_join_do(j, &r, &e), 1);
	assert_int_equal(ser_record_f4(&r, "x", 2, &x, shape, &e), 0);
	assert_int_equal(shape[0], 2);
	assert_int_equal(shape[1], 3);
	assert_memory_equal(x, want, sizeof want);

	make(&r, "b0", NULL, 0);
	assert_int_equal(ser_join_do(j, &r, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "A has no tensor \"x\""));
	ser_record_set(&r, "x", ser_f4(want, 2, (const size_t[]){3, 2}));
	assert_int_equal(ser_join_do(j, &r, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "axis 0 of \"x\" is 3 in A and 2 in B"));
	ser_record_set(&r, "x", ser_f4(want, 0, NULL));
	assert_int_equal(ser_join_do(j, &r, &e), SER_EDATA);
	ser_join_free(j);
	ser_record_free(&r);
}

static void say(struct ser_header *h, const char *tensor, const char *key, const char *one, const char *two)
{
	struct ser_val list = ser_val_list(), *dim = ser_header_dim(h, tensor);
	ser_val_push(&h->arena, &list, ser_str(one));
	ser_val_push(&h->arena, &list, ser_str(two));
	ser_val_set(&h->arena, dim != NULL ? dim : ser_header_dim_add(h, tensor), key, list);
}

static void headers(void **state)
{
	struct ser_join_opt o = {.on = "id", .mem = 1 << 20, .concat = "x"};
	struct ser_header a, b;
	struct ser_err e;
	struct ser_buf json = {0};
	(void)state;
	ser_header_init(&a);
	ser_header_init(&b);
	say(&a, "x", "axes", "frame", "mel");
	say(&a, "x", "train_speakers", "p", "q");
	say(&b, "x", "axes", "frame", "lld");
	say(&b, "x", "train_speakers", "q", "r");
	say(&b, "y", "axes", "frame", "dim");
	struct ser_join *j = ser_join_new(&o);
	assert_int_equal(ser_join_header(j, &a, &e), 0); /* a table has none */
	assert_null(ser_header_dim(&a, "y"));
	assert_int_equal(ser_join_add_header(j, &b, &e), 0);
	assert_int_equal(ser_join_add_header(j, &b, &e), 0); /* of a second segment */
	assert_int_equal(ser_join_header(j, &a, &e), 0);
	ser_val_json(&json, ser_header_dim(&a, "x"), false);
	assert_string_equal(json.s, "{\"axes\":[\"frame\",\"mel\"],\"parts\":["
				    "{\"axes\":[\"frame\",\"mel\"],\"train_speakers\":[\"p\",\"q\"]},"
				    "{\"axes\":[\"frame\",\"lld\"],\"train_speakers\":[\"q\",\"r\"]}],"
				    "\"train_speakers\":[\"p\",\"q\",\"r\"]}");
	assert_non_null(ser_header_dim(&a, "y"));
	o.concat = NULL; /* A's x is another thing now */
	assert_int_equal(ser_join_header(j, &a, &e), SER_EDATA);
	o.suffix = "_b";
	assert_int_equal(ser_join_header(j, &a, &e), 0);
	assert_non_null(ser_header_dim(&a, "x_b"));
	ser_join_free(j);
	ser_buf_free(&json);
	ser_header_free(&a);
	ser_header_free(&b);
}

/* Pairs of training sets are numbered up to 4096 of them. */
static void pairs_of_sets(void **state)
{
	struct ser_header h[2];
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct ser_val sets = ser_val_list();
		ser_header_init(&h[i]);
		for (int k = 0; k < 64; k++)
			ser_val_push(&h[i].arena, &sets, ser_val_list());
		ser_val_set(&h[i].arena, ser_header_dim_add(&h[i], "x"), "train_sets", sets);
	}
	assert_int_equal(ser_header_join_sets(&h[0], &h[1]), 64);
	ser_val_push(&h[1].arena, ser_val_get(ser_header_dim(&h[1], "x"), "train_sets"), ser_val_list());
	assert_int_equal(ser_header_train_sets(&h[1]), 65);
	assert_int_equal(ser_header_join_sets(&h[0], &h[1]), 1);
	for (int i = 0; i < 2; i++)
		ser_header_free(&h[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which_pass), cmocka_unit_test(fields),        cmocka_unit_test(tensors),
		cmocka_unit_test(headers),    cmocka_unit_test(pairs_of_sets),
	};
	return cmocka_run_group_tests_name("join", tests, NULL, NULL);
}
