/* SPDX-License-Identifier: MIT */
/* Phones with their times, as aligners and people write them. */
#include "face/face.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const ser_phone_formats[] = {"textgrid", "ctm", "lablaut", NULL};

enum { MAX_PHONE = 1 << 24 };
struct phones {
	struct ser_arena *a;
	struct ser_phone *v;
	size_t n, cap;
	const char *file;
	size_t line;
};

/* Times are rounded: phones may overlap by a millisecond. */
static int add(struct phones *p, double begin, double end, const char *symbol, size_t n, struct ser_err *e)
{
	double last = p->n > 0 ? p->v[p->n - 1].end_s : 0;
	if (!(begin >= 0 && end >= begin && end < 1e7) || p->n == MAX_PHONE)
		return ser_fail(e, SER_EDATA, "%s:%zu: a phone from %g s to %g s", p->file, p->line, begin, end);
	if (begin < last - 1e-3)
		return ser_fail(e, SER_EDATA, "%s:%zu: a phone at %g s, before the last one's end", p->file, p->line,
				begin);
	begin = begin < last ? last : begin;
	p->v = ser_grow(p->v, &p->cap, p->n + 1, sizeof *p->v);
	p->v[p->n++] = (struct ser_phone){begin, end < begin ? begin : end, ser_arena_strndup(p->a, symbol, n)};
	return 0;
}

static bool number(const char *s, size_t n, double *x)
{
	char text[40];
	if (n == 0 || n >= sizeof text)
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	return ser_parse_real(text, -1e9, 1e9, x, NULL) == 0;
}

/* The next word of a line; its length, 0 at the end */
static size_t word(const char **at, const char *end, const char **w)
{
	while (*at < end && strchr(" \t\r", **at) != NULL)
		(*at)++;
	*w = *at;
	while (*at < end && strchr(" \t\r", **at) == NULL)
		(*at)++;
	return (size_t)(*at - *w);
}

/* The next line; false at the end */
static bool next_line(struct phones *p, const char **at, const char *end, const char **line, const char **line_end)
{
	if (*at >= end)
		return false;
	*line = *at;
	*line_end = memchr(*at, '\n', (size_t)(end - *at));
	*line_end = *line_end != NULL ? *line_end : end;
	*at = *line_end + 1;
	p->line++;
	return true;
}

static int ctm(struct phones *p, const char *at, const char *end, const char *id, struct ser_err *e)
{
	const char *line, *stop, *w[5];
	while (next_line(p, &at, end, &line, &stop)) {
		size_t n[5], k = 0;
		double begin, length;
		while (k < 5 && (n[k] = word(&line, stop, &w[k])) > 0)
			k++;
		if (k == 0 || w[0][0] == ';')
			continue;
		if (k < 5 || !number(w[2], n[2], &begin) || !number(w[3], n[3], &length))
			return ser_fail(e, SER_EDATA,
					"%s:%zu: no line of utterance, channel, begin, duration and phone", p->file,
					p->line);
		if (n[0] == strlen(id) && memcmp(w[0], id, n[0]) == 0 &&
		    add(p, begin, begin + length, w[4], n[4], e) != 0)
			return e->code;
	}
	return 0;
}

/* A line with a mark alone makes the phone before it longer. */
static int lablaut(struct phones *p, const char *at, const char *end, struct ser_err *e)
{
	const char *line, *stop, *w;
	bool head = true;
	double begin = 0;
	while (next_line(p, &at, end, &line, &stop)) {
		double time;
		size_t n = word(&line, stop, &w);
		if (head || n == 0) {
			head = head && !(n == 1 && *w == '#');
			continue;
		}
		if (!number(w, n, &time) || word(&line, stop, &w) == 0)
			return ser_fail(e, SER_EDATA, "%s:%zu: no line of end, colour and symbol", p->file, p->line);
		n = word(&line, stop, &w);
		bool mark = n == 0 || ((w[0] == '+' || w[0] == '-') && n > 1) || w[0] == '(';
		if (!mark && add(p, begin, time, w, n, e) != 0)
			return e->code;
		if (mark && p->n > 0 && time < p->v[p->n - 1].end_s)
			return ser_fail(e, SER_EDATA, "%s:%zu: %g s comes before the last phone's end", p->file,
					p->line, time);
		if (mark && p->n > 0)
			p->v[p->n - 1].end_s = time;
		begin = time;
	}
	return head ? ser_fail(e, SER_EDATA, "%s: no line \"#\": not a file of EmoDB's labels", p->file) : 0;
}

/* Praat's text files, long and short, are strings and numbers in the same order; all other words are names. */
struct token {
	bool text;
	const char *s;
	size_t n;
	double x;
};
static bool token(struct phones *p, const char **at, const char *end, struct token *t)
{
	while (*at < end) {
		const char *s = *at;
		if (*s == '"') {
			const char *q = s + 1;
			for (; q < end && (*q != '"' || (q + 1 < end && q[1] == '"')); q += 1 + (*q == '"'))
				p->line += *q == '\n';
			*t = (struct token){true, s + 1, (size_t)((q < end ? q : end) - s - 1), 0};
			*at = q + 1;
			return q < end;
		}
		p->line += *s == '\n';
		size_t n = 0;
		while (s + n < end && strchr(" \t\r\n", s[n]) == NULL)
			n++;
		*at = s + (n > 0 ? n : 1);
		if (n > 0 && number(s, n, &t->x)) {
			t->text = false;
			return true;
		}
	}
	return false;
}

/* Intervals: begin, end and text; points: time and text */
static int tier_of(struct phones *p, const char **at, const char *end, bool points, bool wanted, size_t n,
		   struct ser_err *e)
{
	struct token from = {0}, to = {0}, text;
	for (size_t i = 0; i < n; i++) {
		bool is = token(p, at, end, &from) && (points || token(p, at, end, &to)) && token(p, at, end, &text) &&
			  !from.text && !to.text && text.text;
		if (!is)
			return SER_EDATA;
		if (wanted && add(p, from.x, to.x, text.s, text.n, e) != 0)
			return 1;
	}
	return 0;
}

static int textgrid(struct phones *p, const char *at, const char *end, const char *tier, struct ser_err *e)
{
	struct token kind, name, from, to, n;
	bool is = token(p, &at, end, &kind) && kind.text && kind.n == 10 && memcmp(kind.s, "ooTextFile", 10) == 0 &&
		  token(p, &at, end, &kind) && kind.text && token(p, &at, end, &from) && token(p, &at, end, &to) &&
		  token(p, &at, end, &n) && !n.text && n.x >= 0 && n.x < 10000,
	     any = false;
	for (size_t i = 0, n_tier = is ? (size_t)n.x : 0; is && i < n_tier; i++) {
		is = token(p, &at, end, &kind) && kind.text && token(p, &at, end, &name) && name.text &&
		     token(p, &at, end, &from) && token(p, &at, end, &to) && token(p, &at, end, &n) && !n.text &&
		     n.x >= 0 && n.x < MAX_PHONE;
		bool points = is && kind.n == 8 && memcmp(kind.s, "TextTier", 8) == 0,
		     wanted = is && !points && name.n == strlen(tier) && memcmp(name.s, tier, name.n) == 0;
		int rc = is ? tier_of(p, &at, end, points, wanted, (size_t)n.x, e) : SER_EDATA;
		if (rc > 0)
			return e->code;
		is = rc == 0;
		any = any || wanted;
	}
	if (!is)
		return ser_fail(e, SER_EDATA, "%s:%zu: no TextGrid, or one that was cut off", p->file, p->line + 1);
	return any ? 0 : ser_fail(e, SER_EDATA, "%s: no interval tier \"%s\"", p->file, tier);
}

int ser_phones_parse(enum ser_phone_format format, const char *text, size_t size, const char *file, const char *id,
		     const char *tier, struct ser_arena *a, struct ser_phone **out, size_t *n, struct ser_err *e)
{
	struct phones p = {.a = a, .file = file};
	const char *end = text + size;
	text += ser_utf8_bom(text, size);
	int rc = format == SER_PHONES_CTM       ? ctm(&p, text, end, id, e)
		 : format == SER_PHONES_LABLAUT ? lablaut(&p, text, end, e)
						: textgrid(&p, text, end, tier, e);
	*out = ser_arena_alloc(a, p.n, sizeof **out);
	if (p.n > 0)
		memcpy(*out, p.v, p.n * sizeof **out);
	*n = rc == 0 ? p.n : 0;
	free(p.v);
	return rc;
}

/* ---- files of them ---- */

struct ser_phone_files {
	const char *path, *tier;
	enum ser_phone_format format;
	size_t max;
	char *ctm; /* [size] */
	size_t size;
};

int ser_phone_files_open(struct ser_phone_files **out, const char *path, enum ser_phone_format format, const char *tier,
			 size_t max, struct ser_err *e)
{
	struct ser_phone_files *f = ser_calloc(1, sizeof *f);
	*f = (struct ser_phone_files){.path = path, .tier = tier, .format = format, .max = max};
	int rc = format == SER_PHONES_CTM ? ser_read_file(path, max, &f->ctm, &f->size, e) : SER_OK;
	if (rc != SER_OK) {
		free(f);
		f = NULL;
	}
	*out = f;
	return rc;
}

void ser_phone_files_free(struct ser_phone_files *f)
{
	if (f == NULL)
		return;
	free(f->ctm);
	free(f);
}

/* Of the file with the record's name */
static int own_file(const struct ser_phone_files *f, struct ser_record *r, struct ser_phone **out, size_t *n,
		    struct ser_err *e)
{
	static const char *const ends[][2] = {{".TextGrid", ".textgrid"}, {"", ""}, {".lablaut", "xx.lablaut"}};
	const char *id = ser_record_id(r);
	struct ser_buf path = {0};
	char *text;
	size_t size;
	if (strchr(id, '/') != NULL || id[0] == '.')
		return ser_record_fail(r, e, SER_EDATA, "the id is no name for a file");
	int rc = SER_EIO;
	for (int i = 0; i < 2 && rc == SER_EIO; i++) {
		path.n = 0;
		ser_buf_printf(&path, "%s/%s%s", f->path, id, ends[f->format][i]);
		rc = ser_read_file(path.s, f->max, &text, &size, e);
	}
	if (rc == SER_EIO)
		ser_record_fail(r, e, SER_EDATA, "there are no phones %s/%s%s", f->path, id, ends[f->format][0]);
	if (rc == SER_OK) {
		rc = ser_phones_parse(f->format, text, size, path.s, id, f->tier, &r->arena, out, n, e);
		free(text);
	}
	ser_buf_free(&path);
	return rc == SER_OK ? rc : e->code;
}

int ser_phone_files_read(const struct ser_phone_files *f, struct ser_record *r, struct ser_phone **out, size_t *n,
			 struct ser_err *e)
{
	int rc = f->format == SER_PHONES_CTM ? ser_phones_parse(f->format, f->ctm, f->size, f->path, ser_record_id(r),
								NULL, &r->arena, out, n, e)
					     : own_file(f, r, out, n, e);
	if (rc == SER_OK && *n == 0)
		rc = ser_record_fail(r, e, SER_EDATA, "there are no phones of it in %s", f->path);
	return rc;
}
