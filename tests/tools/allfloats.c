/* SPDX-License-Identifier: MIT */
/* allfloats [STEP]: every STEP-th of the positive finite floats, all of them when STEP is not given, as text and back. The
 * text must be read as the same float by strtof(), and neither of its neighbours with a digit less may be. About ten minutes. */
#include "base/base.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Digits and exponent of a text that ser_format_float() made, the digits as a whole number. */
static uint64_t parts(const char *s, int *exp)
{
	uint64_t v = 0;
	bool point = false;
	*exp = 0;
	for (; *s != '\0' && *s != 'e'; s++) {
		if (*s == '.') {
			point = true;
			continue;
		}
		v = 10 * v + (uint64_t)(*s - '0');
		*exp -= point;
	}
	*exp += *s == 'e' ? atoi(s + 1) : 0;
	for (; v % 10 == 0; v /= 10)
		++*exp;
	return v;
}

static bool is(uint64_t digits, int exp, float x)
{
	char text[48];
	snprintf(text, sizeof text, "%" PRIu64 "e%d", digits, exp);
	return strtof(text, NULL) == x;
}

int main(int argc, char **argv)
{
	int64_t step = 1;
	uint64_t n = 0, bad = 0;
	struct ser_err e;
	if (argc > 2 || (argc == 2 && ser_parse_int(argv[1], 1, 1 << 30, &step, &e) != 0)) {
		fprintf(stderr, "usage: allfloats [STEP]\n");
		return 2;
	}
	for (uint32_t b = 1; b < 0x7f800000; b += (uint32_t)step, n++) {
		float x;
		char text[32];
		int exp;
		memcpy(&x, &b, sizeof x);
		uint64_t digits = parts(ser_format_float(x, text), &exp);
		bool back = strtof(text, NULL) == x;
		bool longer = digits >= 10 && (is(digits / 10, exp + 1, x) || is(digits / 10 + 1, exp + 1, x));
		if ((!back || longer) && ++bad < 20)
			printf("%s, of bits %08" PRIx32 ", %s\n", text, b,
			       back ? "could be shorter" : "is another float");
	}
	printf("%" PRIu64 " floats, %" PRIu64 " of them wrong\n", n, bad);
	return bad != 0;
}
