/* SPDX-License-Identifier: MIT */
/* CTranslate2's model.bin, as faster-whisper has it: a version, the name of the network and its revision, then the variables: name, axes,
 * type, bytes. All numbers are little-endian, a text has its length with the 0 at its end before it. */
#include "model/weights.h"

#include <string.h>

struct cursor {
	const char *p, *end;
};

/* Of so many bytes; SIZE_MAX: they are not there. */
static size_t number(struct cursor *c, size_t n_byte)
{
	size_t v = 0;
	if ((size_t)(c->end - c->p) < n_byte)
		return SIZE_MAX;
	for (size_t i = 0; i < n_byte; i++)
		v |= (size_t)(unsigned char)c->p[i] << 8 * i;
	c->p += n_byte;
	return v;
}

/* NULL: there is none. */
static const char *text(struct cursor *c)
{
	size_t n = number(c, 2);
	const char *s = c->p;
	if (n == SIZE_MAX || n == 0 || (size_t)(c->end - s) < n || s[n - 1] != '\0' || strlen(s) != n - 1 ||
	    !ser_utf8_ok(s, n - 1))
		return NULL;
	c->p += n;
	return s;
}

/* 1: of whole numbers, which quantised weights are, too */
static int one_variable(struct ser_weights *w, struct cursor *c, struct ser_err *e)
{
	static const struct {
		size_t type;
		enum ser_st_dtype dtype;
	} types[] = {{0, SER_ST_F32}, {4, SER_ST_F16}, {5, SER_ST_BF16}};
	struct ser_st_tensor t = {.n = 1, .filed = true};
	const char *name = text(c);
	size_t n_axis = number(c, 1), k = 0, want;
	if (name == NULL || name[0] == '\0' || n_axis == SIZE_MAX)
		return ser_fail(e, SER_EDATA, "cut off, or damaged");
	if (n_axis > SER_ST_MAX_AXES)
		return ser_fail(e, SER_EDATA, "variable \"%s\" has %zu axes, at most %d are read", name, n_axis,
				SER_ST_MAX_AXES);
	t.ndim = (int)n_axis;
	for (size_t i = 0; i < n_axis; i++) {
		t.shape[i] = number(c, 4);
		if (t.shape[i] == SIZE_MAX || !ser_mul_ok(t.n, t.shape[i], &t.n))
			return ser_fail(e, SER_EDATA, "variable \"%s\": cut off, or too large", name);
	}
	size_t type = number(c, 1), n_byte = number(c, 4);
	if (n_byte == SIZE_MAX || n_byte > (size_t)(c->end - c->p))
		return ser_fail(e, SER_EDATA, "variable \"%s\": cut off", name);
	t.data = c->p;
	c->p += n_byte;
	while (k < sizeof types / sizeof *types && types[k].type != type)
		k++;
	if (k == sizeof types / sizeof *types)
		return 1;
	t.dtype = types[k].dtype;
	if (!ser_mul_ok(t.n, ser_st_dtype_size(t.dtype), &want) || want != n_byte)
		return ser_fail(e, SER_EDATA, "variable \"%s\": %zu bytes do not fit its shape of %zu elements", name,
				n_byte, t.n);
	char *dotted = ser_arena_strndup(&w->all.arena, name, strlen(name));
	for (char *s = dotted; *s != '\0'; s++)
		*s = *s == '/' ? '.' : *s;
	t.name = dotted;
	return ser_weights_add(w, &t, e);
}

enum { OLDEST = 4, NEWEST = 6 }; /* versions of the format that say types */

/* The name of the network ends in Spec in all of them. */
bool ser_ct2_is(const char *p, size_t n)
{
	struct cursor c = {p, p + n};
	size_t version = number(&c, 4);
	const char *name = version > 0 && version < 64 ? text(&c) : NULL;
	return name != NULL && strlen(name) > 4 && strcmp(name + strlen(name) - 4, "Spec") == 0;
}

int ser_ct2_parse(struct ser_weights *w, const char *p, size_t n, struct ser_err *e)
{
	struct cursor c = {p, p + n};
	size_t version = number(&c, 4), n_whole = 0;
	text(&c);
	number(&c, 4);
	size_t n_variable = number(&c, 4);
	if (version < OLDEST || version > NEWEST)
		return ser_fail(e, SER_EDATA, "version %zu of CTranslate2's format, %d to %d are read", version, OLDEST,
				NEWEST);
	if (n_variable == SIZE_MAX)
		return ser_fail(e, SER_EDATA, "cut off");
	for (size_t i = 0; i < n_variable; i++) {
		int rc = one_variable(w, &c, e);
		if (rc < 0)
			return rc;
		n_whole += rc == 1;
	}
	if (w->all.n_tensor == 0)
		return ser_fail(e, SER_EDATA, "its %zu variables are whole numbers: quantised weights are not read",
				n_whole);
	return 0;
}
