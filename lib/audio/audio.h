/* SPDX-License-Identifier: MIT */
/* audio: sound files of any format that libsndfile decodes (WAV, FLAC, Ogg Vorbis, Opus, MP3, AU, AIFF, CAF ...),
 * any rate and channel count, as mono float samples at one rate.
 *
 * Samples are in [-1,1]: integer formats are divided by their full scale (16 bit: 32768); float files and lossy
 * decoders may go beyond 1 and are passed on as they are. Kaldi's tools read the same audio as integers, so a
 * front-end that is to give Kaldi's numbers multiplies by 32768 (dsp/dsp.h does).
 *
 * Channels are averaged. Rates are converted by soxr, single-threaded, quality HQ (20 bits, linear phase) or VHQ
 * (28 bits): N samples become round(N * rate_hz / file rate), without delay; the result does not depend on how
 * the reading is split into blocks.
 *
 * Errors are one sentence that begins with the file's name: missing, unreadable, empty, not audio, cut off (the
 * file holds less than its own header says), without samples, holding samples that are not numbers or beyond 1e9, `start` or
 * `end` outside the file. Refused, too, is what libsndfile would take a part of without a word: a damaged, missing or second Ogg page
 * sequence (chained streams), MPEG frames fewer or more than the first announces, an ID3 tag before RIFF and its like. Containers
 * whose header has no length that we read (VOC, IRCAM, MAT, PAF, SDS, XI, MPC2K, PVF, SVX) are read to where they end. A path
 * must be that of a regular file, or /dev/stdin or /dev/fd/N. A WAV or AU stream whose writer could not know the length (0, or
 * more than 0x7ff00000 bytes in the header) is read to its end. MP3 is cut off when it is shorter than its Xing, Info or VBRI
 * header says or, without one, when its last frame is not whole; without one, and cut between two frames, nothing shows it.
 * Without one and of variable bit rate, libsndfile may not decode it to its end, which is an error too.
 *
 * Objects are independent of each other and may be used from different threads. */
#ifndef SER_AUDIO_H
#define SER_AUDIO_H

#include "base/base.h"

/* Samples without a header, interleaved, of WAV's coding `tag`. */
struct ser_audio_raw {
	int tag, n_bit, rate_hz, n_chan; /* n_bit 0: there is a header */
};
/* "s16le,16000,1": s16le s24le s32le f32le f64le u8 alaw mulaw; rate, Hz; channels, 1 when not given. SER_EUSAGE. */
int ser_audio_raw_parse(struct ser_audio_raw *r, const char *text, struct ser_err *e);

struct ser_audio_opt {
	double rate_hz; /* rate of the samples wanted; 0: the file's own */
	double start_s; /* first instant of the file to read, seconds >= 0 */
	double end_s;   /* end of the part to read, seconds; 0: the file's end. At most 10 ms past the file's end. */
	bool vhq;       /* soxr's VHQ instead of HQ */
	/* Read also what would not show that it was cut off or goes on: containers other than WAV, RF64, AIFF, AU, SVX, Wave64, CAF,
	 * SPHERE, AVR, HTK, FLAC, Ogg and MPEG. */
	bool allow_unchecked;
	struct ser_audio_raw raw; /* of ser_audio_open_fd() */
};

/* rate 16000, the whole file, HQ */
void ser_audio_opt_init(struct ser_audio_opt *o);

struct ser_audio_info {
	int rate_hz;     /* the file's */
	int n_chan;      /* the file's */
	int64_t n_frame; /* samples a channel in the file as its header has it; -1 where a stream does not say */
	char format[64]; /* libsndfile's name, such as "WAV (Microsoft)" */
	/* what has been read so far, at the file's rate, over all channels: */
	int64_t n_clipped; /* samples at or beyond 32767/32768 of full scale */
	float peak;        /* greatest |sample| */
};

struct ser_audio; /* an open sound file */

/* Open a file by path. *a is NULL on failure. `path` is copied. */
int ser_audio_open(struct ser_audio **a, const char *path, const struct ser_audio_opt *o, struct ser_err *e);

/* The same from an open file descriptor, read from its current position, which need not be able to seek; `name` is what
 * errors call it. The descriptor is borrowed: not closed, and where it stands afterwards is not specified.
 * From a pipe, WAV and AU are decoded as they arrive, in bounded memory; other formats are first copied to an
 * unnamed temporary file (in $TMPDIR, else /tmp). */
int ser_audio_open_fd(struct ser_audio **a, int fd, const char *name, const struct ser_audio_opt *o, struct ser_err *e);

/* The same from n bytes in memory, borrowed until free. */
int ser_audio_open_mem(struct ser_audio **a, const void *p, size_t n, const char *name, const struct ser_audio_opt *o,
		       struct ser_err *e);

/* The next up to n mono samples. Returns how many, less than n only at the end; 0 at the end; <0 (SER_E*). A file
 * that gives no sample at all is an error on the first call. Memory is bounded whatever the length. */
ptrdiff_t ser_audio_read(struct ser_audio *a, float *x, size_t n, struct ser_err *e);

const struct ser_audio_info *ser_audio_info(const struct ser_audio *a);
double ser_audio_rate_hz(const struct ser_audio *a); /* of what read() gives */
void ser_audio_free(struct ser_audio *a);            /* NULL does nothing */

/* Read all that is left into *x, a malloc'ed block of *cap floats that grows as needed (start with NULL and 0; free()
 * it), and set *n. A file that would give more than max_sample samples is an error. */
int ser_audio_read_all(struct ser_audio *a, size_t max_sample, float **x, size_t *n, size_t *cap, struct ser_err *e);

/* open, read_all, free. info may be NULL. */
int ser_audio_load(const char *path, const struct ser_audio_opt *o, size_t max_sample, float **x, size_t *n,
		   size_t *cap, struct ser_audio_info *info, struct ser_err *e);

/* A 64-bit digest of all samples that these options mean: equal samples, equal digests, whatever the file's other bytes. */
int ser_audio_digest(const char *path, const struct ser_audio_opt *o, uint64_t *digest, struct ser_err *e);

/* ---- sounds in memory -------------------------------------------------------------------------- */

/* x [n] at from_hz as *y [*m] at to_hz, m = round(n to_hz / from_hz), by soxr as above; *y as for read_all. The numbers are those
 * that reading a file of x gives. With rates that are not those of the sound it changes speed and pitch together. */
int ser_audio_resample(const float *x, size_t n, double from_hz, double to_hz, bool vhq, float **y, size_t *m,
		       size_t *cap, struct ser_err *e);

/* Coding and decoding as "NAME[:RATE[:LEVEL]]":
 *   mulaw alaw    ITU-T G.711         gsm   GSM 06.10 full rate
 *   adpcm         IMA ADPCM           opus vorbis mp3
 * RATE, Hz, is that of the coded sound; the sound's own when it is not given, or for opus, which knows 8, 12, 16, 24 and 48 kHz, the
 * next higher of these. LEVEL in [0,1], of the last three: 0 is the best quality, 1 the fewest bytes. */
struct ser_codec {
	int kind;              /* index of the name */
	double rate_hz, level; /* 0, < 0: as above */
};
int ser_codec_parse(const char *s, struct ser_codec *c, struct ser_err *e); /* SER_EUSAGE */
const char *ser_codec_name(size_t i);                                       /* NULL after the last */
void ser_codec_text(const struct ser_codec *c, struct ser_buf *b);
/* x [n] at rate_hz through the codec into y [n], which may be x; samples beyond full scale are cut to it first. */
int ser_codec_do(const struct ser_codec *c, const float *x, size_t n, double rate_hz, float *y, struct ser_err *e);

#endif
