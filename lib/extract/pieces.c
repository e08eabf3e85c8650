/* SPDX-License-Identifier: MIT */
/* A long recording, piece by piece: memory does not grow with its length. */
#include "extract/private.h"

#include <math.h>
#include <string.h>

/* As ser_audio_read(). */
static ptrdiff_t pull(struct source *s, float *x, size_t n, struct ser_err *e)
{
	if (s->a != NULL)
		return ser_audio_read(s->a, x, n, e);
	n = n < s->n ? n : s->n;
	if (n > 0)
		memcpy(x, s->x, n * sizeof *x);
	s->x += n;
	s->n -= n;
	return (ptrdiff_t)n;
}

/* The job's features as a record of its own, ID-000001 and so on; written at once. */
static void put_features(struct ser_extract *x, struct job *j, const char *whole, size_t k)
{
	struct ser_buf id = {0};
	struct ser_arena_mark before = ser_arena_mark(&j->r.arena);
	ser_buf_printf(&id, "%s-%06zu", whole, k);
	ser_record_set(&j->r, "id", ser_str(id.s));
	ser_buf_free(&id);
	ser_extract_put(x, j);
	if (k > 1) /* the first has left names of fields there, which stay */
		ser_arena_rewind(&j->r.arena, before);
	x->to.step(x->to.ctx, x->count.n_sound, true);
}

/* Samples [start, start + n) of a job's sound. */
static int put_piece(struct ser_extract *x, struct job *j, const char *whole, size_t k, const float *s, size_t start,
		     size_t n)
{
	double rate = ser_extract_rate_hz(j);
	ser_record_set(&j->r, "start", ser_real(j->part.start_s + (double)start / rate));
	ser_record_set(&j->r, "end", ser_real(j->part.start_s + (double)(start + n) / rate));
	int rc = ser_extract_features(x, j, s, n);
	if (rc == SER_OK)
		put_features(x, j, whole, k);
	return rc;
}

/* A pass over the sound, its features in parts, of a tenth of a second or so; none in the first of two. */
static int pass(struct ser_extract *x, struct job *j, struct source *s, const char *whole, struct ser_front_flow *f)
{
	struct worker *w = &x->worker[0];
	size_t n = (size_t)(0.1 * ser_extract_rate_hz(j)) + 1, n_row;
	ptrdiff_t got = (ptrdiff_t)n;
	const float *y;
	w->x = ser_grow(w->x, &w->cap, n, sizeof *w->x);
	for (size_t k = 1; got == (ptrdiff_t)n;) {
		got = pull(s, w->x, n, &j->e);
		if (got < 0)
			return (int)got;
		if (ser_front_flow_do(f, w->x, (size_t)got, got < (ptrdiff_t)n, &y, &n_row, &j->e) != SER_OK)
			return j->e.code;
		if (n_row == 0)
			continue;
		size_t d = ser_front_dim(j->front);
		j->n_frame = n_row;
		j->y = ser_grow(j->y, &j->cap, ser_mul(n_row, d), sizeof *j->y);
		memcpy(j->y, y, n_row * d * sizeof *y);
		put_features(x, j, whole, k++);
	}
	return SER_OK;
}

/* One record in parts */
static int in_parts(struct ser_extract *x, struct job *j, struct source *s, const char *whole)
{
	struct ser_front_flow *f = ser_front_flow_new(j->front, j->ws);
	int rc = SER_OK;
	ser_record_set(&j->r, "part_of", ser_str(whole));
	if (ser_front_passes(j->front) == 2) {
		rc = pass(x, j, s, whole, f);
		ser_audio_free(s->a);
		s->a = NULL;
		ser_front_flow_again(f);
		if (rc == SER_OK)
			rc = ser_extract_open(x, &x->worker[0], j, s);
	}
	if (rc == SER_OK)
		rc = pass(x, j, s, whole, f);
	ser_front_flow_free(f);
	return rc;
}

/* Records of segment_s seconds, one every every_s. A rest too short for a frame is left out. */
static int in_windows(struct ser_extract *x, struct job *j, struct source *s, const char *whole)
{
	struct worker *w = &x->worker[0];
	double rate = ser_extract_rate_hz(j);
	size_t n = (size_t)llrint(x->o.segment_s * rate), step = (size_t)llrint(x->o.every_s * rate), have = 0;
	w->x = ser_grow(w->x, &w->cap, n, sizeof *w->x);
	for (size_t k = 0;; k++) {
		ptrdiff_t got = pull(s, w->x + have, n - have, &j->e);
		if (got < 0)
			return (int)got;
		bool end = have + (size_t)got < n;
		have += (size_t)got;
		if (got == 0 || (k > 0 && ser_front_n_frame(j->front, have) == 0))
			return SER_OK;
		int rc = put_piece(x, j, whole, k + 1, w->x, k * step, have);
		if (rc != SER_OK || end)
			return rc;
		have = n - step;
		memmove(w->x, w->x + step, have * sizeof *w->x);
	}
}

/* Records of the stretches in which somebody speaks. */
static int in_speech(struct ser_extract *x, struct job *j, struct source *s, const char *whole)
{
	struct worker *w = &x->worker[0];
	size_t n = (size_t)(0.1 * ser_extract_rate_hz(j)) + 1, k = 0, start, len;
	struct ser_vad_opt o = x->o.vad;
	o.rate_hz = ser_extract_rate_hz(j);
	struct ser_vad *v = ser_vad_new(&o);
	const float *speech;
	int rc = SER_OK;
	w->x = ser_grow(w->x, &w->cap, n, sizeof *w->x);
	for (ptrdiff_t got = (ptrdiff_t)n; rc == SER_OK && got == (ptrdiff_t)n;) {
		got = pull(s, w->x, n, &j->e);
		if (got < 0) {
			rc = (int)got;
			break;
		}
		ser_vad_push(v, w->x, (size_t)got);
		while (rc == SER_OK && ser_vad_next(v, got < (ptrdiff_t)n, &speech, &start, &len) > 0)
			if (ser_front_n_frame(j->front, len) > 0)
				rc = put_piece(x, j, whole, ++k, speech, start, len);
	}
	ser_vad_free(v);
	x->count.n_mute += rc == SER_OK && k == 0;
	return rc;
}

int ser_extract_pieces(struct ser_extract *x, struct job *j)
{
	struct source s;
	struct ser_buf whole = {0};
	int rc = ser_extract_open(x, &x->worker[0], j, &s);
	if (rc != SER_OK)
		return rc;
	ser_buf_str(&whole, ser_record_id(&j->r));
	rc = x->in_parts          ? in_parts(x, j, &s, whole.s)
	     : x->o.segment_s > 0 ? in_windows(x, j, &s, whole.s)
				  : in_speech(x, j, &s, whole.s);
	if (s.a != NULL)
		ser_extract_heard(x, whole.s, ser_audio_info(s.a));
	ser_record_set(&j->r, "id", ser_str(whole.s)); /* for messages */
	ser_buf_free(&whole);
	ser_audio_free(s.a);
	return rc;
}
