/* SPDX-License-Identifier: MIT */
#include "corpus/corpus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

enum { MAX_N = 400 };

/* Number the folds by their first record: which of several empty folds a speaker opens is open. */
static void renumber(size_t *fold, size_t n)
{
	size_t to[16], next = 0;
	for (int i = 0; i < 16; i++)
		to[i] = SIZE_MAX;
	for (size_t i = 0; i < n; i++) {
		assert_true(fold[i] < 16);
		if (to[fold[i]] == SIZE_MAX)
			to[fold[i]] = next++;
		fold[i] = to[fold[i]];
	}
}

/* tests/golden/folds.txt, made by tests/ref/folds.py */
static void test_spread_as_scikit_learn(void **state)
{
	(void)state;
	FILE *f = fopen("tests/golden/folds.txt", "r");
	assert_non_null(f);
	size_t n, k, cases = 0;
	while (fscanf(f, " case %zu %zu", &n, &k) == 2) {
		static size_t group[MAX_N], label[MAX_N], want[MAX_N], got[MAX_N];
		size_t n_group = 0, n_label = 0;
		assert_true(n <= MAX_N);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(fscanf(f, "%zu %zu %zu", &group[i], &label[i], &want[i]), 3);
			n_group = group[i] >= n_group ? group[i] + 1 : n_group;
			n_label = label[i] >= n_label ? label[i] + 1 : n_label;
		}
		double w[16];
		for (size_t p = 0; p < k; p++)
			w[p] = 0.25;
		assert_int_equal(ser_fold_spread(n, group, n_group, label, n_label, w, k, NULL, got, NULL), 0);
		renumber(want, n);
		renumber(got, n);
		for (size_t i = 0; i < n; i++)
			if (got[i] != want[i])
				fail_msg("case %zu, record %zu: fold %zu, scikit-learn has %zu", cases, i, got[i],
					 want[i]);
		cases++;
	}
	fclose(f);
	assert_int_equal(cases, 5);
}

/* Unequal weights, shuffling: no group is cut, no part is empty, shares are near the weights. */
static void test_spread_weights(void **state)
{
	(void)state;
	static size_t group[2000], label[2000], part[2000], again[2000];
	struct ser_rng r;
	ser_rng_seed(&r, 3);
	for (size_t i = 0; i < 2000; i++) {
		group[i] = i < 50 ? i : (size_t)ser_rng_below(&r, 50);
		label[i] = (size_t)ser_rng_below(&r, 4);
	}
	const double w[3] = {2, 1, 7};
	for (uint64_t seed = 0; seed < 5; seed++) {
		ser_rng_seed(&r, seed);
		assert_int_equal(ser_fold_spread(2000, group, 50, label, 4, w, 3, &r, part, NULL), 0);
		size_t count[3][4] = {{0}};
		for (size_t i = 0; i < 2000; i++) {
			count[part[i]][label[i]]++;
			assert_int_equal(part[i], part[group[i]]); /* record g < 50 is of group g */
		}
		for (int c = 0; c < 4; c++) {
			double all = (double)(count[0][c] + count[1][c] + count[2][c]);
			for (int p = 0; p < 3; p++) {
				double share = (double)count[p][c] / all;
				assert_true(share > w[p] / 10 - 0.06 && share < w[p] / 10 + 0.06);
			}
		}
		ser_rng_seed(&r, seed);
		ser_fold_spread(2000, group, 50, label, 4, w, 3, &r, again, NULL);
		assert_memory_equal(part, again, sizeof part);
	}
	/* 24 speakers that are all alike: 4 in each of 6 folds, in turns */
	for (size_t i = 0; i < 24 * 8; i++) {
		group[i] = i / 8;
		label[i] = i % 8;
	}
	assert_int_equal(
		ser_fold_spread(24 * 8, group, 24, label, 8, (double[]){1, 1, 1, 1, 1, 1}, 6, NULL, part, NULL), 0);
	for (size_t i = 0; i < 24 * 8; i++)
		assert_int_equal(part[i], group[i] % 6);
	/* two speakers and a small share: both parts get one all the same */
	const size_t g2[4] = {0, 0, 0, 1}, l2[4] = {0, 0, 0, 0};
	const double w2[2] = {0.1, 0.9};
	/* the third group balances either way: it goes where less is of what there should be, 5 of 4/7 against 5 of 3/7 */
	static const size_t g3[14] = {0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2},
			    l3[14] = {0, 0, 0, 0, 1, 0, 1, 1, 1, 1, 0, 0, 1, 1};
	assert_int_equal(ser_fold_spread(14, g3, 3, l3, 2, (double[]){4, 3}, 2, NULL, part, NULL), 0);
	assert_true(part[0] == 0 && part[5] == 1 && part[10] == 0);
	assert_int_equal(ser_fold_spread(4, g2, 2, l2, 1, w2, 2, NULL, part, NULL), 0);
	assert_int_equal(part[0], 1);
	assert_int_equal(part[3], 0);
	struct ser_err e = {0};
	assert_int_equal(ser_fold_spread(4, g2, 2, l2, 1, w, 3, NULL, part, &e), SER_EUSAGE);
}

static void test_codes(void **state)
{
	(void)state;
	static const char *const s[] = {"b", "a", "b", "B", "aa"};
	size_t code[5];
	const char **name;
	assert_int_equal(ser_fold_codes(s, 5, code, &name), 4);
	static const size_t want[] = {3, 1, 3, 0, 2};
	assert_memory_equal(code, want, sizeof want);
	assert_string_equal(name[0], "B");
	assert_string_equal(name[3], "b");
	free(name);
	assert_int_equal(ser_fold_codes(s, 0, code, NULL), 0);
}

static void test_subsets(void **state)
{
	(void)state;
	enum { N = 1000 };
	static char text[N][16];
	static const char *id[N];
	static size_t label[N];
	static int level[N], other[N];
	static bool want[N];
	static const int percent[] = {1, 5, 10, 25, 50, 100};
	for (int i = 0; i < N; i++) {
		snprintf(text[i], sizeof text[i], "u%d", i);
		id[i] = text[i];
		label[i] = i < 20 ? 0 : i < 300 ? 1 : 2;
		want[i] = i % 10 != 0;
	}
	ser_fold_subsets(N, id, label, 3, NULL, percent, 6, 5, level);
	static const size_t n_label[] = {20, 280, 700};
	for (size_t c = 0; c < 3; c++)
		for (size_t p = 0; p < 6; p++) {
			size_t n = 0, expected = (n_label[c] * (size_t)percent[p] + 50) / 100;
			for (int i = 0; i < N; i++)
				n += label[i] == c && level[i] <= percent[p];
			assert_int_equal(n, expected > 0 ? expected : 1);
		}
	/* another order of the records, the same subsets; another seed, others */
	for (int i = 0; i < N; i++)
		id[i] = text[N - 1 - i];
	for (int i = 0; i < N / 2; i++) {
		size_t t = label[i];
		label[i] = label[N - 1 - i];
		label[N - 1 - i] = t;
	}
	ser_fold_subsets(N, id, label, 3, NULL, percent, 6, 5, other);
	for (int i = 0; i < N; i++)
		assert_int_equal(other[i], level[N - 1 - i]);
	ser_fold_subsets(N, id, label, 3, NULL, percent, 6, 6, level);
	assert_memory_not_equal(other, level, sizeof level);
	ser_fold_subsets(N, id, label, 3, want, percent, 6, 6, level);
	for (int i = 0; i < N; i++)
		assert_int_equal(level[i] == 0, !want[i]);
}

static void test_shared(void **state)
{
	(void)state;
	const size_t part[] = {0, 1, 0, 1, SIZE_MAX, 0}, value[] = {0, 0, 1, 2, 1, SIZE_MAX};
	bool shared[3];
	assert_int_equal(ser_fold_shared(6, part, value, 3, shared), 1);
	assert_true(shared[0] && !shared[1] && !shared[2]);
}

static void write_list(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_lists(void **state)
{
	(void)state;
	char dir[] = "/tmp/ser-test-folds-XXXXXX", path[128];
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	for (int k = 1; k <= 10; k += 9) {
		snprintf(path, sizeof path, "fold_%d", k);
		mkdir(path, 0777);
	}
	write_list("fold_1/x_train_fold_1.jsonl", "{\"key\": \"x-a\", \"dataset\": \"x\"}\n\n{\"key\": \"b\"}");
	write_list("fold_1/x_test_fold_1.jsonl", "{\"key\": \"?\", \"wav\": \"d/c.wav\"}\n{\"key\": \"zz\"}\n");
	write_list("fold_10/x_train_fold_10.jsonl", "{\"key\": \"c\"}\n");
	write_list("fold_10/x_test_fold_10.jsonl", "{\"key\": \"a\"}\n");
	static const char *const id[] = {"a", "b", "c"};
	struct ser_fold_lists l;
	struct ser_err e = {0};
	assert_int_equal(ser_fold_lists_read(&l, ".", 3, id, &e), 0);
	assert_int_equal(l.n_fold, 2);
	assert_int_equal(l.fold[0], 1);
	assert_int_equal(l.fold[1], 10);
	assert_int_equal(l.n_unknown, 1);
	assert_memory_equal(l.part[0], ((unsigned char[]){SER_FOLD_TRAIN, SER_FOLD_TRAIN, SER_FOLD_TEST}), 3);
	assert_memory_equal(l.part[1], ((unsigned char[]){SER_FOLD_TEST, SER_FOLD_NONE, SER_FOLD_TRAIN}), 3);
	ser_fold_lists_free(&l);
	write_list("fold_10/x_test_fold_10.jsonl", "{\"key\": \"c\"}\n");
	assert_int_equal(ser_fold_lists_read(&l, ".", 3, id, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "twice"));
	write_list("fold_10/x_test_fold_10.jsonl", "{\"key\": \"c\"\n");
	assert_int_equal(ser_fold_lists_read(&l, ".", 3, id, &e), SER_EDATA);
	unlink("fold_10/x_test_fold_10.jsonl");
	assert_int_equal(ser_fold_lists_read(&l, ".", 3, id, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "no list"));
	assert_int_equal(ser_fold_lists_read(&l, "fold_1", 3, id, &e), SER_EDATA);
	assert_int_equal(ser_fold_lists_read(&l, "gone", 3, id, &e), SER_EIO);
	unlink("fold_1/x_train_fold_1.jsonl");
	unlink("fold_1/x_test_fold_1.jsonl");
	unlink("fold_10/x_train_fold_10.jsonl");
	rmdir("fold_1");
	rmdir("fold_10");
	assert_int_equal(chdir("/"), 0);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spread_as_scikit_learn),
		cmocka_unit_test(test_spread_weights),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_subsets),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
