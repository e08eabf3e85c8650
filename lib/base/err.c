/* SPDX-License-Identifier: MIT */
#include "base/base.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* What comes from a file may hold escape sequences or newlines: one line stays one line. */
static void set_msg(struct ser_err *e, const char *s)
{
	size_t n = 0, room = sizeof e->msg - 9, left = strlen(s);
	bool text = ser_utf8_ok(s, left); /* else it may hold any terminal's own control characters */
	for (size_t raw = 0; left > 0 && n < room; s++, left--) {
		unsigned char c = (unsigned char)*s;
		raw = raw > 0 ? raw : ser_utf8_control(s, left);
		if (raw > 0 || (c >= 0x80 && !text))
			n += (size_t)snprintf(e->msg + n, 5, "\\x%02x", c);
		else
			e->msg[n++] = (char)c;
		raw -= raw > 0;
	}
	e->msg[n] = '\0';
}

int ser_fail(struct ser_err *e, int code, const char *fmt, ...)
{
	if (e == NULL)
		return code;
	char raw[sizeof e->msg];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	e->code = code;
	set_msg(e, raw);
	return code;
}

int ser_fail_in(struct ser_err *e, const char *fmt, ...)
{
	char raw[2 * sizeof e->msg];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(raw, sizeof e->msg, fmt, ap);
	va_end(ap);
	size_t at = n < 0 ? 0 : (size_t)n < sizeof e->msg ? (size_t)n : sizeof e->msg - 1;
	snprintf(raw + at, sizeof raw - at, ": %s", e->msg);
	set_msg(e, raw);
	return e->code;
}

const char *ser_plural(size_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

const char *ser_s(size_t n)
{
	return ser_plural(n, "", "s");
}

_Noreturn void ser_assert_failed(const char *what, const char *file, int line)
{
	fprintf(stderr, "ser: %s:%d: assertion failed: %s\n", file, line, what);
	abort();
}
