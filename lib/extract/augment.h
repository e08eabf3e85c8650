/* SPDX-License-Identifier: MIT */
/* augment: changed copies of sounds: the chain of what may be done to one, and the lists of other sounds (noises, impulse
 * responses, voices) that it draws from. What is drawn hangs on the seed and the copy's id alone. Nothing here prints or exits. */
#ifndef SER_EXTRACT_AUGMENT_H
#define SER_EXTRACT_AUGMENT_H

#include "audio/audio.h"
#include "base/base.h"
#include "corpus/corpus.h"
#include "stream/stream.h"

/* ---- lists of sounds ---------------------------------------------------------------------------- */

/* The sounds of a manifest (files, parts of files), or of a stream of records with samples; its first byte says which. In the
 * order of their ids. Those of a manifest are read from their files when they are needed, those of a stream are kept
 * in a temporary file. `root`: where the manifest's files are. NULL and *e on failure: SER_EDATA also when it is empty. */
struct ser_sounds;
struct ser_sounds *ser_sounds_new(const char *path, const struct ser_root *root, size_t max_record, struct ser_err *e);
void ser_sounds_free(struct ser_sounds *s);
size_t ser_sounds_n(const struct ser_sounds *s);
const char *ser_sounds_id(const struct ser_sounds *s, size_t i);
const char *ser_sounds_spk(const struct ser_sounds *s, size_t i); /* "" when it is not known */
/* Sound i at rate_hz into *x [*n]; *x is malloc'ed, of *cap floats, and grows. Of a sound longer than `want` samples, if want > 0,
 * that many from a random place on. May be called from several threads at once. */
int ser_sounds_load(const struct ser_sounds *s, size_t i, double rate_hz, size_t want, struct ser_rng *rng, float **x,
		    size_t *n, size_t *cap, struct ser_err *e);

/* Does the header say that a tensor holds samples? *rate_hz: their rate, 0 when it does not say that. */
bool ser_holds_samples(const struct ser_header *h, const char *field, double *rate_hz);

/* ---- the chain ---------------------------------------------------------------------------------- */

struct ser_span { /* drawn uniformly from [lo, hi] */
	double lo, hi;
};
struct ser_choice { /* one of these, each as likely; none: the step is left out */
	const double *v;
	size_t n;
};

/* In this order: pitch, tempo, speed, reverberation, noise and babble, gain, codec. */
struct ser_augment_opt {
	uint64_t seed;
	struct ser_choice pitch; /* semitones */
	struct ser_choice tempo; /* factors: 1.1 is faster, pitch stays */
	struct ser_choice speed; /* factors: 1.1 is faster and higher */
	bool reverb;             /* by synthetic rooms */
	struct ser_span rt60_s, drr_db;
	const struct ser_sounds *rir;    /* or by one of these impulse responses; NULL: none */
	const struct ser_sounds *noise;  /* NULL: none */
	const struct ser_sounds *babble; /* NULL: none; never the sound's own id, and: */
	bool same_speaker;               /* voices of its own speaker too */
	struct ser_span n_voice;         /* whole numbers */
	struct ser_span snr_db;          /* of noise, and of babble */
	bool gain;
	struct ser_span gain_db;
	const struct ser_codec *codec; /* one of these */
	size_t n_codec;
};

struct ser_augment_ws; /* one thread's scratch */
struct ser_augment_ws *ser_augment_ws_new(void);
void ser_augment_ws_free(struct ser_augment_ws *ws);

/* A changed copy of a sound x [n] into *y [*m], a malloc'ed block of *cap floats that grows.
 *   key        the copy's id
 *   id, spk    those of the sound; spk "" when it is not known
 *   what       what was done is appended: "speed=0.9 noise=door@12.3"
 * SER_EDATA when there is nothing to draw from (a sound without speaker, no other speaker's voice that is not silent), a sound cannot
 * be read, a noise is silent, or nothing is left of x. */
int ser_augment_do(const struct ser_augment_opt *o, struct ser_augment_ws *ws, const char *key, const char *id,
		   const char *spk, const float *x, size_t n, double rate_hz, float **y, size_t *m, size_t *cap,
		   struct ser_buf *what, struct ser_err *e);

#endif
