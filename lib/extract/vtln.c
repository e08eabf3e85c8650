/* SPDX-License-Identifier: MIT */
/* Warping factors of vocal tract length normalisation by utterance or speaker: Kaldi's utt2warp and spk2warp. */
#include "extract/private.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_MAP = 1 << 28 /* bytes */ };

static int add(struct ser_warps *w, char *line, const char *path, size_t n_line, struct ser_err *e)
{
	size_t n = strcspn(line, " \t");
	char *value = line + n + strspn(line + n, " \t"), *end;
	bool fresh;
	double x = strtod(value, &end);
	if (n == 0 || end == value || end[strspn(end, " \t\r")] != '\0')
		return ser_fail(e, SER_EDATA, "%s:%zu: expected an utterance or speaker and its warping factor", path,
				n_line);
	if (!(x >= SER_MIN_WARP && x <= SER_MAX_WARP))
		return ser_fail(e, SER_EDATA, "%s:%zu: the warping factor %.*s is not in [%g,%g]", path, n_line, 20,
				value, SER_MIN_WARP, SER_MAX_WARP);
	size_t i = ser_map_add(w->key, line, n, &fresh);
	if (!fresh)
		return ser_fail(e, SER_EDATA, "%s:%zu: \"%.*s\" comes twice", path, n_line, (int)(n < 100 ? n : 100),
				line);
	w->warp = ser_grow(w->warp, &w->cap, i + 1, sizeof *w->warp);
	w->warp[i] = x;
	return SER_OK;
}

int ser_warps_read(struct ser_warps *w, const char *path, struct ser_err *e)
{
	char *text;
	size_t n, n_line = 0;
	*w = (struct ser_warps){0};
	if (ser_read_file(path, MAX_MAP, &text, &n, e) != SER_OK)
		return e->code;
	int rc = ser_lines_whole(text, n, path, e);
	w->key = ser_map_new();
	for (char *line = text, *next; rc == SER_OK && *line != '\0'; line = next) {
		size_t len = strcspn(line, "\n");
		next = line + len + (line[len] == '\n');
		line[len] = '\0';
		n_line++;
		if (line[strspn(line, " \t\r")] != '\0')
			rc = add(w, line, path, n_line, e);
	}
	free(text);
	return rc;
}

void ser_warps_free(struct ser_warps *w)
{
	ser_map_free(w->key);
	free(w->warp);
	*w = (struct ser_warps){0};
}

int ser_warps_find(const struct ser_warps *w, struct ser_record *r, double *warp, struct ser_err *e)
{
	const struct ser_val *spk = ser_record_get(r, "spk");
	const char *id = ser_record_id(r);
	ptrdiff_t i = ser_map_find(w->key, id, strlen(id));
	if (i < 0 && spk != NULL && spk->kind == SER_STR)
		i = ser_map_find(w->key, spk->u.str.s, spk->u.str.n);
	if (i < 0)
		return ser_fail(e, SER_EDATA, "--vtln-map has a factor neither of it nor of its speaker");
	*warp = w->warp[i];
	return SER_OK;
}
