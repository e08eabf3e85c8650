/* SPDX-License-Identifier: MIT */
/* Vocabularies' files. What a file asks for that is not done here is refused by name. */
#include "text/private.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE = 1 << 28 };

/* ---- JSON ---- */

static json_t *parse(const char *text, size_t n, const char *name, struct ser_err *e)
{
	json_error_t bad;
	json_t *j = json_loadb(text, n, JSON_REJECT_DUPLICATES, &bad);
	if (j == NULL)
		ser_fail(e, SER_EDATA, "%s: bad JSON: line %d: %s", name, bad.line, bad.text);
	else if (!json_is_object(j))
		ser_fail(e, SER_EDATA, "%s: is no JSON object", name);
	else
		return j;
	json_decref(j);
	return NULL;
}

/* A member that may be missing or null */
static const json_t *get(const json_t *j, const char *name)
{
	const json_t *v = json_object_get(j, name);
	return json_is_null(v) ? NULL : v;
}

static const char *get_str(const json_t *j, const char *name)
{
	const char *s = json_string_value(get(j, name));
	return s != NULL ? s : "";
}

static bool get_bool(const json_t *j, const char *name, bool otherwise)
{
	const json_t *v = get(j, name);
	return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

static bool is_id(const json_t *v)
{
	return json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) < MAX_ID;
}

/* The object of tokens and their ids; of_id (may be NULL) gives the ids that they get. */
static int take_vocab(struct ser_tokenizer *t, const json_t *vocab, const struct ser_map *line, struct ser_err *e)
{
	const char *text;
	json_t *id;
	char number[24];
	if (!json_is_object(vocab))
		return ser_fail(e, SER_EDATA, "no object of tokens and ids");
	json_object_foreach((json_t *)(uintptr_t)vocab, text, id)
	{
		if (!is_id(id))
			return ser_fail(e, SER_EDATA, "token \"%.100s\": no id below %d", text, MAX_ID);
		json_int_t i = json_integer_value(id);
		if (line != NULL) {
			snprintf(number, sizeof number, "%lld", (long long)i);
			i = ser_map_find(line, number, strlen(number));
			if (i < 0)
				return ser_fail(e, SER_EDATA, "dict.txt has no line for token \"%.100s\", %s", text,
						number);
			i += 4;
		}
		ser_tokenizer_set(t, text, strlen(text), (int32_t)i);
	}
	return SER_OK;
}

static int add_merge(struct ser_tokenizer *t, const char *a, size_t n_a, const char *b, size_t n_b, struct ser_err *e)
{
	struct ser_buf both = {0};
	ser_buf_add(&both, a, n_a);
	ser_buf_add(&both, b, n_b);
	int32_t x = ser_tokenizer_find(t, a, n_a), y = ser_tokenizer_find(t, b, n_b);
	int32_t to = ser_tokenizer_find(t, both.s, both.n);
	ser_buf_free(&both);
	if (x == NO_ID || y == NO_ID || to == NO_ID)
		return ser_fail(e, SER_EDATA,
				"merge %zu, \"%.*s %.*s\", is of tokens that the vocabulary does not have",
				t->merges.n + 1, (int)(n_a < 100 ? n_a : 100), a, (int)(n_b < 100 ? n_b : 100), b);
	if (!ser_merges_add(&t->merges, x, y, to))
		return ser_fail(e, SER_EDATA, "merge %zu, \"%.*s %.*s\", came before", t->merges.n + 1,
				(int)(n_a < 100 ? n_a : 100), a, (int)(n_b < 100 ? n_b : 100), b);
	return SER_OK;
}

/* "a b" */
static int add_merge_line(struct ser_tokenizer *t, const char *s, size_t n, struct ser_err *e)
{
	const char *blank = memchr(s, ' ', n);
	if (blank == NULL || blank == s || blank + 1 == s + n || memchr(blank + 1, ' ', (size_t)(s + n - blank - 1)))
		return ser_fail(e, SER_EDATA, "merge %zu, \"%.*s\", is not two tokens with a blank between",
				t->merges.n + 1, (int)(n < 100 ? n : 100), s);
	return add_merge(t, s, (size_t)(blank - s), blank + 1, (size_t)(s + n - blank - 1), e);
}

/* ---- tokenizer.json ---- */

/* Is the member absent, null, false, 0 or ""? */
static bool off(const json_t *j, const char *name)
{
	const json_t *v = get(j, name);
	return v == NULL || json_is_false(v) || (json_is_string(v) && json_string_length(v) == 0);
}

static int take_bpe(struct ser_tokenizer *t, const json_t *model, struct ser_err *e)
{
	static const char *const not_done[] = {"dropout", "continuing_subword_prefix", "end_of_word_suffix",
					       "byte_fallback", "ignore_merges"};
	const json_t *merges = get(model, "merges");
	for (size_t i = 0; i < sizeof not_done / sizeof *not_done; i++)
		if (!off(model, not_done[i]))
			return ser_fail(e, SER_EDATA, "model: \"%s\" is not supported", not_done[i]);
	if (take_vocab(t, get(model, "vocab"), NULL, e) != SER_OK)
		return ser_fail_in(e, "model: vocab");
	if (!json_is_array(merges))
		return ser_fail(e, SER_EDATA, "model: no list of merges");
	for (size_t i = 0; i < json_array_size(merges); i++) {
		const json_t *m = json_array_get(merges, i), *a = json_array_get(m, 0), *b = json_array_get(m, 1);
		int rc;
		if (json_is_string(m))
			rc = add_merge_line(t, json_string_value(m), json_string_length(m), e);
		else if (json_array_size(m) == 2 && json_is_string(a) && json_is_string(b))
			rc = add_merge(t, json_string_value(a), json_string_length(a), json_string_value(b),
				       json_string_length(b), e);
		else
			rc = ser_fail(e, SER_EDATA, "merge %zu is not two tokens", i + 1);
		if (rc != SER_OK)
			return ser_fail_in(e, "model");
	}
	return SER_OK;
}

static int take_wordpiece(struct ser_tokenizer *t, const json_t *model, struct ser_err *e)
{
	const json_t *most = get(model, "max_input_chars_per_word");
	if (strcmp(get_str(model, "continuing_subword_prefix"), "##") != 0)
		return ser_fail(e, SER_EDATA, "model: continuing_subword_prefix is not \"##\"");
	if (take_vocab(t, get(model, "vocab"), NULL, e) != SER_OK)
		return ser_fail_in(e, "model: vocab");
	const char *unk = get_str(model, "unk_token");
	t->unk = ser_tokenizer_find(t, unk, strlen(unk));
	if (t->unk == NO_ID)
		return ser_fail(e, SER_EDATA, "model: unk_token is no token of the vocabulary");
	t->most = 100;
	if (json_is_integer(most) && json_integer_value(most) > 0)
		t->most = (size_t)json_integer_value(most);
	return SER_OK;
}

static int take_added(struct ser_tokenizer *t, const json_t *list, struct ser_err *e)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *a = json_array_get(list, i), *id = get(a, "id");
		const char *text = get_str(a, "content");
		if (!is_id(id) || text[0] == '\0')
			return ser_fail(e, SER_EDATA, "added_tokens: %zu: no content, or no id", i + 1);
		ser_tokenizer_set_added(t, text, strlen(text),
					(struct ser_added){(int32_t)json_integer_value(id),
							   get_bool(a, "special", false), get_bool(a, "lstrip", false),
							   get_bool(a, "rstrip", false)});
	}
	return SER_OK;
}

static int take_normalizer(struct ser_tokenizer *t, const json_t *j, struct ser_err *e)
{
	if (t->type == BPE)
		return j == NULL ? SER_OK
				 : ser_fail(e, SER_EDATA, "normalizer: \"%.100s\" is not supported with BPE",
					    get_str(j, "type"));
	if (strcmp(get_str(j, "type"), "BertNormalizer") != 0)
		return ser_fail(e, SER_EDATA, "normalizer: \"%.100s\" is not supported", get_str(j, "type"));
	t->clean = get_bool(j, "clean_text", true);
	t->cjk = get_bool(j, "handle_chinese_chars", true);
	t->lower = get_bool(j, "lowercase", true);
	t->strip = get_bool(j, "strip_accents", t->lower);
	return SER_OK;
}

static int take_pre_tokenizer(struct ser_tokenizer *t, const json_t *j, struct ser_err *e)
{
	const char *type = get_str(j, "type"), *want = t->type == BPE ? "ByteLevel" : "BertPreTokenizer";
	if (strcmp(type, want) != 0)
		return ser_fail(e, SER_EDATA, "pre_tokenizer: \"%.100s\" is not supported, expected \"%s\"", type,
				want);
	if (!get_bool(j, "use_regex", true))
		return ser_fail(e, SER_EDATA, "pre_tokenizer: without use_regex is not supported");
	t->prefix_space = get_bool(j, "add_prefix_space", false);
	return SER_OK;
}

static int add_around(struct ser_tokenizer *t, bool before, const json_t *id, struct ser_err *e)
{
	size_t *n = before ? &t->before.n : &t->after.n;
	if (!is_id(id))
		return ser_fail(e, SER_EDATA, "post_processor: a special token without an id");
	if (*n == MAX_AROUND)
		return ser_fail(e, SER_EDATA, "post_processor: more than %d special tokens", MAX_AROUND);
	(before ? t->before.id : t->after.id)[(*n)++] = (int32_t)json_integer_value(id);
	return SER_OK;
}

static int take_template(struct ser_tokenizer *t, const json_t *j, struct ser_err *e)
{
	const json_t *single = get(j, "single"), *known = get(j, "special_tokens");
	int texts = 0;
	for (size_t i = 0; i < json_array_size(single); i++) {
		const json_t *item = json_array_get(single, i), *s = get(item, "SpecialToken");
		if (get(item, "Sequence") != NULL) {
			texts++;
			continue;
		}
		const json_t *ids = get(get(known, get_str(s, "id")), "ids");
		if (json_array_size(ids) == 0)
			return ser_fail(e, SER_EDATA, "post_processor: special token \"%.100s\" has no ids",
					get_str(s, "id"));
		for (size_t k = 0; k < json_array_size(ids); k++)
			if (add_around(t, texts == 0, json_array_get(ids, k), e) != SER_OK)
				return e->code;
	}
	return texts == 1 ? SER_OK : ser_fail(e, SER_EDATA, "post_processor: \"single\" is not around one text");
}

static int take_post_processor(struct ser_tokenizer *t, const json_t *j, struct ser_err *e)
{
	const char *type = get_str(j, "type");
	if (j == NULL || strcmp(type, "ByteLevel") == 0)
		return SER_OK;
	if (strcmp(type, "TemplateProcessing") == 0)
		return take_template(t, j, e);
	if (strcmp(type, "RobertaProcessing") != 0 && strcmp(type, "BertProcessing") != 0)
		return ser_fail(e, SER_EDATA, "post_processor: \"%.100s\" is not supported", type);
	if (add_around(t, true, json_array_get(get(j, "cls"), 1), e) != SER_OK)
		return e->code;
	return add_around(t, false, json_array_get(get(j, "sep"), 1), e);
}

static int take_json(struct ser_tokenizer **out, const json_t *j, struct ser_err *e)
{
	const json_t *model = get(j, "model"), *limit = get(get(j, "truncation"), "max_length");
	const char *type = get_str(model, "type");
	bool bpe = strcmp(type, "BPE") == 0;
	if (model == NULL)
		return ser_fail(e, SER_EDATA,
				"no \"model\": no tokenizer.json; a vocabulary in several files is given by "
				"their folder");
	if (!bpe && strcmp(type, "WordPiece") != 0)
		return ser_fail(e, SER_EDATA, "model: \"%.100s\" is not supported, expected BPE or WordPiece", type);
	struct ser_tokenizer *t = *out = ser_tokenizer_new(bpe ? BPE : WORDPIECE);
	if (json_is_integer(limit) && json_integer_value(limit) > 0)
		t->limit = (size_t)json_integer_value(limit);
	if ((bpe ? take_bpe(t, model, e) : take_wordpiece(t, model, e)) != SER_OK ||
	    take_added(t, get(j, "added_tokens"), e) != SER_OK ||
	    take_normalizer(t, get(j, "normalizer"), e) != SER_OK ||
	    take_pre_tokenizer(t, get(j, "pre_tokenizer"), e) != SER_OK ||
	    take_post_processor(t, get(j, "post_processor"), e) != SER_OK)
		return e->code;
	return SER_OK;
}

/* ---- what comes in several files ---- */

static char *join(const char *dir, const char *name)
{
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%s/%s", dir, name);
	return b.s;
}

static bool has(const char *dir, const char *name)
{
	char *path = join(dir, name);
	bool there = access(path, F_OK) == 0;
	free(path);
	return there;
}

static int read_in(const char *dir, const char *name, char **text, size_t *n, struct ser_err *e)
{
	char *path = join(dir, name);
	int rc = ser_read_file(path, MAX_FILE, text, n, e);
	free(path);
	return rc;
}

/* The next line without its end; false: there is none. */
static bool next_line(const char **at, const char *end, const char **s, size_t *n)
{
	if (*at >= end)
		return false;
	const char *nl = memchr(*at, '\n', (size_t)(end - *at));
	*s = *at;
	*n = (size_t)((nl != NULL ? nl : end) - *at);
	*at = nl != NULL ? nl + 1 : end;
	if (*n > 0 && (*s)[*n - 1] == '\r')
		--*n;
	return true;
}

static int take_merges(struct ser_tokenizer *t, const char *dir, const char *name, struct ser_err *e)
{
	char *text;
	size_t n, len;
	if (read_in(dir, name, &text, &n, e) != SER_OK)
		return e->code;
	const char *at = text, *s;
	int rc = SER_OK;
	while (rc == SER_OK && next_line(&at, text + n, &s, &len)) {
		bool version = s == text && len >= 8 && memcmp(s, "#version", 8) == 0;
		if (len > 0 && !version)
			rc = add_merge_line(t, s, len, e);
	}
	free(text);
	return rc == SER_OK ? rc : ser_fail_in(e, "%s/%s", dir, name);
}

static int take_vocab_file(struct ser_tokenizer *t, const char *dir, const char *name, const struct ser_map *line,
			   struct ser_err *e)
{
	char *text;
	size_t n;
	if (read_in(dir, name, &text, &n, e) != SER_OK)
		return e->code;
	json_t *j = parse(text, n, name, e);
	int rc = j == NULL ? e->code : take_vocab(t, j, line, e);
	free(text);
	json_decref(j);
	return rc == SER_OK ? rc : ser_fail_in(e, "%s/%s", dir, name);
}

static void set_special(struct ser_tokenizer *t, const char *text, int32_t id, bool lstrip)
{
	if (id != NO_ID)
		ser_tokenizer_set_added(t, text, strlen(text), (struct ser_added){id, true, lstrip, false});
}

/* RoBERTa's, as far as the vocabulary has them */
static void set_roberta(struct ser_tokenizer *t)
{
	static const char *const name[] = {"<s>", "<pad>", "</s>", "<unk>", "<mask>"};
	for (size_t i = 0; i < sizeof name / sizeof *name; i++)
		set_special(t, name[i], ser_tokenizer_id(t, name[i]), i == 4);
	int32_t first = ser_tokenizer_id(t, "<s>"), last = ser_tokenizer_id(t, "</s>");
	if (first != NO_ID && last != NO_ID) {
		t->before.id[t->before.n++] = first;
		t->after.id[t->after.n++] = last;
	}
}

static int open_bpe(struct ser_tokenizer **out, const char *dir, struct ser_err *e)
{
	struct ser_tokenizer *t = *out = ser_tokenizer_new(BPE);
	if (take_vocab_file(t, dir, "vocab.json", NULL, e) != SER_OK || take_merges(t, dir, "merges.txt", e) != SER_OK)
		return e->code;
	set_roberta(t);
	return SER_OK;
}

/* dict.txt: lines "ID COUNT" of GPT-2's ids, or of words that fill up. Behind them is <mask>. */
static int open_fairseq(struct ser_tokenizer **out, const char *dir, struct ser_err *e)
{
	struct ser_tokenizer *t = *out = ser_tokenizer_new(BPE);
	char *text;
	size_t n, len;
	if (read_in(dir, "dict.txt", &text, &n, e) != SER_OK)
		return e->code;
	struct ser_map *line = ser_map_new();
	const char *at = text, *s;
	int rc = SER_OK;
	while (rc == SER_OK && next_line(&at, text + n, &s, &len)) {
		const char *blank = memchr(s, ' ', len);
		bool is_new = false;
		if (blank != NULL)
			ser_map_add(line, s, (size_t)(blank - s), &is_new);
		if (!is_new)
			rc = ser_fail(e, SER_EDATA, "%s/dict.txt:%zu: \"%.*s\" is no new token and its count", dir,
				      ser_map_len(line) + 1, (int)(len < 100 ? len : 100), s);
	}
	free(text);
	if (rc == SER_OK)
		rc = take_vocab_file(t, dir, "encoder.json", line, e);
	if (rc == SER_OK)
		rc = take_merges(t, dir, "vocab.bpe", e);
	static const char *const name[] = {"<s>", "<pad>", "</s>", "<unk>"};
	for (int32_t i = 0; i < 4; i++)
		ser_tokenizer_set(t, name[i], strlen(name[i]), i);
	ser_tokenizer_set(t, "<mask>", strlen("<mask>"), 4 + (int32_t)ser_map_len(line));
	set_roberta(t);
	ser_map_free(line);
	return rc;
}

static bool has_capital(const char *s, size_t n)
{
	for (size_t i = 0; i < n && s[0] != '['; i++)
		if (s[i] >= 'A' && s[i] <= 'Z')
			return true;
	return false;
}

static int open_wordpiece(struct ser_tokenizer **out, const char *path, struct ser_err *e)
{
	static const char *const name[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
	struct ser_tokenizer *t = *out = ser_tokenizer_new(WORDPIECE);
	char *text;
	size_t n, len;
	if (ser_read_file(path, MAX_FILE, &text, &n, e) != SER_OK)
		return e->code;
	const char *at = text, *s;
	int32_t id = 0;
	t->most = 100;
	t->clean = t->cjk = t->lower = true;
	for (; next_line(&at, text + n, &s, &len); id++) {
		while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t'))
			len--;
		if (!ser_utf8_ok(s, len) || id == MAX_ID) {
			free(text);
			return ser_fail(e, SER_EDATA, "%s:%ld: no token in UTF-8 of at most %d", path, (long)id + 1,
					MAX_ID);
		}
		ser_tokenizer_set(t, s, len, id);
		t->lower = t->lower && !has_capital(s, len);
	}
	free(text);
	t->strip = t->lower;
	for (size_t i = 0; i < sizeof name / sizeof *name; i++)
		set_special(t, name[i], ser_tokenizer_id(t, name[i]), false);
	t->unk = ser_tokenizer_id(t, "[UNK]");
	t->before.id[t->before.n++] = ser_tokenizer_id(t, "[CLS]");
	t->after.id[t->after.n++] = ser_tokenizer_id(t, "[SEP]");
	if (t->unk == NO_ID || t->before.id[0] == NO_ID || t->after.id[0] == NO_ID)
		return ser_fail(e, SER_EDATA, "%s: no [UNK], [CLS] or [SEP]: no vocabulary of WordPiece", path);
	return SER_OK;
}

/* tokenizer_config.json: the longest text; and, `all`, what vocabularies in several files do not say themselves */
static int take_config(struct ser_tokenizer *t, const char *dir, bool all, struct ser_err *e)
{
	char *text;
	size_t n;
	if (!has(dir, "tokenizer_config.json"))
		return SER_OK;
	if (read_in(dir, "tokenizer_config.json", &text, &n, e) != SER_OK)
		return e->code;
	json_t *j = parse(text, n, "tokenizer_config.json", e);
	free(text);
	if (j == NULL)
		return ser_fail_in(e, "%s", dir);
	const json_t *limit = get(j, "model_max_length");
	/* 1e30 says that there is none */
	if (t->limit == 0 && json_number_value(limit) >= 1 && json_number_value(limit) < 1e9)
		t->limit = (size_t)json_number_value(limit);
	if (all) {
		t->prefix_space = get_bool(j, "add_prefix_space", t->prefix_space);
		t->lower = get_bool(j, "do_lower_case", t->lower);
		t->cjk = get_bool(j, "tokenize_chinese_chars", t->cjk);
		t->strip = get_bool(j, "strip_accents", t->lower);
	}
	json_decref(j);
	return SER_OK;
}

/* ---- opening ---- */

int ser_tokenizer_parse(struct ser_tokenizer **t, const char *json, size_t n, const char *name, struct ser_err *e)
{
	*t = NULL;
	json_t *j = parse(json, n, name, e);
	if (j == NULL)
		return e->code;
	int rc = take_json(t, j, e);
	if (rc == SER_OK)
		rc = ser_tokenizer_done(*t, e);
	json_decref(j);
	if (rc == SER_OK)
		return rc;
	ser_tokenizer_close(*t);
	*t = NULL;
	return ser_fail_in(e, "%s", name);
}

static int open_json(struct ser_tokenizer **t, const char *path, struct ser_err *e)
{
	char *text;
	size_t n;
	if (ser_read_file(path, MAX_FILE, &text, &n, e) != SER_OK)
		return e->code;
	int rc = ser_tokenizer_parse(t, text, n, path, e);
	free(text);
	return rc;
}

static int open_folder(struct ser_tokenizer **t, const char *dir, struct ser_err *e)
{
	bool json = has(dir, "tokenizer.json");
	int rc;
	char *path = join(dir, json ? "tokenizer.json" : "vocab.txt");
	if (json)
		rc = open_json(t, path, e);
	else if (has(dir, "vocab.json"))
		rc = open_bpe(t, dir, e);
	else if (has(dir, "encoder.json"))
		rc = open_fairseq(t, dir, e);
	else if (has(dir, "vocab.txt"))
		rc = open_wordpiece(t, path, e);
	else
		rc = ser_fail(e, SER_EDATA, "%s: no tokenizer.json, vocab.json, encoder.json or vocab.txt", dir);
	free(path);
	if (rc != SER_OK || take_config(*t, dir, !json, e) != SER_OK)
		return e->code;
	return json || ser_tokenizer_done(*t, e) == SER_OK ? SER_OK : ser_fail_in(e, "%s", dir);
}

int ser_tokenizer_open(struct ser_tokenizer **t, const char *path, struct ser_err *e)
{
	struct stat st;
	size_t n = strlen(path);
	int rc;
	*t = NULL;
	if (stat(path, &st) != 0)
		return ser_fail(e, SER_EIO, "%s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode)) {
		rc = open_folder(t, path, e);
	} else if (n >= 4 && strcmp(path + n - 4, ".txt") == 0) {
		rc = open_wordpiece(t, path, e);
		if (rc == SER_OK && ser_tokenizer_done(*t, e) != SER_OK)
			rc = ser_fail_in(e, "%s", path);
	} else {
		rc = open_json(t, path, e);
	}
	if (rc != SER_OK) {
		ser_tokenizer_close(*t);
		*t = NULL;
	}
	return rc;
}

/* ---- writing ---- */

static json_t *text_of(const struct ser_tokenizer *t, int32_t id)
{
	size_t n;
	const char *s = ser_tokenizer_text(t, id, &n);
	return s == NULL ? NULL : json_stringn_nocheck(s, n);
}

static json_t *special_item(const struct ser_tokenizer *t, int32_t id)
{
	return json_pack("{s:{s:o,s:i}}", "SpecialToken", "id", text_of(t, id), "type_id", 0);
}

static void add_text(const struct ser_tokenizer *t, json_t *list, const char *name, int type)
{
	for (size_t i = 0; i < t->before.n && type == 0; i++)
		json_array_append_new(list, special_item(t, t->before.id[i]));
	json_array_append_new(list, json_pack("{s:{s:s,s:i}}", "Sequence", "id", name, "type_id", type));
	for (size_t i = 0; i < t->after.n; i++)
		json_array_append_new(list, special_item(t, t->after.id[i]));
}

static void add_known(const struct ser_tokenizer *t, json_t *known, const int32_t *id, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		json_t *text = text_of(t, id[i]);
		json_object_set_new(known, json_string_value(text),
				    json_pack("{s:O,s:[i],s:[O]}", "id", text, "ids", (int)id[i], "tokens", text));
		json_decref(text);
	}
}

static json_t *post_processor(const struct ser_tokenizer *t)
{
	json_t *single = json_array(), *pair = json_array(), *known = json_object();
	add_text(t, single, "A", 0);
	add_text(t, pair, "A", 0);
	add_text(t, pair, "B", 1);
	add_known(t, known, t->before.id, t->before.n);
	add_known(t, known, t->after.id, t->after.n);
	return json_pack("{s:s,s:o,s:o,s:o}", "type", "TemplateProcessing", "single", single, "pair", pair,
			 "special_tokens", known);
}

static json_t *added_tokens(const struct ser_tokenizer *t)
{
	json_t *list = json_array();
	for (size_t i = 0; i < ser_map_len(t->added); i++) {
		const struct ser_added *a = &t->add[i];
		json_array_append_new(list,
				      json_pack("{s:i,s:s,s:b,s:b,s:b,s:b,s:b}", "id", (int)a->id, "content",
						ser_map_key(t->added, i, NULL), "single_word", 0, "lstrip", a->lstrip,
						"rstrip", a->rstrip, "normalized", 0, "special", a->special));
	}
	return list;
}

static int by_rank(const void *a, const void *b)
{
	int32_t x = (*(const struct ser_merge *const *)a)->rank, y = (*(const struct ser_merge *const *)b)->rank;
	return x < y ? -1 : x > y;
}

static json_t *merges(const struct ser_tokenizer *t)
{
	json_t *list = json_array();
	const struct ser_merge **m = ser_malloc(t->merges.n + 1, sizeof *m);
	size_t n = 0;
	for (size_t i = 0; i < t->merges.n_slot; i++)
		if (t->merges.slot[i].a >= 0)
			m[n++] = &t->merges.slot[i];
	qsort(m, n, sizeof(void *), by_rank);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("[o,o]", text_of(t, m[i]->a), text_of(t, m[i]->b)));
	free(m);
	return list;
}

static json_t *vocab(const struct ser_tokenizer *t)
{
	json_t *all = json_object();
	for (size_t i = 0; i < t->n_by_id; i++)
		json_object_set_new_nocheck(all, ser_map_key(t->token, (size_t)t->by_id[i].token, NULL),
					    json_integer(t->by_id[i].id));
	return all;
}

void ser_tokenizer_json(const struct ser_tokenizer *t, struct ser_buf *b)
{
	json_t *j;
	json_t *limit = t->limit == 0 ? json_null()
				      : json_pack("{s:s,s:I,s:s,s:i}", "direction", "Right", "max_length",
						  (json_int_t)t->limit, "strategy", "LongestFirst", "stride", 0);
	if (t->type == BPE)
		j = json_pack("{s:s,s:o,s:n,s:o,s:n,s:{s:s,s:b,s:b,s:b},s:o,s:{s:s,s:b,s:b,s:b},s:{s:s,s:n,s:n,s:n,s:n,"
			      "s:b,s:o,s:o}}",
			      "version", "1.0", "truncation", limit, "padding", "added_tokens", added_tokens(t),
			      "normalizer", "pre_tokenizer", "type", "ByteLevel", "add_prefix_space", t->prefix_space,
			      "trim_offsets", 1, "use_regex", 1, "post_processor", post_processor(t), "decoder", "type",
			      "ByteLevel", "add_prefix_space", 1, "trim_offsets", 1, "use_regex", 1, "model", "type",
			      "BPE", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
			      "fuse_unk", 0, "vocab", vocab(t), "merges", merges(t));
	else
		j = json_pack(
			"{s:s,s:o,s:n,s:o,s:{s:s,s:b,s:b,s:b,s:b},s:{s:s},s:o,s:{s:s,s:s,s:b},s:{s:s,s:o,s:s,s:I,s:o}}",
			"version", "1.0", "truncation", limit, "padding", "added_tokens", added_tokens(t), "normalizer",
			"type", "BertNormalizer", "clean_text", t->clean, "handle_chinese_chars", t->cjk,
			"strip_accents", t->strip, "lowercase", t->lower, "pre_tokenizer", "type", "BertPreTokenizer",
			"post_processor", post_processor(t), "decoder", "type", "WordPiece", "prefix", "##", "cleanup",
			1, "model", "type", "WordPiece", "unk_token", text_of(t, t->unk), "continuing_subword_prefix",
			"##", "max_input_chars_per_word", (json_int_t)t->most, "vocab", vocab(t));
	char *text = j != NULL ? json_dumps(j, JSON_COMPACT) : NULL;
	if (text == NULL)
		ser_oom(0);
	ser_buf_str(b, text);
	free(text);
	json_decref(j);
}
