/* SPDX-License-Identifier: MIT */
/* The parser of corpus descriptions; ser-corpus(5) documents the text. */
#include "corpus/private.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 1 << 20, MAX_WORD = 4096 };

static const char *const headings[] = {"name",    "title", "lang", "hours", "terms",
				       "licence", "cite",  "get",  "trap",  "source"};

const char *ser_pairs_get(const struct pairs *p, const char *key)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->pair[i].key, key) == 0)
			return p->pair[i].value;
	return NULL;
}

static void pairs_add(struct pairs *p, const char *key, const char *value)
{
	p->pair = ser_grow(p->pair, &p->cap, p->n + 1, sizeof *p->pair);
	p->pair[p->n++] = (struct pair){key, value};
}

struct parser {
	struct ser_corpus *c;
	size_t line;
	char *word[MAX_WORD]; /* of the line, the keyword first */
	size_t n;
	struct ser_err *e;
};

#define FAIL(p, ...) (ser_fail((p)->e, SER_EDATA, __VA_ARGS__), ser_fail_in((p)->e, "%s:%zu", (p)->c->name, (p)->line))

static const char *keep(struct ser_corpus *c, const char *s)
{
	return ser_arena_strndup(&c->mem, s, strlen(s));
}

static size_t field_of(struct ser_corpus *c, const char *name)
{
	return ser_map_add(c->field, name, strlen(name), NULL);
}

static void part_add(struct parts *q, size_t *cap, struct part part)
{
	q->part = ser_grow(q->part, cap, q->n + 1, sizeof *q->part);
	q->part[q->n++] = part;
}

/* "{spk:#2}{text}/x*": in a pattern a field is defined, in a template it must have been. */
static int parse_parts(struct parser *p, const char *s, bool pattern, struct parts *q)
{
	struct ser_corpus *c = p->c;
	size_t cap = 0;
	*q = (struct parts){0};
	while (*s != '\0') {
		if (*s == '*' && pattern) {
			part_add(q, &cap, (struct part){.field = NO_FIELD});
			s++;
			continue;
		}
		if (*s == '}')
			return FAIL(p, "a \"}\" without \"{\"");
		if (*s != '{') {
			size_t n = strcspn(s, pattern ? "{}*" : "{}");
			const char *lit = ser_arena_strndup(&c->mem, s, n);
			part_add(q, &cap, (struct part){.lit = lit});
			for (const char *t = lit; *t != '\0'; t++)
				q->n_slash += *t == '/';
			s += n;
			continue;
		}
		size_t n = strcspn(++s, "}:");
		if (n == 0 || s[n] == '\0')
			return FAIL(p, "a \"{\" without name or \"}\"");
		struct part part = {0};
		if (!pattern && ser_map_find(c->field, s, n) < 0)
			return FAIL(p, "no field \"%.*s\" is known here", (int)n, s);
		part.field = ser_map_add(c->field, s, n, NULL);
		s += n;
		if (*s == ':' && pattern) {
			s++;
			if (*s == '#' || *s == '@')
				part.cls = *s++;
			for (; *s >= '0' && *s <= '9' && part.width < 10000; s++)
				part.width = 10 * part.width + (size_t)(*s - '0');
		}
		if (*s != '}')
			return FAIL(p, "after a field's name \"}\" is expected%s, found \"%s\"",
				    pattern ? " or \":\" with \"#\" (digits), \"@\" (letters), a width" : "", s);
		part_add(q, &cap, part);
		s++;
	}
	return 0;
}

/* Words from..n, each "key=value". */
static int parse_pairs(struct parser *p, size_t from, struct pairs *out)
{
	for (size_t i = from; i < p->n; i++) {
		char *eq = strchr(p->word[i], '=');
		if (eq == NULL || eq == p->word[i])
			return FAIL(p, "\"%s\" is not of the form key=value", p->word[i]);
		*eq = '\0';
		if (ser_pairs_get(out, p->word[i]) != NULL)
			return FAIL(p, "\"%s\" twice", p->word[i]);
		pairs_add(out, keep(p->c, p->word[i]), strcmp(eq + 1, "-") == 0 ? "" : keep(p->c, eq + 1));
	}
	return 0;
}

/* Values, or ranges of whole numbers such as 1037-1054, in groups parted by "/": value=group, from 1. */
static int parse_folds(struct parser *p, struct pairs *out)
{
	char text[32];
	int fold = 1;
	for (size_t i = 3; i < p->n; i++) {
		const char *w = p->word[i], *dash = strchr(w, '-');
		int64_t lo, hi;
		if (strcmp(w, "/") == 0) {
			fold++;
			continue;
		}
		snprintf(text, sizeof text, "%d", fold);
		const char *value = keep(p->c, text);
		if (dash != NULL && dash != w) {
			char *first = ser_strndup(w, (size_t)(dash - w));
			bool ok = ser_parse_int(first, 0, 999999, &lo, NULL) == 0 &&
				  ser_parse_int(dash + 1, lo, 999999, &hi, NULL) == 0;
			free(first);
			if (!ok)
				return FAIL(p, "\"%s\" is no range of whole numbers", w);
			for (; lo <= hi; lo++) {
				snprintf(text, sizeof text, "%0*d", (int)(dash - w), (int)lo);
				pairs_add(out, keep(p->c, text), value);
			}
		} else {
			pairs_add(out, keep(p->c, w), value);
		}
	}
	return 0;
}

static int check_numbers(struct parser *p, const struct pairs *q)
{
	for (size_t i = 0; i < q->n; i++) {
		int64_t x;
		if (ser_parse_int(q->pair[i].value, 0, INT64_MAX, &x, NULL) != 0)
			return FAIL(p, "\"%s\" is no count", q->pair[i].value);
	}
	return 0;
}

static int parse_total(struct parser *p, enum total_kind kind)
{
	struct ser_corpus *c = p->c;
	c->total = ser_grow(c->total, &c->cap_total, c->n_total + 1, sizeof *c->total);
	struct total *t = &c->total[c->n_total++];
	*t = (struct total){.kind = kind, .name = p->n > 2 ? keep(c, p->word[1]) : ""};
	int rc = 0;
	if (kind == TOTAL_COUNT || kind == TOTAL_COUNT_IN)
		rc = parse_pairs(p, 2, &t->pairs);
	else
		pairs_add(&t->pairs, "", keep(c, p->word[p->n - 1]));
	return rc != 0 ? rc : check_numbers(p, &t->pairs);
}

static struct step *step_new(struct parser *p, enum step_kind kind, bool optional)
{
	struct ser_corpus *c = p->c;
	c->step = ser_grow(c->step, &c->cap_step, c->n_step + 1, sizeof *c->step);
	struct step *s = &c->step[c->n_step++];
	*s = (struct step){.kind = kind, .optional = optional, .line = p->line};
	return s;
}

static int parse_step(struct parser *p, enum step_kind kind, bool optional)
{
	static const char *const formats[] = {"csv",   "tsv",  "psv",    "json", "iemocap",
					      "words", "bars", "improv", "m3ed"};
	struct ser_corpus *c = p->c;
	struct step *s = step_new(p, kind, optional);
	int rc = 0;
	switch (kind) {
	case STEP_SET:
		rc = parse_parts(p, p->word[2], false, &s->tmpl);
		s->field = field_of(c, p->word[1]);
		return rc;
	case STEP_MAP:
		if (ser_map_find(c->field, p->word[2], strlen(p->word[2])) < 0)
			return FAIL(p, "no field \"%s\" is known here", p->word[2]);
		s->from = field_of(c, p->word[2]);
		s->field = field_of(c, p->word[1]);
		return parse_pairs(p, 3, &s->pairs);
	case STEP_TABLE:
		rc = parse_parts(p, p->word[1], false, &s->path);
		s->format = keep(c, p->word[2]);
		s->key_col = keep(c, p->word[3]);
		for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
			if (strcmp(s->format, formats[i]) == 0)
				return rc != 0 ? rc : parse_parts(p, p->word[4], false, &s->tmpl);
		return FAIL(p, "\"%s\" is none of the table formats csv tsv psv json iemocap words bars improv m3ed",
			    s->format);
	case STEP_JOIN:
		rc = parse_pairs(p, 1, &s->pairs);
		for (size_t i = 0; i < s->pairs.n; i++)
			field_of(c, s->pairs.pair[i].key);
		for (size_t i = 0; i + 1 < c->n_step; i++)
			if (c->step[i].kind == STEP_TABLE)
				return rc;
		return FAIL(p, "\"join\" before any \"table\"");
	}
	return 0;
}

static int parse_named(struct parser *p, struct named **list, size_t *n, size_t *cap, bool folds)
{
	*list = ser_grow(*list, cap, *n + 1, sizeof **list);
	struct named *x = &(*list)[(*n)++];
	*x = (struct named){.name = keep(p->c, p->word[1])};
	if (!folds)
		return parse_pairs(p, 2, &x->pairs);
	if (ser_map_find(p->c->field, p->word[2], strlen(p->word[2])) < 0)
		return FAIL(p, "no field \"%s\" is known here", p->word[2]);
	x->field = field_of(p->c, p->word[2]);
	return parse_folds(p, &x->pairs);
}

static int parse_pattern(struct parser *p, struct parts **list, size_t *n, size_t *cap)
{
	*list = ser_grow(*list, cap, *n + 1, sizeof **list);
	return parse_parts(p, p->word[1], true, &(*list)[(*n)++]);
}

/* One statement, already cut into words. */
static int statement(struct parser *p)
{
	static const struct {
		const char *word;
		size_t least, most; /* words after the keyword */
	} form[] = {
		{"file", 1, 1},
		{"skip", 1, 1},
		{"id", 1, 1},
		{"columns", 1, MAX_WORD},
		{"set", 2, 2},
		{"map", 3, MAX_WORD},
		{"map?", 2, MAX_WORD},
		{"table", 4, 4},
		{"table?", 4, 4},
		{"join", 1, MAX_WORD},
		{"labels", 2, MAX_WORD},
		{"folds", 3, MAX_WORD},
		{"files", 1, 1},
		{"distinct", 2, 2},
		{"count", 2, MAX_WORD},
		{"count-in", 2, MAX_WORD},
	};
	struct ser_corpus *c = p->c;
	size_t i = 0, n_form = sizeof form / sizeof *form;
	while (i < n_form && strcmp(form[i].word, p->word[0]) != 0)
		i++;
	if (i == n_form)
		return FAIL(p, "unknown word \"%s\"", p->word[0]);
	if (p->n - 1 < form[i].least || p->n - 1 > form[i].most)
		return FAIL(p, "\"%s\" takes %s%zu word%s, found %zu", form[i].word,
			    form[i].least == form[i].most ? "" : "at least ", form[i].least, ser_s(form[i].least),
			    p->n - 1);
	switch (i) {
	case 0:
		return parse_pattern(p, &c->file, &c->n_file, &c->cap_file);
	case 1:
		return parse_pattern(p, &c->skip, &c->n_skip, &c->cap_skip);
	case 2:
		free(c->id.part);
		return parse_parts(p, p->word[1], false, &c->id);
	case 3:
		for (size_t k = 1; k < p->n; k++) {
			ptrdiff_t f = ser_map_find(c->field, p->word[k], strlen(p->word[k]));
			if (f < 0)
				return FAIL(p, "no field \"%s\" is known here", p->word[k]);
			c->column = ser_grow(c->column, &c->cap_column, c->n_column + 1, sizeof *c->column);
			c->column[c->n_column++] = (size_t)f;
		}
		return 0;
	case 4:
		return parse_step(p, STEP_SET, false);
	case 5:
	case 6:
		return parse_step(p, STEP_MAP, i == 6);
	case 7:
	case 8:
		return parse_step(p, STEP_TABLE, i == 8);
	case 9:
		return parse_step(p, STEP_JOIN, false);
	case 10:
		return parse_named(p, &c->labels, &c->n_labels, &c->cap_labels, false);
	case 11:
		return parse_named(p, &c->folds, &c->n_folds, &c->cap_folds, true);
	case 12:
		return parse_total(p, TOTAL_FILES);
	case 13:
		return parse_total(p, TOTAL_DISTINCT);
	case 14:
		return parse_total(p, TOTAL_COUNT);
	default:
		return parse_total(p, TOTAL_COUNT_IN);
	}
}

/* A logical line: a heading keeps its text whole, anything else is cut into words. */
static int line_do(struct parser *p, char *s)
{
	size_t n = strcspn(s, " \t");
	for (size_t i = 0; i < sizeof headings / sizeof *headings; i++) {
		if (strlen(headings[i]) != n || strncmp(s, headings[i], n) != 0)
			continue;
		s += n;
		pairs_add(&p->c->about, headings[i], keep(p->c, s + strspn(s, " \t")));
		return 0;
	}
	p->n = 0;
	for (char *w = strtok_r(s, " \t", &s); w != NULL; w = strtok_r(NULL, " \t", &s)) {
		if (p->n == MAX_WORD)
			return FAIL(p, "more than %d words", MAX_WORD);
		p->word[p->n++] = w;
	}
	return p->n > 0 ? statement(p) : 0;
}

static struct ser_corpus *corpus_new(const char *name)
{
	struct ser_corpus *c = ser_calloc(1, sizeof *c);
	c->name = keep(c, name);
	c->field = ser_map_new();
	field_of(c, "file");
	field_of(c, "dir");
	return c;
}

struct ser_corpus *ser_corpus_parse(const char *text, size_t n, const char *name, struct ser_err *e)
{
	struct ser_err own;
	struct ser_corpus *c = corpus_new(name);
	struct parser *p = ser_calloc(1, sizeof *p);
	p->c = c;
	p->e = e != NULL ? e : &own;
	int rc = 0;
	if (n > MAX_TEXT)
		rc = ser_fail(p->e, SER_EDATA, "%s: longer than %d bytes", name, MAX_TEXT);
	else if (!ser_utf8_ok(text, n))
		rc = ser_fail(p->e, SER_EDATA, "%s: not UTF-8 text", name);
	struct ser_buf b = {0};
	size_t at = 1;
	for (const char *s = text, *end = text + n; rc == 0 && s < end;) {
		/* a line and those after it that begin with a blank */
		b.n = 0;
		p->line = at;
		do {
			const char *nl = memchr(s, '\n', (size_t)(end - s));
			size_t len = (size_t)((nl != NULL ? nl : end) - s);
			size_t shown = len > 0 && s[len - 1] == '\r' ? len - 1 : len;
			ser_buf_add(&b, s, s[0] == '#' ? 0 : shown);
			s = nl != NULL ? nl + 1 : end;
			at++;
		} while (s < end && (*s == ' ' || *s == '\t'));
		rc = line_do(p, b.s);
	}
	ser_buf_free(&b);
	if (rc == 0 && c->n_file == 0)
		rc = ser_fail(p->e, SER_EDATA, "%s: no \"file\" pattern", name);
	if (rc == 0 && c->id.n == 0) {
		p->word[1] = (char[]){"{file}"};
		rc = parse_parts(p, p->word[1], false, &c->id);
	}
	free(p);
	if (rc == 0)
		return c;
	ser_corpus_free(c);
	return NULL;
}

struct ser_corpus *ser_corpus_builtin(const char *name, struct ser_err *e)
{
	struct ser_buf b = {0};
	for (const struct builtin *d = ser_corpus_builtins; d->name != NULL; d++) {
		if (strcmp(d->name, name) == 0) {
			ser_buf_free(&b);
			return ser_corpus_parse(d->text, strlen(d->text), name, e);
		}
		ser_buf_printf(&b, " %s", d->name);
	}
	ser_fail(e, SER_EUSAGE, "no corpus \"%s\"; there are:%s", name, b.s != NULL ? b.s : " none");
	ser_buf_free(&b);
	return NULL;
}

const char *ser_corpus_builtin_name(size_t i)
{
	for (const struct builtin *d = ser_corpus_builtins; d->name != NULL; d++)
		if (i-- == 0)
			return d->name;
	return NULL;
}

const char *ser_corpus_builtin_folds(size_t i)
{
	return ser_corpus_folds[i];
}

struct ser_corpus *ser_corpus_pattern(const char *pattern, const char *id, struct ser_err *e)
{
	struct ser_buf b = {0};
	if (pattern[0] == '\0' || pattern[strcspn(pattern, " \t\n")] != '\0') {
		ser_fail(e, SER_EUSAGE, "pattern \"%s\" is empty or holds blanks", pattern);
		return NULL;
	}
	ser_buf_printf(&b, "file %s\n", pattern);
	if (id != NULL)
		ser_buf_printf(&b, "id %s\n", id);
	struct ser_corpus *c = ser_corpus_parse(b.s, b.n, "pattern", e);
	ser_buf_free(&b);
	if (c != NULL)
		c->derives_ids = id == NULL;
	for (size_t f = 0; c != NULL && f < ser_map_len(c->field); f++) {
		const char *name = ser_map_key(c->field, f, NULL);
		if (f == FIELD_FILE || f == FIELD_DIR)
			continue;
		if (strcmp(name, "id") == 0) {
			if (id == NULL) {
				c->id.part[0] = (struct part){.field = f};
				c->id.n = 1;
				c->derives_ids = false;
			}
			continue;
		}
		c->column = ser_grow(c->column, &c->cap_column, c->n_column + 1, sizeof *c->column);
		c->column[c->n_column++] = f;
	}
	return c;
}

static void free_named(struct named *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(x[i].pairs.pair);
	free(x);
}

void ser_corpus_free(struct ser_corpus *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n_file; i++)
		free(c->file[i].part);
	for (size_t i = 0; i < c->n_skip; i++)
		free(c->skip[i].part);
	for (size_t i = 0; i < c->n_step; i++) {
		free(c->step[i].tmpl.part);
		free(c->step[i].path.part);
		free(c->step[i].pairs.pair);
	}
	for (size_t i = 0; i < c->n_total; i++)
		free(c->total[i].pairs.pair);
	free_named(c->labels, c->n_labels);
	free_named(c->folds, c->n_folds);
	free(c->about.pair);
	free(c->file);
	free(c->skip);
	free(c->id.part);
	free(c->column);
	free(c->step);
	free(c->total);
	ser_map_free(c->field);
	ser_arena_free(&c->mem);
	free(c);
}

const char *ser_corpus_about(const struct ser_corpus *c, const char *heading, size_t i)
{
	for (size_t k = 0; k < c->about.n; k++)
		if (strcmp(c->about.pair[k].key, heading) == 0 && i-- == 0)
			return c->about.pair[k].value;
	return NULL;
}

void ser_corpus_totals(const struct ser_corpus *c, struct ser_buf *b)
{
	static const char *const word[] = {"files", "distinct", "count", "count-in"};
	for (size_t i = 0; i < c->n_total; i++) {
		const struct total *t = &c->total[i];
		ser_buf_printf(b, "%s%s%s", word[t->kind], t->name[0] != '\0' ? " " : "", t->name);
		for (size_t k = 0; k < t->pairs.n; k++)
			ser_buf_printf(b, " %s%s%s", t->pairs.pair[k].key, t->pairs.pair[k].key[0] != '\0' ? "=" : "",
				       t->pairs.pair[k].value);
		ser_buf_str(b, "\n");
	}
}

const char *ser_corpus_total(const struct ser_corpus *c, const char *column)
{
	for (size_t i = 0; i < c->n_total; i++)
		if (strcmp(c->total[i].name, column) == 0 &&
		    c->total[i].kind == (column[0] == '\0' ? TOTAL_FILES : TOTAL_DISTINCT))
			return c->total[i].pairs.pair[0].value;
	return NULL;
}

static void names(const struct named *x, size_t n, struct ser_buf *b)
{
	ser_buf_reserve(b, 0);
	b->s[b->n] = '\0';
	for (size_t i = 0; i < n; i++)
		ser_buf_printf(b, "%s%s", i > 0 ? " " : "", x[i].name);
}

void ser_corpus_label_sets(const struct ser_corpus *c, struct ser_buf *b)
{
	names(c->labels, c->n_labels, b);
}

void ser_corpus_fold_names(const struct ser_corpus *c, struct ser_buf *b)
{
	names(c->folds, c->n_folds, b);
}

static const struct named *folds_of(const struct ser_corpus *c, const char *name)
{
	for (size_t i = 0; i < c->n_folds; i++)
		if (strcmp(c->folds[i].name, name) == 0)
			return &c->folds[i];
	return NULL;
}

int ser_corpus_fold_field(const struct ser_corpus *c, const char *folds, const char **field, struct ser_err *e)
{
	const struct named *f = folds_of(c, folds);
	if (f != NULL) {
		*field = ser_map_key(c->field, f->field, NULL);
		return 0;
	}
	struct ser_buf b = {0};
	ser_corpus_fold_names(c, &b);
	int rc = ser_fail(e, SER_EUSAGE, "%s has no folds \"%s\"; it has: %s", c->name, folds, b.n > 0 ? b.s : "none");
	ser_buf_free(&b);
	return rc;
}

int ser_corpus_fold_of(const struct ser_corpus *c, const char *folds, const char *value)
{
	const struct named *f = folds_of(c, folds);
	const char *k = f != NULL ? ser_pairs_get(&f->pairs, value) : NULL;
	int64_t fold = 0;
	if (k != NULL)
		ser_parse_int(k, 1, INT32_MAX, &fold, NULL);
	return (int)fold;
}
