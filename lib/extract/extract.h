/* SPDX-License-Identifier: MIT */
/* extract: from sounds to a stream of records of features: files, rows of manifests and records of samples, whole or in
 * pieces, several at a time, through one front-end. Nothing here prints or exits: headers, records and failures go to the
 * caller's functions, always from the calling thread and in the order of the inputs, so that what they see is the same for
 * any number of threads. */
#ifndef SER_EXTRACT_H
#define SER_EXTRACT_H

#include "audio/audio.h"
#include "corpus/corpus.h"
#include "dsp/augment.h"
#include "dsp/dsp.h"
#include "stream/stream.h"

struct ser_extract_opt {
	struct ser_front_opt front; /* of rate 0, for openSMILE's numbers: each sound is worked at its own */
	const char *functionals; /* ser_func_new()'s list: records hold "func" [D*K] instead of "feat" [T,D]; or NULL */
	struct ser_audio_opt audio; /* its rate is set to the front-end's */
	bool one_rate;              /* sounds of another rate than the front-end's are an error and not converted */
	/* At most one of these: */
	double segment_s, every_s; /* > 0: records of so many seconds, one every so many (0: as many) */
	struct ser_vad_opt vad;    /* threshold_db > 0: records of speech */
	double trim_db;            /* > 0: silence cut off both ends, as ser_trim_find() */
	/* A sound goes to the sink part by part (ser-stream(5)), as its sound comes in: a record for each
	 * tenth of a second. Without effect where ser_front_passes() is 0, or, without `twice`, 2: files are read twice then. */
	bool in_parts, twice;
	int64_t seed; /* of dither, with each id */
	/* Kaldi's utt2warp or spk2warp: a line each, the id or speaker and the factor that takes vtln_warp's place; NULL: none. Records
	 * get it as "vtln_warp". */
	const char *vtln_map;
	int n_thread;
	struct ser_root root; /* of manifests */
	bool keep_path;       /* a manifest's path becomes a label, as it stands there */
	size_t max_record;    /* of a stream's records, bytes */
	bool several;         /* more than one input: no id may come twice */
};

/* front and audio as their own _init with this kind; nothing is cut. */
void ser_extract_opt_init(struct ser_extract_opt *o, enum ser_front_kind kind);

/* What the header of a stream says of "feat" by this front-end, whose columns have no names: put into dim, a map. SER_EUSAGE as
 * ser_front_new(). */
int ser_extract_dim(const struct ser_front_opt *o, struct ser_arena *a, struct ser_val *dim, struct ser_err *e);

/* The front-end, and the functionals (malloc'ed, NULL: none), that a header's map about a tensor says it came from. SER_EDATA when it
 * does not say. */
int ser_extract_like(struct ser_front_opt *o, char **functionals, const struct ser_val *dims, struct ser_err *e);

/* The rate of the first sound of a file as ser_extract_input() takes it: a sound, a manifest or a stream of samples. SER_EDATA, SER_EIO. */
int ser_extract_rate(const struct ser_extract_opt *o, const char *name, double *rate_hz, struct ser_err *e);

/* What happens with the results. */
struct ser_extract_sink {
	void *ctx;
	void (*header)(void *ctx, const struct ser_header *h); /* a segment of the output begins */
	void (*record)(void *ctx, const struct ser_record *r);
	void (*failed)(void *ctx, const char *id, const struct ser_err *e); /* the sound is left out if this returns */
	void (*clipped)(void *ctx, const char *id, const struct ser_audio_info *info); /* samples lie at full scale */
	void (*step)(void *ctx, uint64_t n_sound, bool flush); /* so many sounds were begun; flush: input waits */
};

struct ser_extract_count {
	uint64_t n_sound;   /* begun */
	uint64_t n_clipped; /* files with samples at full scale */
	uint64_t n_narrow;  /* sounds of a lower rate than the front-end's, which hold nothing above half their own */
	int least_hz;       /* the lowest rate of them */
	uint64_t n_other;   /* sounds of another rate than the front-end's, narrow ones among them */
	uint64_t n_mute;    /* sounds in which vad found no speech */
};

struct ser_extract;
/* SER_EUSAGE with a sentence when the options do not go together. */
int ser_extract_new(struct ser_extract **x, const struct ser_extract_opt *o, const struct ser_extract_sink *to,
		    struct ser_err *e);
void ser_extract_free(struct ser_extract *x);
const struct ser_extract_count *ser_extract_count(const struct ser_extract *x);

/* A sound file, its id its name without folder and extension unless `id` is given; path NULL: standard input, "stdin". */
void ser_extract_sound(struct ser_extract *x, const char *path, const char *id);
/* A manifest or a stream of samples: its first byte says which. fd 0 is standard input; others are closed. SER_E* when it
 * cannot be read on; what came before it has gone to the sink then. */
int ser_extract_table(struct ser_extract *x, int fd, const char *name, struct ser_err *e);
/* A manifest from where f stands. */
int ser_extract_manifest(struct ser_extract *x, FILE *f, const char *name, struct ser_err *e);
/* A name on a command line: "-", *.tsv and *.ser are tables, all others sounds. */
bool ser_extract_is_table(const char *name);
int ser_extract_input(struct ser_extract *x, const char *name, const char *id, struct ser_err *e);
/* What is still at work goes to the sink. */
void ser_extract_end(struct ser_extract *x);

#endif
