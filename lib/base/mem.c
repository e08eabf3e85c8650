/* SPDX-License-Identifier: MIT */
#include "base/base.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void oom_print(size_t n)
{
	fprintf(stderr, "ser: out of memory (%zu bytes wanted)\n", n);
}

static void (*oom_handler)(size_t) = oom_print;

void ser_oom_set(void (*handler)(size_t n_byte))
{
	oom_handler = handler;
}

_Noreturn void ser_oom(size_t n)
{
	oom_handler(n);
	abort();
}

bool ser_mul_ok(size_t a, size_t b, size_t *r)
{
	size_t p;
	if (__builtin_mul_overflow(a, b, &p))
		return false;
	*r = p;
	return true;
}

size_t ser_mul(size_t a, size_t b)
{
	size_t p;
	if (__builtin_mul_overflow(a, b, &p))
		ser_oom(SIZE_MAX);
	return p;
}

size_t ser_add(size_t a, size_t b)
{
	size_t s;
	if (__builtin_add_overflow(a, b, &s))
		ser_oom(SIZE_MAX);
	return s;
}

void *ser_malloc(size_t n, size_t size)
{
	size_t b = ser_mul(n, size);
	void *p = malloc(b > 0 ? b : 1);
	if (p == NULL)
		ser_oom(b);
	return p;
}

void *ser_malloc_aligned(size_t n, size_t size)
{
	enum { LINE = 64, LARGE = 2 << 20 };
	void *p = NULL;
	size_t b = ser_add(ser_mul(n, size), LINE) / LINE * LINE;
	if (posix_memalign(&p, b < 2 * LARGE ? LINE : LARGE, b) != 0)
		ser_oom(b);
	if (b >= 2 * LARGE)
		ser_large_pages(p, b);
	return p;
}

void ser_large_pages(void *p, size_t n)
{
#if defined(MADV_HUGEPAGE)
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE),
		  skip = (uintptr_t)p % page; /* what stands beside does not matter */
	madvise((char *)p - skip, n + skip, MADV_HUGEPAGE);
#else
	(void)p;
	(void)n;
#endif
}

/* The whole pages among n bytes: *skip bytes from p on, so many bytes. */
static size_t pages(const void *p, size_t n, size_t *skip)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = ((uintptr_t)p + page - 1) / page * page,
		  to = ((uintptr_t)p + n) / page * page;
	*skip = from - (uintptr_t)p;
	return from < to ? to - from : 0;
}

void ser_give_back(void *p, size_t n)
{
	size_t skip, m = pages(p, n, &skip);
	if (m > 0)
		madvise((char *)p + skip, m, MADV_DONTNEED);
}

void ser_zero(void *p, size_t n)
{
	enum { MUCH = 16 << 20 }; /* below it pages cost more than they are worth */
	size_t skip = 0, m = n < MUCH ? 0 : pages(p, n, &skip);
#ifdef __linux__ /* elsewhere pages may come back with what they held */
	m = m > 0 && madvise((char *)p + skip, m, MADV_DONTNEED) == 0 ? m : 0;
#else
	m = 0;
#endif
	skip = m > 0 ? skip : 0;
	memset(p, 0, skip);
	memset((char *)p + skip + m, 0, n - skip - m);
}

bool ser_is_zero(const void *p, size_t n)
{
	const char *c = p;
	return n == 0 || (c[0] == 0 && memcmp(c, c + 1, n - 1) == 0);
}

void *ser_calloc(size_t n, size_t size)
{
	void *p = calloc(n > 0 ? n : 1, size > 0 ? size : 1);
	if (p == NULL)
		ser_oom(ser_mul(n, size));
	return p;
}

void *ser_realloc(void *p, size_t n, size_t size)
{
	size_t b = ser_mul(n, size);
	p = realloc(p, b > 0 ? b : 1);
	if (p == NULL)
		ser_oom(b);
	return p;
}

char *ser_strdup(const char *s)
{
	return ser_strndup(s, strlen(s));
}

char *ser_strndup(const char *s, size_t n)
{
	char *p = ser_malloc(ser_add(n, 1), 1);
	if (n > 0)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

void *ser_grow(void *p, size_t *cap, size_t need, size_t size)
{
	if (need <= *cap)
		return p;
	size_t c = *cap < 8 ? 8 : *cap;
	while (c < need)
		c = c > SIZE_MAX / 2 ? need : 2 * c;
	p = ser_realloc(p, c, size);
	*cap = c;
	return p;
}

/* ---- arena: a list of blocks, newest first; a rewound arena keeps its blocks behind `spare` ---- */

enum { ALIGN = 64, FIRST = 64 * 1024 };

struct ser_arena_block {
	struct ser_arena_block *older; /* blocks in use below this one */
	struct ser_arena_block *spare; /* blocks kept for reuse above this one */
	size_t at, cap;
	char *base; /* aligned start of the payload */
};
_Static_assert(sizeof(struct ser_arena_block) <= ALIGN, "an arena's payload begins behind its head");

void ser_arena_init(struct ser_arena *a)
{
	*a = (struct ser_arena){0};
}

static struct ser_arena_block *block_new(size_t cap)
{
	struct ser_arena_block *b = ser_malloc_aligned(ser_add(cap, ALIGN), 1);
	*b = (struct ser_arena_block){.cap = cap, .base = (char *)b + ALIGN};
	return b;
}

/* The next block with room for n bytes: a spare one when it fits, else a new one in its place. */
static void arena_push(struct ser_arena *a, size_t n)
{
	struct ser_arena_block *top = a->head, *b = top != NULL ? top->spare : NULL;
	while (b != NULL && b->cap < n) {
		struct ser_arena_block *next = b->spare;
		free(b);
		b = next;
	}
	if (b == NULL) {
		size_t cap = top != NULL ? top->cap : FIRST / 2;
		cap = cap > SIZE_MAX / 2 ? cap : 2 * cap;
		b = block_new(n > cap ? n : cap);
	}
	if (top != NULL)
		top->spare = NULL;
	b->older = top;
	b->at = 0;
	a->head = b;
}

void *ser_arena_alloc(struct ser_arena *a, size_t n, size_t size)
{
	size_t b = ser_add(ser_mul(n, size), ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (a->head == NULL || a->head->cap - a->head->at < b)
		arena_push(a, b);
	void *p = a->head->base + a->head->at;
	a->head->at += b;
	a->used += b;
	return p;
}

void *ser_arena_calloc(struct ser_arena *a, size_t n, size_t size)
{
	void *p = ser_arena_alloc(a, n, size);
	memset(p, 0, n * size);
	return p;
}

char *ser_arena_strndup(struct ser_arena *a, const char *s, size_t n)
{
	char *p = ser_arena_alloc(a, ser_add(n, 1), 1);
	if (n > 0)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

struct ser_arena_mark ser_arena_mark(const struct ser_arena *a)
{
	return (struct ser_arena_mark){a->head, a->head != NULL ? a->head->at : 0, a->used};
}

void ser_arena_rewind(struct ser_arena *a, struct ser_arena_mark m)
{
	while (a->head != NULL && a->head != m.block && a->head->older != NULL) {
		struct ser_arena_block *b = a->head;
		a->head = b->older;
		a->head->spare = b;
	}
	if (a->head != NULL)
		a->head->at = a->head == m.block ? m.at : 0;
	a->used = m.used;
}

void ser_arena_free(struct ser_arena *a)
{
	ser_arena_rewind(a, (struct ser_arena_mark){0});
	for (struct ser_arena_block *b = a->head, *next; b != NULL; b = next) {
		next = b->spare;
		free(b);
	}
	*a = (struct ser_arena){0};
}

/* ---- byte buffer ---- */

void ser_buf_reserve(struct ser_buf *b, size_t extra)
{
	b->s = ser_grow(b->s, &b->cap, ser_add(ser_add(b->n, extra), 1), 1);
}

void ser_buf_add(struct ser_buf *b, const void *p, size_t n)
{
	ser_buf_reserve(b, n);
	if (n > 0)
		memcpy(b->s + b->n, p, n);
	b->n += n;
	b->s[b->n] = '\0';
}

void ser_le(void *p, size_t n, size_t size)
{
	unsigned char *at = p;
	for (size_t i = 0; SER_BIG_ENDIAN && i < n; i++, at += size)
		for (size_t k = 0; k < size / 2; k++) {
			unsigned char c = at[k];
			at[k] = at[size - 1 - k];
			at[size - 1 - k] = c;
		}
}

void ser_buf_add_le(struct ser_buf *b, const void *p, size_t n, size_t size)
{
	size_t from = b->n;
	ser_buf_add(b, p, ser_mul(n, size));
	ser_le(b->s + from, n, size);
}

const void *ser_le_copy(struct ser_buf *b, const void *p, size_t n, size_t size)
{
	if (!SER_BIG_ENDIAN || size == 1)
		return p;
	b->n = 0;
	ser_buf_add_le(b, p, n, size);
	return b->s;
}

void ser_buf_str(struct ser_buf *b, const char *s)
{
	ser_buf_add(b, s, strlen(s));
}

void ser_buf_printf(struct ser_buf *b, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	ser_assert(n >= 0);
	ser_buf_reserve(b, (size_t)n);
	vsnprintf(b->s + b->n, (size_t)n + 1, fmt, again);
	va_end(again);
	b->n += (size_t)n;
}

void ser_buf_free(struct ser_buf *b)
{
	free(b->s);
	*b = (struct ser_buf){0};
}
