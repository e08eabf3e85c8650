/* SPDX-License-Identifier: MIT */
#include "formats/formats.h"
#include "formats/safetensors.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { HEAD = 1 << 16, MAX_TEXT = 64 << 20 }; /* bytes that are looked at; of a text, all */

/* A file's first bytes, a NUL behind them, and how many it has. */
struct head {
	const char *path;
	char *s;
	size_t n;
	uint64_t size;
};

static bool begins(const struct head *h, const char *with)
{
	return strncmp(h->s, with, strlen(with)) == 0;
}

/* A cell of the first line, cells parted by sep. */
static bool has_column(const struct head *h, const char *name, char sep)
{
	const char part[] = {sep, '\r', '\n', '\0'};
	size_t len = strlen(name), line = strcspn(h->s, "\r\n");
	for (const char *at = h->s; at < h->s + line; at += strcspn(at, part) + 1)
		if (strcspn(at, part) == len && strncmp(at, name, len) == 0)
			return true;
	return false;
}

/* ---- binary files ---- */

static enum ser_guess safetensors(const struct head *h, struct ser_buf *b, struct ser_err *e)
{
	struct ser_st *s;
	if (ser_st_open(&s, h->path, e) != SER_OK)
		return SER_GUESS_BROKEN;
	const char *format = ser_st_meta(s, "format"), *field = ser_st_meta(s, "field"), *n = ser_st_meta(s, "frames");
	bool model = format != NULL && strcmp(format, "ser-model") == 0;
	if (model)
		ser_buf_str(b,
			    ser_st_meta(s, "checkpoint") != NULL
				    ? "a checkpoint: ser-train --checkpoint FILE --resume goes on from it; a model, too"
				    : "a model");
	else if (ser_st_meta(s, "ser_norm") != NULL)
		ser_buf_printf(b, "statistics of \"%s\" over %s frames: ser-norm --apply takes them",
			       field != NULL ? field : "?", n != NULL ? n : "?");
	else
		ser_buf_printf(
			b, "%zu tensors of another program, as safetensors: ser-model import may make a model of them",
			s->n_tensor);
	ser_st_free(s);
	return model ? SER_GUESS_MODEL : SER_GUESS_OTHER;
}

/* HTK has no mark, but its length follows from its first 12 bytes. */
static bool is_htk(const struct head *h)
{
	const unsigned char *p = (const unsigned char *)h->s;
	if (h->n < 12)
		return false;
	uint64_t frames = (uint64_t)p[0] << 24 | (uint64_t)p[1] << 16 | (uint64_t)p[2] << 8 | p[3];
	uint64_t bytes = (uint64_t)p[8] << 8 | p[9], extra = p[10] & 4 ? 8 : p[10] & 16 ? 2 : 0;
	return frames > 0 && bytes > 0 && (h->size == 12 + frames * bytes || h->size == 12 + frames * bytes + extra);
}

static const char *binary(const struct head *h)
{
	static const struct {
		const char *mark, *what;
	} marks[] = {
		{"\x93NUMPY", "an array of NumPy: ser-cat --from npy"},
		{"%PDF-", "a picture or text as PDF"},
		{"\x89PNG", "a picture as PNG"},
		{"RIFF", "a sound: ser-manifest lists it, ser-wav2feat hears it"},
		{"RF64", "a sound: ser-manifest lists it, ser-wav2feat hears it"},
		{"fLaC", "a sound: ser-manifest lists it, ser-wav2feat hears it"},
		{"OggS", "a sound: ser-manifest lists it, ser-wav2feat hears it"},
		{".snd", "a sound: ser-manifest lists it, ser-wav2feat hears it"},
		{"FORM", "a sound: ser-manifest lists it, ser-wav2feat hears it"},
		{"ID3", "a sound: ser-manifest lists it, ser-wav2feat hears it"},
		{"NIST_1A", "a sound: ser-manifest lists it, ser-wav2feat hears it"},
	};
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (begins(h, marks[i].mark))
			return marks[i].what;
	if (begins(h, "PK\003\004")) /* a zip archive, the name of whose first member stands 30 bytes on */
		return h->n > 34 && memmem(h->s + 30, h->n - 30 < 300 ? h->n - 30 : 300, ".npy", 4) != NULL
			       ? "arrays of NumPy: ser-cat --from npz"
			       : "a zip archive: weights of PyTorch are one, of which ser-model import may make a "
				 "model";
	const char *blank = memchr(h->s, ' ', h->n < 1000 ? h->n : 1000);
	if (blank != NULL && blank > h->s && blank + 2 < h->s + h->n && blank[1] == '\0' && blank[2] == 'B')
		return "an archive of Kaldi: ser-cat --from ark";
	return is_htk(h) ? "parameters of HTK: ser-cat --from htk" : NULL;
}

/* ---- texts ---- */

/* What ser-score --json wrote. */
static void report(const struct ser_val *v, struct ser_buf *b)
{
	const struct ser_val *n = ser_val_get(ser_val_get(v, "about"), "n");
	ser_buf_str(b, "a report of ser-score, tables");
	for (size_t i = 0; i < v->u.map.n; i++)
		if (v->u.map.f[i].val.kind == SER_LIST)
			ser_buf_printf(b, " %.*s", (int)v->u.map.f[i].name_len, v->u.map.f[i].name);
	if (n != NULL && n->kind == SER_INT)
		ser_buf_printf(b, ", of %lld record%s", (long long)n->u.i, ser_s(n->u.i));
	ser_buf_str(b, ": ser-plot bars and ser-report show it");
}

static bool json(const struct head *h, const char *text, size_t n, struct ser_buf *b)
{
	struct ser_arena a = {0};
	struct ser_val v;
	struct ser_err e;
	size_t line = strcspn(text, "\n");
	bool one = ser_val_from_json(&a, text, n, &v, &e) == SER_OK, known = true;
	const struct ser_val *target = one ? ser_val_get(&v, "target") : NULL;
	if (one && ser_val_get(&v, "about") != NULL && ser_val_get(&v, "about")->kind == SER_MAP)
		report(&v, b);
	else if (target != NULL && target->kind == SER_STR)
		ser_buf_printf(b, "the threshold of %.*s: ser-target %.*s --apply takes it", (int)target->u.str.n,
			       target->u.str.s, (int)target->u.str.n, target->u.str.s);
	else if (memmem(h->s, h->n, "\"added_tokens\"", 14) != NULL)
		ser_buf_str(b, "a tokenizer: ser-tokenize and ser-train --tokenizer take it");
	else if (ser_val_from_json(&a, text, line, &v, &e) != SER_OK)
		known = false;
	else if (ser_val_get(&v, "key") != NULL && ser_val_get(&v, "wav") != NULL)
		ser_buf_str(b, "a list of EmoBox: ser-manifest --from emobox");
	else if (ser_val_get(&v, "sources") != NULL || ser_val_get(&v, "recording_id") != NULL ||
		 ser_val_get(&v, "supervisions") != NULL)
		ser_buf_str(b, "a manifest of Lhotse: ser-manifest --from lhotse");
	else if (ser_val_get(&v, "id") != NULL)
		ser_buf_str(b, "records as lines of JSON: ser-cat --from json");
	else
		known = false;
	ser_arena_free(&a);
	return known;
}

static bool table(const struct head *h, const char *text, size_t n, struct ser_buf *b)
{
	size_t rows = 0, line = strcspn(text, "\r\n"), columns = 1;
	for (size_t i = 0; i < n; i++)
		rows += text[i] == '\n';
	rows += n > 0 && text[n - 1] != '\n';
	for (size_t i = 0; i < line; i++)
		columns += text[i] == '\t';
	rows -= rows > 0;
	if (has_column(h, "table", '\t') && has_column(h, "row", '\t') && has_column(h, "value", '\t'))
		ser_buf_str(b, "a report of ser-score, as a table: ser-plot bars shows it");
	else if (has_column(h, "epoch", '\t'))
		ser_buf_printf(b, "a log of training, %zu epoch%s: ser-plot curve and ser-report draw it", rows,
			       ser_s(rows));
	else if (has_column(h, "id", '\t'))
		ser_buf_printf(b, "%s of %zu row%s, columns %.*s: %s",
			       has_column(h, "path", '\t') ? "a manifest" : "a table", rows, ser_s(rows), (int)line,
			       text,
			       has_column(h, "path", '\t') ? "ser-wav2feat, ser-fold and ser-manifest read it"
							   : "ser-join, ser-score and others read it by its ids");
	else if (has_column(h, "id", ','))
		ser_buf_printf(b, "a table of %zu row%s: ser-cat --from csv", rows, ser_s(rows));
	else if (columns == 3 && line > 7 && strncmp(text + line - 6, "target", 6) == 0)
		ser_buf_str(b, "a list of trials: ser-score verify --trials takes it");
	else if (columns > 1)
		ser_buf_printf(b, "a table of %zu row%s, columns %.*s", rows, ser_s(rows), (int)line, text);
	else
		return false;
	for (char *s = b->s; *s != '\0'; s++) /* the columns' names are parted by tabs, and may be anything */
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = *s == '\t' ? ' ' : '.';
	return true;
}

static bool text(const struct head *h, const char *s, size_t n, struct ser_buf *b)
{
	size_t at = strspn(s, " \t\r\n"), line = strcspn(s, "\r\n");
	const char *what = NULL, *colon = memrchr(s, ':', line);
	if (!ser_utf8_ok(s, n))
		return false;
	if (begins(h, "<!DOCTYPE html") && strstr(h->s, "content=\"ser-report ") != NULL)
		what = "a page of ser-report: a browser shows it";
	else if (begins(h, "<?xml") || begins(h, "<svg"))
		what = "a picture as SVG, such as ser-plot makes: a browser shows it";
	else if (strncasecmp(s + at, "@relation", 9) == 0)
		what = "a table of Weka or openSMILE: ser-cat --from arff";
	else if (begins(h, "name;frame"))
		what = "a table of openSMILE: ser-cat --from opensmile-csv";
	else if (strstr(h->s, "\nseed  ") != NULL && strstr(h->s, "\nlevel  ") != NULL)
		what = "a report of ser-score, to read: with --json ser-plot bars and ser-report show it";
	else if (begins(h, "#!"))
		what = "a script, such as ser-info --replay makes";
	else if (strstr(h->s, "\nname ") != NULL && strstr(h->s, "\ntitle ") != NULL)
		what = "a description of a corpus: ser-prep takes it";
	else if (begins(h, "# n_features") ||
		 (line > 0 && s[strcspn(s, " \n")] == ' ' && strspn(strchr(s, ' ') + 1, "0123456789") > 0 &&
		  strchr(s, ' ')[1 + strspn(strchr(s, ' ') + 1, "0123456789")] == ':'))
		what = "a table of LIBSVM: ser-cat --from svmlight";
	else if (line > 3 && memmem(s, line, "  [", 3) != NULL)
		what = "an archive of Kaldi as text: ser-cat --from ark,t";
	else if (colon != NULL && memchr(s, '\t', line) == NULL && memchr(s, ' ', line) != NULL &&
		 colon + 1 < s + line && colon + 1 + strspn(colon + 1, "0123456789") == s + line)
		what = "an index of Kaldi: ser-cat --from scp";
	if (what != NULL)
		ser_buf_str(b, what);
	return what != NULL || (s[at] == '{' ? json(h, s, n, b) : table(h, s, n, b));
}

enum ser_guess ser_guess(const char *path, struct ser_buf *b, struct ser_err *e)
{
	struct stat st;
	struct head h = {.path = path};
	FILE *f = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? fopen(path, "rb") : NULL;
	if (f == NULL)
		return SER_GUESS_NONE;
	h.size = (uint64_t)st.st_size;
	h.s = ser_malloc(HEAD + 1, 1);
	h.n = fread(h.s, 1, HEAD, f);
	h.s[h.n] = '\0';
	fclose(f);
	enum ser_guess is = SER_GUESS_NONE;
	const char *what = h.n > 0 && !ser_stream_begins((unsigned char)h.s[0]) ? binary(&h) : NULL;
	char *all = NULL;
	size_t n = 0;
	struct ser_err none;
	if (ser_st_is(path)) {
		is = safetensors(&h, b, e);
	} else if (what != NULL) {
		ser_buf_str(b, what);
		is = SER_GUESS_OTHER;
	} else if (h.n > 0 && !ser_stream_begins((unsigned char)h.s[0]) && h.size <= MAX_TEXT &&
		   ser_read_file(path, MAX_TEXT, &all, &n, &none) == 0) {
		is = text(&h, all, n, b) ? SER_GUESS_OTHER : SER_GUESS_NONE;
	}
	free(all);
	free(h.s);
	return is;
}
