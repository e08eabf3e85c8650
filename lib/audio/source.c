/* SPDX-License-Identifier: MIT */
#include "audio/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SLURP = 8 << 20,  /* regular files up to this size are read at once */
	WINDOW = 1 << 20, /* bytes of a pipe kept for looking back */
	HEAD = 256 << 10, /* where the samples of a WAV or AU file must have begun */
};

static const int64_t LEN_UNKNOWN = INT64_C(1) << 50;

/* What writers that cannot seek back put as the length: 0, all ones, or something near 2^31. */
static const uint32_t STREAM_SIZE = 0x7ff00000;
static const uint32_t SOX_SIZE = 0x7f000000; /* and more: of an AIFF FORM that sox writes to a pipe */

static uint32_t le32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t le64(const unsigned char *p)
{
	return (uint64_t)le32(p) | (uint64_t)le32(p + 4) << 32;
}

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24;
}

static int64_t stream_size(uint32_t n)
{
	return n == 0 || n >= STREAM_SIZE ? -1 : (int64_t)n;
}

/* The four bytes at `at` hold a length of samples that nobody knew. */
static void unknown_size(struct ser_source *s, int64_t at, bool big_endian, uint32_t size)
{
	s->patch = true;
	s->patch_at = at;
	for (int i = 0; i < 4; i++)
		s->patch_bytes[i] = (unsigned char)(size >> (big_endian ? 24 - 8 * i : 8 * i));
}

static ssize_t read_full(int fd, unsigned char *p, size_t n)
{
	size_t got = 0;
	while (got < n) {
		ssize_t r = read(fd, p + got, n - got);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

static ssize_t pread_full(int fd, unsigned char *p, size_t n, int64_t off)
{
	size_t got = 0;
	while (got < n) {
		ssize_t r = pread(fd, p + got, n - got, (off_t)(off + (int64_t)got));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

/* What the first bytes of a file are looked at through: those in hand, and, of a regular file, all that follow. */
struct head {
	const struct ser_source *s;
	const unsigned char *p;
	size_t n;
};

static bool get(const struct head *h, int64_t at, unsigned char *to, size_t n)
{
	if (at >= 0 && at + (int64_t)n <= (int64_t)h->n) {
		memcpy(to, h->p + at, n);
		return true;
	}
	return at >= 0 && at < LEN_UNKNOWN && h->s->kind == SOURCE_FD &&
	       pread_full(h->s->fd, to, n, h->s->base + at) == (ssize_t)n;
}

/* Of a chunk "data" of no bytes: it is empty where the RIFF chunk, of a known length, goes on behind it. */
static bool truly_empty(int64_t riff, int64_t data_off)
{
	return riff >= 0 && riff + 8 > data_off;
}

static void parse_wav(struct ser_source *s, const struct head *h, bool rf64, bool rifx)
{
	unsigned char p[24];
	int64_t size64 = -1, riff = stream_size(rifx ? be32(h->p + 4) : le32(h->p + 4));
	for (int64_t at = 12; get(h, at, p, 8);) {
		uint32_t size = rifx ? be32(p + 4) : le32(p + 4);
		if (memcmp(p, "data", 4) == 0) {
			s->data_off = at + 8;
			s->data_last = true;
			s->data_size = rf64 && size == UINT32_MAX ? size64 : stream_size(size);
			if (size == 0 && truly_empty(riff, s->data_off))
				s->data_size = 0;
			if (s->data_size < 0 && !rf64) {
				int64_t room = s->size >= 0 ? s->size - s->data_off : INT64_MAX;
				unknown_size(s, s->data_off - 4, rifx, room < 0xfffffffe ? (uint32_t)room : 0xfffffffe);
			}
			return;
		}
		if (memcmp(p, "fmt ", 4) == 0 && get(h, at, p, 10))
			s->mpeg = p[8] == 0x55 && p[9] == 0; /* MPEG layer III */
		if (rf64 && memcmp(p, "ds64", 4) == 0 && get(h, at, p, 24))
			size64 = (int64_t)(le64(p + 16) & INT64_MAX);
		at += 8 + (int64_t)size + (size & 1);
	}
}

/* Sony Wave64: chunks of a GUID, 64 bits of length, these 24 bytes included, and filling up to 8. */
static void parse_w64(struct ser_source *s, const struct head *h)
{
	unsigned char p[24];
	for (int64_t at = 40; get(h, at, p, 24);) {
		uint64_t size = le64(p + 16);
		if (size < 24 || size > (uint64_t)LEN_UNKNOWN)
			return;
		if (memcmp(p, "data", 4) == 0) {
			s->data_off = at + 24;
			s->data_size = size > 24 ? (int64_t)size - 24 : -1;
			s->data_last = true;
			return;
		}
		at += (int64_t)((size + 7) & ~UINT64_C(7));
	}
}

/* Apple CAF: chunks of a name and 64 bits of length, all ones for data that go on to the file's end. */
static void parse_caf(struct ser_source *s, const struct head *h)
{
	unsigned char p[12];
	for (int64_t at = 8; get(h, at, p, 12);) {
		uint64_t size = (uint64_t)be32(p + 4) << 32 | be32(p + 8);
		if (size > (uint64_t)LEN_UNKNOWN)
			return;
		if (memcmp(p, "data", 4) == 0) {
			s->data_off = at + 12;
			s->data_size = (int64_t)size;
			return;
		}
		at += 12 + (int64_t)size;
	}
}

/* NIST SPHERE: lines "NAME -i NUMBER" between "NIST_1A\n   1024\n" and "end_head". -1: not there. */
static int64_t sphere_field(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	size_t n = strlen(name);
	if (at == NULL || at[-1] != '\n' || strncmp(at + n, " -i ", 4) != 0)
		return -1;
	long long v = strtoll(at + n + 4, NULL, 10);
	return v >= 0 && v < 1LL << 40 ? v : -1;
}

static void parse_sphere(struct ser_source *s, const struct head *h)
{
	char text[1024 + 1] = {0};
	if (!get(h, 0, (unsigned char *)text, 1024))
		return;
	int64_t n = sphere_field(text, "sample_count"), width = sphere_field(text, "sample_n_bytes"),
		n_chan = sphere_field(text, "channel_count"), off = strtoll(text + 8, NULL, 10);
	const char *coding = strstr(text, "\nsample_coding -s");
	bool packed = coding != NULL && memchr(coding + 1, ',', strcspn(coding + 1, "\n")) != NULL;
	n_chan = n_chan < 0 ? 1 : n_chan;
	if (packed || n < 0 || width < 1 || width > 8 || n_chan < 1 || n_chan > 1024 || off < 1 || off > 1 << 20)
		return;
	s->data_off = off;
	s->data_size = n * width * n_chan;
	s->data_last = true;
}

/* Find the samples in a file that begins with the n bytes p. */
static void parse_head(struct ser_source *s, const unsigned char *p, size_t n)
{
	const struct head h = {s, p, n};
	s->data_off = 0;
	s->data_size = -1;
	if (n < 24)
		return;
	if (memcmp(p, ".snd", 4) == 0) {
		s->data_off = be32(p + 4);
		s->data_size = stream_size(be32(p + 8));
		if (s->data_size < 0)
			unknown_size(s, 8, true, UINT32_MAX);
	} else if (memcmp(p, "FORM", 4) == 0) { /* the whole FORM: no need to look for SSND */
		uint32_t size = be32(p + 4);
		s->data_off = 8;
		s->data_size = size >= SOX_SIZE ? -1 : stream_size(size);
		s->data_last = true;
	} else if (memcmp(p + 8, "WAVE", 4) == 0) {
		bool bw64 = memcmp(p, "BW64", 4) == 0, rf64 = bw64 || memcmp(p, "RF64", 4) == 0,
		     rifx = memcmp(p, "RIFX", 4) == 0;
		if (rf64 || rifx || memcmp(p, "RIFF", 4) == 0)
			parse_wav(s, &h, rf64, rifx);
		if (bw64) { /* ITU-R BS.2088, which is RF64 under another name */
			s->patch = true;
			memcpy(s->patch_bytes, "RF64", 4);
		}
	} else if (memcmp(p, "riff", 4) == 0) {
		parse_w64(s, &h);
	} else if (memcmp(p, "caff", 4) == 0) {
		parse_caf(s, &h);
	} else if (memcmp(p, "NIST_1A\n", 8) == 0) {
		parse_sphere(s, &h);
	} else if (memcmp(p, "2BIT", 4) == 0 && n >= 30) { /* AVR */
		s->data_off = 128;
		s->data_last = true;
		s->data_size = (int64_t)be32(p + 26) * (p[12] != 0 || p[13] != 0 ? 2 : 1) * (p[15] == 8 ? 1 : 2);
	}
}

/* Of a WAV with MPEG audio the samples alone are the file. */
static void unwrap(struct ser_source *s)
{
	if (!s->mpeg || s->data_off > s->size)
		return;
	s->mem += s->kind == SOURCE_MEM ? s->data_off : 0;
	s->base += s->kind == SOURCE_FD ? s->data_off : 0;
	s->size -= s->data_off;
	s->size = s->data_size >= 0 && s->data_size < s->size ? s->data_size : s->size;
	s->data_off = 0;
	s->patch = false;
}

int ser_source_mem(struct ser_source *s, const void *p, size_t n, const char *name, struct ser_err *e)
{
	*s = (struct ser_source){.kind = SOURCE_MEM, .mem = p, .fd = -1, .size = (int64_t)n};
	if (n == 0)
		return ser_fail(e, SER_EDATA, "%s: the file is empty", name);
	parse_head(s, p, n);
	unwrap(s);
	return SER_OK;
}

static int from_regular(struct ser_source *s, const char *name, struct ser_err *e)
{
	if (s->size <= 0)
		return ser_fail(e, SER_EDATA, "%s: the file is empty", name);
	size_t n = s->size <= SLURP ? (size_t)s->size : HEAD;
	unsigned char *p = ser_malloc(n, 1);
	ssize_t got = pread_full(s->fd, p, n, s->base);
	if (got <= 0) {
		int err = got < 0 ? errno : EIO;
		free(p);
		return ser_fail(e, SER_EIO, "%s: %s", name, strerror(err));
	}
	s->kind = SOURCE_FD;
	parse_head(s, p, (size_t)got);
	if (s->size > SLURP) {
		free(p);
		unwrap(s);
		return SER_OK;
	}
	s->kind = SOURCE_MEM;
	s->mem = s->owned = p;
	s->size = got;
	unwrap(s);
	return SER_OK;
}

/* Copy a pipe, whose first n bytes are in p, to a file without a name. */
static int spool(struct ser_source *s, const unsigned char *p, size_t n, const char *name, struct ser_err *e)
{
	int out = ser_tmpfile("ser-audio", e);
	if (out < 0)
		return ser_fail_in(e, "%s", name);
	unsigned char *b = ser_malloc(HEAD, 1);
	int rc = SER_OK;
	int64_t total = 0;
	while (n > 0 && rc == SER_OK) {
		for (size_t at = 0; at < n && rc == SER_OK;) {
			ssize_t w = write(out, p + at, n - at);
			if (w < 0 && errno == EINTR)
				continue;
			if (w < 0)
				rc = ser_fail(e, SER_EIO, "%s: writing a temporary copy: %s", name, strerror(errno));
			else
				at += (size_t)w;
		}
		total += (int64_t)n;
		ssize_t got = read_full(s->fd, b, HEAD);
		if (got < 0)
			rc = ser_fail(e, SER_EIO, "%s: %s", name, strerror(errno));
		n = got < 0 ? 0 : (size_t)got;
		p = b;
	}
	free(b);
	if (s->close_fd)
		close(s->fd);
	s->fd = out;
	s->close_fd = true;
	s->base = 0;
	s->size = total;
	return rc != SER_OK ? rc : from_regular(s, name, e);
}

static int from_pipe(struct ser_source *s, const char *name, struct ser_err *e)
{
	s->kind = SOURCE_PIPE;
	s->size = -1;
	s->mem = s->owned = ser_malloc(WINDOW, 1);
	unsigned char *p = s->owned;
	/* Take no more than the header needs: a live source must not wait for a full window. */
	ssize_t got = read_full(s->fd, p, 64);
	if (got < 0)
		return ser_fail(e, SER_EIO, "%s: %s", name, strerror(errno));
	if (got == 0)
		return ser_fail(e, SER_EDATA, "%s: the file is empty", name);
	size_t n = (size_t)got;
	bool wav = n >= 12 && memcmp(p + 8, "WAVE", 4) == 0, au = n >= 12 && memcmp(p, ".snd", 4) == 0;
	if (wav || au) {
		for (parse_head(s, p, n); s->data_off == 0 && n < HEAD; parse_head(s, p, n)) {
			got = read_full(s->fd, p + n, 256);
			if (got < 0)
				return ser_fail(e, SER_EIO, "%s: %s", name, strerror(errno));
			if (got == 0)
				break;
			n += (size_t)got;
		}
		if (s->data_off > 0 && !s->mpeg) {
			s->hi = (int64_t)n;
			s->opening = true;
			return SER_OK;
		}
	}
	s->owned = NULL;
	int rc = spool(s, p, n, name, e);
	free(p);
	return rc;
}

static void put_le(unsigned char *p, uint32_t v, int n)
{
	for (int i = 0; i < n; i++)
		p[i] = (unsigned char)(v >> 8 * i);
}

int ser_source_raw(struct ser_source *s, int fd, const struct ser_audio_raw *r)
{
	enum { LEN = 44 };
	*s = (struct ser_source){.fd = fd, .kind = SOURCE_PIPE, .size = -1};
	s->mem = s->owned = ser_malloc(WINDOW, 1);
	s->n_align = r->n_bit / 8 * r->n_chan;
	unsigned char *p = s->owned;
	memcpy(p, "RIFF\xff\xff\xff\xffWAVEfmt \20\0\0\0", 20);
	put_le(p + 20, (uint32_t)r->tag, 2);
	put_le(p + 22, (uint32_t)r->n_chan, 2);
	put_le(p + 24, (uint32_t)r->rate_hz, 4);
	put_le(p + 28, (uint32_t)((int64_t)r->rate_hz * s->n_align & UINT32_MAX), 4);
	put_le(p + 32, (uint32_t)s->n_align, 2);
	put_le(p + 34, (uint32_t)r->n_bit, 2);
	memcpy(p + 36, "data\xff\xff\xff\xff", 8);
	parse_head(s, p, LEN);
	s->hi = LEN;
	s->opening = true;
	return SER_OK;
}

int ser_source_fd(struct ser_source *s, int fd, const char *name, struct ser_err *e)
{
	*s = (struct ser_source){.fd = fd};
	struct stat st;
	if (fstat(fd, &st) != 0)
		return ser_fail(e, SER_EIO, "%s: %s", name, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return ser_fail(e, SER_EDATA, "%s: is a directory; ser-prep lists the sounds of one", name);
	off_t at = S_ISREG(st.st_mode) ? lseek(fd, 0, SEEK_CUR) : -1;
	if (at < 0)
		return from_pipe(s, name, e);
	s->base = at;
	s->size = (int64_t)st.st_size - at;
	return from_regular(s, name, e);
}

int ser_source_path(struct ser_source *s, const char *path, struct ser_err *e)
{
	*s = (struct ser_source){.fd = -1};
	int fd = ser_open_regular(path, e);
	if (fd < 0)
		return fd;
	int rc = ser_source_fd(s, fd, path, e);
	if (s->fd == fd && (rc != SER_OK || s->kind == SOURCE_MEM)) {
		close(fd);
		s->fd = -1;
		s->close_fd = false;
	} else if (s->fd == fd) {
		s->close_fd = true;
	} else { /* spooled: s owns the copy */
		close(fd);
	}
	return rc;
}

void ser_source_close(struct ser_source *s)
{
	free(s->owned);
	if (s->close_fd)
		close(s->fd);
	*s = (struct ser_source){.fd = -1};
}

int64_t ser_source_len(void *user)
{
	const struct ser_source *s = user;
	int64_t end = s->data_size >= 0 ? s->data_off + s->data_size : LEN_UNKNOWN;
	if (s->size >= 0 && (!s->data_last || s->size < end))
		return s->size;
	return end;
}

int64_t ser_source_seek(int64_t off, int whence, void *user)
{
	struct ser_source *s = user;
	int64_t from = whence == SEEK_CUR ? s->pos : whence == SEEK_END ? ser_source_len(s) : 0;
	if (from + off < 0)
		return -1;
	return s->pos = from + off;
}

int64_t ser_source_tell(void *user)
{
	const struct ser_source *s = user;
	return s->pos;
}

int64_t ser_source_write(const void *p, int64_t n, void *user)
{
	(void)p, (void)n, (void)user;
	return 0;
}

/* Move the window along until byte `to` is in it or the pipe ends. */
static void pull(struct ser_source *s, int64_t to)
{
	while (s->size < 0 && s->hi <= to) {
		if (s->hi - s->lo == WINDOW) {
			memmove(s->owned, s->owned + WINDOW / 2, WINDOW / 2);
			s->lo += WINDOW / 2;
		}
		ssize_t r = read(s->fd, s->owned + (s->hi - s->lo), (size_t)(WINDOW - (s->hi - s->lo)));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			s->failed = errno;
		if (r <= 0)
			s->size = s->hi;
		else
			s->hi += r;
	}
}

/* A length that the writer could not know, and the name of a container, are given to libsndfile as it understands them. */
static void overlay(const struct ser_source *s, unsigned char *p, int64_t at, int64_t n)
{
	for (int i = 0; i < 4; i++) {
		int64_t k = s->patch_at + i - at;
		if (k >= 0 && k < n)
			p[k] = s->patch_bytes[i];
	}
}

static int64_t read_pipe(struct ser_source *s, unsigned char *p, int64_t n)
{
	int64_t done = 0, data_end = s->data_off + (s->data_size >= 0 ? s->data_size : INT64_C(1) << 30);
	bool stop = s->opening || (s->data_last && s->data_size >= 0);
	while (done < n) {
		if (stop && s->pos >= data_end)
			break;
		if (s->pos >= s->hi)
			pull(s, s->pos);
		if (s->pos < s->lo || s->pos >= s->hi)
			break;
		int64_t k = s->hi - s->pos < n - done ? s->hi - s->pos : n - done;
		k = stop && data_end - s->pos < k ? data_end - s->pos : k;
		memcpy(p + done, s->mem + (s->pos - s->lo), (size_t)k);
		s->pos += k;
		done += k;
	}
	return done;
}

int64_t ser_source_read(void *p, int64_t n, void *user)
{
	struct ser_source *s = user;
	int64_t k, at = s->pos;
	if (n <= 0)
		return 0;
	if (s->kind == SOURCE_PIPE) {
		k = read_pipe(s, p, n);
		if (s->patch && at < s->patch_at + 4)
			overlay(s, p, at, k);
		return k;
	}
	int64_t left = ser_source_len(s) - s->pos;
	if (left <= 0)
		return 0;
	k = left < n ? left : n;
	if (s->kind == SOURCE_MEM) {
		memcpy(p, s->mem + s->pos, (size_t)k);
	} else {
		k = pread_full(s->fd, p, (size_t)k, s->base + s->pos);
		if (k < 0) {
			s->failed = errno;
			return 0;
		}
	}
	s->pos += k;
	if (s->patch && at < s->patch_at + 4)
		overlay(s, p, at, k);
	return k;
}

int64_t ser_source_missing(const struct ser_source *s)
{
	if (s->data_size < 0 || s->size < 0)
		return 0;
	int64_t have = s->size > s->data_off ? s->size - s->data_off : 0;
	return s->data_size > have ? s->data_size - have : 0;
}
