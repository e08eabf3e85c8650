/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stream/stream.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- streams in memory ---- */

static int memory_fd(const void *p, size_t n)
{
	int fd = memfd_create("stream", 0);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* Read all of a stream. Returns 0 or the reader's code; *text (may be NULL) gets every header and record as JSON. */
static int read_fd(int fd, size_t max, struct ser_buf *text, struct ser_err *e)
{
	struct ser_record r = {0};
	bool fresh = true;
	int rc = 1;
	*e = (struct ser_err){0};
	struct ser_reader *rd = ser_reader_new(fd, "test", max, e);
	if (rd == NULL)
		return e->code;
	for (bool first = true; rc > 0; first = false) {
		if (text != NULL && (first || fresh)) {
			const struct ser_header *h = ser_reader_header(rd);
			ser_val_json(text, &h->prov, true);
			ser_val_json(text, &h->dims, true);
			ser_val_json(text, &h->extra, true);
			ser_buf_str(text, "\n");
		}
		rc = ser_reader_next(rd, &r, &fresh, e);
		struct ser_val map = {.kind = SER_MAP, .u.map = {r.field, r.n}};
		if (text != NULL && rc > 0) {
			ser_val_json(text, &map, true);
			ser_buf_str(text, "\n");
		}
	}
	ser_record_free(&r);
	ser_reader_free(rd);
	return rc;
}

static int read_bytes(const void *p, size_t n, struct ser_buf *text, struct ser_err *e)
{
	int fd = memory_fd(p, n), rc = read_fd(fd, 0, text, e);
	close(fd);
	return rc;
}

/* Bytes written by hand: a string literal, NULs and all. */
#define HEAD                                                                                                           \
	"\x83\xa3ser\x01\xa4prov\x90\xa4"                                                                              \
	"dims\x80"
#define REC(x)                                                                                                         \
	"\x82\xa2id\xa1"                                                                                               \
	"a" x
#define TAIL1                                                                                                          \
	"\x81\xa3"                                                                                                     \
	"end\x01"
#define BAD(expected, s) bad(expected, s, sizeof(s) - 1)
#define GOOD(s)          good(s, sizeof(s) - 1)

static void bad(const char *expected, const char *s, size_t n)
{
	struct ser_err e;
	int rc = read_bytes(s, n, NULL, &e);
	if (rc >= 0 || strstr(e.msg, expected) == NULL)
		fail_msg("code %d, message \"%s\", expected \"%s\"", rc, e.msg, expected);
	assert_null(strpbrk(e.msg, "\n\t"));
}

static void good(const char *s, size_t n)
{
	struct ser_err e;
	int rc = read_bytes(s, n, NULL, &e);
	if (rc != 0)
		fail_msg("code %d, message \"%s\"", rc, e.msg);
}

/* A stream of n_segment segments with labels of every kind and a tensor of every element type. */
static void sample(struct ser_buf *out, int n_segment)
{
	int fd = memfd_create("out", 0);
	struct ser_err e;
	assert_true(fd >= 0);
	for (int s = 0; s < n_segment; s++) {
		struct ser_header h;
		struct ser_val axes = ser_val_list();
		const char *args[] = {"--x=1"};
		ser_header_init(&h);
		ser_header_prov_add(&h, s == 0 ? "ser-one" : "ser-two", args, 1);
		ser_val_push(&h.arena, &axes, ser_str("time"));
		ser_val_set(&h.arena, ser_header_dim_add(&h, "f4"), "axes", axes);
		ser_val_set(&h.arena, ser_header_dim(&h, "f4"), "shift_s", ser_real(0.01));
		ser_val_set(&h.arena, &h.extra, "note", ser_str("kept"));
		struct ser_writer *w = ser_writer_new(fd, "test", &h);
		for (int i = 0; i < 2; i++) {
			static const union {
				uint8_t u1[2];
				int16_t i2[2];
				double all[2]; /* room for every type */
			} data = {.i2 = {513, 3}};
			static const size_t shape[] = {2, 1};
			struct ser_record r = {0};
			char id[32], name[8];
			snprintf(id, sizeof id, "r%d%d", s, i);
			ser_record_set(&r, "id", ser_str(id));
			ser_record_set(&r, "nil", ser_nil());
			ser_record_set(&r, "yes", ser_bool(true));
			ser_record_set(&r, "int", ser_int(-300 * i));
			ser_record_set(&r, "real", ser_real(0.1));
			ser_record_set(&r, "str", ser_str("\xc3\xa4"));
			for (int t = SER_F4; t <= SER_U1; t++) {
				snprintf(name, sizeof name, "%.2s", ser_dtype_str((enum ser_dtype)t) + 1);
				ser_record_set(&r, name, ser_tensor((enum ser_dtype)t, &data, 2, shape));
			}
			assert_int_equal(ser_writer_record(w, &r, &e), 0);
			ser_record_free(&r);
		}
		assert_int_equal(ser_writer_end(w, &e), 0);
		ser_writer_free(w);
		ser_header_free(&h);
	}
	off_t n = lseek(fd, 0, SEEK_END);
	ser_buf_reserve(out, (size_t)n);
	assert_int_equal(pread(fd, out->s, (size_t)n, 0), n);
	out->n = (size_t)n;
	close(fd);
}

/* ---- tests ---- */

static void round_trip(void **state)
{
	struct ser_buf s = {0}, text = {0};
	struct ser_err e;
	(void)state;
	sample(&s, 2);
	assert_int_equal(read_bytes(s.s, s.n, &text, &e), 0);
	assert_non_null(strstr(text.s, "\"nil\":null,\"yes\":true,\"int\":-300,\"real\":0.1,\"str\":\"\xc3\xa4\""));
	assert_non_null(strstr(text.s, "\"i2\":{\"dtype\":\"<i2\",\"shape\":[2,1],\"data\":[[513],[3]]}"));
	const uint16_t i2 = 513; /* whichever end is first here */
	uint8_t u1[2];
	char want[80];
	memcpy(u1, &i2, 2);
	snprintf(want, sizeof want, "\"u1\":{\"dtype\":\"|u1\",\"shape\":[2,1],\"data\":[[%d],[%d]]}", u1[0], u1[1]);
	assert_non_null(strstr(text.s, want));
	assert_non_null(strstr(text.s, "{\"f4\":{\"axes\":[\"time\"],\"shift_s\":0.01}}{\"note\":\"kept\"}"));
	assert_non_null(strstr(text.s, "\"id\":\"r11\""));
	ser_buf_free(&s);
	ser_buf_free(&text);
}

/* A segment in parts: for each, what it is a part of (NULL: nothing is said), its rows and columns, elements counted on. */
struct part {
	const char *of;
	size_t row, col;
};

static void parted(struct ser_buf *out, const struct part *part, size_t n, bool say)
{
	int fd = memfd_create("out", 0);
	struct ser_err e;
	struct ser_header h;
	struct ser_val names = ser_val_list();
	float count[64];
	for (int i = 0; i < 64; i++)
		count[i] = (float)i;
	ser_header_init(&h);
	ser_val_push(&h.arena, &names, ser_str("x"));
	if (say)
		ser_val_set(&h.arena, &h.extra, "parts", names);
	struct ser_writer *w = ser_writer_new(fd, "test", &h);
	for (size_t i = 0, at = 0; i < n; at += part[i].row * part[i].col, i++) {
		struct ser_record r = {0};
		char id[32];
		snprintf(id, sizeof id, "%s%zu", part[i].of != NULL && part[i].of[0] == 'c' ? "q" : "p", i);
		ser_record_set(&r, "id", ser_str(id));
		ser_record_set(&r, "spk", ser_int((int64_t)i));
		if (part[i].of != NULL)
			ser_record_set(&r, "part_of", ser_str(part[i].of));
		ser_record_set(&r, "x", ser_f4(count + at, 2, (size_t[]){part[i].row, part[i].col}));
		assert_int_equal(ser_writer_record(w, &r, &e), 0);
		ser_record_free(&r);
	}
	assert_int_equal(ser_writer_end(w, &e), 0);
	ser_writer_free(w);
	ser_header_free(&h);
	off_t size = lseek(fd, 0, SEEK_END);
	ser_buf_reserve(out, (size_t)size);
	assert_int_equal(pread(fd, out->s + out->n, (size_t)size, 0), size);
	out->n += (size_t)size;
	close(fd);
}

static void bad_parts(const char *expected, const struct part *part, size_t n)
{
	struct ser_buf s = {0};
	parted(&s, part, n, true);
	bad(expected, s.s, s.n);
	ser_buf_free(&s);
}

static void parts(void **state)
{
	static const struct part two[] = {{"a", 2, 2}, {"a", 0, 2}, {"a", 1, 2}, {"b", 1, 2}}, more[] = {{"c", 1, 2}};
	struct ser_buf s = {0}, text = {0};
	struct ser_err e;
	struct ser_record r = {0};
	bool fresh;
	(void)state;
	/* put together, across the end of a segment and with a whole one behind */
	parted(&s, two, 4, true);
	parted(&s, more, 1, true);
	assert_int_equal(read_bytes(s.s, s.n, &text, &e), 0);
	assert_string_equal(
		text.s,
		"[]{}{}\n"
		"{\"id\":\"a\",\"spk\":0,\"x\":{\"dtype\":\"<f4\",\"shape\":[3,2],\"data\":[[0,1],[2,3],[4,5]]}}\n"
		"{\"id\":\"b\",\"spk\":3,\"x\":{\"dtype\":\"<f4\",\"shape\":[1,2],\"data\":[[6,7]]}}\n"
		"{\"id\":\"c\",\"spk\":0,\"x\":{\"dtype\":\"<f4\",\"shape\":[1,2],\"data\":[[0,1]]}}\n"
		"[]{}{}\n");
	/* part by part for who asks */
	int fd = memory_fd(s.s, s.n), n = 0;
	struct ser_reader *rd = ser_reader_new(fd, "test", 0, &e);
	ser_reader_in_parts(rd);
	while (ser_reader_next(rd, &r, &fresh, &e) > 0) {
		assert_non_null(ser_val_get(&ser_reader_header(rd)->extra, "parts"));
		assert_false(r.joined);
		assert_int_equal(fresh, n == 4);
		n++;
	}
	assert_int_equal(n, 5);
	ser_reader_free(rd);
	close(fd);
	ser_buf_free(&s);
	/* every cut is told, also between parts */
	parted(&s, two, 4, true);
	for (size_t k = 0; k < s.n; k++)
		assert_true(read_bytes(s.s, k, NULL, &e) < 0);
	ser_buf_free(&s);
	/* bounds hold for the whole */
	static const struct part big[] = {{"a", 4, 4}, {"a", 4, 4}, {"a", 4, 4}};
	parted(&s, big, 3, true);
	fd = memory_fd(s.s, s.n);
	assert_int_equal(read_fd(fd, 160, NULL, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "record 3 \"p2\""));
	assert_non_null(strstr(e.msg, "larger than 160 bytes"));
	close(fd);
	for (size_t most = 191; most <= 192; most++) { /* of three times 64 */
		fd = memory_fd(s.s, s.n);
		assert_int_equal(read_fd(fd, most, NULL, &e), most < 192 ? SER_EDATA : 0);
		close(fd);
	}
	ser_buf_free(&s);
	/* without the header's word it is a label */
	parted(&s, two, 4, false);
	text.n = 0;
	assert_int_equal(read_bytes(s.s, s.n, &text, &e), 0);
	assert_non_null(strstr(text.s, "\"part_of\":\"a\""));
	bad_parts("does not continue", (struct part[]){{"a", 1, 2}, {"a", 1, 3}}, 2);
	bad_parts("does not say of what", (struct part[]){{"a", 1, 2}, {NULL, 1, 2}}, 2);
	bad_parts("came before", (struct part[]){{"a", 1, 2}, {"b", 1, 2}, {"a", 1, 2}}, 3);
	BAD("\"parts\" is not a list of names", "\x82\xa3ser\x01\xa5parts\x90\x81\xa3"
						"end\x00");
	BAD("\"parts\" is not a list of names", "\x82\xa3ser\x01\xa5parts\x91\x01\x81\xa3"
						"end\x00");
	ser_buf_free(&s);
	ser_buf_free(&text);
	ser_record_free(&r);
}

/* Frames that hold their own numbers, in parts of all sizes: every window is what it should be, and none is missing. */
static void windows(void **state)
{
	enum { N = 60, D = 2, LEAST = 4 };
	float row[N * D];
	struct ser_err e;
	struct ser_header h;
	(void)state;
	for (int i = 0; i < N * D; i++)
		row[i] = (float)(i / D);
	ser_header_init(&h);
	struct ser_windows *w = ser_windows_new("x", 1, 1, 1);
	assert_int_equal(ser_windows_header(w, &h, &e), SER_EDATA);
	ser_windows_free(w);
	ser_val_set(&h.arena, ser_header_dim_add(&h, "x"), "shift_s", ser_real(0.5));
	ser_val_set(&h.arena, &h.extra, "parts", ser_val_list());
	for (size_t every = 1; every < 30; every += 4)
		for (size_t window = 1; window < 45; window += 7)
			for (size_t piece = 1; piece < 2 * N; piece = piece * 2 + 1) {
				struct ser_record part = {0}, got = {0};
				size_t last = 0, count = 0;
				w = ser_windows_new("x", (double)window / 2, (double)every / 2, LEAST);
				assert_int_equal(ser_windows_header(w, &h, &e), 0);
				for (size_t at = 0; at < N; at += piece) {
					size_t n = at + piece < N ? piece : N - at;
					ser_record_clear(&part);
					ser_record_set(&part, "id", ser_str(at == 0 ? "p" : "q"));
					ser_record_set(&part, "part_of", ser_str("s"));
					ser_record_set(&part, "start", ser_real(10));
					ser_record_set(&part, "x", ser_f4(row + at * D, 2, (size_t[]){n, D}));
					assert_int_equal(ser_windows_continues(w, &part), at > 0);
					assert_int_equal(ser_windows_push(w, &part, &e), 0);
					while (ser_windows_next(w, at + n == N, &got)) {
						const float *x;
						size_t shape[2], to, from;
						char id[32];
						do {
							last = last + every < N ? last + every : N;
						} while ((last < window ? last : window) < LEAST && last < N);
						to = last, from = to > window ? to - window : 0;
						snprintf(id, sizeof id, "s-%06zu", ++count);
						assert_string_equal(ser_record_id(&got), id);
						assert_null(ser_record_get(&got, "part_of"));
						assert_true(ser_record_get(&got, "start")->u.f ==
							    10 + (double)from / 2);
						assert_true(ser_record_get(&got, "end")->u.f == 10 + (double)to / 2);
						assert_int_equal(ser_record_f4(&got, "x", 2, &x, shape, &e), 0);
						assert_int_equal(shape[0], to - from);
						assert_memory_equal(x, row + from * D, (to - from) * D * sizeof *x);
						assert_true(to <= at + n);
					}
				}
				assert_true(last == N || window < LEAST);
				assert_true(count > 0);
				assert_false(ser_windows_continues(w, &part));
				ser_windows_free(w);
				ser_record_free(&part);
				ser_record_free(&got);
			}
	ser_header_free(&h);
}

static void element_types(void **state)
{
	static const uint16_t f2[] = {0x3c00, 0xc000, 0x0001, 0x7c00, 0xfc00, 0x7e00, 0x8000, 0x7bff};
	static const double want[] = {1, -2, 0x1p-24, INFINITY, -INFINITY, NAN, -0.0, 65504};
	static const size_t shape[] = {8};
	(void)state;
	struct ser_val v = ser_tensor(SER_F2, f2, 1, shape);
	for (size_t i = 0; i < 8; i++) {
		double x = ser_tensor_real(&v.u.t, i);
		assert_true(isnan(want[i]) ? isnan(x) : x == want[i] && !signbit(x) == !signbit(want[i]));
	}
	char bytes[9]; /* unaligned */
	int64_t big = INT64_MIN + 1;
	double out;
	memcpy(bytes + 1, &big, 8);
	v = ser_tensor(SER_I8, bytes + 1, 0, NULL);
	assert_int_equal(ser_tensor_len(&v.u.t), 1);
	ser_tensor_f8(&v.u.t, &out);
	assert_true(out == -0x1p63);
	struct ser_range g = {0};
	v = ser_tensor(SER_F2, f2, 1, shape);
	ser_tensor_range(&v.u.t, &g);
	assert_true(g.min == -2 && g.max == 65504 && g.n == 5 && g.n_bad == 3);
}

static void every_cut(void **state)
{
	struct ser_buf s = {0}, one = {0};
	struct ser_err e;
	(void)state;
	sample(&s, 2);
	sample(&one, 1);
	assert_memory_equal(s.s, one.s, one.n);
	for (size_t n = 0; n < s.n; n++) {
		int rc = read_bytes(s.s, n, NULL, &e);
		if (n == one.n)
			assert_int_equal(rc, 0); /* a whole stream of one segment */
		else if (rc >= 0)
			fail_msg("cut at %zu of %zu was accepted", n, s.n);
	}
	ser_buf_free(&s);
	ser_buf_free(&one);
}

static void every_bit(void **state)
{
	struct ser_buf s = {0}, want = {0}, got = {0};
	struct ser_err e;
	size_t accepted = 0;
	(void)state;
	sample(&s, 2);
	assert_int_equal(read_bytes(s.s, s.n, &want, &e), 0);
	for (size_t bit = 0; bit < 8 * s.n; bit++) {
		s.s[bit / 8] ^= (char)(1 << bit % 8);
		got.n = 0;
		if (read_bytes(s.s, s.n, &got, &e) == 0) {
			accepted++;
			if (got.n != want.n || memcmp(got.s, want.s, got.n) != 0)
				fail_msg("bit %zu: other content was accepted", bit);
		}
		s.s[bit / 8] ^= (char)(1 << bit % 8);
	}
	assert_int_equal(accepted, 0);
	ser_buf_free(&s);
	ser_buf_free(&want);
	ser_buf_free(&got);
}

/* Every byte of a record replaced by every value, without a sum to catch it: whatever comes of it, nothing breaks. */
static void every_byte(void **state)
{
	static const char start[] =
		HEAD REC("\xa1"
			 "x\x85\xc4\x02nd\xc3\xc4\x04type\xa3<f4\xc4\x04kind\xa0\xc4\x05shape\x92\x02\x01"
			 "\xc4\x04"
			 "data\xc4\x08"
			 "12345678") TAIL1;
	char s[sizeof start];
	struct ser_buf text = {0};
	struct ser_err e;
	(void)state;
	GOOD(start);
	memcpy(s, start, sizeof s);
	for (size_t i = 0; i + 1 < sizeof s; i++) {
		for (int c = 0; c < 256; c++) {
			s[i] = (char)c;
			text.n = 0;
			read_bytes(s, sizeof s - 1, &text, &e);
		}
		s[i] = start[i];
	}
	ser_buf_free(&text);
}

static void headers(void **state)
{
	(void)state;
	GOOD("\x81\xa3ser\x01\x81\xa3"
	     "end\x00");
	GOOD(HEAD "\x81\xa3"
		  "end\x00");
	BAD("empty input", "");
	BAD("not a ser stream: found byte 0x69", "id\tpath\n");
	BAD("not a ser stream", "\x93\x01\x02\x03");
	BAD("it seems to be a sound", "RIFF\x24\0\0\0WAVE");
	BAD("expected a MessagePack map; it seems to be a manifest", "id\tpath\n");
	BAD("it seems to be text", "id,path\r\n");
	BAD("it seems to be a model", "X\0\0\0\0\0\0\0{\"a\"");
	BAD("0xc1 is not MessagePack", "\xc1");
	BAD("without \"ser\"", "\x81\xa1x\x01");
	BAD("without \"ser\"", "\x80");
	BAD("newer than this tool's (1)", "\x81\xa3ser\x02");
	BAD("newer", "\x81\xa3ser\xcf\x7f\xff\xff\xff\xff\xff\xff\xff");
	BAD("not a version number", "\x81\xa3ser\x00");
	BAD("not a version number", "\x81\xa3ser\xff");
	BAD("not a version number", "\x81\xa3ser\xa1"
				    "1");
	BAD("\"prov\" is not a list", "\x82\xa3ser\x01\xa4prov\x80");
	BAD("\"dims\" is not a map", "\x82\xa3ser\x01\xa4"
				     "dims\x90");
	BAD("dims of \"x\" is not a map", "\x82\xa3ser\x01\xa4"
					  "dims\x81\xa1x\x90");
	BAD("\"ser\" is there twice", "\x82\xa3ser\x01\xa3ser\x01");
	BAD("within the header of segment 2", HEAD "\x81\xa3"
						   "end\x00"
						   "\x81\xa3");
	BAD("name is not a string", "\x81\x01\x01");
	BAD("not UTF-8", "\x82\xa3ser\x01\xa1x\xa2\xc3\x28");
	BAD("beyond 63 bits", "\x82\xa3ser\x01\xa1x\xcf\x80\x00\x00\x00\x00\x00\x00\x00");
	GOOD("\x82\xa3ser\x01\xa1x\xd3\x80\x00\x00\x00\x00\x00\x00\x00\x81\xa3"
	     "end\x00");
}

static void trailers(void **state)
{
	(void)state;
	GOOD(HEAD REC("\xa1x\x01") TAIL1); /* by hand, without a sum */
	BAD("trailer says 2 records, found 1", HEAD REC("\xa1x\x01") "\x81\xa3"
								     "end\x02");
	BAD("trailer says -1 records", HEAD REC("\xa1x\x01") "\x81\xa3"
							     "end\xff");
	BAD("trailer says \"1\" records", HEAD REC("\xa1x\x01") "\x81\xa3"
								"end\xa1"
								"1");
	BAD("checksum differs", HEAD REC("\xa1x\x01") "\x82\xa3"
						      "end\x01\xa5"
						      "crc32\x01");
	BAD("checksum differs", HEAD REC("\xa1x\x01") "\x82\xa3"
						      "end\x01\xa5"
						      "crc32\xc0");
	BAD("more than \"end\" and \"crc32\"", HEAD REC("\xa1x\x01") "\x82\xa3"
								     "end\x01\xa5"
								     "crc33\x01");
	BAD("no trailer", HEAD REC("\xa1x\x01"));
	BAD("a new header after 1 record without a trailer", HEAD REC("\xa1x\x01") HEAD);
	BAD("without \"id\"", HEAD "\x81\xa1x\x01");
	BAD("without \"id\"", HEAD "\x80");
	BAD("not a ser stream", HEAD REC("\xa1x\x01") TAIL1 "\n");
	BAD("its producer did not finish", HEAD);
}

static void records(void **state)
{
	(void)state;
	GOOD(HEAD REC("\xa1x\xc0") TAIL1);
	GOOD(HEAD "\x82\xa1x\x01\xa2id\xa1"
		  "a" TAIL1); /* the id need not come first */
	GOOD(HEAD "\xdf\x00\x00\x00\x02\xd9\x02id\xd9\x01"
		  "a\xa1x\x01" TAIL1); /* longer forms than need be */
	BAD("id is not a string", HEAD "\x81\xa2id\x01" TAIL1);
	BAD("id is not a string of at least one byte", HEAD "\x81\xa2id\xa0" TAIL1);
	BAD("field \"x\" is there twice", HEAD "\x83\xa2id\xa1"
					       "a\xa1x\x01\xa1x\x01" TAIL1);
	BAD("field \"id\" is there twice", HEAD REC("\xa2id\xa1"
						    "b") TAIL1);
	BAD("record 2 \"a\"", HEAD REC("\xa1x\x01") REC("\xa1x\x01") TAIL1);
	BAD("this id came before", HEAD REC("\xa1x\x01") TAIL1 HEAD REC("\xa1x\x01") TAIL1);
	BAD("field \"x\": is a list", HEAD REC("\xa1x\x91\x01") TAIL1);
	BAD("field \"x\": is a list", HEAD REC("\xa1x\x90") TAIL1);
	BAD("field \"x\": is a map", HEAD REC("\xa1x\x80") TAIL1);
	BAD("field \"x\": is raw bytes", HEAD REC("\xa1x\xc4\x01"
						  "a") TAIL1);
	BAD("extension type", HEAD REC("\xa1x\xd4\x01"
				       "a") TAIL1);
	BAD("beyond 63 bits", HEAD REC("\xa1x\xcf\xff\xff\xff\xff\xff\xff\xff\xff") TAIL1);
	BAD("name is not a string", HEAD REC("\x01\x01") TAIL1);
	BAD("name is not a string", HEAD REC("\xa0\x01") TAIL1);
	BAD("name is not a string", HEAD REC("\xc4\x01x\x01") TAIL1);
	BAD("name is not UTF-8", HEAD REC("\xa1\xff\x01") TAIL1);
	BAD("field \"x\": is a string that is not UTF-8", HEAD REC("\xa1x\xa1\xff") TAIL1);
	BAD("not UTF-8", HEAD REC("\xa1x\xa3\xed\xa0\x80") TAIL1); /* a surrogate */
	BAD("not UTF-8", HEAD REC("\xa1x\xa2\xc0\x80") TAIL1);     /* an overlong form */
	BAD("not UTF-8", HEAD REC("\xa1x\xa1\x00") TAIL1);         /* NUL */
	BAD("is a string that is not UTF-8", HEAD "\x81\xa2id\xa1\xff" TAIL1);
}

#define TENSOR(nd, type, shape, data)                                                                                  \
	"\xa1x\x84\xc4\x02nd" nd "\xc4\x04type" type "\xc4\x05shape" shape "\xc4\x04"                                  \
	"data" data

static void tensors(void **state)
{
	(void)state;
	GOOD(HEAD REC(TENSOR("\xc3", "\xa3<f4", "\x91\x01",
			     "\xc4\x04"
			     "1234")) TAIL1);
	GOOD(HEAD REC(TENSOR("\xc3", "\xa3<f4", "\x90",
			     "\xc4\x04"
			     "1234")) TAIL1);                                        /* no axes: one element */
	GOOD(HEAD REC(TENSOR("\xc3", "\xa3<f4", "\x92\x00\x05", "\xc4\x00")) TAIL1); /* no elements */
	GOOD(HEAD REC(TENSOR("\xc3", "\xc4\x03|u1", "\x91\x02",
			     "\xa2"
			     "ab")) TAIL1); /* bin and str change places */
	GOOD(HEAD REC(TENSOR("\xc3", "\xa3<f4", "\x98\x01\x01\x01\x01\x01\x01\x01\x01",
			     "\xc4\x04"
			     "1234")) TAIL1);
	BAD("more than 8 axes", HEAD REC(TENSOR("\xc3", "\xa3<f4", "\x99\x01\x01\x01\x01\x01\x01\x01\x01\x01",
						"\xc4\x04"
						"1234")) TAIL1);
	BAD("has 4 bytes of data, its shape needs 8", HEAD REC(TENSOR("\xc3", "\xa3<f4", "\x91\x02",
								      "\xc4\x04"
								      "1234")) TAIL1);
	BAD("has 4 bytes of data, its shape needs 0", HEAD REC(TENSOR("\xc3", "\xa3<f4", "\x91\x00",
								      "\xc4\x04"
								      "1234")) TAIL1);
	BAD("has type \">f4\"", HEAD REC(TENSOR("\xc3", "\xa3>f4", "\x91\x01",
						"\xc4\x04"
						"1234")) TAIL1);
	BAD("has type \"|b1\"", HEAD REC(TENSOR("\xc3", "\xa3|b1", "\x91\x01",
						"\xc4\x01"
						"1")) TAIL1);
	BAD("has type \"\"", HEAD REC(TENSOR("\xc3", "\xa0", "\x91\x01",
					     "\xc4\x01"
					     "1")) TAIL1);
	BAD("structured", HEAD REC(TENSOR("\xc3", "\x91\x01", "\x91\x01",
					  "\xc4\x01"
					  "1")) TAIL1);
	BAD("shape that is not of sizes", HEAD REC(TENSOR("\xc3", "\xa3<f4", "\x91\xff",
							  "\xc4\x04"
							  "1234")) TAIL1);
	BAD("shape that is not of sizes", HEAD REC(TENSOR("\xc3", "\xa3<f4", "\x91\xc0",
							  "\xc4\x04"
							  "1234")) TAIL1);
	BAD("shape that is not of sizes", HEAD REC(TENSOR("\xc3", "\xa3<f4", "\x91\xcf\x00\x00\x00\x01\x00\x00\x00\x00",
							  "\xc4\x04"
							  "1234")) TAIL1);
	BAD("too large for memory",
	    HEAD REC(TENSOR("\xc3", "\xa3<f4", "\x93\xce\xff\xff\xff\xff\xce\xff\xff\xff\xff\x02",
			    "\xc4\x04"
			    "1234")) TAIL1);
	BAD("no shape", HEAD REC(TENSOR("\xc3", "\xa3<f4", "\xc0",
					"\xc4\x04"
					"1234")) TAIL1);
	BAD("is a map", HEAD REC(TENSOR("\x01", "\xa3<f4", "\x91\x01",
					"\xc4\x04"
					"1234")) TAIL1);
	BAD("is a map", HEAD REC("\xa1x\x81\xc4\x07"
				 "complex\xc3") TAIL1);
}

static void scalars(void **state)
{
	static const char s[] = HEAD REC("\xa1x\x83\xc4\x02nd\xc2\xc4\x04type\xa3<i8\xc4\x04"
					 "data\xc4\x08\xff\xff\xff\xff\xff\xff\xff\x7f") TAIL1;
	static const char huge[] = HEAD REC("\xa1x\x83\xc4\x02nd\xc2\xc4\x04type\xa3<f8\xc4\x04"
					    "data\xc4\x08\xff\xff\xff\xff\xff\xff\xef\x7f") TAIL1;
	struct ser_buf text = {0};
	struct ser_err e;
	(void)state;
	assert_int_equal(read_bytes(s, sizeof s - 1, &text, &e), 0);
	assert_non_null(strstr(text.s, "\"x\":9223372036854775807}"));
	text.n = 0;
	assert_int_equal(read_bytes(huge, sizeof huge - 1, &text, &e), 0);
	assert_non_null(strstr(text.s, "\"x\":1.7976931348623157e+308}"));
	ser_buf_free(&text);
}

/* `n` copies of a byte string between a beginning and an end. */
static void build(struct ser_buf *b, const char *start, size_t n_start, const char *unit, size_t n_unit, size_t n,
		  const char *end, size_t n_end)
{
	b->n = 0;
	ser_buf_add(b, start, n_start);
	for (size_t i = 0; i < n; i++)
		ser_buf_add(b, unit, n_unit);
	ser_buf_add(b, end, n_end);
}
#define BUILD(b, start, unit, n, end)                                                                                  \
	build(b, start, sizeof(start) - 1, unit, sizeof(unit) - 1, n, end, sizeof(end) - 1)

static void bounds(void **state)
{
	struct ser_buf b = {0};
	struct ser_err e;
	(void)state;
	/* depth: the header's map is 1 */
	BUILD(&b, "\x82\xa3ser\x01\xa1x", "\x91", SER_MAX_DEPTH - 1,
	      "\x01\x81\xa3"
	      "end\x00");
	good(b.s, b.n);
	BUILD(&b, "\x82\xa3ser\x01\xa1x", "\x91", SER_MAX_DEPTH,
	      "\x01\x81\xa3"
	      "end\x00");
	bad("nested deeper than 32", b.s, b.n);
	BUILD(&b, "\x82\xa3ser\x01\xa1x", "\x81\xa1x", 1000000, "");
	bad("nested deeper than 32", b.s, b.n);
	/* names */
	BUILD(&b,
	      HEAD "\x82\xa2id\xa1"
		   "a\xd9\xff",
	      "x", 255, "\x01" TAIL1);
	good(b.s, b.n);
	BUILD(&b,
	      HEAD "\x82\xa2id\xa1"
		   "a\xda\x01\x00",
	      "x", 256, "\x01" TAIL1);
	bad("string of 1 to 255 bytes", b.s, b.n);
	/* fields */
	for (int n = SER_MAX_FIELD; n <= SER_MAX_FIELD + 1; n++) {
		char tag[] = {(char)0xde, (char)(n >> 8), (char)n}, field[32] = {(char)0xa4};
		b.n = 0;
		ser_buf_add(&b, HEAD, sizeof HEAD - 1);
		ser_buf_add(&b, tag, 3);
		ser_buf_add(&b,
			    "\xa2id\xa1"
			    "a",
			    5);
		for (int i = 1; i < n; i++) {
			snprintf(field + 1, 31, "%04d", i);
			field[5] = 1;
			ser_buf_add(&b, field, 6);
		}
		ser_buf_add(&b, TAIL1, sizeof TAIL1 - 1);
		n == SER_MAX_FIELD ? good(b.s, b.n) : bad("a map of 4097 fields, limit 4096", b.s, b.n);
	}
	/* a deeper map is held to the same bound: its names are compared pairwise */
	BUILD(&b, "\x82\xa3ser\x01\xa1x\xde\x10\x01", "\xa1x\x01", 4097, "");
	bad("a map of 4097 fields", b.s, b.n);
	/* objects */
	BUILD(&b, "\x82\xa3ser\x01\xa1x\xdd\x00\x20\x00\x00", "\xc0", 1 << 21, "");
	bad("more than 1048576 MessagePack objects", b.s, b.n);
	/* bytes of a record, of a header */
	BUILD(&b,
	      HEAD "\x82\xa2id\xa1"
		   "a\xa1x\xda\x10\x00",
	      "x", 4096, TAIL1);
	good(b.s, b.n);
	int fd = memory_fd(b.s, b.n);
	assert_int_equal(read_fd(fd, 4106, NULL, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "longer than the limit of 4106 bytes"));
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(read_fd(fd, 4107, NULL, &e), 0);
	close(fd);
	BAD("longer than the limit of 67108864 bytes", "\x82\xa3ser\x01\xa1x\xdb\x04\x00\x00\x00");
	ser_buf_free(&b);
}

static long peak_kb(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

/* Sizes that are claimed and not there take no memory. */
static void claims(void **state)
{
	long before = peak_kb();
	(void)state;
	BAD("cut off", HEAD REC("\xa1x\xc6\x3f\xff\x00\x00"));
	BAD("longer than the limit", HEAD REC("\xa1x\xc6\xff\xff\xff\xff"));
	BAD("longer than the limit", HEAD REC("\xa1x\xdb\xff\xff\xff\xff"));
	BAD("longer than the limit", HEAD REC("\xa1x\xc9\xff\xff\xff\xff"));
	BAD("a map of 4294967295 fields", HEAD "\xdf\xff\xff\xff\xff");
	BAD("a map of 4294967295 fields", "\xdf\xff\xff\xff\xff");
	BAD("cut off", HEAD REC("\xa1x\xdd\xff\xff\xff\xff"));
	BAD("cut off", "\x82\xa3ser\x01\xa1x\xdd\xff\xff\xff\xff\xdd\xff\xff\xff\xff\xdd\xff\xff\xff\xff");
	assert_true(peak_kb() - before < 16 * 1024);
}

static void segments(void **state)
{
	struct ser_buf s = {0};
	struct ser_record r = {0};
	struct ser_err e;
	bool fresh;
	(void)state;
	sample(&s, 3);
	int fd = memory_fd(s.s, s.n);
	struct ser_reader *rd = ser_reader_new(fd, "test", 0, &e);
	assert_non_null(rd);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(ser_reader_next(rd, &r, &fresh, &e), 1);
		assert_int_equal(fresh, i == 2 || i == 4);
		assert_int_equal(ser_reader_segments(rd), 1 + i / 2);
	}
	assert_int_equal(ser_reader_next(rd, &r, &fresh, &e), 0);
	assert_int_equal(ser_reader_next(rd, &r, &fresh, &e), 0);
	assert_int_equal(ser_reader_records(rd), 6);
	assert_int_equal(ser_reader_bytes(rd), s.n);
	ser_reader_free(rd);
	ser_record_free(&r);
	close(fd);
	ser_buf_free(&s);
}

struct feed {
	int fd;
	const struct ser_buf *s;
};

static void *feed(void *arg)
{
	struct feed *f = arg;
	for (size_t i = 0; i < f->s->n; i++)
		assert_int_equal(write(f->fd, f->s->s + i, 1), 1);
	close(f->fd);
	return NULL;
}

/* However the bytes arrive, and whether somebody asks if there are more, the stream is the same. */
static void byte_by_byte(void **state)
{
	struct ser_buf s = {0};
	struct ser_record r = {0};
	struct ser_err e;
	pthread_t thread;
	int p[2], n = 0, rc;
	(void)state;
	sample(&s, 3);
	assert_int_equal(pipe(p), 0);
	struct feed f = {p[1], &s};
	assert_int_equal(pthread_create(&thread, NULL, feed, &f), 0);
	struct ser_reader *rd = ser_reader_new(p[0], "test", 0, &e);
	assert_non_null(rd);
	for (;; n++) {
		for (int i = 0; i < n; i++)
			ser_reader_waits(rd);
		if ((rc = ser_reader_next(rd, &r, NULL, &e)) <= 0)
			break;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(n, 6);
	pthread_join(thread, NULL);
	ser_reader_free(rd);
	ser_record_free(&r);
	close(p[0]);
	ser_buf_free(&s);
}

static void waiting(void **state)
{
	struct ser_buf s = {0};
	struct ser_record r = {0};
	struct ser_err e;
	int p[2];
	(void)state;
	sample(&s, 1);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], s.s, s.n - 20),
			 (ssize_t)s.n - 20); /* the second record is there, the trailer in part */
	struct ser_reader *rd = ser_reader_new(p[0], "test", 0, &e);
	assert_int_equal(ser_reader_next(rd, &r, NULL, &e), 1);
	assert_true(ser_reader_waits(rd) || ser_reader_next(rd, &r, NULL, &e) == 1);
	assert_true(ser_reader_waits(rd));
	assert_int_equal(write(p[1], s.s + s.n - 20, 20), 20);
	assert_false(ser_reader_waits(rd));
	close(p[1]);
	int rc;
	while ((rc = ser_reader_next(rd, &r, NULL, &e)) > 0)
		;
	assert_int_equal(rc, 0);
	assert_int_equal(ser_reader_records(rd), 2);
	ser_reader_free(rd);
	ser_record_free(&r);
	close(p[0]);
	ser_buf_free(&s);
}

/* ---- writing ---- */

/* Write one record of fields and read it back: the reader's text, or the writer's or reader's complaint. */
static int write_one(const struct ser_record *r, struct ser_buf *text, struct ser_err *e)
{
	struct ser_header h;
	int fd = memfd_create("out", 0);
	ser_header_init(&h);
	struct ser_writer *w = ser_writer_new(fd, "out", &h);
	int rc = ser_writer_record(w, r, e);
	if (rc == 0)
		rc = ser_writer_end(w, e);
	ser_writer_free(w);
	ser_header_free(&h);
	lseek(fd, 0, SEEK_SET);
	if (rc == 0)
		rc = read_fd(fd, 0, text, e);
	close(fd);
	return rc;
}

static void writer_refuses(void **state)
{
	struct ser_record r = {0};
	struct ser_err e;
	char name[16];
	(void)state;
	ser_record_set(&r, "id", ser_str("a"));
	ser_record_set(&r, "x", ser_str("\xff"));
	assert_int_equal(write_one(&r, NULL, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "out: record \"a\": field \"x\" is a string that is not UTF-8"));
	ser_record_set(&r, "x", ser_strn("a\0b", 3));
	assert_int_equal(write_one(&r, NULL, &e), SER_EDATA);
	ser_record_set(&r, "x", ser_val_list());
	assert_int_equal(write_one(&r, NULL, &e), SER_EDATA);
	ser_record_set(&r, "x", ser_nil());
	ser_record_set(&r, "\xc3", ser_nil());
	assert_int_equal(write_one(&r, NULL, &e), SER_EDATA);
	ser_record_drop(&r, "\xc3");
	assert_int_equal(write_one(&r, NULL, &e), 0);
	static const size_t shape[] = {65536, 65536};
	static const float data = 0;
	ser_record_set(&r, "x", ser_f4(&data, 2, shape)); /* 16 GiB are not looked at */
	assert_int_equal(write_one(&r, NULL, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "over the format's limits"));
	ser_record_set(&r, "x", ser_nil());
	for (int i = 0; r.n < SER_MAX_FIELD; i++) {
		snprintf(name, sizeof name, "f%d", i);
		ser_record_set(&r, name, ser_int(i));
	}
	assert_int_equal(write_one(&r, NULL, &e), 0);
	ser_record_set(&r, "more", ser_nil());
	assert_int_equal(write_one(&r, NULL, &e), SER_EDATA);
	ser_record_free(&r);
}

static void id_goes_first(void **state)
{
	struct ser_record r = {0};
	struct ser_buf text = {0};
	struct ser_err e;
	(void)state;
	ser_record_set(&r, "x", ser_int(1));
	ser_record_set(&r, "id", ser_str("a"));
	ser_record_set(&r, "y", ser_int(2));
	assert_int_equal(write_one(&r, &text, &e), 0);
	assert_non_null(strstr(text.s, "{\"id\":\"a\",\"x\":1,\"y\":2}"));
	ser_buf_free(&text);
	ser_record_free(&r);
}

static void write_fails(void **state)
{
	struct ser_header h;
	struct ser_err e;
	(void)state;
	ser_header_init(&h);
	FILE *full = fopen("/dev/full", "w");
	assert_non_null(full);
	struct ser_writer *w = ser_writer_new(fileno(full), "full", &h);
	assert_int_equal(ser_writer_flush(w, &e), SER_EIO);
	assert_non_null(strstr(e.msg, "full: write failed: No space"));
	assert_int_equal(ser_writer_end(w, &e), SER_EIO);
	ser_writer_free(w);
	fclose(full);
	ser_header_free(&h);
}

static void fields_pass_as_bytes(void **state)
{
	/* float 32, int 32 for a small number, str 8: forms that we would not write */
	static const char s[] = "\x84\xa2id\xa1"
				"a\xa1"
				"f\xca\x3f\x80\x00\x00\xa1"
				"i\xd2\x00\x00\x00\x05\xd9\x01s\xd9\x01t";
	struct ser_record r = {0}, copy = {0};
	struct ser_buf b = {0};
	struct ser_err e;
	(void)state;
	assert_int_equal(ser_record_unpack(&r, s, sizeof s - 1, &e), 0);
	ser_record_pack(&b, &r);
	assert_int_equal(b.n, sizeof s - 1);
	assert_memory_equal(b.s, s, b.n);
	assert_int_equal(ser_record_unpack(&r, s, sizeof s - 2, &e), SER_EDATA);
	assert_int_equal(ser_record_unpack(&r, s, sizeof s, &e), SER_EDATA); /* one byte too many */
	assert_int_equal(ser_record_unpack(&r, s, sizeof s - 1, &e), 0);
	ser_record_copy(&copy, &r);
	ser_record_free(&r);
	assert_string_equal(ser_record_id(&copy), "a");
	assert_true(ser_val_is_str(ser_record_get(&copy, "s"), "t"));
	ser_record_free(&copy);
	ser_buf_free(&b);
}

static void record_fields(void **state)
{
	struct ser_record r = {0};
	struct ser_err e;
	const char *s;
	int64_t i;
	double f;
	(void)state;
	ser_record_set(&r, "id", ser_str("a"));
	ser_record_set(&r, "x", ser_int(3));
	ser_record_set(&r, "y", ser_real(0.5));
	ser_record_set(&r, "z", ser_str("03"));
	assert_int_equal(ser_record_str(&r, "x", &s, &e), 0);
	assert_string_equal(s, "3");
	assert_int_equal(ser_record_int(&r, "x", &i, &e), 0);
	assert_int_equal(i, 3);
	assert_int_equal(ser_record_int(&r, "z", &i, &e), SER_EDATA);
	assert_string_equal(e.msg, "record \"a\": field \"z\" is a string, expected an integer");
	assert_int_equal(ser_record_real(&r, "y", &f, &e), 0);
	assert_true(f == 0.5);
	assert_int_equal(ser_record_real(&r, "nosuch", &f, &e), SER_EDATA);
	ser_record_set(&r, "y", ser_real(NAN));
	assert_int_equal(ser_record_real(&r, "y", &f, &e), SER_EDATA);
	/* a rename replaces; onto itself it does nothing */
	assert_true(ser_record_rename(&r, "z", "x"));
	assert_int_equal(r.n, 3);
	assert_true(ser_val_is_str(ser_record_get(&r, "x"), "03"));
	assert_true(ser_record_rename(&r, "x", "x"));
	assert_true(ser_val_is_str(ser_record_get(&r, "x"), "03"));
	assert_false(ser_record_rename(&r, "nosuch", "x"));
	assert_true(ser_record_drop(&r, "x"));
	assert_false(ser_record_drop(&r, "x"));
	assert_null(ser_record_get(&r, "x"));
	ser_record_free(&r);
}

/* A record of many fields finds them by a table; a list of names that is looked through says the same after every change. */
static void record_many_fields(void **state)
{
	enum { N = 400, STEPS = 6000 };
	int value[N], n = 0; /* of field "f<i>"; -1: not there */
	char name[32], to[32];
	struct ser_record r = {0}, copy = {0};
	struct ser_rng rng;
	(void)state;
	ser_rng_seed(&rng, 3);
	for (int i = 0; i < N; i++)
		value[i] = -1;
	for (int k = 0; k < STEPS; k++) {
		int i = (int)ser_rng_below(&rng, N), j = (int)ser_rng_below(&rng, N);
		uint64_t what = ser_rng_below(&rng, 12);
		snprintf(name, sizeof name, "f%d", i);
		snprintf(to, sizeof to, "f%d", j);
		if (what == 0) {
			assert_int_equal(ser_record_drop(&r, name), value[i] >= 0);
			value[i] = -1;
		} else if (what == 1) {
			assert_int_equal(ser_record_rename(&r, name, to), value[i] >= 0);
			if (value[i] >= 0 && i != j) {
				value[j] = value[i];
				value[i] = -1;
			}
		} else if (what == 2) {
			struct ser_buf b = {0};
			struct ser_err e;
			ser_record_set(&r, "id", ser_str("a"));
			ser_record_pack(&b, &r);
			assert_int_equal(ser_record_unpack(&r, b.s, b.n, &e), 0);
			ser_buf_free(&b);
			assert_true(ser_record_drop(&r, "id"));
		} else if (what == 3) {
			ser_record_copy(&copy, &r);
			struct ser_record swap = r;
			r = copy;
			copy = swap;
		} else {
			ser_record_set(&r, name, ser_int(k));
			value[i] = k;
		}
		n = 0;
		for (int q = 0; q < N; q++)
			n += value[q] >= 0;
		assert_int_equal(r.n, n);
		for (int q = k % 7; q < N; q += 7) {
			snprintf(name, sizeof name, "f%d", q);
			const struct ser_val *v = ser_record_get(&r, name);
			assert_int_equal(v != NULL ? v->u.i : -1, value[q]);
		}
	}
	assert_true(n > 200);
	ser_record_free(&r);
	ser_record_free(&copy);
}

static void record_tensors(void **state)
{
	static const double x[] = {1, 2, 3, 4};
	static const int16_t whole[] = {1, 2};
	static const size_t shape[] = {2, 2}, none[] = {3, 0};
	struct ser_record r = {0};
	struct ser_err e;
	const float *f;
	size_t got[SER_MAX_AXES];
	(void)state;
	ser_record_set(&r, "id", ser_str("a"));
	ser_record_set(&r, "x", ser_tensor(SER_F8, x, 2, shape));
	ser_record_set(&r, "i", ser_tensor(SER_I2, whole, 1, shape));
	ser_record_set(&r, "none", ser_tensor(SER_F4, NULL, 2, none));
	assert_int_equal(ser_record_f4(&r, "x", 2, &f, got, &e), 0);
	assert_true(f[3] == 4 && got[0] == 2 && got[1] == 2);
	assert_int_equal(ser_record_f4(&r, "x", 1, &f, got, &e), SER_EDATA);
	assert_string_equal(e.msg, "record \"a\": field \"x\" is <f8 tensor [2,2], expected a float tensor of 1 axis");
	assert_int_equal(ser_record_f4(&r, "i", -1, &f, got, &e), SER_EDATA);
	assert_int_equal(ser_record_f4(&r, "none", 2, &f, got, &e), SER_EDATA);
	assert_int_equal(ser_record_f4(&r, "nosuch", 2, &f, got, &e), SER_EDATA);
	assert_string_equal(
		e.msg, "record \"a\": no field \"nosuch\", expected a float tensor of 2 axes; there are: id x i none");
	assert_int_equal(ser_record_f4(&r, "post", 1, &f, got, &e), SER_EDATA);
	assert_string_equal(e.msg,
			    "record \"a\": no field \"post\", expected a float tensor of 1 axis; ser-predict makes it");
	ser_record_free(&r);
}

/* ---- headers ---- */

static void header_of(struct ser_header *h, const char *tool, double shift)
{
	ser_header_init(h);
	ser_header_prov_add(h, tool, NULL, 0);
	ser_val_set(&h->arena, ser_header_dim_add(h, "feat"), "shift_s", ser_real(shift));
}

static void header_merges(void **state)
{
	struct ser_header a, b, c, d;
	struct ser_err e;
	struct ser_buf text = {0};
	(void)state;
	header_of(&a, "one", 0.01);
	header_of(&b, "one", 0.01);
	header_of(&c, "two", 0.01);
	header_of(&d, "one", 0.02);
	assert_true(ser_header_equal(&a, &b));
	assert_int_equal(ser_header_merge(&a, &b, &e), 0);
	assert_true(ser_header_equal(&a, &b));
	assert_int_equal(ser_header_merge(&a, &d, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "\"feat\": its shift_s is 0.01 and 0.02"));
	assert_int_equal(ser_header_merge(&a, &c, &e), 0);
	assert_int_equal(ser_header_merge(&a, &b, &e), 0); /* met before */
	ser_header_prov_add(&a, "three", NULL, 0);
	ser_val_json(&text, &a.prov, false);
	assert_string_equal(text.s, "[{\"tool\":\"three\",\"version\":\"" SER_VERSION "\",\"args\":[],\"inputs\":["
				    "[{\"tool\":\"one\",\"version\":\"" SER_VERSION "\",\"args\":[]}],"
				    "[{\"tool\":\"two\",\"version\":\"" SER_VERSION "\",\"args\":[]}]]}]");
	ser_buf_free(&text);
	ser_header_free(&a);
	ser_header_free(&b);
	ser_header_free(&c);
	ser_header_free(&d);
}

static void say_trained(struct ser_header *h, const char *tensor, const char *json)
{
	struct ser_err e;
	struct ser_val v;
	header_of(h, "ser-predict", 0.01);
	struct ser_val *dim = ser_header_dim_add(h, tensor);
	if (json == NULL)
		return;
	assert_int_equal(ser_val_from_json(&h->arena, json, strlen(json), &v, &e), 0);
	ser_val_set(&h->arena, dim, "train_speakers", v);
}

static void mark(const struct ser_header *h, struct ser_record *r, const char *id, int64_t want)
{
	struct ser_err e;
	ser_record_clear(r);
	ser_record_set_copy(r, "id", ser_str(id));
	assert_int_equal(ser_header_mark(h, r, &e), 0);
	const struct ser_val *v = ser_record_get(r, "train_set");
	assert_int_equal(v == NULL ? -1 : v->u.i, want);
	assert_int_equal(ser_header_train_set(h, r), want);
}

static void trained_is(const struct ser_header *h, const char *tensor, size_t set, const char *want)
{
	struct ser_buf b = {0};
	const struct ser_val *v = ser_header_trained(h, tensor, set), nil = ser_nil();
	ser_val_json(&b, v != NULL ? v : &nil, false);
	assert_string_equal(b.s, want);
	ser_buf_free(&b);
}

/* Tensors that came of models trained on different speakers, under one header: everybody, and each record's own. */
static void header_trained(void **state)
{
	struct ser_header h, s[4], again, twice;
	struct ser_record r = {0};
	struct ser_err e;
	(void)state;
	say_trained(&s[0], "post", "[\"a\",\"b\"]");
	say_trained(&s[1], "post", "[\"b\",\"c\"]");
	say_trained(&s[2], "post", NULL);
	say_trained(&s[3], "emb", "[\"d\"]");
	ser_header_copy(&h, &s[0]);
	mark(&h, &r, "0", 0);
	ser_header_unmark(&h, &r); /* all are one */
	assert_null(ser_record_get(&r, "train_set"));
	for (int i = 1; i < 4; i++) {
		assert_int_equal(ser_header_merge(&h, &s[i], &e), 0);
		mark(&h, &r, "i", i);
		ser_header_unmark(&h, &r);
		assert_non_null(ser_record_get(&r, "train_set"));
	}
	assert_int_equal(ser_header_merge(&h, &s[1], &e), 0); /* met before */
	mark(&h, &r, "1", 1);
	assert_int_equal(ser_header_train_sets(&h), 4);
	trained_is(&h, "post", 0, "[\"a\",\"b\"]");
	trained_is(&h, "post", 1, "[\"b\",\"c\"]");
	trained_is(&h, "post", 2, "null");
	trained_is(&h, "post", 3, "null");
	trained_is(&h, "emb", 0, "null");
	trained_is(&h, "emb", 3, "[\"d\"]");
	trained_is(&h, "post", 4, "[\"a\",\"b\",\"c\"]");
	trained_is(&h, "feat", 0, "null");

	/* What all say alike is said once. */
	struct ser_header one, two;
	say_trained(&one, "post", "[\"a\"]");
	say_trained(&two, "post", "[\"b\"]");
	ser_val_set(&one.arena, ser_header_dim_add(&one, "emb"), "train_speakers", ser_val_list());
	ser_val_set(&two.arena, ser_header_dim_add(&two, "emb"), "train_speakers", ser_val_list());
	assert_int_equal(ser_header_merge(&one, &two, &e), 0);
	assert_non_null(ser_val_get(ser_header_dim(&one, "post"), "train_sets"));
	assert_null(ser_val_get(ser_header_dim(&one, "emb"), "train_sets"));
	ser_header_free(&one);
	ser_header_free(&two);

	/* What is merged is merged once more: numbers are those of the new header. */
	ser_header_copy(&again, &s[3]);
	assert_int_equal(ser_header_merge(&again, &h, &e), 0);
	assert_int_equal(ser_header_train_sets(&again), 4);
	ser_record_clear(&r);
	ser_record_set_copy(&r, "id", ser_str("x"));
	ser_record_set_copy(&r, "train_set", ser_int(3));
	assert_int_equal(ser_header_mark(&again, &r, &e), 0);
	assert_int_equal(ser_record_get(&r, "train_set")->u.i, 0);
	ser_record_set_copy(&r, "train_set", ser_int(0));
	assert_int_equal(ser_header_mark(&again, &r, &e), 0);
	assert_int_equal(ser_record_get(&r, "train_set")->u.i, 1);
	trained_is(&again, "post", 1, "[\"a\",\"b\"]");

	/* A label of that name that somebody else put there is not overwritten. */
	ser_header_copy(&twice, &s[0]);
	assert_int_equal(ser_header_mark(&twice, &r, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "\"train_set\""));

	/* A tensor that is made anew has but its own. */
	ser_val_set(&h.arena, ser_header_dim_add(&h, "post"), "train_speakers", ser_val_list());
	trained_is(&h, "post", 0, "[]");
	for (int i = 0; i < 4; i++)
		ser_header_free(&s[i]);
	ser_header_free(&h);
	ser_header_free(&again);
	ser_header_free(&twice);
	ser_record_free(&r);
}

/* Many unlike provenances: each stays once, where it was met first; what is equal hashes equally. */
static void header_merges_many(void **state)
{
	enum { N = 3000 };
	struct ser_header a, b;
	struct ser_err e;
	(void)state;
	header_of(&a, "tool0", 0.01);
	for (int i = 0; i < 2 * N; i++) {
		char tool[16];
		snprintf(tool, sizeof tool, "tool%d", i % N);
		header_of(&b, tool, 0.01);
		assert_int_equal(ser_header_merge(&a, &b, &e), 0);
		ser_header_free(&b);
	}
	ser_header_prov_add(&a, "all", NULL, 0);
	const struct ser_val *in = ser_val_get(&a.prov.u.list.v[0], "inputs");
	assert_int_equal(in->u.list.n, N);
	for (int i = 0; i < N; i += 500) {
		char tool[16];
		snprintf(tool, sizeof tool, "tool%d", i);
		assert_true(ser_val_is_str(ser_val_get(&in->u.list.v[i].u.list.v[0], "tool"), tool));
	}
	/* The next merge begins anew. */
	header_of(&b, "tool1", 0.01);
	assert_int_equal(ser_header_merge(&a, &b, &e), 0);
	assert_int_equal(ser_header_merge(&a, &b, &e), 0);
	assert_int_equal(ser_val_get(&a.prov.u.list.v[0], "inputs")->u.list.n, 2);
	ser_header_free(&a);
	ser_header_free(&b);
}

static void hashes(void **state)
{
	static const char *const same[][2] = {{"{\"a\":1,\"b\":[0.0]}", "{\"b\":[-0.0],\"a\":1}"}, {"[]", "[]"}};
	static const char *const unlike[][2] = {
		{"[1,2]", "[2,1]"}, {"1", "1.0"}, {"[]", "{}"}, {"{\"a\":\"b\"}", "{\"b\":\"a\"}"}, {"[[1]]", "[1]"}};
	struct ser_arena arena = {0};
	struct ser_val a, b;
	struct ser_err e;
	(void)state;
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		assert_int_equal(ser_val_from_json(&arena, same[i][0], strlen(same[i][0]), &a, &e), 0);
		assert_int_equal(ser_val_from_json(&arena, same[i][1], strlen(same[i][1]), &b, &e), 0);
		assert_true(ser_val_equal(&a, &b) && ser_val_hash(&a) == ser_val_hash(&b));
	}
	for (size_t i = 0; i < sizeof unlike / sizeof *unlike; i++) {
		assert_int_equal(ser_val_from_json(&arena, unlike[i][0], strlen(unlike[i][0]), &a, &e), 0);
		assert_int_equal(ser_val_from_json(&arena, unlike[i][1], strlen(unlike[i][1]), &b, &e), 0);
		assert_true(!ser_val_equal(&a, &b) && ser_val_hash(&a) != ser_val_hash(&b));
	}
	a = ser_real(NAN);
	b = ser_real(-NAN);
	assert_true(ser_val_hash(&a) == ser_val_hash(&b));
	ser_arena_free(&arena);
}

/* A file may say anything where a merge would keep its inputs. */
static void header_hostile(void **state)
{
	static const char *const prov[] = {"[{\"inputs\":3}]",  "[{\"inputs\":\"x\"}]", "[3]",           "[[]]",
					   "[{\"inputs\":{}}]", "[{\"inputs\":[1,2]}]", "[{\"tool\":7}]"};
	struct ser_err e;
	(void)state;
	for (size_t i = 0; i < sizeof prov / sizeof *prov; i++) {
		struct ser_header a, b;
		header_of(&b, "one", 0.01);
		ser_header_init(&a);
		assert_int_equal(ser_val_from_json(&a.arena, prov[i], strlen(prov[i]), &a.prov, &e), 0);
		assert_int_equal(ser_header_merge(&a, &b, &e), 0);
		ser_header_prov_add(&a, "two", NULL, 0);
		ser_header_free(&a);
		ser_header_init(&a);
		assert_int_equal(ser_val_from_json(&a.arena, prov[i], strlen(prov[i]), &a.prov, &e), 0);
		assert_int_equal(ser_header_merge(&b, &a, &e), 0);
		ser_header_prov_add(&b, "two", NULL, 0);
		ser_header_free(&a);
		ser_header_free(&b);
	}
}

/* ---- values ---- */

static void order(void **state)
{
	const struct ser_val v[] = {ser_nil(),          ser_bool(false),  ser_bool(true),   ser_real(-INFINITY),
				    ser_int(INT64_MIN), ser_int(-1),      ser_real(-0.5),   ser_int(0),
				    ser_real(0.5),      ser_int(1),       ser_real(0x1p53), ser_int((1LL << 53) + 1),
				    ser_int(INT64_MAX), ser_real(0x1p63), ser_real(NAN),    ser_str(""),
				    ser_str("10"),      ser_str("9"),     ser_str("9a"),    ser_str("\xc3\xa4")};
	const size_t n = sizeof v / sizeof *v;
	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			int c = ser_val_cmp(&v[i], &v[k]);
			assert_int_equal((c > 0) - (c < 0), (i > k) - (i < k));
		}
	struct ser_val one = ser_int(1), real = ser_real(1);
	assert_int_equal(ser_val_cmp(&one, &real), 0);
	assert_false(ser_val_equal(&one, &real));
}

static void json(void **state)
{
	static const char *const same[] = {"null",
					   "true",
					   "-9223372036854775808",
					   "1.0",
					   "1e-7",
					   "0.1",
					   "\"a\\\"b\\\\\\n\\u0001\"",
					   "[]",
					   "{}",
					   "[1,[2,{\"a\":null}]]",
					   "{\"a\":{\"b\":[false]}}",
					   "\"\xc3\xa4\""};
	static const char *const wrong[] = {"",         "{",   "[1,]",    "nul", "{\"a\":1,\"a\":2}",
					    "\"\xff\"", "1 2", "[1e999]", "NaN", "[{\"\":1}]"};
	struct ser_arena a = {0};
	struct ser_buf b = {0};
	struct ser_err e;
	struct ser_val v;
	(void)state;
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		if (ser_val_from_json(&a, same[i], strlen(same[i]), &v, &e) != 0)
			fail_msg("%s: %s", same[i], e.msg);
		b.n = 0;
		ser_val_json(&b, &v, true);
		double x = 0;
		if (strcmp(same[i], "1e-7") == 0) {
			x = strtod(b.s, NULL);
			assert_true(x == 1e-7);
		} else {
			assert_string_equal(b.s, same[i]);
		}
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (ser_val_from_json(&a, wrong[i], strlen(wrong[i]), &v, &e) != SER_EDATA)
			fail_msg("%s was accepted", wrong[i]);
	for (int depth = SER_MAX_DEPTH; depth <= SER_MAX_DEPTH + 1; depth++) {
		b.n = 0;
		for (int i = 0; i < depth; i++)
			ser_buf_str(&b, "[");
		for (int i = 0; i < depth; i++)
			ser_buf_str(&b, "]");
		assert_int_equal(ser_val_from_json(&a, b.s, b.n, &v, &e), depth > SER_MAX_DEPTH ? SER_EDATA : 0);
	}
	/* reals read back exactly, and as reals */
	struct ser_rng rng;
	ser_rng_seed(&rng, 7);
	for (int i = 0; i < 10000; i++) {
		uint64_t bits = ser_rng_next(&rng);
		double x;
		memcpy(&x, &bits, sizeof x);
		v = ser_real(x);
		b.n = 0;
		ser_val_json(&b, &v, false);
		if (!isfinite(x)) {
			assert_string_equal(b.s, "null");
			continue;
		}
		assert_int_equal(ser_val_from_json(&a, b.s, b.n, &v, &e), 0);
		assert_int_equal(v.kind, SER_REAL);
		assert_true(v.u.f == x);
	}
	ser_buf_free(&b);
	ser_arena_free(&a);
}

/* ---- spool and sort ---- */

static void spool(void **state)
{
	struct ser_err e;
	struct ser_spool *s = ser_spool_new(&e);
	struct ser_spool_walk w;
	struct ser_rng rng;
	const char *p;
	size_t n;
	char block[3000];
	uint64_t middle = 0;
	(void)state;
	assert_non_null(s);
	ser_rng_seed(&rng, 1);
	for (size_t i = 0; i < 1000; i++) {
		size_t len = i == 0 ? 0 : ser_rng_below(&rng, sizeof block);
		memset(block, (int)i, len);
		if (i == 500)
			middle = ser_spool_size(s);
		assert_int_equal(ser_spool_add(s, block, len, &e), 0);
	}
	for (size_t chunk = 1; chunk < 100000; chunk *= 37) {
		ser_rng_seed(&rng, 1);
		assert_int_equal(ser_spool_walk(&w, s, 0, ser_spool_size(s), chunk, &e), 0);
		for (size_t i = 0; i < 1000; i++) {
			size_t len = i == 0 ? 0 : ser_rng_below(&rng, sizeof block);
			assert_int_equal(ser_spool_next(&w, &p, &n, &e), 1);
			assert_int_equal(n, len);
			assert_true(n == 0 || (p[0] == (char)i && p[n - 1] == (char)i));
		}
		assert_int_equal(ser_spool_next(&w, &p, &n, &e), 0);
		ser_spool_walk_end(&w);
	}
	assert_int_equal(ser_spool_walk(&w, s, middle, ser_spool_size(s), 0, &e), 0);
	for (n = 0; ser_spool_next(&w, &p, &(size_t){0}, &e) == 1;)
		n++;
	assert_int_equal(n, 500);
	ser_spool_walk_end(&w);
	ser_spool_free(s);
}

/* A full disk is said when it is met, not when it is too late. */
static void spool_fails(void **state)
{
	struct rlimit before, little;
	struct ser_err e;
	char block[10000] = {0};
	int rc = 0;
	(void)state;
	struct ser_spool *s = ser_spool_new(&e);
	assert_non_null(s);
	void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	little = before;
	little.rlim_cur = 1 << 16;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	for (int i = 0; rc == 0 && i < 100; i++)
		rc = ser_spool_add(s, block, sizeof block, &e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, old);
	assert_int_equal(rc, SER_EIO);
	assert_non_null(strstr(e.msg, ": writing a temporary file failed: File too large"));
	ser_spool_free(s);
}

/* Records come back by number from memory and from a spool, in any order. */
static void store(void **state)
{
	enum { N = 500 };
	static const size_t mems[] = {1, 3000, 1 << 20};
	(void)state;
	for (size_t m = 0; m < sizeof mems / sizeof *mems; m++) {
		struct ser_store *s = ser_store_new(mems[m]);
		struct ser_record r = {0};
		struct ser_rng rng;
		struct ser_err e;
		char id[16];
		ser_rng_seed(&rng, 1);
		for (int i = 0; i < N; i++) {
			float x[300] = {(float)i};
			size_t n = ser_rng_below(&rng, 300);
			snprintf(id, sizeof id, "r%d", i);
			ser_record_clear(&r);
			ser_record_set(&r, "id", ser_str(id));
			ser_record_set(&r, "x", ser_f4(x, 1, &n));
			assert_int_equal(ser_store_add(s, &r, &e), 0);
		}
		assert_int_equal(ser_store_len(s), N);
		for (int i = 0; i < 4 * N; i++) {
			size_t k = i < N ? (size_t)i : (size_t)ser_rng_below(&rng, N);
			snprintf(id, sizeof id, "r%zu", k);
			assert_int_equal(ser_store_get(s, k, &r, &e), 0);
			assert_string_equal(ser_record_id(&r), id);
			const struct ser_val *v = ser_record_get(&r, "x");
			assert_true(v->u.t.shape[0] == 0 || ser_tensor_real(&v->u.t, 0) == (double)k);
		}
		ser_record_free(&r);
		ser_store_free(s);
	}
}

static void sort(void **state)
{
	static const char *const by[] = {"k"};
	struct ser_err e;
	(void)state;
	for (size_t mem = 1; mem <= 1 << 20; mem *= 32)
		for (int reverse = 0; reverse < 2; reverse++) {
			struct ser_sort *s = ser_sort_new(by, 1, reverse, mem);
			struct ser_record r = {0}, buf = {0}, *out;
			int64_t last_key = reverse ? 1000 : -1, last_i = -1, k, i;
			char id[16];
			for (int n = 0; n < 500; n++) {
				snprintf(id, sizeof id, "%d", n);
				ser_record_clear(&r);
				ser_record_set(&r, "id", ser_str(id));
				ser_record_set(&r, "k", ser_int(n * 7919 % 13));
				ser_record_set(&r, "i", ser_int(n));
				assert_int_equal(ser_sort_add(s, &r, &e), 0);
			}
			assert_int_equal(ser_sort_done(s, &e), 0);
			for (int n = 0; n < 500; n++) {
				assert_int_equal(ser_sort_next(s, &buf, &out, &e), 1);
				assert_int_equal(ser_record_int(out, "k", &k, &e), 0);
				assert_int_equal(ser_record_int(out, "i", &i, &e), 0);
				assert_true(k == last_key ? i > last_i : reverse ? k < last_key : k > last_key);
				last_key = k;
				last_i = i;
			}
			assert_int_equal(ser_sort_next(s, &buf, &out, &e), 0);
			ser_sort_free(s);
			ser_record_free(&r);
			ser_record_free(&buf);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims), /* first: it looks at the peak of memory */
		cmocka_unit_test(round_trip),     cmocka_unit_test(element_types),
		cmocka_unit_test(every_cut),      cmocka_unit_test(every_bit),
		cmocka_unit_test(every_byte),     cmocka_unit_test(headers),
		cmocka_unit_test(trailers),       cmocka_unit_test(records),
		cmocka_unit_test(tensors),        cmocka_unit_test(scalars),
		cmocka_unit_test(bounds),         cmocka_unit_test(segments),
		cmocka_unit_test(byte_by_byte),   cmocka_unit_test(waiting),
		cmocka_unit_test(writer_refuses), cmocka_unit_test(id_goes_first),
		cmocka_unit_test(write_fails),    cmocka_unit_test(fields_pass_as_bytes),
		cmocka_unit_test(record_fields),  cmocka_unit_test(record_many_fields),
		cmocka_unit_test(record_tensors), cmocka_unit_test(header_merges),
		cmocka_unit_test(header_trained), cmocka_unit_test(header_merges_many),
		cmocka_unit_test(hashes),         cmocka_unit_test(parts),
		cmocka_unit_test(windows),        cmocka_unit_test(header_hostile),
		cmocka_unit_test(order),          cmocka_unit_test(json),
		cmocka_unit_test(spool),          cmocka_unit_test(spool_fails),
		cmocka_unit_test(store),          cmocka_unit_test(sort),
	};
	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
