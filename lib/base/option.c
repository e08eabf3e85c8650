/* SPDX-License-Identifier: MIT */
#include "base/option.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

/* The variable of a row; NULL: a flag that is nowhere. */
static void *place(const struct ser_option *o, void *base)
{
	return o->var == NULL && base != NULL ? (char *)base + o->at : o->var;
}

static int parse_size(const char *s, size_t *out, struct ser_err *e)
{
	char digits[32];
	size_t n = strlen(s), shift = 0;
	if (n > 0 && n < sizeof digits) {
		char u = (char)toupper((unsigned char)s[n - 1]);
		shift = u == 'K' ? 10 : u == 'M' ? 20 : u == 'G' ? 30 : 0;
	}
	if (n >= sizeof digits)
		return ser_fail(e, SER_EUSAGE, "\"%s\" is not a size", s);
	memcpy(digits, s, n + 1);
	if (shift > 0)
		digits[n - 1] = '\0';
	int64_t v;
	if (ser_parse_int(digits, 1, INT64_MAX >> shift, &v, e) != 0)
		return ser_fail(e, SER_EUSAGE, "\"%s\" is not a size (bytes, or with K, M or G behind)", s);
	*out = (size_t)v << shift;
	return 0;
}

static int parse_seconds(const char *s, double lo, double hi, double *out, struct ser_err *e)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = {{"ms", 1e-3}, {"min", 60}, {"s", 1}};
	char digits[64];
	size_t n = strlen(s);
	double v, unit = 1;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		size_t len = strlen(units[i].name);
		if (n <= len || strcmp(s + n - len, units[i].name) != 0)
			continue;
		unit = units[i].seconds;
		n -= len;
		break;
	}
	if (n >= sizeof digits)
		return ser_fail(e, SER_EUSAGE, "\"%s\" is no number of seconds", s);
	memcpy(digits, s, n);
	digits[n] = '\0';
	if (ser_parse_real(digits, -HUGE_VAL, HUGE_VAL, &v, e) != 0)
		return ser_fail(e, SER_EUSAGE, "\"%s\" is no number of seconds (or with s, ms or min behind)", s);
	v *= unit;
	if (!(v >= lo && v <= hi)) {
		char least[32], most[32];
		return ser_fail(e, SER_EUSAGE, "\"%s\" is not in [%s,%s] seconds", s, ser_format_real(lo, least),
				ser_format_real(hi, most));
	}
	*out = v;
	return 0;
}

int ser_option_set(const struct ser_option *o, void *base, const char *s, struct ser_err *e)
{
	void *var = place(o, base);
	bool ranged = o->lo != 0 || o->hi != 0;
	int64_t i;
	switch (o->type) {
	case SER_OPTION_FLAG:
		if (s != NULL && strcmp(s, "true") != 0 && strcmp(s, "false") != 0)
			return ser_fail(e, SER_EUSAGE, "\"%s\" is neither true nor false", s);
		if (var != NULL)
			*(bool *)var = s == NULL || strcmp(s, "true") == 0;
		return 0;
	case SER_OPTION_INT:
		if (ser_parse_int(s, ranged ? (int64_t)o->lo : INT32_MIN,
				  ranged && o->hi > o->lo ? (int64_t)o->hi : INT32_MAX, &i, e) != 0)
			return e->code;
		*(int *)var = (int)i;
		return 0;
	case SER_OPTION_I64:
		return ser_parse_int(s, ranged ? (int64_t)o->lo : INT64_MIN,
				     ranged && o->hi > o->lo ? (int64_t)o->hi : INT64_MAX, var, e);
	case SER_OPTION_COUNT:
		if (ser_parse_int(s, (int64_t)o->lo, o->hi > o->lo ? (int64_t)o->hi : INT64_MAX, &i, e) != 0)
			return e->code;
		*(size_t *)var = (size_t)i;
		return 0;
	case SER_OPTION_REAL:
		return ser_parse_real(s, ranged ? o->lo : -HUGE_VAL, ranged && o->hi > o->lo ? o->hi : HUGE_VAL, var,
				      e);
	case SER_OPTION_SECONDS:
		return parse_seconds(s, ranged ? o->lo : -HUGE_VAL, ranged && o->hi > o->lo ? o->hi : HUGE_VAL, var, e);
	case SER_OPTION_STR:
		*(const char **)var = s;
		return 0;
	case SER_OPTION_SIZE:
		return parse_size(s, var, e);
	case SER_OPTION_CHOICE: {
		struct ser_buf b = {0};
		for (int k = 0; o->choices[k] != NULL; k++) {
			if (strcmp(s, o->choices[k]) == 0) {
				*(int *)var = k;
				ser_buf_free(&b);
				return 0;
			}
			ser_buf_printf(&b, "%s%s", k > 0 ? ", " : "", o->choices[k]);
		}
		ser_fail(e, SER_EUSAGE, "\"%s\" is none of %s", s, b.s);
		ser_buf_free(&b);
		return e->code;
	}
	case SER_OPTION_LIST: {
		struct ser_strs *l = var;
		l->s = ser_realloc(l->s, l->n + 1, sizeof *l->s);
		l->s[l->n++] = s;
		return 0;
	}
	}
	return 0;
}

void ser_option_text(const struct ser_option *o, const void *base, struct ser_buf *b)
{
	const void *var = place(o, (void *)base);
	char num[32];
	switch (o->type) {
	case SER_OPTION_FLAG:
		ser_buf_str(b, var != NULL && *(const bool *)var ? "true" : "false");
		break;
	case SER_OPTION_INT:
		ser_buf_printf(b, "%d", *(const int *)var);
		break;
	case SER_OPTION_I64:
		ser_buf_printf(b, "%lld", (long long)*(const int64_t *)var);
		break;
	case SER_OPTION_COUNT:
		ser_buf_printf(b, "%zu", *(const size_t *)var);
		break;
	case SER_OPTION_REAL:
	case SER_OPTION_SECONDS:
		if (isfinite(*(const double *)var))
			ser_buf_str(b, ser_format_real(*(const double *)var, num));
		break;
	case SER_OPTION_STR:
		if (*(const char *const *)var != NULL)
			ser_buf_str(b, *(const char *const *)var);
		break;
	case SER_OPTION_CHOICE:
		if (*(const int *)var >= 0)
			ser_buf_str(b, o->choices[*(const int *)var]);
		break;
	case SER_OPTION_SIZE: {
		size_t v = *(const size_t *)var;
		const char *unit = "";
		for (const char *u = "KMG"; *u != '\0' && v >= 1024 && v % 1024 == 0; u++) {
			v /= 1024;
			unit = u;
		}
		ser_buf_printf(b, "%zu%.1s", v, unit);
		break;
	}
	case SER_OPTION_LIST: {
		const struct ser_strs *l = var;
		for (size_t i = 0; i < l->n; i++)
			ser_buf_printf(b, "%s%s", i > 0 ? " " : "", l->s[i]);
		break;
	}
	}
}
