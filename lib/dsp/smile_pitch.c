/* SPDX-License-Identifier: MIT */
#include "dsp/smile.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = SMILE_WIDE_BIN, HARMONICS = 15, STATES = SMILE_CAND + 1, UNVOICED = SMILE_CAND };
static const double COMPRESS = 0.85, CUT = 0.7, MOST_STEP = 1.2;

struct ser_smile_pitch {
	struct ser_smile_pitch_opt o;
	size_t n_bin;
	double octaves; /* from o.from_hz up to half the rate */
	/* the natural cubic spline through bins at log2 Hz, evaluated at n points an equal step apart */
	double h[MOST], lower[MOST], inverse[MOST]; /* its tridiagonal system, factored */
	size_t at[MOST];                            /* point i lies between bins at[i] and at[i] + 1 */
	double a[MOST], b[MOST], c[MOST],
		d[MOST]; /* of both bins and both second derivatives, times the auditory weight */
	size_t shift[HARMONICS];
	double gain[HARMONICS];
};

struct ser_smile_pitch *ser_smile_pitch_new(const struct ser_smile_pitch_opt *o, const struct ser_smile_size *s)
{
	struct ser_smile_pitch *p = ser_calloc(1, sizeof *p);
	p->o = *o;
	const size_t n_bin = p->n_bin = s->wide_bin;
	p->octaves = log2((double)(s->wide_bin - 1) * s->wide_bin_hz / o->from_hz);
	double x[MOST], octaves = p->octaves, per_octave = (double)n_bin / octaves;
	x[0] = log2(0.5 * s->wide_bin_hz); /* 0 Hz has no logarithm */
	for (size_t k = 1; k < n_bin; k++)
		x[k] = log2((double)k * s->wide_bin_hz);
	for (size_t k = 0; k + 1 < n_bin; k++)
		p->h[k] = x[k + 1] - x[k];
	for (size_t k = 1; k + 1 < n_bin; k++) {
		p->lower[k] = k > 1 ? p->h[k - 1] * p->inverse[k - 1] : 0;
		p->inverse[k] = 1 / (2 * (p->h[k - 1] + p->h[k]) - p->lower[k] * p->h[k - 1]);
	}
	for (size_t i = 0, k = 0; i < n_bin; i++) {
		double t = log2(o->from_hz) + octaves * (double)i / (double)(n_bin - 1);
		while (k + 2 < n_bin && x[k + 1] <= t)
			k++;
		double h = p->h[k], u = (x[k + 1] - t) / h, v = 1 - u;
		double w = p->o.plain ? 1 : 0.5 + atan(3 * (((double)i + 2) / per_octave - log2(1.3))) / M_PI;
		p->at[i] = k;
		p->a[i] = w * u;
		p->b[i] = w * v;
		p->c[i] = w * (u * u * u - u) * h * h / 6;
		p->d[i] = w * (v * v * v - v) * h * h / 6;
	}
	for (size_t i = 0; i < HARMONICS; i++) {
		p->shift[i] = (size_t)(per_octave * log2((double)(i + 1)));
		p->gain[i] = pow(COMPRESS, (double)i) / HARMONICS;
	}
	return p;
}

void ser_smile_pitch_free(struct ser_smile_pitch *p)
{
	free(p);
}

/* Between the first peak and the last bins further than two from every peak become 0; then each but the last is averaged with its
 * neighbours, 1 2 1. */
static void enhance(const double *mag, size_t n_bin, double *y)
{
	double s[MOST + 2], *e = s + 1;
	memset(s, 0, (n_bin + 2) * sizeof *s);
	size_t done = 0;
	bool any = false;
	for (size_t k = 0; k < n_bin; k++) {
		if ((k > 0 && !(mag[k] > mag[k - 1])) || (k + 1 < n_bin && !(mag[k] >= mag[k + 1])) ||
		    (k == 0 && !(mag[0] > mag[1])))
			continue;
		size_t from = !any ? 0 : k > done + 2 ? k - 2 : done, to = k + 3 < n_bin ? k + 3 : n_bin;
		for (size_t i = from; i < to; i++)
			e[i] = mag[i];
		done = to;
		any = true;
	}
	for (size_t i = done; i < n_bin; i++)
		e[i] = mag[i];
	for (size_t k = 0; k < n_bin; k++)
		y[k] = 0.25 * (e[(ptrdiff_t)k - 1] + e[k + 1]) + 0.5 * e[k];
	y[n_bin - 1] = e[n_bin - 1];
}

static void octave(const struct ser_smile_pitch *p, const double *y, double *o)
{
	double m[MOST]; /* second derivatives */
	const size_t n_bin = p->n_bin;
	m[0] = m[n_bin - 1] = 0;
	for (size_t k = 1; k + 1 < n_bin; k++)
		m[k] = 6 * ((y[k + 1] - y[k]) / p->h[k] - (y[k] - y[k - 1]) / p->h[k - 1]) -
		       (k > 1 ? p->lower[k] * m[k - 1] : 0);
	for (size_t k = n_bin - 2; k > 0; k--)
		m[k] = (m[k] - p->h[k] * m[k + 1]) * p->inverse[k];
	for (size_t i = 0; i < n_bin; i++) {
		size_t k = p->at[i];
		double v = p->a[i] * y[k] + p->b[i] * y[k + 1] + p->c[i] * m[k] + p->d[i] * m[k + 1];
		o[i] = v > 0 || p->o.plain ? v : 0;
	}
}

struct peak {
	double raw, score, hz;
};

void ser_smile_candidates(const struct ser_smile_pitch *p, const double *mag, struct ser_smile_cand *c)
{
	const size_t n_bin = p->n_bin;
	double y[MOST], o[MOST], s[MOST], mean = 0, per_octave = (double)(n_bin - 1) / p->octaves;
	struct peak best[SMILE_CAND];
	size_t n = 0, kept = 0, top = 0, most = p->o.n_cand;
	memset(s, 0, n_bin * sizeof *s);
	if (!p->o.plain)
		enhance(mag, n_bin, y);
	octave(p, p->o.plain ? mag : y, o);
	for (size_t h = 0; h < HARMONICS; h++)
		for (size_t i = 0; i + p->shift[h] < n_bin; i++)
			s[i] += p->gain[h] * o[i + p->shift[h]];
	for (size_t i = 0; i < n_bin; i++)
		mean += s[i];
	mean /= (double)n_bin;
	for (size_t i = 1; i + 1 < n_bin; i++) {
		if (!(s[i] > s[i - 1] && s[i] >= s[i + 1]) || (n == most && s[i] <= best[n - 1].raw) ||
		    (p->o.rising && n > 0 && s[i] <= best[0].raw))
			continue;
		double bend = s[i - 1] - 2 * s[i] + s[i + 1], to = 0.5 * (s[i - 1] - s[i + 1]) / bend;
		size_t j = n < most ? n++ : n - 1;
		for (; j > 0 && s[i] > best[j - 1].raw; j--)
			best[j] = best[j - 1];
		best[j] = (struct peak){s[i], s[i] - 0.25 * (s[i - 1] - s[i + 1]) * to,
					p->o.from_hz * exp2(((double)i + to) / per_octave)};
	}
	for (size_t j = 0; j < n; j++)
		if (best[j].hz >= p->o.low_hz && best[j].hz <= p->o.high_hz)
			best[kept++] = best[j];
	for (size_t j = 1; j < kept; j++)
		top = best[j].score > best[top].score ? j : top;
	if (kept > 0) {
		struct peak first = best[0];
		best[0] = best[top];
		best[top] = first;
	}
	memset(c, 0, sizeof *c);
	for (size_t j = 0; j < kept; j++) {
		c->hz[j] = best[j].hz;
		c->voicing[j] = fmax(0, 1 - mean / best[j].score);
	}
}

/* ---- the path ------------------------------------------------------------------------------------ */

/* The cost of a candidate by itself: unlikely voices, those below the cut of voicing, far from 100 to 350 Hz. */
static void local(const struct ser_smile_cand *c, double *cost)
{
	double most = 0;
	for (size_t i = 0; i < SMILE_CAND; i++) {
		double f = c->hz[i], v = c->voicing[i];
		double range = f < 100 ? (100 - f) / 100 : f <= 350 ? 0 : f < 600 ? (f - 350) / 250 : 1.2;
		cost[i] = f > 0 ? 2 * (-log(fmax(v, 1e-10)) + (v < CUT ? 4 : 0)) + range : 1e10;
		most = fmax(most, v);
	}
	cost[UNVOICED] = most >= CUT ? 8 : 0;
}

/* From every state of the frame before to every state of this one. Between voices: the jump in pitch, ln, and how much that jump differs
 * from the jump to the candidate before it in the list (which is what openSMILE has for smoothness), each times 10. */
static void transitions(const struct ser_smile_cand *last, const struct ser_smile_cand *c, double cost[STATES][STATES])
{
	double ln[SMILE_CAND];
	for (size_t j = 0; j < SMILE_CAND; j++)
		ln[j] = last->hz[j] > 0 ? log(last->hz[j]) : 0;
	for (size_t i = 0; i < STATES; i++) {
		bool to = i < UNVOICED && c->hz[i] > 0;
		double x = to ? log(c->hz[i]) : 0, before = 0;
		for (size_t j = 0; j < STATES; j++) {
			bool from = j < UNVOICED && last->hz[j] > 0;
			double jump = from && to ? x - ln[j] : 0;
			cost[i][j] = from && to ? 10 * (fabs(jump) + fabs(jump - before)) : from || to ? 10 : 1;
			before = jump;
		}
	}
}

/* A voice that is a spike: more than a fifth off both its neighbours, to one side. */
static bool spike(double before, double hz, double after)
{
	return (hz > MOST_STEP * before && hz > MOST_STEP * after) ||
	       (MOST_STEP * hz < before && MOST_STEP * hz < after);
}

void ser_smile_first(const struct ser_smile_pitch *p, const struct ser_smile_cand *c, size_t n_frame, float *hz,
		     float *voicing)
{
	double before = 0, cut = p->o.cut;
	for (size_t t = 0; t < n_frame; t++) {
		bool more = t + 1 < n_frame && c[t + 1].voicing[0] > cut;
		double now = c[t].voicing[0] > cut ? c[t].hz[0] : 0, after = more ? c[t + 1].hz[0] : 0;
		bool both = before > 0 && after > 0;
		hz[t] = t == 0 || (before == 0 && after == 0)          ? 0
			: now > 0 && both && spike(before, now, after) ? (float)after
								       : (float)now;
		voicing[t] = t > 0 ? (float)c[t].voicing[0] : 0;
		before = now;
	}
}

size_t ser_smile_path(const struct ser_smile_cand *c, size_t n_frame, unsigned char *back, float *hz, float *voicing)
{
	double cost[STATES], next[STATES], own[STATES], step[STATES][STATES];
	local(&c[0], cost);
	for (size_t t = 1; t < n_frame; t++) {
		local(&c[t], own);
		transitions(&c[t - 1], &c[t], step);
		for (size_t i = 0; i < STATES; i++) {
			size_t best = 0;
			for (size_t j = 1; j < STATES; j++)
				if (cost[j] + step[i][j] < cost[best] + step[i][best])
					best = j;
			back[t * STATES + i] = (unsigned char)best;
			next[i] = cost[best] + step[i][best] + own[i];
		}
		double least = DBL_MAX;
		for (size_t i = 0; i < STATES; i++)
			least = fmin(least, next[i]);
		for (size_t i = 0; i < STATES; i++)
			cost[i] = next[i] - least;
	}
	size_t s = 0, sure = 0;
	for (size_t i = 1; i < STATES; i++)
		s = cost[i] < cost[s] ? i : s;
	unsigned char alive[STATES] = {0, 1, 2, 3, 4, 5, 6};
	bool one = false;
	for (size_t t = n_frame; t-- > 0;) {
		bool voice = s < UNVOICED;
		hz[t] = voice ? (float)c[t].hz[s] : 0;
		voicing[t] = (float)c[t].voicing[voice ? s : 0];
		if (!one) {
			one = true;
			for (size_t i = 1; i < STATES; i++)
				one &= alive[i] == alive[0];
			sure = one ? t + 1 : 0;
		}
		if (t == 0)
			break;
		for (size_t i = 0; i < STATES; i++)
			alive[i] = back[t * STATES + alive[i]];
		s = back[t * STATES + s];
	}
	return sure;
}
