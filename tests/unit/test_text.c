/* SPDX-License-Identifier: MIT */
/* Ids of texts against the tokenizers library (tests/ref/tokenizer.py): byte-level BPE with RoBERTa's ids, WordPiece with and without
 * capitals, a vocabulary of one's own; and what is refused. */
#include "text/text.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static json_t *golden;
static const json_t *texts, *bytes;
static char folder[] = "/tmp/test_text.XXXXXX";

static int setup(void **state)
{
	(void)state;
	golden = json_load_file("tests/golden/tokenize.json", 0, NULL);
	texts = json_object_get(golden, "text");
	bytes = json_object_get(golden, "bytes");
	return texts == NULL || bytes == NULL || mkdtemp(folder) == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(golden);
	return rmdir(folder);
}

static size_t n_text(void)
{
	return json_array_size(texts) + json_array_size(bytes);
}

/* Text i: those of the golden file, then its bytes that are no UTF-8. */
static void text_at(size_t i, struct ser_buf *b)
{
	size_t n = json_array_size(texts);
	b->n = 0;
	ser_buf_str(b, "");
	if (i < n) {
		const json_t *s = json_array_get(texts, i);
		ser_buf_add(b, json_string_value(s), json_string_length(s));
		return;
	}
	for (const char *h = json_string_value(json_array_get(bytes, i - n)); *h != '\0'; h += 2)
		ser_buf_add(b, &(char){(char)strtol((char[]){h[0], h[1], 0}, NULL, 16)}, 1);
}

static struct ser_tokenizer *parse(const json_t *j)
{
	struct ser_tokenizer *t;
	struct ser_err e;
	char *s = json_dumps(j, 0);
	if (ser_tokenizer_parse(&t, s, strlen(s), "golden", &e) != SER_OK)
		fail_msg("%s", e.msg);
	free(s);
	return t;
}

static struct ser_tokenizer *golden_bpe(void)
{
	return parse(json_object_get(golden, "tokenizer"));
}

/* A vocab.txt, a token a line */
static struct ser_tokenizer *golden_wordpiece(const char *name)
{
	char path[64];
	struct ser_tokenizer *t;
	struct ser_err e;
	const json_t *v = json_object_get(golden, name);
	snprintf(path, sizeof path, "%s/vocab.txt", folder);
	FILE *f = fopen(path, "w");
	for (size_t i = 0; i < json_array_size(v); i++)
		fprintf(f, "%s\n", json_string_value(json_array_get(v, i)));
	fclose(f);
	int rc = ser_tokenizer_open(&t, path, &e);
	unlink(path);
	if (rc != SER_OK)
		fail_msg("%s", e.msg);
	return t;
}

/* Every text has the golden ids. */
static void check(const struct ser_tokenizer *t, const char *name)
{
	const json_t *want = json_object_get(golden, name);
	struct ser_tokens y = {0};
	struct ser_buf text = {0};
	assert_int_equal(json_array_size(want), n_text());
	for (size_t i = 0; i < n_text(); i++) {
		const json_t *w = json_array_get(want, i);
		text_at(i, &text);
		ser_tokenizer_encode(t, text.s, text.n, 0, false, &y);
		assert_false(y.cut);
		for (size_t k = 0; k < y.n || k < json_array_size(w); k++)
			if (y.n != json_array_size(w) || y.id[k] != json_integer_value(json_array_get(w, k)))
				fail_msg("%s, text %zu \"%s\": token %zu of %zu differs", name, i, text.s, k, y.n);
	}
	ser_buf_free(&text);
	ser_tokens_free(&y);
}

/* What is written reads back as the same. */
static void check_written(const struct ser_tokenizer *t, const char *name)
{
	struct ser_tokenizer *again;
	struct ser_buf one = {0}, two = {0};
	struct ser_err e;
	ser_tokenizer_json(t, &one);
	if (ser_tokenizer_parse(&again, one.s, one.n, "written", &e) != SER_OK)
		fail_msg("%s", e.msg);
	check(again, name);
	ser_tokenizer_json(again, &two);
	assert_string_equal(one.s, two.s);
	assert_int_equal(ser_tokenizer_limit(t), ser_tokenizer_limit(again));
	ser_tokenizer_close(again);
	ser_buf_free(&one);
	ser_buf_free(&two);
}

static void test_bpe(void **state)
{
	(void)state;
	struct ser_tokenizer *t = golden_bpe();
	check(t, "bpe");
	check_written(t, "bpe");
	assert_string_equal(ser_tokenizer_kind(t), "BPE");
	assert_int_equal(ser_tokenizer_size(t), 50265);
	assert_int_equal(ser_tokenizer_around(t), 2);
	assert_int_equal(ser_tokenizer_id(t, "<mask>"), 50264);
	assert_int_equal(ser_tokenizer_id(t, "<nothing>"), -1);
	ser_tokenizer_close(t);
}

static void test_wordpiece(void **state)
{
	(void)state;
	static const char *const name[][2] = {{"cased_vocab", "cased"}, {"uncased_vocab", "uncased"}};
	for (int i = 0; i < 2; i++) {
		struct ser_tokenizer *t = golden_wordpiece(name[i][0]);
		assert_string_equal(ser_tokenizer_kind(t), "WordPiece");
		check(t, name[i][1]);
		check_written(t, name[i][1]);
		ser_tokenizer_close(t);
	}
}

/* The three ways to write BPE down give the same ids. */
static void put(const char *name, const char *text)
{
	char path[64];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

static void drop(const char *name)
{
	char path[64];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	unlink(path);
}

static void test_folders(void **state)
{
	(void)state;
	const json_t *model = json_object_get(json_object_get(golden, "tokenizer"), "model"), *m;
	json_t *vocab = json_object_get(model, "vocab"), *gpt2 = json_object(), *id;
	struct ser_buf merges = {0}, dict = {0};
	struct ser_tokenizer *t;
	struct ser_err e;
	const char *token;
	size_t i;
	ser_buf_str(&merges, "#version: 0.2\n");
	json_array_foreach(json_object_get(model, "merges"), i, m) ser_buf_printf(
		&merges, "%s %s\n", json_string_value(json_array_get(m, 0)), json_string_value(json_array_get(m, 1)));
	/* fairseq: line k is of the token whose id is 4 + k; GPT-2's number of it is 7 k here */
	json_object_foreach(vocab, token, id) if (token[0] != '<' || strchr(token, '>') == NULL)
		json_object_set_new(gpt2, token, json_integer(7 * (json_integer_value(id) - 4)));
	for (int k = 0; k < 50260; k++)
		ser_buf_printf(&dict, "%d 1\n", 7 * k);
	char *v = json_dumps(vocab, 0), *g = json_dumps(gpt2, 0);
	put("vocab.json", v);
	put("merges.txt", merges.s);
	put("tokenizer_config.json", "{\"model_max_length\": 512, \"add_prefix_space\": false}");
	if (ser_tokenizer_open(&t, folder, &e) != SER_OK)
		fail_msg("%s", e.msg);
	check(t, "bpe");
	check_written(t, "bpe");
	assert_int_equal(ser_tokenizer_limit(t), 512);
	ser_tokenizer_close(t);
	drop("vocab.json");
	drop("merges.txt");
	drop("tokenizer_config.json");
	put("encoder.json", g);
	put("vocab.bpe", merges.s);
	put("dict.txt", dict.s);
	if (ser_tokenizer_open(&t, folder, &e) != SER_OK)
		fail_msg("%s", e.msg);
	check(t, "bpe");
	assert_int_equal(ser_tokenizer_id(t, "<mask>"), 50264);
	ser_tokenizer_close(t);
	drop("encoder.json");
	drop("vocab.bpe");
	drop("dict.txt");
	assert_int_equal(ser_tokenizer_open(&t, folder, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "no tokenizer.json"));
	free(v);
	free(g);
	json_decref(gpt2);
	ser_buf_free(&merges);
	ser_buf_free(&dict);
}

/* All of GPT-2's and RoBERTa's files, where they are. */
static void test_whole(void **state)
{
	(void)state;
	struct ser_tokenizer *t;
	struct ser_err e;
	struct stat st;
	if (stat("../shared/encoders/bpe", &st) != 0) {
		print_message("skipped: no ../shared/encoders/bpe\n");
		skip();
	}
	if (ser_tokenizer_open(&t, "../shared/encoders/bpe", &e) != SER_OK)
		fail_msg("%s", e.msg);
	check(t, "bpe");
	json_t *vectors = json_load_file("../shared/encoders/oracle/bpe_vectors.json", 0, NULL), *v;
	struct ser_tokens y = {0};
	size_t i;
	json_array_foreach(vectors, i, v)
	{
		const json_t *text = json_object_get(v, "text"), *want = json_object_get(v, "roberta");
		ser_tokenizer_encode(t, json_string_value(text), json_string_length(text), 0, false, &y);
		assert_int_equal(y.n, json_array_size(want));
		for (size_t k = 0; k < y.n; k++)
			assert_int_equal(y.id[k], json_integer_value(json_array_get(want, k)));
	}
	ser_tokens_free(&y);
	json_decref(vectors);
	ser_tokenizer_close(t);
}

static void test_decode(void **state)
{
	(void)state;
	struct ser_tokenizer *t = golden_bpe(), *w = golden_wordpiece("uncased_vocab");
	struct ser_tokens y = {0};
	struct ser_buf text = {0}, back = {0};
	struct ser_err e;
	for (size_t i = 0; i < json_array_size(texts); i++) {
		text_at(i, &text);
		ser_tokenizer_encode(t, text.s, text.n, 0, false, &y);
		back.n = 0;
		ser_buf_str(&back, "");
		assert_int_equal(ser_tokenizer_decode(t, y.id, y.n, &back, &e), SER_OK);
		assert_string_equal(back.s, text.s);
	}
	ser_tokenizer_encode(w, "I'm  so HAPPY", 13, 0, false, &y);
	back.n = 0;
	assert_int_equal(ser_tokenizer_decode(w, y.id, y.n, &back, &e), SER_OK);
	assert_string_equal(back.s, "i ' m so happy");
	assert_int_equal(ser_tokenizer_decode(t, (int32_t[]){0, 50263}, 2, &back, &e), SER_EDATA);
	assert_string_equal(e.msg, "id 50263 at 1 has no token");
	ser_tokens_free(&y);
	ser_buf_free(&text);
	ser_buf_free(&back);
	ser_tokenizer_close(t);
	ser_tokenizer_close(w);
}

static void same(const struct ser_tokens *y, size_t n, const int32_t *want)
{
	assert_int_equal(y->n, n);
	assert_memory_equal(y->id, want, n * sizeof *want);
}

static void test_cut(void **state)
{
	(void)state;
	struct ser_tokenizer *t = golden_bpe();
	struct ser_tokens y = {0};
	const char *text = "Hello world! The emotion is angry.";
	for (size_t max = 2; max < 11; max++) {
		static const int32_t all[] = {0, 31414, 232, 328, 20, 11926, 16, 5800, 4, 2};
		ser_tokenizer_encode(t, text, strlen(text), max, false, &y);
		assert_int_equal(y.n, max < 10 ? max : 10);
		assert_int_equal(y.cut, max < 10);
		assert_memory_equal(y.id, all, (y.n - 1) * sizeof *all);
		assert_int_equal(y.id[y.n - 1], 2);
	}
	ser_tokens_free(&y);
	ser_tokenizer_close(t);
}

/* Names of special tokens are text, unless they are meant. <mask> takes the white space before it. */
static void test_special(void **state)
{
	(void)state;
	json_t *j = json_deep_copy(json_object_get(golden, "tokenizer"));
	json_array_append_new(json_object_get(j, "added_tokens"),
			      json_pack("{s:i,s:s}", "id", 50265, "content", "#joy"));
	struct ser_tokenizer *t = parse(j);
	struct ser_tokens y = {0};
	struct ser_buf back = {0};
	ser_tokenizer_encode(t, "a \t<mask><s>a#joy", 17, 0, true, &y);
	same(&y, 7, (int32_t[]){0, 102, 50264, 0, 102, 50265, 2});
	assert_int_equal(ser_tokenizer_decode(t, y.id, y.n, &back, NULL), SER_OK);
	assert_string_equal(back.s, "aa#joy");
	ser_tokenizer_encode(t, "<s>", 3, 0, false, &y);
	assert_true(y.n > 3);
	for (size_t i = 1; i + 1 < y.n; i++)
		assert_true(y.id[i] > 3 && y.id[i] < 50264);
	ser_tokens_free(&y);
	ser_buf_free(&back);
	ser_tokenizer_close(t);
	json_decref(j);
}

static void test_train(void **state)
{
	(void)state;
	const json_t *want = json_object_get(golden, "trained"), *v;
	struct ser_tokenizer_trainer *r = ser_tokenizer_trainer_new();
	struct ser_buf text = {0}, json = {0};
	for (size_t i = 0; i < json_array_size(texts); i++) {
		text_at(i, &text);
		ser_tokenizer_trainer_add(r, text.s, text.n);
	}
	struct ser_tokenizer *t = ser_tokenizer_train(r, (size_t)json_integer_value(json_object_get(want, "size")));
	ser_tokenizer_json(t, &json);
	json_t *got = json_loads(json.s, 0, NULL);
	v = json_object_get(got, "model");
	assert_true(json_equal(json_object_get(v, "vocab"), json_object_get(want, "vocab")));
	assert_true(json_equal(json_object_get(v, "merges"), json_object_get(want, "merges")));
	ser_tokenizer_close(t);
	t = ser_tokenizer_train(r, SER_TOKENIZER_LEAST); /* bytes alone */
	assert_int_equal(ser_tokenizer_size(t), SER_TOKENIZER_LEAST);
	ser_tokenizer_close(t);
	ser_tokenizer_trainer_free(r);

	/* no merges make the name of a special token */
	r = ser_tokenizer_trainer_new();
	for (int i = 0; i < 9; i++)
		ser_tokenizer_trainer_add(r, "<s>", 3);
	t = ser_tokenizer_train(r, 300);
	struct ser_tokens y = {0};
	ser_tokenizer_encode(t, "<s>", 3, 0, false, &y);
	for (size_t i = 1; i + 1 < y.n; i++)
		assert_true(y.id[i] >= 5);
	ser_tokens_free(&y);
	ser_tokenizer_close(t);
	ser_tokenizer_trainer_free(r);
	json_decref(got);
	ser_buf_free(&text);
	ser_buf_free(&json);
}

/* A change of the golden tokenizer.json, and what is said of it */
static void refuse(const char *where, const char *name, json_t *value, const char *said)
{
	json_t *j = json_deep_copy(json_object_get(golden, "tokenizer"));
	struct ser_tokenizer *t;
	struct ser_err e;
	json_object_set_new(where != NULL ? json_object_get(j, where) : j, name, value);
	char *s = json_dumps(j, 0);
	assert_int_equal(ser_tokenizer_parse(&t, s, strlen(s), "x.json", &e), SER_EDATA);
	assert_null(t);
	if (strstr(e.msg, said) == NULL || strncmp(e.msg, "x.json: ", 8) != 0)
		fail_msg("\"%s\" does not say \"%s\"", e.msg, said);
	free(s);
	json_decref(j);
}

static void test_refused(void **state)
{
	(void)state;
	struct ser_tokenizer *t;
	struct ser_err e;
	refuse("model", "type", json_string("Unigram"), "\"Unigram\" is not supported");
	refuse("model", "byte_fallback", json_true(), "\"byte_fallback\" is not supported");
	refuse("model", "merges", json_pack("[s]", "a"), "merge 1, \"a\", is not two tokens");
	refuse("model", "merges", json_pack("[s]", "a b c"), "is not two tokens");
	refuse("model", "merges", json_pack("[[s,s]]", "a", "nothing"), "that the vocabulary does not have");
	refuse("model", "merges", json_pack("[[s,s],[s,s]]", "h", "e", "h", "e"), "came before");
	refuse(NULL, "model", json_pack("{s:s,s:{},s:[]}", "type", "BPE", "vocab", "merges"),
	       "no token \"\xc4\x80\", for byte 0");
	refuse("model", "vocab", json_pack("{s:i}", "a", -1), "token \"a\": no id");
	refuse("model", "vocab", json_pack("{s:I}", "a", (json_int_t)1 << 40), "token \"a\": no id");
	refuse(NULL, "normalizer", json_pack("{s:s}", "type", "NFC"), "\"NFC\" is not supported");
	refuse(NULL, "pre_tokenizer", json_null(), "pre_tokenizer: \"\" is not supported");
	refuse(NULL, "post_processor", json_pack("{s:s}", "type", "Sequence"), "\"Sequence\" is not supported");
	refuse(NULL, "post_processor", json_pack("{s:s,s:[]}", "type", "TemplateProcessing", "single"),
	       "is not around one text");
	refuse(NULL, "added_tokens", json_pack("[{s:i,s:s}]", "id", 0, "content", ""), "no content");
	refuse(NULL, "added_tokens", json_pack("[{s:i,s:s}]", "id", 0, "content", "x y"), "have the same id, 0");
	refuse(NULL, "model", json_null(), "no \"model\"");
	assert_int_equal(ser_tokenizer_parse(&t, "[]", 2, "x.json", &e), SER_EDATA);
	assert_int_equal(ser_tokenizer_parse(&t, "{", 1, "x.json", &e), SER_EDATA);
	assert_int_equal(ser_tokenizer_open(&t, "/nowhere", &e), SER_EIO);
	put("vocab.txt", "[CLS]\n[SEP]\nx\n");
	assert_int_equal(ser_tokenizer_open(&t, folder, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "no vocabulary of WordPiece"));
	put("vocab.txt", "[CLS]\n\xff\n");
	assert_int_equal(ser_tokenizer_open(&t, folder, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "vocab.txt:2: no token in UTF-8"));
	drop("vocab.txt");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bpe),     cmocka_unit_test(test_wordpiece), cmocka_unit_test(test_folders),
		cmocka_unit_test(test_whole),   cmocka_unit_test(test_decode),    cmocka_unit_test(test_cut),
		cmocka_unit_test(test_special), cmocka_unit_test(test_train),     cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
