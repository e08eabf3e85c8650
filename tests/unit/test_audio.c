/* SPDX-License-Identifier: MIT */
/* lib/audio on files written here by libsndfile or byte by byte: formats, rates, channels, parts, pipes, and damage. */
#include "audio/audio.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/ser-test-audio-XXXXXX";
static char path[200];

static int make_dir(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/x", dir);
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

/* n frames of a sine in every channel, channel c scaled by 1 / (c + 1). */
static void write_sine(int format, int rate, int n_chan, size_t n, double hz)
{
	SF_INFO si = {.samplerate = rate, .channels = n_chan, .format = format};
	SNDFILE *f = sf_open(path, SFM_WRITE, &si);
	if (f == NULL)
		fail_msg("format %x: %s", (unsigned)format, sf_strerror(NULL));
	float *x = ser_malloc(n * (size_t)n_chan, sizeof *x);
	for (size_t i = 0; i < n; i++)
		for (size_t c = 0; c < (size_t)n_chan; c++)
			x[i * (size_t)n_chan + c] =
				(float)(0.5 * sin(2 * M_PI * hz * (double)i / rate) / (double)(c + 1));
	assert_int_equal(sf_writef_float(f, x, (sf_count_t)n), (sf_count_t)n);
	free(x);
	assert_int_equal(sf_close(f), 0);
}

static void write_bytes(const void *p, size_t n)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static size_t load(const struct ser_audio_opt *o, float **x, struct ser_audio_info *info)
{
	struct ser_err e = {0};
	size_t n, cap = 0;
	*x = NULL;
	if (ser_audio_load(path, o, 1 << 24, x, &n, &cap, info, &e) != SER_OK)
		fail_msg("%s", e.msg);
	return n;
}

/* Fails with a message that begins with the path and contains `what`. */
static void refuse(const struct ser_audio_opt *o, const char *what)
{
	struct ser_err e = {0};
	float *x = NULL;
	size_t n, cap = 0;
	int rc = ser_audio_load(path, o, 1 << 24, &x, &n, &cap, NULL, &e);
	free(x);
	if (rc == SER_OK || strncmp(e.msg, path, strlen(path)) != 0 || strstr(e.msg, what) == NULL)
		fail_msg("rc %d, \"%s\", expected \"%s\"", rc, e.msg, what);
}

static void test_formats(void **state)
{
	(void)state;
	static const struct {
		int format, rate;
		double tol; /* of samples away from the ends; lossy codecs are compared by energy alone */
		bool exact; /* in length */
	} f[] = {
		{SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 4e-5, true},
		{SF_FORMAT_WAV | SF_FORMAT_PCM_24, 16000, 1e-6, true},
		{SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 16000, 1e-2, true},
		{SF_FORMAT_WAV | SF_FORMAT_FLOAT, 16000, 1e-7, true},
		{SF_FORMAT_WAV | SF_FORMAT_ULAW, 16000, 2e-2, true},
		{SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM, 16000, 2e-2, false},
		{SF_FORMAT_WAVEX | SF_FORMAT_PCM_16, 16000, 4e-5, true},
		{SF_FORMAT_RF64 | SF_FORMAT_PCM_16, 16000, 4e-5, true},
		{SF_FORMAT_W64 | SF_FORMAT_PCM_16, 16000, 4e-5, true},
		{SF_FORMAT_CAF | SF_FORMAT_PCM_16, 16000, 4e-5, true},
		{SF_FORMAT_AU | SF_FORMAT_PCM_16, 16000, 4e-5, true},
		{SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 16000, 4e-5, true},
		{SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 4e-5, true},
		{SF_FORMAT_OGG | SF_FORMAT_VORBIS, 16000, 0.05, true},
		{SF_FORMAT_OGG | SF_FORMAT_OPUS, 16000, 0.05, true},
		{SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 16000, 0, false},
	};
	for (size_t i = 0; i < sizeof f / sizeof f[0]; i++) {
		struct ser_audio_opt o;
		struct ser_audio_info info;
		float *x;
		ser_audio_opt_init(&o);
		write_sine(f[i].format, f[i].rate, 1, 16000, 440);
		size_t n = load(&o, &x, &info);
		if (f[i].exact ? n != 16000 : n < 16000 || n > 18000)
			fail_msg("%s: %zu samples", info.format, n);
		double e = 0;
		for (size_t k = 0; k < 16000; k++) {
			double want = 0.5 * sin(2 * M_PI * 440 * (double)k / 16000);
			e += x[k] * x[k];
			if (k > 1000 && k < 15000 && f[i].tol > 0 && !(fabs(x[k] - want) <= f[i].tol))
				fail_msg("%s: sample %zu is %g, expected %g", info.format, k, x[k], want);
		}
		if (!(fabs(e / 16000 - 0.125) < 0.01))
			fail_msg("%s: mean square %g", info.format, e / 16000);
		assert_int_equal(info.rate_hz, 16000);
		free(x);
	}
}

/* 440 Hz stays 440 Hz with the same amplitude and without delay; lengths are as promised; channels are averaged. */
static void test_rates(void **state)
{
	(void)state;
	static const int rate[] = {8000, 11025, 22050, 44100, 48000, 96000};
	for (size_t i = 0; i < sizeof rate / sizeof rate[0]; i++)
		for (int n_chan = 1; n_chan <= 3; n_chan++) {
			struct ser_audio_opt o;
			struct ser_audio_info info;
			float *x;
			ser_audio_opt_init(&o);
			o.vhq = n_chan == 2;
			size_t n_in = (size_t)rate[i] + 17;
			write_sine(SF_FORMAT_WAV | SF_FORMAT_FLOAT, rate[i], n_chan, n_in, 440);
			size_t n = load(&o, &x, &info);
			assert_int_equal(info.n_chan, n_chan);
			assert_int_equal(n, llrint((double)n_in * 16000 / rate[i]));
			double gain = n_chan == 1 ? 1 : n_chan == 2 ? 0.75 : (1 + 1. / 2 + 1. / 3) / 3;
			for (size_t k = 400; k + 400 < n; k++) {
				double want = gain * 0.5 * sin(2 * M_PI * 440 * (double)k / 16000);
				if (!(fabs(x[k] - want) <= 2e-5))
					fail_msg("%d Hz, %d channels: sample %zu is %g, expected %g", rate[i], n_chan,
						 k, x[k], want);
			}
			free(x);
		}
	struct ser_audio_opt o = {.rate_hz = 0};
	float *x;
	write_sine(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 1, 4410, 100);
	assert_int_equal(load(&o, &x, NULL), 4410);
	free(x);
}

/* Any size of block gives the samples that one call gives. */
static void test_blocks(void **state)
{
	(void)state;
	struct ser_audio_opt o;
	struct ser_err e = {0};
	float *whole, *part;
	ser_audio_opt_init(&o);
	for (int rate = 16000; rate <= 44100; rate += 28100) {
		write_sine(SF_FORMAT_FLAC | SF_FORMAT_PCM_16, rate, 2, 50000, 300);
		size_t n = load(&o, &whole, NULL);
		part = ser_malloc(n + 7, sizeof *part);
		for (size_t step = 1; step < 30000; step = step * 7 + 1) {
			struct ser_audio *a;
			assert_int_equal(ser_audio_open(&a, path, &o, &e), SER_OK);
			size_t at = 0;
			ptrdiff_t got;
			while ((got = ser_audio_read(a, part + at, step < n + 7 - at ? step : n + 7 - at, &e)) > 0)
				at += (size_t)got;
			assert_int_equal(got, 0);
			assert_int_equal(at, n);
			assert_memory_equal(whole, part, n * sizeof *part);
			ser_audio_free(a);
		}
		free(whole);
		free(part);
	}
}

static void test_parts(void **state)
{
	(void)state;
	static const int format[] = {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_FLAC | SF_FORMAT_PCM_16,
				     SF_FORMAT_OGG | SF_FORMAT_VORBIS, SF_FORMAT_OGG | SF_FORMAT_OPUS};
	for (size_t i = 0; i < sizeof format / sizeof format[0]; i++) {
		struct ser_audio_opt o;
		float *whole, *part;
		ser_audio_opt_init(&o);
		write_sine(format[i], 16000, 1, 32000, 333);
		assert_int_equal(load(&o, &whole, NULL), 32000);
		o.start_s = 0.5;
		o.end_s = 1.25;
		assert_int_equal(load(&o, &part, NULL), 12000);
		assert_memory_equal(part, whole + 8000, 12000 * sizeof *part);
		free(part);
		o.end_s = 0;
		assert_int_equal(load(&o, &part, NULL), 24000);
		assert_memory_equal(part, whole + 8000, 24000 * sizeof *part);
		free(part);
		o.end_s = 2.005; /* rounding */
		assert_int_equal(load(&o, &part, NULL), 24000);
		free(part);
		o.end_s = 2.5;
		refuse(&o, ": end 2.5 s is past the end of the file at 2 s");
		o.start_s = 2;
		refuse(&o, ": start 2 s is past the end of the file at 2 s");
		o.end_s = 1;
		refuse(&o, ": end 1 s is not after start 2 s");
		o.start_s = NAN;
		refuse(&o, "must be finite");
		free(whole);
	}
}

struct feeder {
	int fd;
	const char *p;
	size_t n;
};

static void *feed(void *arg)
{
	struct feeder *f = arg;
	for (size_t at = 0; at < f->n;) {
		size_t k = f->n - at < 1000 ? f->n - at : 1000;
		ssize_t w = write(f->fd, f->p + at, k);
		if (w < 0)
			break;
		at += (size_t)w;
	}
	close(f->fd);
	return NULL;
}

/* Load the bytes through a pipe. */
static int load_pipe(const char *p, size_t n_byte, float **x, size_t *n, struct ser_audio_info *info, struct ser_err *e)
{
	int fd[2];
	assert_int_equal(pipe(fd), 0);
	struct feeder f = {fd[1], p, n_byte};
	pthread_t t;
	assert_int_equal(pthread_create(&t, NULL, feed, &f), 0);
	struct ser_audio_opt o;
	ser_audio_opt_init(&o);
	struct ser_audio *a;
	size_t cap = 0;
	*x = NULL;
	*n = 0;
	int rc = ser_audio_open_fd(&a, fd[0], "<stdin>", &o, e);
	if (rc == SER_OK) {
		rc = ser_audio_read_all(a, 1 << 24, x, n, &cap, e);
		*info = *ser_audio_info(a);
		ser_audio_free(a);
	}
	char rest[4096];
	while (read(fd[0], rest, sizeof rest) > 0)
		continue;
	close(fd[0]);
	pthread_join(t, NULL);
	return rc;
}

static void test_pipe(void **state)
{
	(void)state;
	static const int format[] = {
		SF_FORMAT_WAV | SF_FORMAT_PCM_16,  SF_FORMAT_WAVEX | SF_FORMAT_FLOAT,
		SF_FORMAT_RF64 | SF_FORMAT_PCM_16, SF_FORMAT_AU | SF_FORMAT_PCM_16,
		SF_FORMAT_FLAC | SF_FORMAT_PCM_16, SF_FORMAT_OGG | SF_FORMAT_VORBIS,
		SF_FORMAT_AIFF | SF_FORMAT_PCM_16, SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM,
	};
	for (size_t i = 0; i < sizeof format / sizeof format[0]; i++) {
		struct ser_audio_opt o;
		struct ser_audio_info info = {0};
		struct ser_err e = {0};
		float *file, *piped;
		char *s;
		size_t n, n_byte;
		ser_audio_opt_init(&o);
		write_sine(format[i], 22050, 2, i == 0 ? 1500000 : 60000,
			   333); /* the first is longer than the window */
		size_t n_file = load(&o, &file, NULL);
		assert_int_equal(ser_read_file(path, 1 << 24, &s, &n_byte, &e), SER_OK);
		if (load_pipe(s, n_byte, &piped, &n, &info, &e) != SER_OK)
			fail_msg("format %x: %s", (unsigned)format[i], e.msg);
		assert_int_equal(n, n_file);
		assert_memory_equal(piped, file, n * sizeof *file);
		free(piped);
		/* cut in the middle */
		assert_int_equal(load_pipe(s, n_byte / 2, &piped, &n, &info, &e), SER_EDATA);
		if (strstr(e.msg, "<stdin>: ") != e.msg || strstr(e.msg, "cut off") == NULL)
			fail_msg("format %x, cut: %s", (unsigned)format[i], e.msg);
		free(piped);
		/* lengths that a streaming writer puts */
		static const unsigned char unknown[][4] = {{0, 0, 0, 0}, {255, 255, 255, 255}, {0, 0xf0, 255, 0x7f}};
		for (size_t k = 0; i == 0 && k < 3; k++) {
			memcpy(s + 40, unknown[k], 4);
			memcpy(s + 4, unknown[k], 4);
			if (load_pipe(s, n_byte, &piped, &n, &info, &e) != SER_OK)
				fail_msg("streamed length %zu: %s", k, e.msg);
			assert_int_equal(n, n_file);
			assert_memory_equal(piped, file, n * sizeof *file);
			free(piped);
			write_bytes(s, n_byte); /* the same stream kept in a file */
			assert_int_equal(load(&o, &piped, NULL), n_file);
			free(piped);
		}
		free(file);
		free(s);
	}
	float *x;
	size_t n;
	struct ser_audio_info info;
	struct ser_err e = {0};
	assert_int_equal(load_pipe("", 0, &x, &n, &info, &e), SER_EDATA);
	assert_string_equal(e.msg, "<stdin>: the file is empty");
	free(x);
	assert_int_equal(load_pipe("hello, world", 12, &x, &n, &info, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "<stdin>: is not audio"));
	free(x);
}

static void test_damage(void **state)
{
	(void)state;
	struct ser_audio_opt o;
	struct ser_err e = {0};
	char *s;
	size_t n;
	ser_audio_opt_init(&o);
	unlink(path);
	refuse(&o, ": No such file");
	write_bytes("", 0);
	refuse(&o, ": the file is empty");
	write_bytes("id\tpath\tspk\n", 12);
	refuse(&o, ": is not audio that can be read");
	if (geteuid() != 0) {
		assert_int_equal(chmod(path, 0), 0);
		refuse(&o, ": Permission denied");
	}
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	refuse(&o, ": is a directory");
	assert_int_equal(rmdir(path), 0);

	static const struct {
		int format;
		size_t keep[4]; /* bytes; 0 ends */
	} cut[] = {
		{SF_FORMAT_WAV | SF_FORMAT_PCM_16, {4, 30, 44, 20000}},
		{SF_FORMAT_AU | SF_FORMAT_PCM_16, {10, 24, 20001, 32022}},
		{SF_FORMAT_AIFF | SF_FORMAT_PCM_16, {20, 5000, 30000, 32044}},
		{SF_FORMAT_FLAC | SF_FORMAT_PCM_16, {30, 100, 5000, 8000}},
		{SF_FORMAT_OGG | SF_FORMAT_VORBIS, {30, 3000, 3500, 4300}},
		{SF_FORMAT_OGG | SF_FORMAT_OPUS, {30, 1000, 3000, 4300}},
		{SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, {200, 600, 1152, 1400}},
	};
	for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++) {
		write_sine(cut[i].format, 16000, 1, 16000, 440);
		assert_int_equal(ser_read_file(path, 1 << 24, &s, &n, &e), SER_OK);
		for (int k = 0; k < 4 && cut[i].keep[k] > 0; k++) {
			if (cut[i].keep[k] >= n)
				fail_msg("format %x has only %zu bytes", (unsigned)cut[i].format, n);
			write_bytes(s, cut[i].keep[k]);
			refuse(&o, cut[i].keep[k] > 500 ? "cut off" : ": ");
		}
		free(s);
	}

	float x[300] = {0};
	for (int kind = 0; kind < 3; kind++) {
		SF_INFO si = {.samplerate = 16000, .channels = 2, .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT};
		SNDFILE *f = sf_open(path, SFM_WRITE, &si);
		x[201] = kind == 0 ? NAN : kind == 1 ? INFINITY : 0;
		sf_writef_float(f, x, kind == 2 ? 0 : 150);
		sf_close(f);
		refuse(&o,
		       kind == 2 ? ": the file holds no samples" : ": sample 100 of channel 2 is not a finite number");
	}

	float y[100];
	for (int i = 0; i < 100; i++)
		y[i] = i % 10 == 0 ? -1.5f : 0.25f;
	SF_INFO si = {.samplerate = 16000, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
	SNDFILE *f = sf_open(path, SFM_WRITE, &si);
	sf_command(f, SFC_SET_CLIPPING, NULL, SF_TRUE);
	sf_writef_float(f, y, 100);
	sf_close(f);
	struct ser_audio_info info;
	float *z;
	load(&o, &z, &info);
	assert_int_equal(info.n_clipped, 10);
	assert_true(info.peak == 1);
	free(z);

	size_t cap = 0;
	z = NULL;
	assert_int_equal(ser_audio_load(path, &o, 99, &z, &n, &cap, NULL, &e), SER_EDATA);
	assert_non_null(strstr(e.msg, "longer than 99 samples"));
	free(z);
}

/* Random damage of headers must end in samples or in a sentence. */
static void test_noise(void **state)
{
	(void)state;
	static const int format[] = {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_FLAC | SF_FORMAT_PCM_16,
				     SF_FORMAT_AU | SF_FORMAT_PCM_16, SF_FORMAT_AIFF | SF_FORMAT_PCM_16,
				     SF_FORMAT_CAF | SF_FORMAT_PCM_16};
	struct ser_rng r;
	ser_rng_seed(&r, 3);
	for (size_t i = 0; i < sizeof format / sizeof format[0]; i++) {
		char *s;
		size_t n_byte, n, cap = 0;
		float *x = NULL;
		struct ser_err e = {0};
		struct ser_audio_opt o;
		ser_audio_opt_init(&o);
		write_sine(format[i], 16000, 1, 4000, 440);
		assert_int_equal(ser_read_file(path, 1 << 24, &s, &n_byte, &e), SER_OK);
		int n_bad = 0;
		for (int k = 0; k < 300; k++) {
			char *d = ser_malloc(n_byte, 1);
			memcpy(d, s, n_byte);
			for (int m = 0; m < 3; m++)
				d[ser_rng_below(&r, 100)] = (char)ser_rng_next(&r);
			struct ser_audio *a;
			e.msg[0] = '\0';
			int rc = ser_audio_open_mem(&a, d, n_byte, "x", &o, &e);
			if (rc == SER_OK) {
				rc = ser_audio_read_all(a, 1 << 20, &x, &n, &cap, &e);
				ser_audio_free(a);
			}
			assert_true(rc == SER_OK ? n > 0 : e.msg[0] != '\0');
			n_bad += rc != SER_OK;
			free(d);
		}
		if (n_bad == 0 || n_bad == 300)
			fail_msg("format %x: %d of 300 refused", (unsigned)format[i], n_bad);
		free(x);
		free(s);
	}
}

/* Every sound file of the shared corpora decodes to as many samples as its header says. */
static void test_corpora(void **state)
{
	(void)state;
	static const char *const part[] = {"../shared/data/emodb/wav", "../shared/data/ravdess/Actor_01",
					   "../shared/data/nemo/samples", "../shared/data/baved/0"};
	int n_file = 0;
	for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
		DIR *d = opendir(part[i]);
		for (struct dirent *f; d != NULL && (f = readdir(d)) != NULL && n_file < 40 * ((int)i + 1);) {
			char name[600];
			snprintf(name, sizeof name, "%s/%s", part[i], f->d_name);
			size_t len = strlen(name);
			if (strcmp(name + len - 5, ".flac") != 0 && strcmp(name + len - 5, ".opus") != 0)
				continue;
			struct ser_audio_opt o = {.rate_hz = 0};
			struct ser_audio_info info;
			struct ser_err e = {0};
			float *x = NULL;
			size_t n, cap = 0;
			if (ser_audio_load(name, &o, 1 << 24, &x, &n, &cap, &info, &e) != SER_OK)
				fail_msg("%s", e.msg);
			assert_int_equal(n, info.n_frame);
			free(x);
			n_file++;
		}
		if (d != NULL)
			closedir(d);
	}
	if (n_file == 0) {
		print_message("no corpora in ../shared/data\n");
		skip();
	}
}

/* MP3 with tags around it, and without the frame that says its length. */
static void test_mpeg(void **state)
{
	(void)state;
	struct ser_audio_opt o;
	struct ser_err e = {0};
	char *s;
	size_t n;
	ser_audio_opt_init(&o);
	write_sine(SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 16000, 1, 16000, 440);
	assert_int_equal(ser_read_file(path, 1 << 24, &s, &n, &e), SER_OK);
	assert_memory_equal(s + 13, "Xing", 4);
	char *tagged = ser_calloc(30 + n + 128, 1);
	memcpy(tagged, "ID3\4\0\0\0\0\0\24", 10); /* and 20 bytes */
	memcpy(tagged + 30, s, n);
	memcpy(tagged + 30 + n, "TAG", 3);
	float *x = NULL;
	write_bytes(tagged, 30 + n + 128);
	assert_int_equal(load(&o, &x, NULL), 16000);
	free(x);
	write_bytes(tagged, 30 + n - 31);
	refuse(&o, ": the file is cut off: its header announces ");

	size_t frame = 288; /* 64 kbit/s at 16 kHz */
	assert_memory_equal(s + frame, "\xff\xf3", 2);
	for (size_t tag = 0; tag <= 128; tag += 128) { /* shorter frames follow, which libsndfile does not expect */
		write_bytes(tagged + 30 + frame, n - frame + tag);
		refuse(&o, ": of variable bit rate and without a header that says its length: ");
	}
	char silent[20 * 288] = {0}; /* one bit rate throughout */
	for (size_t k = 0; k < 20; k++)
		memcpy(silent + k * frame, s, 4);
	x = NULL;
	write_bytes(silent, sizeof silent);
	size_t n_silent = load(&o, &x, NULL);
	free(x);
	assert_in_range(n_silent, 20 * 576 - 3 * 1152, 20 * 576);
	/* Fraunhofer's: version, delay, quality, then bytes and frames */
	memcpy(silent + 36, "VBRI\0\1\0\0\0\0\0\0\x16\x80\0\0\0\x14", 18);
	write_bytes(silent, sizeof silent - frame);
	refuse(&o, ": the file is cut off: its header announces 5760 bytes, 5472 are there");
	write_bytes(s + frame, n - frame - 10);
	refuse(&o, ": the file is cut off: its last MPEG frame lacks 10 bytes");
	free(tagged);
	free(s);
}

static void put_le32(char *p, size_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (char)(v >> 8 * i);
}

/* Writes the page's CRC anew: polynomial 04c11db7, from 0, not reflected, over the page with 0 in its place. */
static void seal_page(char *p, size_t n)
{
	uint32_t c = 0;
	put_le32(p + 22, 0);
	for (size_t i = 0; i < n; i++) {
		c ^= (uint32_t)(unsigned char)p[i] << 24;
		for (int k = 0; k < 8; k++)
			c = c << 1 ^ (c >> 31 != 0 ? 0x04c11db7 : 0);
	}
	put_le32(p + 22, c);
}

/* Ogg pages that are whole, but not those that should be there. */
static void test_ogg_pages(void **state)
{
	(void)state;
	struct ser_audio_opt o;
	struct ser_err e = {0};
	char *s;
	size_t n, at[400], k = 0;
	float *x;
	ser_audio_opt_init(&o);
	write_sine(SF_FORMAT_OGG | SF_FORMAT_VORBIS, 16000, 1, 640000, 440);
	assert_int_equal(ser_read_file(path, 1 << 24, &s, &n, &e), SER_OK);
	for (size_t i = 0; i + 4 <= n && k < 400; i++)
		if (memcmp(s + i, "OggS", 4) == 0)
			at[k++] = i;
	assert_true(k > 4);
	char *y = ser_malloc(2, n);
	/* the one before the last is gone */
	memcpy(y, s, at[k - 2]);
	memcpy(y + at[k - 2], s + at[k - 1], n - at[k - 1]);
	write_bytes(y, n - (at[k - 1] - at[k - 2]));
	refuse(&o, ": pages are missing before byte ");
	/* another of the same stream, numbered as it should be, behind the last */
	size_t last = n - at[k - 1];
	memcpy(y, s, n);
	memcpy(y + n, s + at[k - 1], last);
	put_le32(y + n + 18, k);
	seal_page(y + n, last);
	write_bytes(y, n + last);
	refuse(&o, ": pages are missing before byte ");
	/* as it was, sealed anew */
	seal_page(s + at[k - 1], last);
	write_bytes(s, n);
	assert_int_equal(load(&o, &x, NULL), 640000);
	free(x);
	s[at[k - 1] + 5] &= ~4; /* without a mark of the end */
	seal_page(s + at[k - 1], last);
	write_bytes(s, n);
	refuse(&o, ": the file is cut off: its Ogg stream has no last page");
	free(y);
	free(s);
}

/* A tag before RIFF, streams one behind the other, damage in each page: nothing of it is read in part. */
static void test_whole(void **state)
{
	(void)state;
	static const struct {
		int format;
		const char *joined;
	} f[] = {{SF_FORMAT_OGG | SF_FORMAT_VORBIS, ": another sound begins at byte "},
		 {SF_FORMAT_OGG | SF_FORMAT_OPUS, ": another sound begins at byte "},
		 {SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, ": goes on behind the "}};
	struct ser_audio_opt o;
	struct ser_err e = {0};
	char *s;
	size_t n;
	ser_audio_opt_init(&o);
	for (size_t i = 0; i < sizeof f / sizeof f[0]; i++) {
		write_sine(f[i].format, 16000, 1, 32000, 440);
		assert_int_equal(ser_read_file(path, 1 << 24, &s, &n, &e), SER_OK);
		char *twice = ser_malloc(2, n);
		memcpy(twice, s, n);
		memcpy(twice + n, s, n);
		write_bytes(twice, 2 * n);
		refuse(&o, f[i].joined);
		free(twice);
		for (size_t k = 1; k < 10 && i < 2; k++) {
			s[k * n / 10] ^= 0x10;
			write_bytes(s, n);
			refuse(&o, ": damaged: no valid Ogg page at byte ");
			s[k * n / 10] ^= 0x10;
		}
		if (i == 2) { /* a frame's sync in the middle */
			size_t at = n / 2;
			while (memcmp(s + at, s + 288, 2) != 0)
				at++;
			s[at] = 0;
			write_bytes(s, n);
			refuse(&o, ": damaged: no MPEG frame at byte ");
			write_bytes(s + 288, n - 288); /* without the first, which counts them */
			refuse(&o, ": damaged, or several sounds in one file: no MPEG frame at byte ");
		}
		free(s);
	}
	write_sine(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, 16000, 440);
	assert_int_equal(ser_read_file(path, 1 << 24, &s, &n, &e), SER_OK);
	char *tagged = ser_calloc(30 + n, 1);
	memcpy(tagged, "ID3\4\0\0\0\0\0\24", 10);
	memcpy(tagged + 30, s, n);
	write_bytes(tagged, 30 + n);
	refuse(&o, ": an ID3 tag of 30 bytes stands before the sound (RIFF): ");
	free(tagged);
	free(s);
}

/* Lengths in headers against the bytes there; samples far behind other chunks; no samples before other chunks. */
static void test_lengths(void **state)
{
	(void)state;
	static const int format[] = {SF_FORMAT_WAV,  SF_FORMAT_WAVEX, SF_FORMAT_RF64, SF_FORMAT_W64, SF_FORMAT_CAF,
				     SF_FORMAT_AIFF, SF_FORMAT_AU,    SF_FORMAT_NIST, SF_FORMAT_AVR, SF_FORMAT_SVX};
	struct ser_audio_opt o;
	struct ser_err e = {0};
	char *s;
	float *x;
	size_t n;
	ser_audio_opt_init(&o);
	for (size_t i = 0; i < sizeof format / sizeof format[0]; i++)
		for (int n_chan = 1; n_chan <= (format[i] == SF_FORMAT_SVX ? 1 : 2); n_chan++) {
			write_sine(format[i] | SF_FORMAT_PCM_16, 16000, n_chan, 16000, 440);
			assert_int_equal(load(&o, &x, NULL), 16000);
			free(x);
			assert_int_equal(ser_read_file(path, 1 << 24, &s, &n, &e), SER_OK);
			for (size_t k = 1; k < 10; k++) {
				write_bytes(s, k * n / 10);
				refuse(&o, k * n / 10 > 5000 ? "cut off" : ": "); /* a CAF's header has 4 KiB */
			}
			char *more = ser_calloc(n + 4000, 1); /* bytes behind the sound are no sound */
			memcpy(more, s, n);
			write_bytes(more, n + 4000);
			assert_int_equal(load(&o, &x, NULL), 16000);
			free(x);
			free(more);
			free(s);
		}
	enum { FAR = 300000 };
	write_sine(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1, 16000, 440);
	assert_int_equal(ser_read_file(path, 1 << 24, &s, &n, &e), SER_OK);
	assert_memory_equal(s + 36, "data", 4);
	char *late = ser_calloc(n + 8 + FAR, 1);
	memcpy(late, s, 36);
	memcpy(late + 36, "LIST", 4);
	put_le32(late + 40, FAR);
	memcpy(late + 44 + FAR, s + 36, n - 36);
	put_le32(late + 4, n + FAR);
	write_bytes(late, n + 8 + FAR);
	assert_int_equal(load(&o, &x, NULL), 16000);
	free(x);
	write_bytes(late, n + 8 + FAR - 5000);
	refuse(&o, ": the file is cut off: its header announces 32000 bytes of samples, 27000 are there");
	put_le32(late + 4, 0);
	put_le32(late + 48 + FAR, 0);
	write_bytes(late, n + 8 + FAR);
	assert_int_equal(load(&o, &x, NULL), 16000);
	free(x);
	free(late);
	put_le32(s + 40, 0);
	memcpy(s + 44, "id3 ", 4);
	put_le32(s + 48, n - 52);
	write_bytes(s, n);
	refuse(&o, ": the file holds no samples");
	free(s);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	refuse(&o, ": is not a regular file");
	unlink(path);
}

/* Containers that don't show that they were cut off, one under another name, and one that is another's. */
static void test_containers(void **state)
{
	(void)state;
	static const int format[] = {SF_FORMAT_VOC, SF_FORMAT_IRCAM, SF_FORMAT_MAT4,  SF_FORMAT_MAT5,
				     SF_FORMAT_PAF, SF_FORMAT_SDS,   SF_FORMAT_MPC2K, SF_FORMAT_PVF};
	struct ser_audio_opt o;
	struct ser_err e = {0};
	char *s;
	float *x;
	size_t n;
	ser_audio_opt_init(&o);
	for (size_t i = 0; i < sizeof format / sizeof format[0]; i++) {
		o.allow_unchecked = false;
		write_sine(format[i] | SF_FORMAT_PCM_16, 16000, 1, 16000, 440);
		refuse(&o, ", of which a file that was cut off cannot be told from a whole one: ");
		o.allow_unchecked = true;
		assert_int_equal(load(&o, &x, NULL), 16000);
		free(x);
	}
	ser_audio_opt_init(&o);
	write_sine(SF_FORMAT_RF64 | SF_FORMAT_PCM_16, 16000, 1, 16000, 440);
	assert_int_equal(ser_read_file(path, 1 << 24, &s, &n, &e), SER_OK);
	memcpy(s, "BW64", 4);
	write_bytes(s, n);
	assert_int_equal(load(&o, &x, NULL), 16000);
	free(x);
	write_bytes(s, n - 100);
	refuse(&o, ": the file is cut off: its header announces 32000 bytes of samples, 31900 are there");
	free(s);

	write_sine(SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 16000, 1, 16000, 440);
	assert_int_equal(load(&o, &x, NULL), 16000);
	assert_int_equal(ser_read_file(path, 1 << 24, &s, &n, &e), SER_OK);
	char *wav = ser_calloc(60 + n, 1); /* and a chunk behind */
	memcpy(wav, "RIFF\0\0\0\0WAVEfmt \20\0\0\0\x55\0\1\0\x80\x3e\0\0\x40\x1f\0\0\1\0\0\0data", 40);
	put_le32(wav + 4, 52 + n);
	put_le32(wav + 40, n);
	memcpy(wav + 44, s, n);
	memcpy(wav + 44 + n, "LIST\4\0\0\0abcd", 12);
	write_bytes(wav, 56 + n);
	float *y;
	assert_int_equal(load(&o, &y, NULL), 16000);
	assert_memory_equal(y, x, 16000 * sizeof *x);
	write_bytes(wav, 44 + n / 2);
	refuse(&o, ": the file is cut off: its header announces ");
	free(wav);
	free(x);
	free(y);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),    cmocka_unit_test(test_rates),     cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_parts),      cmocka_unit_test(test_pipe),      cmocka_unit_test(test_damage),
		cmocka_unit_test(test_noise),      cmocka_unit_test(test_corpora),   cmocka_unit_test(test_mpeg),
		cmocka_unit_test(test_whole),      cmocka_unit_test(test_ogg_pages), cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_containers),
	};
	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
