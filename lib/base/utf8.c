/* SPDX-License-Identifier: MIT */
#include "base/base.h"

#include <string.h>

/* The byte ranges of RFC 3629, section 4: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool ser_utf8_ok(const char *p, size_t n)
{
	const unsigned char *s = (const unsigned char *)p;
	for (size_t i = 0; i < n;) {
		unsigned char c = s[i++];
		if (c >= 0x01 && c < 0x80)
			continue;
		size_t more = c >= 0xc2 && c <= 0xdf ? 1 : (c & 0xf0) == 0xe0 ? 2 : c >= 0xf0 && c <= 0xf4 ? 3 : 0;
		if (more == 0 || n - i < more)
			return false;
		unsigned char lo = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
		unsigned char hi = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
		for (; more > 0; more--, lo = 0x80, hi = 0xbf) {
			if (s[i] < lo || s[i] > hi)
				return false;
			i++;
		}
	}
	return true;
}

size_t ser_utf8_bom(const char *s, size_t n)
{
	return n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

size_t ser_utf8_control(const char *s, size_t n)
{
	unsigned char c = (unsigned char)s[0], next = n > 1 ? (unsigned char)s[1] : 0;
	return c < 0x20 || c == 0x7f ? 1 : c == 0xc2 && next >= 0x80 && next < 0xa0 ? 2 : 0;
}
