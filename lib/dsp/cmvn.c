/* SPDX-License-Identifier: MIT */
#include "dsp/augment.h"
#include "dsp/dsp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void ser_delta_do(const float *x, size_t xs, float *y, size_t ys, size_t n_frame, size_t d, int window)
{
	double norm = 0;
	for (int n = 1; n <= window; n++)
		norm += 2.0 * n * n;
	float scale = (float)(1 / norm);
	for (size_t t = 0; t < n_frame; t++) {
		float *out = y + t * ys;
		for (size_t j = 0; j < d; j++)
			out[j] = 0;
		for (int n = 1; n <= window; n++) {
			size_t k = (size_t)n;
			const float *next = x + (t + k < n_frame ? t + k : n_frame - 1) * xs,
				    *prev = x + (t > k ? t - k : 0) * xs;
			for (size_t j = 0; j < d; j++)
				out[j] += (float)n * (next[j] - prev[j]);
		}
		for (size_t j = 0; j < d; j++)
			out[j] *= scale;
	}
}

void ser_delta_gaps(const float *has, const float *x, size_t xs, float *y, size_t ys, size_t n_frame, int window)
{
	double norm = 0;
	for (int n = 1; n <= window; n++)
		norm += 2.0 * n * n;
	for (size_t from = 0, to; from < n_frame; from = to) {
		bool there = has[from * xs] != 0;
		for (to = from + 1; to < n_frame && (has[to * xs] != 0) == there; to++)
			;
		for (size_t t = from; t < to; t++) {
			double sum = 0;
			for (size_t k = 1; there && k <= (size_t)window; k++)
				sum += (double)k * ((double)x[(t + k < to ? t + k : to - 1) * xs] -
						    x[(t >= from + k ? t - k : from) * xs]);
			y[t * ys] = (float)(sum / norm);
		}
	}
}

void ser_cmvn_init(struct ser_cmvn *s, size_t d)
{
	*s = (struct ser_cmvn){.d = d, .mean = ser_calloc(d, sizeof *s->mean), .m2 = ser_calloc(d, sizeof *s->m2)};
}

void ser_cmvn_free(struct ser_cmvn *s)
{
	free(s->mean);
	free(s->m2);
	*s = (struct ser_cmvn){0};
}

/* Welford's update, one frame at a time: m += (x - m) / n, m2 += (x - old m) (x - m). */
void ser_cmvn_add(struct ser_cmvn *s, const float *x, size_t n_frame)
{
	for (size_t t = 0; t < n_frame; t++, x += s->d) {
		s->n += 1;
		double inv = 1 / s->n;
		for (size_t j = 0; j < s->d; j++) {
			double dev = x[j] - s->mean[j];
			s->mean[j] += dev * inv;
			s->m2[j] += dev * (x[j] - s->mean[j]);
		}
	}
}

void ser_cmvn_affine(const struct ser_cmvn *s, bool norm_means, bool norm_vars, double eps, double *shift, double *gain)
{
	for (size_t j = 0; j < s->d; j++) {
		double var = s->n > 0 ? s->m2[j] / s->n + eps : 0;
		shift[j] = norm_means ? s->mean[j] : 0;
		gain[j] = norm_vars ? 1 / ser_deviation(s->mean[j], var) : 1;
	}
}

void ser_cmvn_apply(const double *shift, const double *gain, float *x, size_t n_frame, size_t d)
{
	for (size_t t = 0; t < n_frame; t++, x += d)
		for (size_t j = 0; j < d; j++)
			x[j] = (float)((x[j] - shift[j]) * gain[j]);
}

void ser_cmvn_self(const float *x, float *y, size_t n_frame, size_t d, bool norm_means, bool norm_vars)
{
	struct ser_cmvn s;
	double *shift = ser_malloc(2 * d, sizeof *shift);
	ser_cmvn_init(&s, d);
	ser_cmvn_add(&s, x, n_frame);
	ser_cmvn_affine(&s, norm_means, norm_vars, 0, shift, shift + d);
	memcpy(y, x, n_frame * d * sizeof *y);
	ser_cmvn_apply(shift, shift + d, y, n_frame, d);
	ser_cmvn_free(&s);
	free(shift);
}

void ser_cmvn_by_add(struct ser_cmvn_by *s, const char *label, const float *x, size_t n_frame, size_t d)
{
	bool fresh;
	if (s->label == NULL)
		s->label = ser_map_new();
	if (s->d == 0)
		s->d = d;
	ser_assert(d == s->d);
	size_t g = ser_map_add(s->label, label, strlen(label), &fresh);
	if (fresh) {
		s->stat = ser_grow(s->stat, &s->cap, g + 1, sizeof *s->stat);
		ser_cmvn_init(&s->stat[g], d);
	}
	ser_cmvn_add(&s->stat[g], x, n_frame);
}

void ser_cmvn_by_affine(struct ser_cmvn_by *s, bool norm_means, bool norm_vars)
{
	size_t n = s->label != NULL ? ser_map_len(s->label) : 0;
	s->shift = ser_calloc(ser_mul(n, s->d), sizeof *s->shift);
	s->gain = ser_calloc(ser_mul(n, s->d), sizeof *s->gain);
	for (size_t g = 0; g < n; g++)
		ser_cmvn_affine(&s->stat[g], norm_means, norm_vars, 0, s->shift + g * s->d, s->gain + g * s->d);
}

size_t ser_cmvn_by_at(const struct ser_cmvn_by *s, const char *label)
{
	ptrdiff_t g = ser_map_find(s->label, label, strlen(label));
	ser_assert(g >= 0);
	return (size_t)g * s->d;
}

void ser_cmvn_by_free(struct ser_cmvn_by *s)
{
	for (size_t g = 0; s->label != NULL && g < ser_map_len(s->label); g++)
		ser_cmvn_free(&s->stat[g]);
	ser_map_free(s->label);
	free(s->stat);
	free(s->shift);
	free(s->gain);
	*s = (struct ser_cmvn_by){0};
}

void ser_cmvn_sliding(const float *x, float *y, size_t n_frame, size_t d, size_t cmn_window, size_t min_window,
		      bool center, bool norm_vars)
{
	double *sum = ser_calloc(2 * d, sizeof *sum), *sq = sum + d;
	ptrdiff_t n = (ptrdiff_t)n_frame, win = (ptrdiff_t)cmn_window, at = 0, end = 0;
	for (ptrdiff_t t = 0; t < n; t++) {
		/* the window [a, b) of frame t, moved inside the utterance, as Kaldi's SlidingWindowCmn */
		ptrdiff_t a = center ? t - win / 2 : t - win, b = center ? a + win : t + 1;
		if (a < 0) {
			b -= a;
			a = 0;
		}
		if (!center && b > t)
			b = t + 1 > (ptrdiff_t)min_window ? t + 1 : (ptrdiff_t)min_window;
		if (b > n) {
			a = a - (b - n) > 0 ? a - (b - n) : 0;
			b = n;
		}
		for (; end < b; end++)
			for (size_t j = 0; j < d; j++) {
				double v = x[(size_t)end * d + j];
				sum[j] += v;
				sq[j] += v * v;
			}
		for (; at < a; at++)
			for (size_t j = 0; j < d; j++) {
				double v = x[(size_t)at * d + j];
				sum[j] -= v;
				sq[j] -= v * v;
			}
		double len = (double)(end - at);
		for (size_t j = 0; j < d; j++) {
			double mean = sum[j] / len, v = x[(size_t)t * d + j] - mean;
			if (norm_vars) {
				double var = sq[j] / len - mean * mean;
				v = len > 1 ? v / ser_deviation(mean, var) : 0;
			}
			y[(size_t)t * d + j] = (float)v;
		}
	}
	free(sum);
}

ptrdiff_t ser_chunk_step(size_t n_total, size_t n_frame, size_t n_chunk, struct ser_err *e)
{
	ser_assert(n_frame > 0 && n_chunk > 0);
	if (n_total < n_frame)
		return ser_fail(e, SER_EDATA, "%zu frames are fewer than a chunk's %zu", n_total, n_frame);
	return n_chunk > 1 ? (ptrdiff_t)((n_total - n_frame) / (n_chunk - 1)) : 0;
}

void ser_trim_find(const float *x, size_t n, double rate_hz, double top_db, size_t *from, size_t *to)
{
	size_t win = (size_t)(0.025 * rate_hz), shift = (size_t)(0.01 * rate_hz), first = 0, last = 0;
	double top = 0;
	*from = 0;
	*to = n;
	if (shift == 0 || n < win)
		return;
	size_t n_frame = 1 + (n - win) / shift;
	for (size_t t = 0; t < n_frame; t++)
		top = fmax(top, ser_mean_square(x + t * shift, win));
	double floor_ms = top * pow(10, -top_db / 10);
	bool any = false;
	for (size_t t = 0; t < n_frame && top > 0; t++) {
		if (ser_mean_square(x + t * shift, win) < floor_ms)
			continue;
		first = any ? first : t;
		last = t;
		any = true;
	}
	if (!any)
		return;
	*from = first == 0 ? 0 : first * shift;
	*to = last + 1 == n_frame ? n : last * shift + win; /* samples after the last frame belong to it */
}

/* A band on an axis of n: [*from, *from + *len). */
static void band(struct ser_rng *rng, size_t n, int width, double max_share, size_t *from, size_t *len)
{
	size_t most = (size_t)(max_share * (double)n);
	most = (size_t)width < most ? (size_t)width : most;
	*len = (size_t)ser_rng_below(rng, most + 1);
	*from = (size_t)ser_rng_below(rng, n - *len + 1);
}

void ser_mask_do(const struct ser_mask_opt *o, struct ser_rng *rng, float *x, size_t n_frame, size_t d)
{
	double sum = 0;
	size_t from, len;
	for (size_t i = 0; o->mean && i < n_frame * d; i++)
		sum += x[i];
	float fill = o->mean ? (float)(sum / ((double)n_frame * (double)d)) : 0;
	for (int k = 0; k < o->n_time; k++) {
		band(rng, n_frame, o->time_width, o->max_share, &from, &len);
		for (size_t i = from * d; i < (from + len) * d; i++)
			x[i] = fill;
	}
	for (int k = 0; k < o->n_freq; k++) {
		band(rng, d, o->freq_width, o->max_share, &from, &len);
		for (size_t t = 0; t < n_frame; t++)
			for (size_t j = from; j < from + len; j++)
				x[t * d + j] = fill;
	}
}
