/* SPDX-License-Identifier: MIT */
/* Binary numbers as the shortest decimal text: the method of R. Giulietti, "The Schubfach way to render doubles" (2021).
 *
 * A number c 2^q stands for all reals that round to it: those between (4c - 2) 2^(q-2) and (4c + 2) 2^(q-2), or from (4c - 1)
 * where the number is a power of two and its lower neighbour half as far; the ends belong to it when c is even. With k the
 * greatest power of ten no larger than this interval's width, at least one multiple of 10^k is inside and at most one of
 * 10^(k+1). So three products with 10^-k, to 128 bits and with what is cut off noted in the last bit, decide everything. */
#include "base/base.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

__extension__ typedef unsigned __int128 u128;

/* ---- powers of ten ---- */

enum { LEAST = -292, MOST = 324, WORDS = 36 };

/* 10^k = power[k - LEAST] 2^(floor(log2 10^k) - 127), rounded up. */
static u128 power[MOST - LEAST + 1];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The first 128 bits of a number of WORDS words, the lowest first; rounded up when any bit behind them is set. */
static u128 first_bits(const uint32_t *w)
{
	int top = WORDS - 1;
	while (w[top] == 0)
		top--;
	int zeros = __builtin_clz(w[top]);
	u128 x = 0;
	uint32_t rest = 0;
	for (int i = 0; i < 5; i++) { /* 160 bits hold 128 from any bit of the first word on */
		uint32_t v = top - i >= 0 ? w[top - i] : 0;
		if (i < 4)
			x = x << 32 | v;
		else if (zeros > 0)
			x = x << zeros | v >> (32 - zeros);
		rest = i == 4 ? v << zeros : 0;
	}
	for (int i = 0; i < top - 4; i++)
		rest |= w[i];
	return x + (rest != 0);
}

/* Powers upwards by multiplying, exactly; downwards by dividing 2^(32 (WORDS - 1)) by 5 again and again, where what is
 * rounded down twice is rounded down once, and the powers of two that are left out change the exponent only. */
static void fill_powers(void)
{
	uint32_t w[WORDS] = {1};
	for (int k = 0; k <= MOST; k++) {
		power[k - LEAST] = first_bits(w);
		uint64_t carry = 0;
		for (int i = 0; i < WORDS; i++) {
			carry += (uint64_t)w[i] * 10;
			w[i] = (uint32_t)carry;
			carry >>= 32;
		}
	}
	memset(w, 0, sizeof w);
	w[WORDS - 1] = 1;
	for (int k = -1; k >= LEAST; k--) {
		uint64_t rest = 0;
		for (int i = WORDS; i-- > 0;) {
			rest = rest << 32 | w[i];
			w[i] = (uint32_t)(rest / 5);
			rest %= 5;
		}
		power[k - LEAST] = first_bits(w);
	}
}

/* ---- digits ---- */

struct decimal {
	uint64_t digits; /* times 10^exp */
	int exp;
};

/* g x / 2^128, its last bit set when it is no whole number. g may be too large by one, which a fraction of 2^-64 shows. */
static uint64_t times(u128 g, uint64_t x)
{
	u128 y = (u128)(uint64_t)(g >> 64) * x + (uint64_t)((u128)(uint64_t)g * x >> 64);
	return (uint64_t)(y >> 64) | ((uint64_t)y > 1);
}

/* Of the decimals that round to c 2^q the one with the fewest digits, and of these the nearest. */
static struct decimal shortest(uint64_t c, int q, bool near_below)
{
	int k = (q * 1262611 - (near_below ? 524031 : 0)) >> 22; /* floor(log10(2^q)), floor(log10(3/4 2^q)) */
	int h = q + (-k * 1741647 >> 19) + 1;                    /* floor(log2(10^-k)) */
	u128 g = power[-k - LEAST];
	uint64_t odd = c & 1;
	uint64_t low = times(g, (4 * c - (near_below ? 1 : 2)) << h) + odd;
	uint64_t mid = times(g, 4 * c << h);
	uint64_t high = times(g, (4 * c + 2) << h) - odd;
	uint64_t s = mid / 4; /* all three are in quarters of 10^k */
	if (s >= 10) {
		uint64_t tens = s / 10;
		bool down = low <= 40 * tens, up = 40 * tens + 40 <= high;
		if (down != up)
			return (struct decimal){tens + up, k + 1};
	}
	bool down = low <= 4 * s, up = 4 * s + 4 <= high;
	if (down != up)
		return (struct decimal){s + up, k};
	return (struct decimal){s + (mid > 4 * s + 2 || (mid == 4 * s + 2 && (s & 1) != 0)), k};
}

/* ---- text ---- */

static char *put_exponent(char *p, int x)
{
	*p++ = 'e';
	*p++ = x < 0 ? '-' : '+';
	x = x < 0 ? -x : x;
	if (x >= 100)
		*p++ = (char)('0' + x / 100);
	*p++ = (char)('0' + x / 10 % 10);
	*p++ = (char)('0' + x % 10);
	return p;
}

/* As %g lays a number out when asked for as many digits as there are, and for six at least. */
static char *put(struct decimal d, char *p)
{
	char digit[20];
	int n = 0, at = (int)sizeof digit;
	for (; d.digits % 10 == 0; d.exp++)
		d.digits /= 10;
	for (; d.digits > 0; d.digits /= 10, n++)
		digit[--at] = (char)('0' + d.digits % 10);
	const char *s = digit + at;
	int x = d.exp + n - 1; /* of the first digit */
	if (x < -4 || x >= (n > 6 ? n : 6)) {
		*p++ = *s++;
		if (n > 1) {
			*p++ = '.';
			memcpy(p, s, (size_t)n - 1);
			p += n - 1;
		}
		return put_exponent(p, x);
	}
	if (x < 0) {
		*p++ = '0';
		*p++ = '.';
		for (int i = -1; i > x; i--)
			*p++ = '0';
	}
	for (int i = 0; i < n; i++) {
		if (i == x + 1 && x >= 0)
			*p++ = '.';
		*p++ = s[i];
	}
	for (int i = n; i <= x; i++)
		*p++ = '0';
	return p;
}

/* A number of `n_frac` bits of fraction and the exponent field `field`; `none` is the field of infinities and NaN. */
static char *format(char *buf, bool minus, uint64_t frac, int field, int n_frac, int none)
{
	char *p = buf;
	if (field == none && frac != 0) /* whose sign says nothing and differs between machines */
		return strcpy(buf, "nan");
	if (minus)
		*p++ = '-';
	if (field == none) {
		strcpy(p, "inf");
		return buf;
	}
	if (field == 0 && frac == 0) {
		strcpy(p, "0");
		return buf;
	}
	pthread_once(&once, fill_powers);
	uint64_t c = field > 0 ? frac | (uint64_t)1 << n_frac : frac;
	int q = (field > 0 ? field : 1) - none / 2 - n_frac;
	p = put(shortest(c, q, frac == 0 && field > 1), p);
	*p = '\0';
	return buf;
}

char *ser_format_real(double x, char *buf)
{
	uint64_t b;
	memcpy(&b, &x, sizeof b);
	return format(buf, b >> 63, b & (((uint64_t)1 << 52) - 1), (int)(b >> 52 & 0x7ff), 52, 0x7ff);
}

char *ser_format_float(float x, char *buf)
{
	uint32_t b;
	memcpy(&b, &x, sizeof b);
	return format(buf, b >> 31, b & ((1u << 23) - 1), (int)(b >> 23 & 0xff), 23, 0xff);
}
