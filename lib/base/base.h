/* SPDX-License-Identifier: MIT */
/* base: what every module stands on, from libc alone: error values, checked sizes, an arena, byte
 * buffers, a string map, random numbers, strict number parsing, files that appear whole or not at
 * all, and a deterministic parallel loop.
 *
 * Three kinds of error, the same in every module:
 *   bad data or environment   the function returns a negative SER_E* and fills the caller's
 *                             struct ser_err with one sentence (what, where, found, expected);
 *   a programmer's mistake    ser_assert(), kept in release builds;
 *   out of memory             the process's out-of-memory handler, which does not return. */
#ifndef SER_BASE_H
#define SER_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SER_VERSION "0.1.0"

/* ---- errors ------------------------------------------------------------------------------- */

enum {
	SER_OK = 0,
	SER_EDATA = -1,  /* input that is wrong: status 1 */
	SER_EIO = -2,    /* the operating system refused: status 1 */
	SER_EUSAGE = -3, /* options that do not go together: status 2 */
	SER_EPROTO = -4  /* a protocol refused, such as speakers shared by train and test: status 3 */
};

struct ser_err {
	int code;       /* SER_E*, 0 when nothing has failed */
	char msg[1000]; /* one sentence without newline; control bytes of the input are escaped */
};

#define SER_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Fill *e (may be NULL) and return `code`. The message's control bytes are shown as \xNN. */
int ser_fail(struct ser_err *e, int code, const char *fmt, ...) SER_PRINTF(3, 4);

/* Put "prefix: " before a message that is already there. Returns e->code. */
int ser_fail_in(struct ser_err *e, const char *fmt, ...) SER_PRINTF(2, 3);

#define ser_assert(x) ((x) ? (void)0 : ser_assert_failed(#x, __FILE__, __LINE__))
_Noreturn void ser_assert_failed(const char *what, const char *file, int line);

/* Called with the size that could not be had; aborts if it returns. The default prints a line. */
void ser_oom_set(void (*handler)(size_t n_byte));
_Noreturn void ser_oom(size_t n_byte); /* call the handler: for memory that a library could not get */

/* ---- memory ------------------------------------------------------------------------------- */

/* a*b and a+b, or the out-of-memory handler where size_t cannot hold the result. */
size_t ser_mul(size_t a, size_t b);
size_t ser_add(size_t a, size_t b);
/* The same for sizes that come from outside: false, and *r untouched, on overflow. */
bool ser_mul_ok(size_t a, size_t b, size_t *r);

/* malloc, calloc, realloc of n*size bytes that never return NULL. Freed with free(). */
void *ser_malloc(size_t n, size_t size);
void *ser_calloc(size_t n, size_t size);
void *ser_realloc(void *p, size_t n, size_t size);
/* malloc of whole lines of the cache, 64 bytes: for vector registers of any width. Much of it comes in large pages where the system
 * has them. */
void *ser_malloc_aligned(size_t n, size_t size);
/* All of these n bytes are going to be written: they come in large pages where the system has them. */
void ser_large_pages(void *p, size_t n);
/* Nobody needs these n bytes any more, allocated or mapped from a file: the system takes the whole pages among them. Read again, they are
 * anything. */
void ser_give_back(void *p, size_t n);
/* n bytes become 0; of much, whole pages are given back, and take no memory until something is written into them. */
void ser_zero(void *p, size_t n);
bool ser_is_zero(const void *p, size_t n); /* all n bytes are 0 */
char *ser_strdup(const char *s);
char *ser_strndup(const char *s, size_t n); /* n bytes and a NUL, whatever they hold */
/* Grow *p, of *cap elements, to hold at least `need`; doubles. */
void *ser_grow(void *p, size_t *cap, size_t need, size_t size);

/* Allocations that go together. Every block is aligned to 64 bytes; nothing is freed singly. */
struct ser_arena {
	struct ser_arena_block *head;
	size_t used; /* bytes handed out since creation or rewind, for statistics */
};
struct ser_arena_mark {
	struct ser_arena_block *block;
	size_t at, used;
};
void ser_arena_init(struct ser_arena *a);                          /* all zero is the same */
void *ser_arena_alloc(struct ser_arena *a, size_t n, size_t size); /* not cleared */
void *ser_arena_calloc(struct ser_arena *a, size_t n, size_t size);
char *ser_arena_strndup(struct ser_arena *a, const char *s, size_t n);
struct ser_arena_mark ser_arena_mark(const struct ser_arena *a);
/* Forget what was allocated after the mark; blocks stay for reuse. A zero mark forgets all. */
void ser_arena_rewind(struct ser_arena *a, struct ser_arena_mark m);
void ser_arena_free(struct ser_arena *a);

/* A growing byte string; s is NUL-terminated whenever cap > 0. All zero is empty. */
struct ser_buf {
	char *s;
	size_t n, cap;
};
void ser_buf_add(struct ser_buf *b, const void *p, size_t n);
void ser_buf_str(struct ser_buf *b, const char *s);
void ser_buf_printf(struct ser_buf *b, const char *fmt, ...) SER_PRINTF(2, 3);
void ser_buf_reserve(struct ser_buf *b, size_t extra);
void ser_buf_free(struct ser_buf *b);

/* Files hold numbers with the low byte first, whatever the machine does. n numbers of `size` bytes (1 to 8) from the machine's order to
 * that of files, or back: in place; to the end of b; or p itself where the two are one, else a copy, which is all that b then holds. */
#define SER_BIG_ENDIAN (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
void ser_le(void *p, size_t n, size_t size);
void ser_buf_add_le(struct ser_buf *b, const void *p, size_t n, size_t size);
const void *ser_le_copy(struct ser_buf *b, const void *p, size_t n, size_t size);

/* The word, or its ending, for n of a thing: "%zu record%s", n, ser_s(n). */
const char *ser_plural(size_t n, const char *one, const char *many);
const char *ser_s(size_t n); /* "" or "s" */

/* Whether n bytes are well-formed UTF-8 (RFC 3629) without NUL. */
bool ser_utf8_ok(const char *s, size_t n);
/* Bytes of the control character that s [n], n > 0, begins with, which could move a terminal's cursor: U+0000 to U+001F, U+007F to
 * U+009F; or 0. */
size_t ser_utf8_control(const char *s, size_t n);
/* The length of UTF-8's byte order mark that a text's first n bytes begin with, or 0. */
size_t ser_utf8_bom(const char *s, size_t n);

/* ---- map from byte strings to a number ------------------------------------------------------ */

struct ser_map; /* insertion-ordered; keys are copied */
struct ser_map *ser_map_new(void);
void ser_map_free(struct ser_map *m);
size_t ser_map_len(const struct ser_map *m);
/* The position (0, 1, ... by insertion) of a key, or -1. */
ptrdiff_t ser_map_find(const struct ser_map *m, const char *key, size_t n);
/* The position of a key, added when new; *is_new (may be NULL) says which. */
size_t ser_map_add(struct ser_map *m, const char *key, size_t n, bool *is_new);
const char *ser_map_key(const struct ser_map *m, size_t i, size_t *n); /* n may be NULL */

/* ---- numbers ------------------------------------------------------------------------------- */

/* Parse the whole of s, which may not have spaces around it, into [lo, hi]. Real numbers are decimal
 * or hexadecimal and finite. Returns 0, or SER_EUSAGE with a sentence naming s and the range. */
int ser_parse_int(const char *s, int64_t lo, int64_t hi, int64_t *out, struct ser_err *e);
int ser_parse_real(const char *s, double lo, double hi, double *out, struct ser_err *e);
/* The shortest decimal text that reads back as the same double or float, and of several the nearest; laid out as by printf's
 * %g, with exponents below 10^-4 and from 10^6 on where that is not longer than the digits; nan, inf, -inf. buf: at least 32
 * bytes. Returns buf. (Giulietti, The Schubfach way to render doubles, 2021.) */
char *ser_format_real(double x, char *buf);
char *ser_format_float(float x, char *buf);

/* The standard deviation sqrt(var) of a column of float data, 0 where the column is constant, that is where the deviation is 0 or,
 * below 10 FLT_EPSILON of the mean's size, rounding (scikit-learn's rule of StandardScaler). */
double ser_spread(double mean, double var);
/* What a normaliser divides such a column by: its spread, or 1 where it is constant. */
double ser_deviation(double mean, double var);

/* The greatest |x[i]|, 0 when n is 0; not finite when any x[i] is not. */
float ser_abs_max(const float *x, size_t n);

/* x [n] into rising order; without NaN. */
void ser_sort_rising(double *x, size_t n);
/* Of such, n > 0, the value at p of 0 ... 1, between ranks by a straight line. */
double ser_percentile(const double *x, size_t n, double p);

/* Random numbers: xoshiro256** (Blackman and Vigna 2018), seeded through splitmix64. The state is
 * the caller's; equal seeds give equal numbers on every machine. */
struct ser_rng {
	uint64_t s[4];
};
void ser_rng_seed(struct ser_rng *r, uint64_t seed);
/* A stream of its own for each (seed, key): what happens to an id does not depend on its neighbours. */
void ser_rng_seed_key(struct ser_rng *r, uint64_t seed, const void *key, size_t n);
uint64_t ser_rng_next(struct ser_rng *r);
double ser_rng_uniform(struct ser_rng *r);             /* [0,1), 53 bits */
uint64_t ser_rng_below(struct ser_rng *r, uint64_t n); /* [0,n), unbiased; n > 0 */
double ser_rng_normal(struct ser_rng *r);              /* mean 0, variance 1; Box-Muller, no state kept */
/* Fisher-Yates over n elements of `size` bytes. */
void ser_rng_shuffle(struct ser_rng *r, void *base, size_t n, size_t size);

/* FNV-1a, 64 bits, finished by a splitmix64 step: the family's stable hash of ids. */
uint64_t ser_hash(const void *p, size_t n);
/* Of n numbers of `size` bytes, the same on every machine. */
uint64_t ser_hash_le(const void *p, size_t n, size_t size);

/* What <directory of the executable>/../libexec/ser/FILE calls `symbol`: a library that few need, loaded where one does. global: what it
 * loads by itself finds its symbols. NULL and SER_EIO when it is not there. */
const void *ser_plugin(const char *file, const char *symbol, bool global, struct ser_err *e);
bool ser_plugin_there(const char *file); /* whether there is such a file */

/* ---- files --------------------------------------------------------------------------------- */

/* "SUM SIZE" of a regular file's bytes, as POSIX' cksum prints it (a CRC of 32 bits), into out: 1; 0 when
 * there is no such file or it is another kind of file, SER_EIO when it cannot be read. */
int ser_cksum(const char *path, char out[static 40], struct ser_err *e);

/* A file that gets its name only when it is whole: written beside `path` under a temporary name,
 * flushed, synced and renamed by commit; removed by abort, by ser_outfile_abort_all() and at exit.
 * Links are followed to the file that they lead to. A file that is there keeps its mode, and its owner when root writes it. What is no
 * regular file (/dev/full, a fifo) and a descriptor's name (/dev/stdout, /dev/fd/3) is written directly. */
struct ser_outfile {
	FILE *f;
	char *path, *tmp; /* tmp is NULL when written directly */
	struct ser_outfile *next;
};
/* Where a name leads, through links, whether anything is there or not; malloc'ed. It stops at a descriptor's name, behind which there
 * may be a file without a name, or of another. */
char *ser_outfile_target(const char *path);
/* Root overwrites what is another's, of which this is the stat: the new file is given to them, by fchown(). */
struct stat;
bool ser_outfile_keeps_owner(const struct stat *old);
int ser_outfile_open(struct ser_outfile *o, const char *path, struct ser_err *e);
int ser_outfile_commit(struct ser_outfile *o, struct ser_err *e); /* frees o's members either way */
void ser_outfile_abort(struct ser_outfile *o);
void ser_outfile_abort_all(void); /* safe to call from a signal handler: unlinks only; directories below, too */

/* The same for a directory of files, flat. `path` must not exist, or be an empty directory; it gets its files all at once by
 * commit, and until then they are in a directory beside it. */
struct ser_outdir {
	char *path, *tmp;
	char **file; /* [n] */
	size_t n, cap;
	struct ser_outdir *next;
};
int ser_outdir_open(struct ser_outdir *o, const char *path, struct ser_err *e);
/* A new file in it, which the caller closes. `name` has no slash. NULL and *e on failure; its path is the last of o->file. */
FILE *ser_outdir_create(struct ser_outdir *o, const char *name, struct ser_err *e);
int ser_outdir_commit(struct ser_outdir *o, struct ser_err *e); /* frees o's members either way */
void ser_outdir_abort(struct ser_outdir *o);

/* Where temporary files are made: $TMPDIR, or /tmp, or from the first call of the second on a directory in it, ser.UID, of this user's
 * processes alone; the last of them takes it away at exit or by ser_outfile_abort_all(). The second gives NULL when none can be made;
 * then all is as before. */
const char *ser_tmpdir(void);
const char *ser_tmpdir_private(void);

/* A descriptor of a new file without a name, in ser_tmpdir(); what it was called began with `name`. SER_EIO. */
int ser_tmpfile(const char *name, struct ser_err *e);

/* A descriptor that can be read more than once: fd itself where it can seek, else an unnamed temporary file in
 * ser_tmpdir(), at its beginning, that the rest of fd was copied to; fd is closed then. `name` and `tmp`, which the temporary
 * file's name begins with, are for messages. SER_EIO. */
int ser_fd_seekable(int fd, const char *name, const char *tmp, struct ser_err *e);

/* Open for reading a file that an input names, when it is a regular one: a FIFO that nobody writes to would be waited for for ever, a
 * device may have no end. What our own descriptors are, /dev/stdin and /dev/fd/N, is taken as it is. <0: SER_EIO, SER_EDATA. */
int ser_open_regular(const char *path, struct ser_err *e);

/* SER_EDATA when a text's last line has no end, nor closes a quote: it was cut off, and its last value with it. */
int ser_lines_whole(const char *s, size_t n, const char *name, struct ser_err *e);

/* Read a whole file of text, at most `max` bytes, into a NUL-terminated malloc'ed block, without a byte order mark at its beginning. */
int ser_read_file(const char *path, size_t max, char **out, size_t *n, struct ser_err *e);
/* The same of what is left of an open file, which stays open; `name` is for messages. */
int ser_read_all(FILE *f, const char *name, size_t max, char **out, size_t *n, struct ser_err *e);

/* ---- processor ------------------------------------------------------------------------------ */

/* Instructions beyond the compiler's that this processor has and the system lets this process use; all false but on x86-64 and, the
 * last, arm64. Asked once: every choice among loops is made by this. */
struct ser_cpu {
	bool avx2;        /* and FMA */
	bool avx512;      /* F, BW, DQ and VL: x86-64-v4 */
	bool avx512_bf16; /* dot products of pairs of bf16 */
	bool amx_bf16;    /* tiles of them */
	bool bf16_mmla;   /* arm64's products of 2 x 4 and 4 x 2 of bf16 */
};
const struct ser_cpu *ser_cpu(void);

/* A loop compiled for several instruction sets and chosen when the program is loaded. Only for code without
 * reassociation: with contraction off (see Makefile) all versions give equal bytes. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) &&               \
	!defined(__SANITIZE_THREAD__)
#define SER_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SER_CLONES
#endif

/* ---- threads -------------------------------------------------------------------------------- */

int ser_n_cpu(void); /* processors that this process may use */

/* Threads that wait for work: one pool for a run. One job at a time; NULL is a pool of the caller alone. */
struct ser_pool;
struct ser_pool *ser_pool_new(int n_thread); /* n_thread >= 1; the caller is one of them */
void ser_pool_free(struct ser_pool *p);
int ser_pool_threads(const struct ser_pool *p);

/* Call fn(ctx, i, worker) for i in [0,n), worker in [0,n_thread). Each thread has a share of the items, taken in order, and helps
 * the others when its own is done, so fn must write only to places of item i or of its worker; a result must not depend on
 * the worker. One thread calls in order. fn must not give its own pool a job. */
void ser_pool_for(struct ser_pool *p, size_t n, void (*fn)(void *ctx, size_t i, int worker), void *ctx);

/* The same on threads that live as long as the call, at most n_thread. */
void ser_parallel_for(int n_thread, size_t n, void (*fn)(void *ctx, size_t i, int worker), void *ctx);

/* Who is told how far a long work is, by the thread that called: `done` of `total` of what is counted; say NULL: nobody. */
struct ser_watch {
	void (*say)(void *ctx, const char *what, size_t done, size_t total);
	void *ctx;
};
/* ser_parallel_for() that tells w, by what the caller's thread has done, and once at the end. */
void ser_watched_for(const struct ser_watch *w, const char *what, int n_thread, size_t n,
		     void (*fn)(void *ctx, size_t i, int worker), void *ctx);

#endif
