/* SPDX-License-Identifier: MIT */
/* MPEG audio layer III (ISO 11172-3, 13818-3, and Fraunhofer's 2.5), as far as a cut file shows. A stream of it has no length of its
 * own, and decoders end quietly where it ends. But encoders put the file's length in bytes into a first frame without sound, under the
 * name Xing or Info (or VBRI); and a file without that is nearly always cut inside a frame. */
#include "audio/source.h"

#include <string.h>

enum { HEAD = 4, ENOUGH = 200 /* bytes of a first frame that hold Xing's fields or VBRI's */ };

struct frame {
	bool mpeg1, mono;
	int rate_hz, n_byte;
};

static bool parse(const unsigned char *p, struct frame *f)
{
	static const int kbps[2][15] = {{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
					{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}};
	static const int hz[3] = {44100, 48000, 32000};
	int version = p[1] >> 3 & 3, layer = p[1] >> 1 & 3, rate = p[2] >> 4, freq = p[2] >> 2 & 3;
	if (p[0] != 0xff || p[1] >> 5 != 7 || version == 1 || layer != 1 || rate == 0 || rate == 15 || freq == 3)
		return false;
	f->mpeg1 = version == 3;
	f->mono = p[3] >> 6 == 3;
	f->rate_hz = hz[freq] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
	f->n_byte = (f->mpeg1 ? 144000 : 72000) * kbps[f->mpeg1][rate] / f->rate_hz + (p[2] >> 1 & 1);
	return true;
}

static size_t peek(struct ser_source *s, int64_t at, unsigned char *p, size_t n)
{
	s->pos = at;
	int64_t got = ser_source_read(p, (int64_t)n, s);
	return got > 0 ? (size_t)got : 0;
}

/* Behind ID3v2 tags. */
static int64_t first_frame(struct ser_source *s)
{
	unsigned char p[10];
	int64_t at = 0;
	while (peek(s, at, p, sizeof p) == sizeof p && memcmp(p, "ID3", 3) == 0)
		at += 10 + (p[6] << 21 | p[7] << 14 | p[8] << 7 | p[9]) + ((p[5] & 0x10) != 0 ? 10 : 0);
	return at;
}

static int64_t be32(const unsigned char *p)
{
	return (int64_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* The length of the stream that its first frame p [n] announces, -1 when it doesn't. */
static int64_t announced(const struct frame *f, const unsigned char *p, size_t n)
{
	size_t at = HEAD + (f->mpeg1 ? (f->mono ? 17 : 32) : (f->mono ? 9 : 17));
	if (n >= at + 16 && (memcmp(p + at, "Xing", 4) == 0 || memcmp(p + at, "Info", 4) == 0)) {
		bool frames = (p[at + 7] & 1) != 0, bytes = (p[at + 7] & 2) != 0;
		return bytes ? be32(p + at + (frames ? 12 : 8)) : -1;
	}
	if (n >= 50 && memcmp(p + 36, "VBRI", 4) == 0)
		return be32(p + 46);
	return -1;
}

/* The frames with sound that the first frame p [n] announces, -1 when it doesn't. */
static int64_t announced_frames(const struct frame *f, const unsigned char *p, size_t n)
{
	size_t at = HEAD + (f->mpeg1 ? (f->mono ? 17 : 32) : (f->mono ? 9 : 17));
	if (n >= at + 16 && (memcmp(p + at, "Xing", 4) == 0 || memcmp(p + at, "Info", 4) == 0))
		return (p[at + 7] & 1) != 0 ? be32(p + at + 8) : -1;
	return n >= 54 && memcmp(p + 36, "VBRI", 4) == 0 ? be32(p + 50) : -1;
}

/* A frame like f at `at`: its bytes, else 0. */
static int64_t like(struct ser_source *s, int64_t at, const struct frame *f)
{
	unsigned char p[HEAD];
	struct frame g;
	return peek(s, at, p, HEAD) == HEAD && parse(p, &g) && g.rate_hz == f->rate_hz && g.mpeg1 == f->mpeg1 ? g.n_byte
													      : 0;
}

static int count(struct ser_source *s, const char *name, struct ser_err *e)
{
	unsigned char p[ENOUGH];
	struct frame f;
	int64_t at = first_frame(s), len, n_frame = 0;
	size_t n = peek(s, at, p, sizeof p);
	if (n < HEAD || !parse(p, &f))
		return SER_OK;
	int64_t want = announced_frames(&f, p, n);
	for (; (len = like(s, at, &f)) > 0; at += len)
		n_frame++;
	if (n_frame < want)
		return ser_fail(e, SER_EDATA,
				"%s: damaged: no MPEG frame at byte %lld, after %lld of %lld (copy it anew)", name,
				(long long)at, (long long)n_frame, (long long)want);
	/* the first frame may be counted or not; behind the last there are tags, or more of this sound or another */
	int64_t more = want >= 0 && n_frame > want + 1 ? at : 0;
	for (int64_t i = at; more == 0 && i + HEAD < s->size; i++)
		if ((len = like(s, i, &f)) > 0 && like(s, i + len, &f) > 0)
			more = i;
	if (more > 0 && want < 0)
		return ser_fail(
			e, SER_EDATA,
			"%s: damaged, or several sounds in one file: no MPEG frame at byte %lld, but one at byte %lld",
			name, (long long)at, (long long)more);
	if (more > 0)
		return ser_fail(e, SER_EDATA,
				"%s: goes on behind the %lld MPEG frames that its first announces: sounds that were "
				"joined must be split first",
				name, (long long)want);
	return SER_OK;
}

int ser_source_mpeg_check(struct ser_source *s, const char *name, struct ser_err *e)
{
	if (s->kind == SOURCE_PIPE)
		return SER_OK;
	int64_t keep = s->pos;
	int rc = count(s, name, e);
	s->pos = keep;
	return rc;
}

static int64_t missing(struct ser_source *s, int64_t *whole, int64_t *n_sample)
{
	unsigned char p[ENOUGH];
	struct frame f, g;
	int64_t at = first_frame(s);
	size_t n = peek(s, at, p, sizeof p);
	if (n < HEAD || !parse(p, &f))
		return 0;
	*whole = announced(&f, p, n);
	if (*whole >= 0) /* some count tags, too: they are not asked for */
		return *whole > s->size ? *whole - s->size : 0;
	for (g = f; g.rate_hz == f.rate_hz && g.mpeg1 == f.mpeg1;) {
		if (at + g.n_byte > s->size)
			return at + g.n_byte - s->size;
		at += g.n_byte;
		*n_sample += g.mpeg1 ? 1152 : 576;
		if (peek(s, at, p, HEAD) < HEAD || !parse(p, &g))
			return 0;
	}
	return 0;
}

int ser_source_tag_check(struct ser_source *s, const char *name, struct ser_err *e)
{
	static const char *const known[] = {"RIFF", "RIFX", "RF64", "FORM", "OggS", ".snd", "riff", "caff", "NIST"};
	unsigned char p[4];
	if (s->kind == SOURCE_PIPE)
		return SER_OK;
	int64_t keep = s->pos, at = first_frame(s);
	bool got = at > 0 && peek(s, at, p, sizeof p) == sizeof p;
	s->pos = keep;
	for (size_t i = 0; got && i < sizeof known / sizeof known[0]; i++)
		if (memcmp(p, known[i], 4) == 0)
			return ser_fail(e, SER_EDATA,
					"%s: an ID3 tag of %lld bytes stands before the sound (%s): take it off", name,
					(long long)at, known[i]);
	return SER_OK;
}

int64_t ser_source_mpeg_missing(struct ser_source *s, int64_t *whole, int64_t *n_sample)
{
	*whole = -1;
	*n_sample = 0;
	if (s->kind == SOURCE_PIPE)
		return 0;
	int64_t keep = s->pos, n = missing(s, whole, n_sample);
	s->pos = keep;
	return n;
}
