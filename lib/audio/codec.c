/* SPDX-License-Identifier: MIT */
#include "audio/audio.h"

#include <math.h>
#include <sndfile.h>
#include <soxr.h>
#include <stdlib.h>
#include <string.h>

int ser_audio_resample(const float *x, size_t n, double from_hz, double to_hz, bool vhq, float **y, size_t *m,
		       size_t *cap, struct ser_err *e)
{
	soxr_error_t why = NULL;
	soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
	soxr_quality_spec_t q = soxr_quality_spec(vhq ? SOXR_VHQ : SOXR_HQ, 0);
	soxr_runtime_spec_t rt = soxr_runtime_spec(1);
	double want = (double)n * to_hz / from_hz;
	if (!(from_hz > 0) || !(to_hz > 0) || !(want < 1e15))
		return ser_fail(e, SER_EDATA, "cannot convert %g Hz to %g Hz", from_hz, to_hz);
	*m = 0;
	*y = ser_grow(*y, cap, (size_t)want + 16, sizeof **y);
	if (from_hz == to_hz) {
		memcpy(*y, x, n * sizeof *x);
		*m = n;
		return SER_OK;
	}
	soxr_t rs = soxr_create(from_hz, to_hz, 1, &why, &io, &q, &rt);
	size_t at = 0;
	for (bool end = false; rs != NULL && why == NULL;) {
		size_t used = 0, made = 0;
		if (*m == *cap)
			*y = ser_grow(*y, cap, *m + 1, sizeof **y);
		end = at == n;
		why = soxr_process(rs, end ? NULL : x + at, n - at, &used, *y + *m, *cap - *m, &made);
		at += used;
		*m += made;
		if (end && made == 0)
			break;
	}
	soxr_delete(rs);
	if (why != NULL)
		return ser_fail(e, SER_EDATA, "cannot convert %g Hz to %g Hz: %s", from_hz, to_hz, soxr_strerror(why));
	return SER_OK;
}

/* ---- codecs ------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	int format;
	bool lossy; /* has levels */
} CODECS[] = {
	{"mulaw", SF_FORMAT_AU | SF_FORMAT_ULAW, false},          {"alaw", SF_FORMAT_AU | SF_FORMAT_ALAW, false},
	{"gsm", SF_FORMAT_WAV | SF_FORMAT_GSM610, false},         {"adpcm", SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM, false},
	{"opus", SF_FORMAT_OGG | SF_FORMAT_OPUS, true},           {"vorbis", SF_FORMAT_OGG | SF_FORMAT_VORBIS, true},
	{"mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, true}, {"pcm", SF_FORMAT_AU | SF_FORMAT_PCM_16, false},
};
enum { N_CODEC = sizeof CODECS / sizeof CODECS[0], OPUS = 4 };

int ser_codec_parse(const char *s, struct ser_codec *c, struct ser_err *e)
{
	size_t n = strcspn(s, ":");
	*c = (struct ser_codec){.kind = -1, .level = -1};
	for (int i = 0; i < N_CODEC; i++)
		if (strlen(CODECS[i].name) == n && strncmp(CODECS[i].name, s, n) == 0)
			c->kind = i;
	if (c->kind < 0)
		return ser_fail(e, SER_EUSAGE,
				"\"%s\" is no codec: mulaw, alaw, gsm, adpcm, opus, vorbis, mp3, pcm, then :RATE:LEVEL",
				s);
	if (s[n] == '\0')
		return SER_OK;
	const char *rate = s + n + 1, *level = strchr(rate, ':');
	char *text = ser_strndup(rate, level != NULL ? (size_t)(level - rate) : strlen(rate));
	int rc = ser_parse_real(text, 1000, 192000, &c->rate_hz, e);
	free(text);
	if (rc == SER_OK && level != NULL)
		rc = !CODECS[c->kind].lossy ? ser_fail(e, SER_EUSAGE, "%s has no levels", CODECS[c->kind].name)
					    : ser_parse_real(level + 1, 0, 1, &c->level, e);
	return rc == SER_OK ? rc : ser_fail_in(e, "codec \"%s\"", s);
}

const char *ser_codec_name(size_t i)
{
	return i < N_CODEC ? CODECS[i].name : NULL;
}

void ser_codec_text(const struct ser_codec *c, struct ser_buf *b)
{
	ser_buf_str(b, CODECS[c->kind].name);
	if (c->rate_hz > 0)
		ser_buf_printf(b, ":%g", c->rate_hz);
	if (c->level >= 0)
		ser_buf_printf(b, ":%g", c->level);
}

/* A file in memory. */
struct memory {
	struct ser_buf b;
	sf_count_t at;
};

static sf_count_t mem_len(void *user)
{
	return (sf_count_t)((struct memory *)user)->b.n;
}

static sf_count_t mem_seek(sf_count_t off, int whence, void *user)
{
	struct memory *m = user;
	sf_count_t from = whence == SEEK_CUR ? m->at : whence == SEEK_END ? (sf_count_t)m->b.n : 0;
	return from + off < 0 ? -1 : (m->at = from + off);
}

static sf_count_t mem_tell(void *user)
{
	return ((struct memory *)user)->at;
}

static sf_count_t mem_read(void *p, sf_count_t n, void *user)
{
	struct memory *m = user;
	sf_count_t have = (sf_count_t)m->b.n - m->at;
	n = n < have ? n : have;
	if (n <= 0)
		return 0;
	memcpy(p, m->b.s + m->at, (size_t)n);
	m->at += n;
	return n;
}

static sf_count_t mem_write(const void *p, sf_count_t n, void *user)
{
	struct memory *m = user;
	size_t end = (size_t)(m->at + n);
	if (end > m->b.n) {
		size_t old = m->b.n;
		ser_buf_reserve(&m->b, end - old);
		memset(m->b.s + old, 0, end - old);
		m->b.n = end;
	}
	memcpy(m->b.s + m->at, p, (size_t)n);
	m->at += n;
	return n;
}

static SF_VIRTUAL_IO MEMORY = {mem_len, mem_seek, mem_read, mem_write, mem_tell};

static int encode(const struct ser_codec *c, struct memory *m, const float *x, size_t n, int rate, struct ser_err *e)
{
	enum { STEP = 8192 };
	SF_INFO si = {.samplerate = rate, .channels = 1, .format = CODECS[c->kind].format};
	SNDFILE *f = sf_open_virtual(&MEMORY, SFM_WRITE, &si, m);
	double level = c->level;
	if (f == NULL)
		return ser_fail(e, SER_EDATA, "%s at %d Hz: libsndfile cannot write it (%s)", CODECS[c->kind].name,
				rate, sf_strerror(NULL));
	if (level >= 0)
		sf_command(f, SFC_SET_COMPRESSION_LEVEL, &level, sizeof level);
	bool ok = true;
	for (size_t i = 0; ok && i < n; i += STEP) {
		sf_count_t k = n - i < STEP ? (sf_count_t)(n - i) : STEP;
		ok = sf_writef_float(f, x + i, k) == k;
	}
	ok = sf_close(f) == 0 && ok;
	return ok ? SER_OK : ser_fail(e, SER_EDATA, "%s at %d Hz: coding failed", CODECS[c->kind].name, rate);
}

int ser_codec_do(const struct ser_codec *c, const float *x, size_t n, double rate_hz, float *y, struct ser_err *e)
{
	static const int opus[] = {8000, 12000, 16000, 24000, 48000};
	double rate = round(c->rate_hz > 0 ? c->rate_hz : rate_hz);
	struct memory m = {0};
	float *z = NULL, *back = NULL;
	size_t n_z = 0, cap_z = 0, n_back = 0, cap_back = 0;
	if (c->kind == OPUS) {
		int i = 0;
		while (i < 4 && opus[i] < rate)
			i++;
		rate = opus[i];
	}
	int rc = ser_audio_resample(x, n, rate_hz, rate, false, &z, &n_z, &cap_z, e);
	for (size_t i = 0; i < n_z; i++) /* the encoders of libsndfile expect no more than full scale */
		z[i] = fminf(fmaxf(z[i], -1), 32767.0f / 32768.0f);
	if (rc == SER_OK)
		rc = encode(c, &m, z, n_z, (int)rate, e);
	const struct ser_audio_opt whole = {.rate_hz = rate_hz};
	struct ser_audio *a = NULL;
	if (rc == SER_OK)
		rc = ser_audio_open_mem(&a, m.b.s, m.b.n, CODECS[c->kind].name, &whole, e);
	if (rc == SER_OK)
		rc = ser_audio_read_all(a, SIZE_MAX / 8, &back, &n_back, &cap_back, e);
	ser_audio_free(a);
	for (size_t i = 0; rc == SER_OK && i < n; i++)
		y[i] = i < n_back ? back[i] : 0;
	free(z);
	free(back);
	ser_buf_free(&m.b);
	return rc;
}
