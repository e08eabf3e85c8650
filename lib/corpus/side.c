/* SPDX-License-Identifier: MIT */
#include "corpus/private.h"

#include <string.h>

bool ser_json_text(const json_t *v, struct ser_buf *b)
{
	char num[40];
	switch (json_typeof(v)) {
	case JSON_STRING:
		ser_buf_add(b, json_string_value(v), json_string_length(v));
		return true;
	case JSON_INTEGER:
		ser_buf_printf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		return true;
	case JSON_REAL:
		ser_format_real(json_real_value(v), num);
		ser_buf_str(b, num);
		if (num[strcspn(num, ".eEn")] == '\0')
			ser_buf_str(b, ".0");
		return true;
	case JSON_TRUE:
	case JSON_FALSE:
		ser_buf_str(b, json_is_true(v) ? "true" : "false");
		return true;
	case JSON_NULL:
		return true;
	default:
		return false;
	}
}

/* The members of one object that are plain values become the row's cells. */
static void json_row(struct ser_table *t, size_t row, const json_t *o, const char *key, const char *key_col)
{
	struct ser_buf b = {0};
	const char *name;
	json_t *v;
	json_object_foreach((json_t *)o, name, v)
	{
		b.n = 0;
		ser_buf_reserve(&b, 0);
		if (t->n_col < SER_MANIFEST_MAX_COL && ser_json_text(v, &b)) {
			ser_table_set(t, row, ser_table_add_col(t, name), b.s, b.n);
			if (key == NULL && strcmp(name, key_col) == 0)
				ser_table_set(t, row, 0, b.s, b.n);
		}
	}
	if (key != NULL)
		ser_table_set(t, row, 0, key, strlen(key));
	ser_buf_free(&b);
}

int ser_side_json(struct ser_table *t, const char *s, size_t n, const char *key_col, const char *name,
		  struct ser_err *e)
{
	json_error_t je;
	json_t *root = json_loadb(s, n, JSON_REJECT_DUPLICATES, &je);
	if (root == NULL)
		return ser_fail(e, SER_EDATA, "%s:%d: %s", name, je.line, je.text);
	int rc = 0;
	ser_table_add_col(t, "key");
	if (json_is_object(root)) {
		const char *key;
		json_t *v;
		json_object_foreach(root, key, v)
		{
			if (!json_is_object(v)) {
				rc = ser_fail(e, SER_EDATA, "%s: \"%s\" is no object", name, key);
				break;
			}
			json_row(t, ser_table_add_row(t), v, key, NULL);
		}
	} else if (json_is_array(root)) {
		for (size_t i = 0; i < json_array_size(root) && rc == 0; i++) {
			const json_t *v = json_array_get(root, i);
			if (json_is_object(v))
				json_row(t, ser_table_add_row(t), v, NULL, key_col);
			else
				rc = ser_fail(e, SER_EDATA, "%s: element %zu is no object", name, i);
		}
	} else {
		rc = ser_fail(e, SER_EDATA, "%s: neither an object nor an array", name);
	}
	json_decref(root);
	return rc;
}

/* The next line of s in *line, *n bytes without its end; false after the last. */
static bool next_line(const char **s, const char *end, const char **line, size_t *n)
{
	if (*s == end)
		return false;
	const char *nl = memchr(*s, '\n', (size_t)(end - *s));
	const char *stop = nl != NULL ? nl : end;
	*line = *s;
	*n = (size_t)(stop - *s);
	*s = nl != NULL ? nl + 1 : end;
	if (*n > 0 && (*line)[*n - 1] == '\r')
		--*n;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Set a cell to s[0..n) without the blanks around it. */
static void set_trimmed(struct ser_table *t, size_t row, size_t col, const char *s, size_t n)
{
	while (n > 0 && is_blank(*s))
		s++, n--;
	while (n > 0 && is_blank(s[n - 1]))
		n--;
	ser_table_set(t, row, col, s, n);
}

/* [6.2901 - 8.2357]	Ses01F_impro01_F000	neu	[2.5000, 2.5000, 2.5000]
 * for each turn; the lines between are the single listeners'. The three numbers are valence,
 * activation and dominance. */
int ser_side_iemocap(struct ser_table *t, const char *s, size_t n, const char *name, struct ser_err *e)
{
	static const char *const col[] = {"key", "start", "end", "emo", "valence", "arousal", "dominance"};
	/* the bytes that end the seven fields in the order of the line, and where each goes */
	static const char stop[] = {'-', ']', '\t', '\t', ',', ',', ']'};
	static const size_t to[] = {1, 2, 0, 3, 4, 5, 6};
	for (size_t i = 0; i < 7; i++)
		ser_table_add_col(t, col[i]);
	const char *end = s + n, *p;
	size_t len;
	for (size_t line = 1; next_line(&s, end, &p, &len); line++) {
		if (len < 2 || p[0] != '[' || p[1] < '0' || p[1] > '9')
			continue;
		if (!ser_utf8_ok(p, len))
			return ser_fail(e, SER_EDATA, "%s:%zu: not UTF-8", name, line);
		size_t row = ser_table_add_row(t), at = 1;
		for (size_t i = 0; i < 7; i++) {
			if (i == 2 || i == 4) /* past the tab after "]", past "[" */
				while (at < len && (p[at] == '\t' || p[at] == '[' || p[at] == ' '))
					at++;
			const char *q = at < len ? memchr(p + at, stop[i], len - at) : NULL;
			if (q == NULL)
				return ser_fail(e, SER_EDATA,
						"%s:%zu: expected \"[start - end] turn emotion [v, a, d]\"", name,
						line);
			set_trimmed(t, row, to[i], p + at, (size_t)(q - p) - at);
			at = (size_t)(q - p) + 1;
		}
	}
	return 0;
}

int ser_side_words(struct ser_table *t, const char *s, size_t n, bool times, const char *name, struct ser_err *e)
{
	ser_table_add_col(t, "key");
	ser_table_add_col(t, "text");
	const char *end = s + n, *p;
	size_t len;
	for (size_t line = 1; next_line(&s, end, &p, &len); line++) {
		if (!ser_utf8_ok(p, len))
			return ser_fail(e, SER_EDATA, "%s:%zu: not UTF-8", name, line);
		while (len > 0 && is_blank(*p))
			p++, len--;
		if (len == 0)
			continue;
		size_t k = 0;
		while (k < len && !is_blank(p[k]))
			k++;
		size_t row = ser_table_add_row(t);
		ser_table_set(t, row, 0, p, k);
		while (k < len && is_blank(p[k]))
			k++;
		const char *close = times && k < len && p[k] == '[' ? memchr(p + k, ']', len - k) : NULL;
		if (close != NULL && close + 1 < p + len && close[1] == ':')
			k = (size_t)(close + 2 - p);
		set_trimmed(t, row, 1, p + k, len - k);
	}
	return 0;
}

int ser_side_bars(struct ser_table *t, const char *s, size_t n, const char *name, struct ser_err *e)
{
	ser_table_add_col(t, "key");
	const char *end = s + n, *p;
	size_t len;
	for (size_t line = 1; next_line(&s, end, &p, &len); line++) {
		if (!ser_utf8_ok(p, len))
			return ser_fail(e, SER_EDATA, "%s:%zu: not UTF-8", name, line);
		if (len == 0 || p[0] == ';')
			continue;
		size_t row = ser_table_add_row(t);
		for (size_t c = 0; c < SER_MANIFEST_MAX_COL; c++) {
			const char *bar = memchr(p, '|', len);
			size_t k = bar != NULL ? (size_t)(bar - p) : len;
			if (c == t->n_col) {
				char col[24];
				snprintf(col, sizeof col, "%zu", c + 1);
				ser_table_add_col(t, col);
			}
			set_trimmed(t, row, c, p, k);
			if (bar == NULL)
				break;
			p += k + 1;
			len -= k + 1;
		}
	}
	return 0;
}

/* UTD-IMPROV-S01A-F01-P-FM01.avi; A; A:2.500; V:1.750; D:NaN ; N:NaN;
 * for each turn; the lines between are the single listeners'. */
int ser_side_improv(struct ser_table *t, const char *s, size_t n, const char *name, struct ser_err *e)
{
	static const char *const col[] = {"key", "emo", "arousal", "valence", "dominance", "naturalness"};
	static const char *const mark[] = {"", "", "A:", "V:", "D:", "N:"};
	for (size_t i = 0; i < 6; i++)
		ser_table_add_col(t, col[i]);
	const char *end = s + n, *p;
	size_t len;
	for (size_t line = 1; next_line(&s, end, &p, &len); line++) {
		if (len < 11 || memcmp(p, "UTD-IMPROV-", 11) != 0)
			continue;
		if (!ser_utf8_ok(p, len))
			return ser_fail(e, SER_EDATA, "%s:%zu: not UTF-8", name, line);
		size_t row = ser_table_add_row(t);
		for (size_t i = 0; i < 6; i++) {
			while (len > 0 && is_blank(*p))
				p++, len--;
			size_t k = strlen(mark[i]);
			const char *stop = len >= k && memcmp(p, mark[i], k) == 0 ? memchr(p, ';', len) : NULL;
			if (stop == NULL)
				return ser_fail(e, SER_EDATA,
						"%s:%zu: expected \"video; emotion; A:a; V:v; D:d; N:n;\"", name, line);
			size_t n_value = (size_t)(stop - p) - k;
			if (n_value < 3 || memcmp(p + k, "NaN", 3) != 0)
				set_trimmed(t, row, i, p + k, n_value);
			len -= (size_t)(stop + 1 - p);
			p = stop + 1;
		}
	}
	return 0;
}

static void set_member(struct ser_table *t, size_t row, size_t col, const json_t *o, const char *member)
{
	struct ser_buf b = {0};
	const json_t *v = json_object_get(o, member);
	if (v != NULL && ser_json_text(v, &b) && b.n > 0)
		ser_table_set(t, row, col, b.s, b.n);
	ser_buf_free(&b);
}

/* {"PLAY": {"DIALOGUE": {"SpeakerInfo": {"A": {"Name": .., "Gender": .., "Age": ..}, ..},
 *                        "Dialog": {"TURN": {"Speaker": "A", "Text": .., "EmoAnnotation": {"final_main_emo": ..}}}}}} */
int ser_side_m3ed(struct ser_table *t, const char *s, size_t n, const char *name, struct ser_err *e)
{
	static const char *const col[] = {"key", "spk", "gender", "age", "text", "emo"};
	json_error_t je;
	json_t *root = json_loadb(s, n, JSON_REJECT_DUPLICATES, &je), *play, *dialogue, *turn;
	if (root == NULL)
		return ser_fail(e, SER_EDATA, "%s:%d: %s", name, je.line, je.text);
	for (size_t i = 0; i < 6; i++)
		ser_table_add_col(t, col[i]);
	const char *a, *b, *id;
	json_object_foreach(root, a, play)
	{
		json_object_foreach(play, b, dialogue)
		{
			const json_t *people = json_object_get(dialogue, "SpeakerInfo");
			json_object_foreach(json_object_get(dialogue, "Dialog"), id, turn)
			{
				const char *who = json_string_value(json_object_get(turn, "Speaker"));
				const json_t *spk = who != NULL ? json_object_get(people, who) : NULL;
				size_t row = ser_table_add_row(t);
				ser_table_set(t, row, 0, id, strlen(id));
				set_member(t, row, 1, spk, "Name");
				set_member(t, row, 2, spk, "Gender");
				set_member(t, row, 3, spk, "Age");
				set_member(t, row, 4, turn, "Text");
				set_member(t, row, 5, json_object_get(turn, "EmoAnnotation"), "final_main_emo");
			}
		}
	}
	json_decref(root);
	if (t->n_row == 0)
		return ser_fail(e, SER_EDATA, "%s: no play's dialogues", name);
	return 0;
}
