/* SPDX-License-Identifier: MIT */
/* Characters and their properties, by utf8proc (Unicode 15 in Debian 12). */
#include "text/private.h"

#include <stdlib.h>
#include <utf8proc.h>

enum { REPLACEMENT = 0xfffd };

int32_t ser_char_at(const char *s, size_t n, size_t *len)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned char c = p[0];
	size_t more = c >= 0xc2 && c <= 0xdf ? 1 : (c & 0xf0) == 0xe0 ? 2 : c >= 0xf0 && c <= 0xf4 ? 3 : 0;
	unsigned char lo = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	unsigned char hi = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	*len = 1;
	if (c < 0x80)
		return c;
	int32_t u = c & (0x3f >> more);
	if (more == 0)
		return REPLACEMENT;
	for (size_t i = 1; i <= more; i++, lo = 0x80, hi = 0xbf) {
		if (i >= n || p[i] < lo || p[i] > hi)
			return REPLACEMENT;
		u = u << 6 | (p[i] & 0x3f);
		*len = i + 1;
	}
	return u;
}

void ser_char_add(struct ser_buf *b, int32_t c)
{
	utf8proc_uint8_t s[4];
	ser_buf_add(b, s, (size_t)utf8proc_encode_char(c, s));
}

bool ser_char_is_space(int32_t c)
{
	return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

enum ser_char_class ser_char_class(int32_t c)
{
	if (ser_char_is_space(c))
		return SER_CHAR_SPACE;
	switch (utf8proc_category(c)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO:
		return SER_CHAR_LETTER;
	case UTF8PROC_CATEGORY_ND:
	case UTF8PROC_CATEGORY_NL:
	case UTF8PROC_CATEGORY_NO:
		return SER_CHAR_NUMBER;
	default:
		return SER_CHAR_OTHER;
	}
}

bool ser_char_is_control(int32_t c)
{
	utf8proc_category_t g = utf8proc_category(c);
	return g == UTF8PROC_CATEGORY_CC || g == UTF8PROC_CATEGORY_CF || g == UTF8PROC_CATEGORY_CO;
}

bool ser_char_is_punctuation(int32_t c)
{
	utf8proc_category_t g = utf8proc_category(c);
	return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126) ||
	       (g >= UTF8PROC_CATEGORY_PC && g <= UTF8PROC_CATEGORY_PO);
}

bool ser_char_is_mark(int32_t c)
{
	return utf8proc_category(c) == UTF8PROC_CATEGORY_MN;
}

bool ser_char_is_cjk(int32_t c)
{
	static const int32_t range[][2] = {{0x4e00, 0x9fff},   {0x3400, 0x4dbf},   {0x20000, 0x2a6df},
					   {0x2a700, 0x2b73f}, {0x2b740, 0x2b81f}, {0x2b820, 0x2ceaf},
					   {0xf900, 0xfaff},   {0x2f800, 0x2fa1f}};
	for (size_t i = 0; i < sizeof range / sizeof *range; i++)
		if (c >= range[i][0] && c <= range[i][1])
			return true;
	return false;
}

void ser_char_lower(struct ser_buf *b, int32_t c)
{
	ser_char_add(b, utf8proc_tolower(c));
	if (c == 0x130) /* the one that SpecialCasing.txt gives a mark whatever is around it */
		ser_char_add(b, 0x307);
}

void ser_text_decompose(struct ser_buf *b, const char *s, size_t n)
{
	const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)s;
	utf8proc_ssize_t len = utf8proc_decompose(p, (utf8proc_ssize_t)n, NULL, 0, UTF8PROC_DECOMPOSE);
	ser_assert(len >= 0); /* the text is valid */
	utf8proc_int32_t *c = ser_malloc((size_t)len + 1, sizeof *c);
	len = utf8proc_decompose(p, (utf8proc_ssize_t)n, c, len, UTF8PROC_DECOMPOSE);
	for (utf8proc_ssize_t i = 0; i < len; i++)
		ser_char_add(b, c[i]);
	free(c);
}
