/* SPDX-License-Identifier: MIT */
#include "extract/augment.h"
#include "dsp/augment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A sound that grows. */
struct wave {
	float *x;
	size_t n, cap;
};

struct ser_augment_ws {
	struct wave now, next; /* the copy, and its next state */
	struct wave other, sum;
};

/* One call's state. */
struct act {
	const struct ser_augment_opt *o;
	struct ser_augment_ws *ws;
	const char *key, *id, *spk;
	double rate_hz;
	struct ser_buf *what;
	struct ser_err *e;
};

struct ser_augment_ws *ser_augment_ws_new(void)
{
	return ser_calloc(1, sizeof(struct ser_augment_ws));
}

void ser_augment_ws_free(struct ser_augment_ws *ws)
{
	if (ws == NULL)
		return;
	free(ws->now.x);
	free(ws->next.x);
	free(ws->other.x);
	free(ws->sum.x);
	free(ws);
}

static void resize(struct wave *w, size_t n)
{
	w->x = ser_grow(w->x, &w->cap, n + 1, sizeof *w->x);
	w->n = n;
}

static void step_done(struct ser_augment_ws *ws)
{
	struct wave w = ws->now;
	ws->now = ws->next;
	ws->next = w;
}

/* Each step draws from numbers of its own, so that another step more changes nothing of it. */
static struct ser_rng numbers(const struct act *a, const char *step)
{
	struct ser_rng rng;
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%s\n%s", step, a->key);
	ser_rng_seed_key(&rng, a->o->seed, b.s, b.n);
	ser_buf_free(&b);
	return rng;
}

static double draw(struct ser_span s, struct ser_rng *rng)
{
	return s.lo + (s.hi - s.lo) * ser_rng_uniform(rng);
}

static void say(struct act *a, const char *step)
{
	ser_buf_printf(a->what, "%s%s=", a->what->n > 0 ? " " : "", step);
}

static bool choose(struct act *a, const char *step, struct ser_choice c, double *v)
{
	if (c.n == 0)
		return false;
	struct ser_rng rng = numbers(a, step);
	*v = c.v[ser_rng_below(&rng, c.n)];
	say(a, step);
	ser_buf_printf(a->what, "%g", *v);
	return true;
}

/* ---- steps -------------------------------------------------------------------------------------- */

static void tempo(struct act *a, double factor)
{
	struct ser_augment_ws *ws = a->ws;
	if (factor == 1)
		return;
	resize(&ws->next, ser_tempo_len(ws->now.n, factor));
	ser_tempo_do(ws->now.x, ws->now.n, a->rate_hz, factor, ws->next.x);
	step_done(ws);
}

static int speed(struct act *a, double factor)
{
	struct ser_augment_ws *ws = a->ws;
	if (factor == 1)
		return SER_OK;
	if (ser_audio_resample(ws->now.x, ws->now.n, a->rate_hz * factor, a->rate_hz, false, &ws->next.x, &ws->next.n,
			       &ws->next.cap, a->e) != SER_OK)
		return a->e->code;
	step_done(ws);
	return SER_OK;
}

/* Slower by the factor, then faster and higher by it: as long as before. */
static int pitch(struct act *a, double semitones)
{
	double factor = pow(2, semitones / 12);
	size_t n = a->ws->now.n;
	tempo(a, 1 / factor);
	if (speed(a, factor) != SER_OK)
		return a->e->code;
	size_t have = a->ws->now.n;
	resize(&a->ws->now, n);
	for (size_t i = have; i < n; i++)
		a->ws->now.x[i] = 0;
	return SER_OK;
}

/* Convolved, as loud as before, and the greatest value of the response, the direct sound, at no delay. */
static int reverb(struct act *a)
{
	const struct ser_augment_opt *o = a->o;
	struct wave *h = &a->ws->other, *now = &a->ws->now;
	struct ser_rng rng = numbers(a, "reverb");
	size_t direct = 0;
	if (o->rir != NULL) {
		size_t i = (size_t)ser_rng_below(&rng, ser_sounds_n(o->rir));
		if (ser_sounds_load(o->rir, i, a->rate_hz, 0, &rng, &h->x, &h->n, &h->cap, a->e) != SER_OK)
			return a->e->code;
		for (size_t k = 1; k < h->n; k++)
			if (fabsf(h->x[k]) > fabsf(h->x[direct]))
				direct = k;
		if (!(fabsf(h->x[direct]) > 0))
			return ser_fail(a->e, SER_EDATA, "impulse response \"%s\" is silent", ser_sounds_id(o->rir, i));
		say(a, "rir");
		ser_buf_str(a->what, ser_sounds_id(o->rir, i));
	} else {
		double rt60 = draw(o->rt60_s, &rng), drr = draw(o->drr_db, &rng);
		resize(h, ser_room_len(rt60, a->rate_hz));
		ser_room_make(rt60, drr, a->rate_hz, &rng, h->x);
		say(a, "reverb");
		ser_buf_printf(a->what, "%.3g@%.3g", rt60, drr);
	}
	double before = ser_mean_square(now->x, now->n), after;
	ser_convolve(now->x, now->n, h->x, h->n, direct, now->x);
	after = ser_mean_square(now->x, now->n);
	float g = after > 0 ? (float)sqrt(before / after) : 1;
	for (size_t i = 0; i < now->n; i++)
		now->x[i] *= g;
	return SER_OK;
}

/* A noise from a random place on, around again when it is too short. */
static int noise(struct act *a)
{
	struct wave *other = &a->ws->other, *now = &a->ws->now;
	struct ser_rng rng = numbers(a, "noise");
	size_t i = (size_t)ser_rng_below(&rng, ser_sounds_n(a->o->noise));
	double snr = draw(a->o->snr_db, &rng);
	if (ser_sounds_load(a->o->noise, i, a->rate_hz, now->n, &rng, &other->x, &other->n, &other->cap, a->e) !=
	    SER_OK)
		return a->e->code;
	size_t from = other->n < now->n ? (size_t)ser_rng_below(&rng, other->n) : 0;
	say(a, "noise");
	ser_buf_printf(a->what, "%s@%.4g", ser_sounds_id(a->o->noise, i), snr);
	if (ser_noise_add(now->x, now->n, other->x, other->n, from, snr, a->e) != SER_OK)
		return ser_fail_in(a->e, "noise \"%s\"", ser_sounds_id(a->o->noise, i));
	return SER_OK;
}

static bool may_babble(const struct act *a, size_t i)
{
	const char *spk = ser_sounds_spk(a->o->babble, i);
	return strcmp(ser_sounds_id(a->o->babble, i), a->id) != 0 &&
	       (a->o->same_speaker || (spk[0] != '\0' && strcmp(spk, a->spk) != 0));
}

/* A voice that may be taken and was not drawn before; n when there is none. drawn [n] */
static size_t voice(const struct act *a, struct ser_rng *rng, const bool *drawn)
{
	enum { TRIES = 50 };
	size_t n = ser_sounds_n(a->o->babble), left = 0, i = 0;
	for (int t = 0; t < TRIES; t++)
		if (may_babble(a, i = (size_t)ser_rng_below(rng, n)) && !drawn[i])
			return i;
	/* rare ones among many that may not: count them */
	for (int pass = 0; pass < 2; pass++) {
		size_t at = pass > 0 && left > 0 ? (size_t)ser_rng_below(rng, left) : 0;
		for (i = 0; i < n; i++) {
			bool fresh = may_babble(a, i) && !drawn[i];
			left += fresh && pass == 0;
			if (fresh && pass > 0 && at-- == 0)
				return i;
		}
		if (left == 0)
			break;
	}
	return n;
}

/* Several voices, each of the same power, summed. One that is silent, or whose stretch is, has no power: another is drawn for it. */
static int babble(struct act *a)
{
	struct wave *other = &a->ws->other, *sum = &a->ws->sum, *now = &a->ws->now;
	const struct ser_sounds *all = a->o->babble;
	struct ser_rng rng = numbers(a, "babble");
	size_t lo = (size_t)a->o->n_voice.lo, hi = (size_t)a->o->n_voice.hi;
	size_t want = lo + (size_t)ser_rng_below(&rng, hi - lo + 1), k = 0, n_silent = 0;
	double snr = draw(a->o->snr_db, &rng);
	if (!a->o->same_speaker && a->spk[0] == '\0')
		return ser_fail(a->e, SER_EDATA,
				"has no speaker (label \"spk\"), so no voice can be told to be another's; "
				"--same-speaker takes any");
	bool *drawn = ser_calloc(ser_sounds_n(all), sizeof *drawn);
	resize(sum, now->n);
	memset(sum->x, 0, now->n * sizeof *sum->x);
	say(a, "babble");
	int rc = SER_OK;
	while (rc == SER_OK && k < want) {
		size_t i = voice(a, &rng, drawn);
		if (i == ser_sounds_n(all))
			break;
		drawn[i] = true;
		rc = ser_sounds_load(all, i, a->rate_hz, now->n, &rng, &other->x, &other->n, &other->cap, a->e);
		if (rc != SER_OK)
			break;
		double power = ser_mean_square(other->x, other->n);
		if (power == 0) {
			n_silent++;
			continue;
		}
		float g = (float)(1 / sqrt(power));
		size_t from = other->n < now->n ? (size_t)ser_rng_below(&rng, other->n) : 0;
		for (size_t t = 0, j = from; t < now->n; t++, j = j + 1 == other->n ? 0 : j + 1)
			sum->x[t] += g * other->x[j];
		ser_buf_printf(a->what, "%s%s", k > 0 ? "+" : "", ser_sounds_id(all, i));
		k++;
	}
	free(drawn);
	if (rc == SER_OK && k == 0) {
		const char *whose = a->o->same_speaker ? "id" : "speaker";
		rc = n_silent > 0 ? ser_fail(a->e, SER_EDATA, "all voices of another %s to babble are silent", whose)
				  : ser_fail(a->e, SER_EDATA, "there is no voice of another %s to babble", whose);
	}
	ser_buf_printf(a->what, "@%.4g", snr);
	if (rc == SER_OK && ser_noise_add(now->x, now->n, sum->x, now->n, 0, snr, a->e) != SER_OK)
		rc = ser_fail_in(a->e, "babble");
	return rc;
}

static void gain(struct act *a)
{
	struct ser_rng rng = numbers(a, "gain");
	double db = draw(a->o->gain_db, &rng);
	float g = (float)pow(10, db / 20);
	for (size_t i = 0; i < a->ws->now.n; i++)
		a->ws->now.x[i] *= g;
	say(a, "gain");
	ser_buf_printf(a->what, "%.3g", db);
}

static int codec(struct act *a)
{
	struct ser_rng rng = numbers(a, "codec");
	const struct ser_codec *c = &a->o->codec[ser_rng_below(&rng, a->o->n_codec)];
	say(a, "codec");
	ser_codec_text(c, a->what);
	return ser_codec_do(c, a->ws->now.x, a->ws->now.n, a->rate_hz, a->ws->now.x, a->e);
}

static int chain(struct act *a)
{
	const struct ser_augment_opt *o = a->o;
	double v;
	int rc = SER_OK;
	if (choose(a, "pitch", o->pitch, &v))
		rc = pitch(a, v);
	if (rc == SER_OK && choose(a, "tempo", o->tempo, &v))
		tempo(a, v);
	if (rc == SER_OK && choose(a, "speed", o->speed, &v))
		rc = speed(a, v);
	if (rc == SER_OK && a->ws->now.n == 0)
		rc = ser_fail(a->e, SER_EDATA, "nothing is left of so short a sound");
	if (rc == SER_OK && (o->reverb || o->rir != NULL))
		rc = reverb(a);
	if (rc == SER_OK && o->noise != NULL)
		rc = noise(a);
	if (rc == SER_OK && o->babble != NULL)
		rc = babble(a);
	if (rc == SER_OK && o->gain)
		gain(a);
	if (rc == SER_OK && o->n_codec > 0)
		rc = codec(a);
	return rc;
}

int ser_augment_do(const struct ser_augment_opt *o, struct ser_augment_ws *ws, const char *key, const char *id,
		   const char *spk, const float *x, size_t n, double rate_hz, float **y, size_t *m, size_t *cap,
		   struct ser_buf *what, struct ser_err *e)
{
	struct act a = {o, ws, key, id, spk, rate_hz, what, e};
	resize(&ws->now, n);
	memcpy(ws->now.x, x, n * sizeof *x);
	if (!isfinite(ser_abs_max(x, n)))
		return ser_fail(e, SER_EDATA, "a sample is not a finite number");
	int rc = chain(&a);
	if (rc != SER_OK)
		return rc;
	*m = ws->now.n;
	*y = ser_grow(*y, cap, *m, sizeof **y);
	memcpy(*y, ws->now.x, *m * sizeof **y);
	return SER_OK;
}
