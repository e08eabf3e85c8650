/* SPDX-License-Identifier: MIT */
#include "base/base.h"

#include <math.h>
#include <string.h>

/* splitmix64 (Steele, Lea and Flood 2014): the step that spreads one word into independent ones. */
static uint64_t splitmix(uint64_t *x)
{
	uint64_t z = *x += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t ser_hash(const void *p, size_t n)
{
	const unsigned char *s = p;
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < n; i++)
		h = (h ^ s[i]) * UINT64_C(0x100000001b3);
	return splitmix(&h);
}

uint64_t ser_hash_le(const void *p, size_t n, size_t size)
{
	struct ser_buf b = {0};
	uint64_t h = ser_hash(ser_le_copy(&b, p, n, size), ser_mul(n, size));
	ser_buf_free(&b);
	return h;
}

void ser_rng_seed(struct ser_rng *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->s[i] = splitmix(&seed);
}

void ser_rng_seed_key(struct ser_rng *r, uint64_t seed, const void *key, size_t n)
{
	uint64_t s = seed;
	ser_rng_seed(r, splitmix(&s) ^ ser_hash(key, n));
}

static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

uint64_t ser_rng_next(struct ser_rng *r)
{
	uint64_t *s = r->s, out = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return out;
}

double ser_rng_uniform(struct ser_rng *r)
{
	return (double)(ser_rng_next(r) >> 11) * 0x1p-53;
}

/* Values below 2^64 mod n are drawn again, so that each residue is met equally often. */
uint64_t ser_rng_below(struct ser_rng *r, uint64_t n)
{
	ser_assert(n > 0);
	uint64_t x, least = (0 - n) % n;
	do
		x = ser_rng_next(r);
	while (x < least);
	return x % n;
}

double ser_rng_normal(struct ser_rng *r)
{
	double u = 1.0 - ser_rng_uniform(r), v = ser_rng_uniform(r);
	return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

void ser_rng_shuffle(struct ser_rng *r, void *base, size_t n, size_t size)
{
	char *p = base, tmp[64];
	ser_assert(size <= sizeof tmp);
	for (size_t i = n; i > 1; i--) {
		size_t j = (size_t)ser_rng_below(r, i);
		memcpy(tmp, p + (i - 1) * size, size);
		memmove(p + (i - 1) * size, p + j * size, size);
		memcpy(p + j * size, tmp, size);
	}
}
