/* SPDX-License-Identifier: MIT */
/* extract: what its own files share. */
#ifndef SER_EXTRACT_PRIVATE_H
#define SER_EXTRACT_PRIVATE_H

#include "extract/extract.h"

enum { SER_EXTRACT_MAX_SAMPLE = 250000000 /* a record holds 1 GiB */ };

/* One sound, and the record that it becomes. */
struct job {
	struct ser_record r;
	char *path;     /* NULL: standard input */
	double rate_hz; /* > 0: no file, but samples at this rate in the record's field "feat" */
	char *place;    /* of messages: manifest and line, or NULL */
	struct ser_audio_opt part;
	struct ser_audio_info info;
	const struct ser_front *front; /* that of the sound's rate, and its workspace: the worker's */
	struct ser_front_ws *ws;
	float *y, *func;
	size_t n_frame, cap;
	int rc;
	struct ser_err e;
};

struct worker {
	struct ser_front_ws *ws;
	struct ser_front *own; /* of the last sound's rate, where each is worked at its own; or NULL */
	struct ser_front_ws *own_ws;
	float *x, *z; /* z: samples of a record at the rate of the front-end */
	size_t cap, cap_z;
};

/* vtln.c */
struct ser_warps {
	struct ser_map *key; /* utterances and speakers; NULL: there are no factors */
	double *warp;        /* [ser_map_len(key)] */
	size_t cap;
};
int ser_warps_read(struct ser_warps *w, const char *path, struct ser_err *e);
void ser_warps_free(struct ser_warps *w);
/* The factor of a record, by its id and else by its label spk; SER_EDATA where neither has one. */
int ser_warps_find(const struct ser_warps *w, struct ser_record *r, double *warp, struct ser_err *e);

struct ser_extract {
	struct ser_extract_opt o;
	struct ser_extract_sink to;
	struct ser_extract_count count;
	struct ser_front *front; /* of one rate where each sound has its own: what all have in common */
	bool sums_up;            /* functionals, not the frames themselves: a set, or func of each column */
	const struct ser_func_set *set;
	struct ser_warps warps;
	struct ser_func *func;
	struct ser_pool *pool;
	struct worker *worker; /* [n_thread] */
	struct job *job;
	size_t n_job, cap_job;
	struct ser_map *ids; /* of several inputs, or NULL */
	bool in_parts;       /* o.in_parts, and it can be done */
	bool begun;          /* the header at hand is that of sounds, which come from no stream */
};

/* Where samples come from: a file, or memory. */
struct source {
	struct ser_audio *a; /* NULL: memory */
	const float *x;
	size_t n;
};

/* extract.c */
/* Opens the sound, and sets j->front and j->ws. */
int ser_extract_open(struct ser_extract *x, struct worker *w, struct job *j, struct source *s);
int ser_extract_features(struct ser_extract *x, struct job *j, const float *s, size_t n);
double ser_extract_rate_hz(const struct job *j); /* of its samples, once it is open */
void ser_extract_put(struct ser_extract *x, struct job *j);
void ser_extract_heard(struct ser_extract *x, const char *id, const struct ser_audio_info *info);
void ser_extract_header(struct ser_extract *x, const struct ser_header *from); /* from: of the samples, or NULL */
struct job *ser_extract_add(struct ser_extract *x);                            /* a new job at the list's end */
void ser_extract_ready(struct ser_extract *x);                                 /* the last job is complete */
/* pieces.c */
int ser_extract_pieces(struct ser_extract *x, struct job *j);

#endif
