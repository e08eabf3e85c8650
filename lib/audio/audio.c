/* SPDX-License-Identifier: MIT */
#include "audio/audio.h"
#include "audio/source.h"

#include <math.h>
#include <sndfile.h>
#include <soxr.h>
#include <stdlib.h>
#include <string.h>

enum {
	BLOCK = 8192,         /* frames decoded at a time */
	MPEG_DELAY = 3 * 1152 /* samples that a decoder may leave out at the ends */
};

static const float LOUDEST = 1e9f;  /* 180 dB above full scale: sums of such are finite */
static const double SLACK_S = 0.01; /* rounding that an `end` in a table is allowed */

struct ser_audio {
	struct ser_source src;
	SNDFILE *sf;
	char *name;
	struct ser_audio_info info;
	double rate_hz;
	int major;           /* SF_FORMAT_* container */
	int64_t n_mpeg;      /* samples that the frames of an MP3 hold which does not say it, else 0 */
	int64_t first, last; /* frames of the file wanted: [first, last), last = -1 to the end */
	int64_t at;          /* next frame that sf will give */
	bool skipped;        /* frames before `first` are behind us */
	bool eof;            /* nothing more to decode */
	float *block;        /* [BLOCK, n_chan] as decoded */
	float *mono;         /* [BLOCK] waiting for the resampler: [mono_at, mono_n) */
	size_t mono_at, mono_n;
	soxr_t rs; /* NULL when the rates are equal */
	int64_t n_out;
};

void ser_audio_opt_init(struct ser_audio_opt *o)
{
	*o = (struct ser_audio_opt){.rate_hz = 16000};
}

static int fail_short(const struct ser_audio *a, struct ser_err *e, const char *unit, int64_t want, int64_t have)
{
	return ser_fail(e, SER_EDATA, "%s: the file is cut off: its header announces %lld %s, %lld are there", a->name,
			(long long)want, unit, (long long)have);
}

/* Its own header, or our reading of it, says how long it is. */
static bool checked(int major)
{
	static const int known[] = {SF_FORMAT_WAV,  SF_FORMAT_WAVEX, SF_FORMAT_RF64, SF_FORMAT_AIFF, SF_FORMAT_AU,
				    SF_FORMAT_SVX,  SF_FORMAT_W64,   SF_FORMAT_CAF,  SF_FORMAT_NIST, SF_FORMAT_AVR,
				    SF_FORMAT_FLAC, SF_FORMAT_OGG,   SF_FORMAT_MPEG, SF_FORMAT_HTK};
	bool found = false;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		found = found || known[i] == major;
	return found;
}

static int open_decoder(struct ser_audio *a, const struct ser_audio_opt *o, struct ser_err *e)
{
	int rc = ser_source_tag_check(&a->src, a->name, e);
	if (rc == SER_OK)
		rc = ser_source_ogg_check(&a->src, a->name, e);
	if (rc != SER_OK)
		return rc;
	int64_t whole, lack = ser_source_mpeg_missing(&a->src, &whole,
						      &a->n_mpeg); /* the decoder would say it on standard error */
	if (lack > 0 && whole >= 0)
		return fail_short(a, e, "bytes", whole, whole - lack);
	if (lack > 0)
		return ser_fail(e, SER_EDATA, "%s: the file is cut off: its last MPEG frame lacks %lld bytes", a->name,
				(long long)lack);
	rc = ser_source_mpeg_check(&a->src, a->name, e);
	if (rc != SER_OK)
		return rc;
	SF_VIRTUAL_IO io = {.get_filelen = ser_source_len,
			    .seek = ser_source_seek,
			    .read = ser_source_read,
			    .write = ser_source_write,
			    .tell = ser_source_tell};
	SF_INFO si = {0};
	a->sf = sf_open_virtual(&io, SFM_READ, &si, &a->src);
	a->src.opening = false;
	if (a->src.failed != 0)
		return ser_fail(e, SER_EIO, "%s: %s", a->name, strerror(a->src.failed));
	int64_t missing = ser_source_missing(&a->src);
	if (missing > 0 && (a->sf == NULL || a->src.kind != SOURCE_PIPE))
		return fail_short(a, e, "bytes of samples", a->src.data_size, a->src.data_size - missing);
	if (a->sf == NULL) {
		const char *why = sf_strerror(NULL);
		int n = (int)strcspn(why, ".\n");
		return ser_fail(e, SER_EDATA, "%s: is not audio that can be read (%.*s)", a->name, n, why);
	}
	if (si.channels < 1 || si.samplerate < 1)
		return ser_fail(e, SER_EDATA, "%s: has %d channels at %d Hz", a->name, si.channels, si.samplerate);
	a->major = si.format & SF_FORMAT_TYPEMASK;
	if (!o->allow_unchecked && !checked(a->major)) {
		SF_FORMAT_INFO about = {.format = a->major};
		sf_command(a->sf, SFC_GET_FORMAT_INFO, &about, sizeof about);
		return ser_fail(
			e, SER_EDATA,
			"%s: %s, of which a file that was cut off cannot be told from a whole one: convert it to WAV "
			"or FLAC, or give --allow-unchecked",
			a->name, about.name != NULL ? about.name : "a container");
	}
	a->info.rate_hz = si.samplerate;
	a->info.n_chan = si.channels;
	bool endless = a->src.kind == SOURCE_PIPE && a->src.data_size < 0;
	a->info.n_frame = endless || si.frames == SF_COUNT_MAX ? -1 : si.frames;
	SF_FORMAT_INFO fi = {.format = a->major};
	if (sf_command(a->sf, SFC_GET_FORMAT_INFO, &fi, sizeof fi) == 0 && fi.name != NULL)
		snprintf(a->info.format, sizeof a->info.format, "%s", fi.name);
	return SER_OK;
}

static int set_part(struct ser_audio *a, const struct ser_audio_opt *o, struct ser_err *e)
{
	double rate = a->info.rate_hz;
	if (!(o->start_s >= 0) || !(o->end_s >= 0) || !isfinite(o->start_s) || !isfinite(o->end_s))
		return ser_fail(e, SER_EDATA, "%s: start %g s and end %g s must be finite and not negative", a->name,
				o->start_s, o->end_s);
	if (o->end_s > 0 && o->end_s <= o->start_s)
		return ser_fail(e, SER_EDATA, "%s: end %g s is not after start %g s", a->name, o->end_s, o->start_s);
	if (o->start_s * rate > 1e15 || o->end_s * rate > 1e15)
		return ser_fail(e, SER_EDATA, "%s: start %g s or end %g s is past any file's end", a->name, o->start_s,
				o->end_s);
	int64_t n = a->info.n_frame;
	a->first = llrint(o->start_s * rate);
	a->last = o->end_s > 0 ? llrint(o->end_s * rate) : -1;
	if (n >= 0 && a->first >= n && a->first > 0)
		return ser_fail(e, SER_EDATA, "%s: start %g s is past the end of the file at %g s", a->name, o->start_s,
				(double)n / rate);
	if (n >= 0 && a->last > n) {
		if ((double)(a->last - n) > SLACK_S * rate)
			return ser_fail(e, SER_EDATA, "%s: end %g s is past the end of the file at %g s", a->name,
					o->end_s, (double)n / rate);
		a->last = -1;
	}
	return SER_OK;
}

static int set_up(struct ser_audio *a, const struct ser_audio_opt *o, struct ser_err *e)
{
	int rc = open_decoder(a, o, e);
	if (rc == SER_OK)
		rc = set_part(a, o, e);
	if (rc != SER_OK)
		return rc;
	if (!(o->rate_hz >= 0) || o->rate_hz > 1e6)
		return ser_fail(e, SER_EUSAGE, "sample rate %g Hz is not in [0,1000000]", o->rate_hz);
	a->rate_hz = o->rate_hz > 0 ? o->rate_hz : a->info.rate_hz;
	a->block = ser_malloc(ser_mul(BLOCK, (size_t)a->info.n_chan), sizeof *a->block);
	if (a->rate_hz == a->info.rate_hz)
		return SER_OK;
	a->mono = ser_malloc(BLOCK, sizeof *a->mono);
	soxr_error_t why = NULL;
	soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
	soxr_quality_spec_t q = soxr_quality_spec(o->vhq ? SOXR_VHQ : SOXR_HQ, 0);
	soxr_runtime_spec_t rt = soxr_runtime_spec(1);
	a->rs = soxr_create(a->info.rate_hz, a->rate_hz, 1, &why, &io, &q, &rt);
	if (a->rs == NULL)
		return ser_fail(e, SER_EDATA, "%s: cannot convert %d Hz to %g Hz: %s", a->name, a->info.rate_hz,
				a->rate_hz, soxr_strerror(why));
	return SER_OK;
}

static int finish_open(struct ser_audio **out, struct ser_audio *a, int rc, const struct ser_audio_opt *o,
		       struct ser_err *e)
{
	if (rc == SER_OK)
		rc = set_up(a, o, e);
	if (rc != SER_OK) {
		ser_audio_free(a);
		a = NULL;
	}
	*out = a;
	return rc;
}

int ser_audio_open(struct ser_audio **out, const char *path, const struct ser_audio_opt *o, struct ser_err *e)
{
	struct ser_audio *a = ser_calloc(1, sizeof *a);
	a->name = ser_strdup(path);
	return finish_open(out, a, ser_source_path(&a->src, path, e), o, e);
}

int ser_audio_open_fd(struct ser_audio **out, int fd, const char *name, const struct ser_audio_opt *o,
		      struct ser_err *e)
{
	struct ser_audio *a = ser_calloc(1, sizeof *a);
	a->name = ser_strdup(name);
	int rc = o->raw.n_bit > 0 ? ser_source_raw(&a->src, fd, &o->raw) : ser_source_fd(&a->src, fd, name, e);
	return finish_open(out, a, rc, o, e);
}

int ser_audio_open_mem(struct ser_audio **out, const void *p, size_t n, const char *name, const struct ser_audio_opt *o,
		       struct ser_err *e)
{
	struct ser_audio *a = ser_calloc(1, sizeof *a);
	a->name = ser_strdup(name);
	return finish_open(out, a, ser_source_mem(&a->src, p, n, name, e), o, e);
}

void ser_audio_free(struct ser_audio *a)
{
	if (a == NULL)
		return;
	if (a->sf != NULL)
		sf_close(a->sf);
	soxr_delete(a->rs);
	ser_source_close(&a->src);
	free(a->block);
	free(a->mono);
	free(a->name);
	free(a);
}

const struct ser_audio_info *ser_audio_info(const struct ser_audio *a)
{
	return &a->info;
}

double ser_audio_rate_hz(const struct ser_audio *a)
{
	return a->rate_hz;
}

/* Seeking gives the very samples that reading on would have given. */
static bool seeks_exactly(const struct ser_audio *a)
{
	return a->src.kind != SOURCE_PIPE && a->major != SF_FORMAT_OGG && a->major != SF_FORMAT_MPEG;
}

int ser_audio_raw_parse(struct ser_audio_raw *r, const char *text, struct ser_err *e)
{
	enum { PCM = 1, FLOAT = 3, ALAW = 6, MULAW = 7 };
	static const struct {
		const char *name;
		int tag, n_bit;
	} known[] = {{"s16le", PCM, 16},   {"s24le", PCM, 24}, {"s32le", PCM, 32}, {"f32le", FLOAT, 32},
		     {"f64le", FLOAT, 64}, {"u8", PCM, 8},     {"alaw", ALAW, 8},  {"mulaw", MULAW, 8}};
	size_t n = strcspn(text, ",");
	int rate = 0, chan = 1, end = 0;
	*r = (struct ser_audio_raw){0};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strlen(known[i].name) == n && memcmp(known[i].name, text, n) == 0)
			*r = (struct ser_audio_raw){known[i].tag, known[i].n_bit, 0, 0};
	bool ok =
		r->n_bit > 0 && text[n] == ',' && strspn(text + n, ",0123456789") == strlen(text + n) &&
		strlen(text + n) < 16 &&
		(sscanf(text + n, ",%d,%d%n", &rate, &chan, &end) == 2 || sscanf(text + n, ",%d%n", &rate, &end) == 1);
	if (!ok || text[n + (size_t)end] != '\0' || rate < 1 || rate > 1000000 || chan < 1 || chan > 1024)
		return ser_fail(
			e, SER_EUSAGE,
			"\"%.40s\": expected CODING,RATE,CHANNELS such as s16le,16000,1; codings are s16le s24le "
			"s32le f32le f64le u8 alaw mulaw",
			text);
	r->rate_hz = rate;
	r->n_chan = chan;
	return SER_OK;
}

/* The decoder gave fewer frames than asked for: is that where the file ends? */
static int check_end(struct ser_audio *a, struct ser_err *e)
{
	if (a->src.failed != 0)
		return ser_fail(e, SER_EIO, "%s: %s", a->name, strerror(a->src.failed));
	bool all_read = a->src.size >= 0 && a->src.pos >= a->src.size;
	if (sf_error(a->sf) != SF_ERR_NO_ERROR && !(all_read && a->at < a->info.n_frame)) {
		const char *why = sf_strerror(a->sf);
		return ser_fail(e, SER_EDATA, "%s: damaged after %g s (%.*s)", a->name, (double)a->at / a->info.rate_hz,
				(int)strcspn(why, ".\n"), why);
	}
	int64_t missing = ser_source_missing(&a->src);
	if (missing > 0)
		return fail_short(a, e, "bytes of samples", a->src.data_size, a->src.data_size - missing);
	if (a->src.n_align > 0 && a->src.size >= 0 && (a->src.size - a->src.data_off) % a->src.n_align != 0)
		return ser_fail(e, SER_EDATA, "%s: ends within a sample", a->name);
	/* an MPEG stream's length is an estimate where no frame says it */
	if (a->info.n_frame >= 0 && a->at < a->info.n_frame && a->major != SF_FORMAT_MPEG)
		return fail_short(a, e, "samples", a->info.n_frame, a->at);
	if (a->at + MPEG_DELAY < a->n_mpeg) /* libsndfile believes the bit rate of the first */
		return ser_fail(
			e, SER_EDATA,
			"%s: of variable bit rate and without a header that says its length: %lld of %lld samples "
			"could be decoded",
			a->name, (long long)a->at, (long long)a->n_mpeg);
	if (a->at < a->first || (a->at == a->first && a->first > 0))
		return ser_fail(e, SER_EDATA, "%s: start %g s is past the end of the file at %g s", a->name,
				(double)a->first / a->info.rate_hz, (double)a->at / a->info.rate_hz);
	if (a->last >= 0 && (double)(a->last - a->at) > SLACK_S * a->info.rate_hz)
		return ser_fail(e, SER_EDATA, "%s: end %g s is past the end of the file at %g s", a->name,
				(double)a->last / a->info.rate_hz, (double)a->at / a->info.rate_hz);
	if (a->at == a->first)
		return ser_fail(e, SER_EDATA, "%s: the file holds no samples", a->name);
	return SER_OK;
}

/* Look at n interleaved samples: peak, clipping, and the first that is no sound's (else n). */
static size_t inspect(struct ser_audio *a, const float *x, size_t n)
{
	const float full = 32767.0f / 32768.0f;
	float top = ser_abs_max(x, n);
	for (size_t i = 0; !(top <= LOUDEST) && i < n; i++)
		if (!(fabsf(x[i]) <= LOUDEST))
			return i;
	for (size_t i = 0; top >= full && i < n; i++)
		a->info.n_clipped += fabsf(x[i]) >= full;
	a->info.peak = fmaxf(a->info.peak, top);
	return n;
}

/* Up to n <= BLOCK frames as mono at the file's rate. */
static ptrdiff_t decode(struct ser_audio *a, float *y, size_t n, struct ser_err *e)
{
	size_t n_chan = (size_t)a->info.n_chan;
	if (!a->skipped) {
		if (a->first > 0 && seeks_exactly(a) && sf_seek(a->sf, a->first, SEEK_SET) == a->first)
			a->at = a->first;
		while (a->at < a->first) {
			sf_count_t k = a->first - a->at < BLOCK ? a->first - a->at : BLOCK;
			sf_count_t got = sf_readf_float(a->sf, a->block, k);
			a->at += got > 0 ? got : 0;
			if (got < k) {
				a->eof = true;
				return check_end(a, e);
			}
		}
		a->skipped = true;
	}
	if (a->last >= 0 && a->last - a->at < (int64_t)n)
		n = (size_t)(a->last - a->at);
	if (n == 0 || a->eof) {
		a->eof = true;
		return 0;
	}
	float *to = n_chan == 1 ? y : a->block;
	sf_count_t got = sf_readf_float(a->sf, to, (sf_count_t)n);
	got = got > 0 ? got : 0;
	size_t bad = inspect(a, to, (size_t)got * n_chan);
	if (bad < (size_t)got * n_chan)
		return ser_fail(e, SER_EDATA, "%s: sample %lld of channel %zu is %s", a->name,
				(long long)(a->at + (int64_t)(bad / n_chan)), bad % n_chan + 1,
				isfinite(to[bad]) ? "beyond 1e9, full scale is 1" : "not a finite number");
	a->at += got;
	if ((size_t)got < n) {
		a->eof = true;
		int rc = check_end(a, e);
		if (rc != SER_OK)
			return rc;
	}
	if (n_chan == 1)
		return got;
	const float *x = a->block;
	float scale = 1.0f / (float)n_chan;
	for (size_t i = 0; i < (size_t)got; i++) {
		float s = 0;
		for (size_t c = 0; c < n_chan; c++)
			s += x[i * n_chan + c];
		y[i] = s * scale;
	}
	return got;
}

ptrdiff_t ser_audio_read(struct ser_audio *a, float *x, size_t n, struct ser_err *e)
{
	size_t done = 0;
	while (done < n) {
		if (a->rs == NULL) {
			ptrdiff_t got = decode(a, x + done, n - done < BLOCK ? n - done : BLOCK, e);
			if (got < 0)
				return got;
			if (got == 0)
				break;
			done += (size_t)got;
			continue;
		}
		if (a->mono_at == a->mono_n && !a->eof) {
			ptrdiff_t got = decode(a, a->mono, BLOCK, e);
			if (got < 0)
				return got;
			a->mono_at = 0;
			a->mono_n = (size_t)got;
		}
		size_t used = 0, made = 0;
		bool end = a->eof && a->mono_at == a->mono_n;
		soxr_error_t why = soxr_process(a->rs, end ? NULL : a->mono + a->mono_at, a->mono_n - a->mono_at, &used,
						x + done, n - done, &made);
		if (why != NULL)
			return ser_fail(e, SER_EDATA, "%s: resampling failed: %s", a->name, why);
		a->mono_at += used;
		done += made;
		if (end && made == 0)
			break;
	}
	a->n_out += (int64_t)done;
	if (a->n_out == 0 && n > 0)
		return ser_fail(e, SER_EDATA, "%s: %lld samples at %d Hz make none at %g Hz", a->name,
				(long long)(a->at - a->first), a->info.rate_hz, a->rate_hz);
	return (ptrdiff_t)done;
}

int ser_audio_read_all(struct ser_audio *a, size_t max_sample, float **x, size_t *n, size_t *cap, struct ser_err *e)
{
	*n = 0;
	size_t guess = 4 * BLOCK;
	if (a->info.n_frame >= 0) { /* a header may lie: believe it up to an hour at 16 kHz */
		double s = (double)((a->last >= 0 ? a->last : a->info.n_frame) - a->first) / a->info.rate_hz;
		guess = (size_t)fmin(s * a->rate_hz, fmin(3600 * 16000, (double)max_sample)) + 16;
	}
	for (;;) {
		if (*n == *cap || *cap == 0)
			*x = ser_grow(*x, cap, *n == 0 ? guess : *n + 1, sizeof **x);
		ptrdiff_t got = ser_audio_read(a, *x + *n, *cap - *n, e);
		if (got < 0)
			return (int)got;
		*n += (size_t)got;
		if (*n > max_sample)
			return ser_fail(e, SER_EDATA, "%s: longer than %zu samples", a->name, max_sample);
		if (*n < *cap)
			return SER_OK;
	}
}

int ser_audio_load(const char *path, const struct ser_audio_opt *o, size_t max_sample, float **x, size_t *n,
		   size_t *cap, struct ser_audio_info *info, struct ser_err *e)
{
	struct ser_audio *a;
	*n = 0;
	int rc = ser_audio_open(&a, path, o, e);
	if (rc != SER_OK)
		return rc;
	rc = ser_audio_read_all(a, max_sample, x, n, cap, e);
	if (info != NULL)
		*info = a->info;
	ser_audio_free(a);
	return rc;
}

int ser_audio_digest(const char *path, const struct ser_audio_opt *o, uint64_t *digest, struct ser_err *e)
{
	enum { N = 1 << 16 };
	struct ser_audio *a;
	uint64_t h[2] = {0, 0};
	int rc = ser_audio_open(&a, path, o, e);
	if (rc != 0)
		return rc;
	float *x = ser_malloc(N, sizeof *x);
	ptrdiff_t n;
	while ((n = ser_audio_read(a, x, N, e)) > 0) { /* each block's digest goes into that of the next */
		h[1] = ser_hash(x, (size_t)n * sizeof *x);
		h[0] = ser_hash(h, sizeof h);
	}
	free(x);
	ser_audio_free(a);
	*digest = h[0];
	return (int)n;
}
