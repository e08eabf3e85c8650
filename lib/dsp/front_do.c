/* SPDX-License-Identifier: MIT */
/* A front-end at work: frame after frame out of a signal, then what looks at the whole matrix. */
#include "dsp/front.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Samples times scale beyond this are refused: their power spectrum stays far from overflow. */
static const float MAX_SAMPLE = 1e12f;

struct ser_front_ws *ser_front_ws_new(const struct ser_front *p)
{
	struct ser_front_ws *ws = ser_calloc(1, sizeof *ws);
	if (p->o.kind == SER_WAVE)
		return ws;
	ws->edge = ser_malloc_aligned(p->win, sizeof *ws->edge);
	ws->raw = ser_malloc_aligned(p->win + 8, sizeof *ws->raw);
	ws->x = ser_malloc_aligned(p->n_fft + 4, sizeof *ws->x);
	ws->z = ser_malloc_aligned(2 * (p->n_bin + 4), sizeof *ws->z);
	ws->pw = ser_malloc_aligned(p->n_bin + 8, sizeof *ws->pw);
	ws->mel = ser_malloc_aligned((size_t)p->o.num_mel_bins + 8, sizeof *ws->mel);
	ws->rest = ser_malloc_aligned((size_t)p->o.num_mel_bins + 8, sizeof *ws->rest);
	for (size_t i = 0; i < 8; i++) {
		ws->z[2 * p->n_bin + i] = 0;
		ws->pw[p->n_bin + i] = 0;
		ws->mel[(size_t)p->o.num_mel_bins + i] = 0;
	}
	if (p->smile != NULL) {
		ws->smile = ser_smile_ws_new();
		return ws;
	}
	if (p->lld != NULL)
		ws->lld = ser_lld_ws_new(p->lld);
	if (p->wide != NULL)
		ws->wide = ser_front_ws_new(p->wide);
	return ws;
}

void ser_front_ws_free(struct ser_front_ws *ws)
{
	if (ws == NULL)
		return;
	free(ws->edge);
	free(ws->raw);
	free(ws->x);
	free(ws->z);
	free(ws->pw);
	free(ws->mel);
	free(ws->rest);
	free(ws->sound);
	ser_bank_free(&ws->warped);
	ser_lld_ws_free(ws->lld);
	ser_front_ws_free(ws->wide);
	ser_smile_ws_free(ws->smile);
	free(ws);
}

/* ---- one frame ------------------------------------------------------------------------------- */

typedef float f4 __attribute__((vector_size(16), aligned(4)));
typedef double d4 __attribute__((vector_size(32), aligned(8)));
typedef float f8 __attribute__((vector_size(32), aligned(4)));
typedef int32_t i8 __attribute__((vector_size(32)));

/* ln(x + add) or, with add 0, ln(max(x, lo)), of positive normal numbers: x = 2^k m with sqrt(1/2) <= m < sqrt(2),
 * s = (m-1)/(m+1), ln m = 2 (s + s^3/3 + s^5/5 + s^7/7 + s^9/9), whose next term is below 8e-10. ln 2 in two pieces.
 * rest: where the part that is small goes instead of being added, which would round it, or NULL. */
SER_CLONES static void log_row(float *y, float *rest, size_t n, float add, float lo, float gain)
{
	for (size_t i = 0; i < n; i += 8) {
		f8 x = *(f8 *)(y + i) + add;
		i8 keep = x > lo;
		x = (f8)((keep & (i8)x) | (~keep & (i8)((f8){0} + lo)));
		i8 bits = (i8)x, k = (bits - 0x3f3504f3) >> 23;
		f8 m = (f8)(bits - (k << 23)), kf = __builtin_convertvector(k, f8);
		f8 f = m - 1.0f, s = f / (m + 1.0f), z = s * s;
		f8 q = z * (0.66666667f + z * (0.4f + z * (0.28571429f + z * 0.22222222f)));
		/* ln m = 2 s + s q = f - s (f - q), which keeps f exact */
		f8 large = kf * 0.693145751953125f, small = f - (s * (f - q) - kf * 1.4286068e-6f);
		if (rest != NULL)
			*(f8 *)(rest + i) = gain * small;
		*(f8 *)(y + i) = gain * (rest != NULL ? large : large + small);
	}
}

static void logarithm(const struct ser_front *p, float *y, float *rest, size_t n)
{
	float lo = (float)p->o.log_floor;
	if (p->o.log == SER_LOG_LNADD)
		log_row(y, rest, n, lo, lo, 1);
	else if (p->o.log == SER_LOG_LN)
		log_row(y, rest, n, 0, lo, 1);
	else if (p->o.log == SER_LOG_DB || p->o.log == SER_LOG_WHISPER)
		log_row(y, rest, n, 0, lo, 4.34294482f); /* 10 / ln 10 */
	else if (rest != NULL)
		memset(rest, 0, n * sizeof *rest);
}

/* src [win] to ws->x [n_fft]: remove the mean, pre-emphasise, window, zero-pad. Returns the energy. In double precision,
 * as the transform: after pre-emphasis the lowest bands of a loud frame lie below the rounding noise of single precision,
 * and their logarithms would be wrong by 1 % and more. */
SER_CLONES static float condition(const struct ser_front *p, struct ser_front_ws *ws, const float *src)
{
	size_t n = p->win, i = 0;
	double *raw = ws->raw + 4, *x = ws->x, mean = 0, pre = p->o.preemphasis_coefficient;
	float scale = (float)p->o.scale;
	d4 s = {0}, e = {0};
	for (; i + 4 <= n; i += 4) {
		d4 a = __builtin_convertvector(*(const f4 *)(src + i) * scale, d4);
		*(d4 *)(raw + i) = a;
		s += a;
	}
	for (; i < n; i++) {
		raw[i] = src[i] * scale;
		s[0] += raw[i];
	}
	if (p->o.remove_dc_offset)
		mean = ((s[0] + s[1]) + (s[2] + s[3])) / (double)n;
	raw[-1] = raw[0];
	for (; i % 4 != 0; i++) /* beyond the window: 0 */
		raw[i] = mean;
	bool before = p->o.raw_energy;
	double offset = (1 - pre) * mean; /* of x - pre last */
	const double *w = p->window;
	for (i = 0; i < n; i += 4) {
		d4 a = *(d4 *)(raw + i), v = (a - pre * *(d4 *)(raw + i - 1) - offset) * *(const d4 *)(w + i);
		*(d4 *)(x + i) = v;
		a = before ? a - mean : v;
		e += a * a;
	}
	if (n < p->n_fft)
		memset(x + n, 0, (p->n_fft - n) * sizeof *x);
	return (float)((e[0] + e[1]) + (e[2] + e[3]));
}

/* pw [n], as far as a multiple of 4, = |z|^2 */
SER_CLONES static void power(size_t n, const double *z, float *pw)
{
	for (size_t k = 0; k < n; k += 4) {
		d4 a = *(const d4 *)(z + 2 * k), b = *(const d4 *)(z + 2 * k + 4);
		a *= a;
		b *= b;
		d4 v = __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7);
		*(f4 *)(pw + k) = __builtin_convertvector(v, f4);
	}
}

/* |X[k]|^power of src [win] to ws->pw [F]. Returns the energy. */
static float spectrum(const struct ser_front *p, struct ser_front_ws *ws, const float *src)
{
	float energy = condition(p, ws, src), *pw = ws->pw;
	ser_fft_do(p->fft, ws->x, ws->z);
	power(p->n_bin, ws->z, pw);
	for (size_t k = 0; p->o.power != 2 && k < p->n_bin; k++)
		pw[k] = p->o.power == 1 ? sqrtf(pw[k]) : powf(pw[k], (float)(p->o.power / 2));
	return energy;
}

/* Cepstra of the mel row, mel + rest; row c of the matrix holds the lifter and, for htk-compat's C0, sqrt(2). */
static void cepstra(const struct ser_front *p, const float *mel, const float *rest, float log_energy, float *y)
{
	size_t n_mel = (size_t)p->o.num_mel_bins, n = (size_t)p->o.num_ceps, last = p->o.htk_compat ? 1 : 0;
	for (size_t c = 0; c < n; c++) {
		const double *w = p->dct + c * n_mel;
		double a[4] = {0};
		size_t b = 0;
		for (; b + 4 <= n_mel; b += 4)
			for (size_t k = 0; k < 4; k++)
				a[k] += ((double)mel[b + k] + (double)rest[b + k]) * w[b + k];
		for (; b < n_mel; b++)
			a[0] += ((double)mel[b] + (double)rest[b]) * w[b];
		y[(c + n - last) % n] = c == 0 && p->need_energy ? log_energy : (float)((a[0] + a[1]) + (a[2] + a[3]));
	}
}

/* a + w[from].s[from] + ... + w[n-1].s[n-1], in this order */
static float chain(float a, const float *w, const float *s, size_t from, size_t n)
{
	for (size_t i = from; i < n; i++)
		a += s[i] * w[i];
	return a;
}

/* mel [M] = weighted sums of pw. Each is a chain of additions, so four stand side by side as far as all of them go. */
static void bands(const struct bank *k, size_t n_mel, const float *pw, float *mel)
{
	size_t m = 0;
	for (; m + 4 <= n_mel; m += 4) {
		const struct band *b = k->band + m;
		const float *w0 = k->weight + b[0].at, *w1 = k->weight + b[1].at, *w2 = k->weight + b[2].at;
		const float *w3 = k->weight + b[3].at, *s0 = pw + b[0].lo, *s1 = pw + b[1].lo, *s2 = pw + b[2].lo;
		const float *s3 = pw + b[3].lo;
		float a0 = 0, a1 = 0, a2 = 0, a3 = 0;
		size_t n01 = b[0].n < b[1].n ? b[0].n : b[1].n, n23 = b[2].n < b[3].n ? b[2].n : b[3].n;
		size_t n = n01 < n23 ? n01 : n23;
		for (size_t i = 0; i < n; i++) {
			a0 += s0[i] * w0[i];
			a1 += s1[i] * w1[i];
			a2 += s2[i] * w2[i];
			a3 += s3[i] * w3[i];
		}
		mel[m] = chain(a0, w0, s0, n, b[0].n);
		mel[m + 1] = chain(a1, w1, s1, n, b[1].n);
		mel[m + 2] = chain(a2, w2, s2, n, b[2].n);
		mel[m + 3] = chain(a3, w3, s3, n, b[3].n);
	}
	for (; m < n_mel; m++)
		mel[m] = chain(0, k->weight + k->band[m].at, pw + k->band[m].lo, 0, k->band[m].n);
}

/* src: the samples of a frame; y: its row. */
static void one_frame(const struct ser_front *p, struct ser_front_ws *ws, const float *src, float *y)
{
	size_t n_mel = (size_t)p->o.num_mel_bins;
	float energy[8] = {spectrum(p, ws, src)}, *mel = ws->mel;
	if (p->o.kind == SER_SPEC) {
		logarithm(p, ws->pw, NULL, p->n_bin);
		memcpy(y, ws->pw, p->n_bin * sizeof *y);
		return;
	}
	bands(ws->warp > 0 ? &ws->warped : &p->bank, n_mel, ws->pw, mel);
	logarithm(p, mel, p->o.kind == SER_MFCC ? ws->rest : NULL, n_mel);
	if (p->need_energy) {
		log_row(energy, NULL, 1, 0, 1.1920928955078125e-07f, 1);
		if (p->o.energy_floor > 0)
			energy[0] = fmaxf(energy[0], p->log_energy_floor);
	}
	if (p->o.kind == SER_MFCC) {
		cepstra(p, mel, ws->rest, energy[0], y);
		return;
	}
	if (p->need_energy && !p->o.htk_compat)
		*y++ = energy[0];
	memcpy(y, mel, n_mel * sizeof *y);
	if (p->need_energy && p->o.htk_compat)
		y[n_mel] = energy[0];
}

/* ---- all frames ------------------------------------------------------------------------------ */

/* Sample i of a signal of n samples, which may lie outside. */
static float beyond(const struct ser_front *p, const float *x, size_t n, ptrdiff_t i)
{
	ptrdiff_t m = (ptrdiff_t)n;
	if (p->o.edges == SER_EDGES_MIRROR) { /* ... 1 0 | 0 1 ... n-1 | n-1 ... */
		while (i < 0 || i >= m)
			i = i < 0 ? -1 - i : 2 * m - 1 - i;
		return x[i];
	}
	if (p->o.edges == SER_EDGES_SILENCE && p->o.pad == SER_PAD_REFLECT)
		i = i < 0 ? -i : i;
	if (p->o.pad == SER_PAD_CONSTANT || p->o.edges == SER_EDGES_SILENCE)
		return i < 0 || i >= m ? 0 : x[i];
	while (i < 0 || i >= m) /* ... 2 1 | 0 1 ... n-1 | n-2 ... */
		i = i < 0 ? -i : 2 * m - 2 - i;
	return x[i];
}

/* The power spectrum of frame t of p->wide, centred as that of p; what lies beyond the ends is 0. */
static void widen(const struct ser_front *p, struct ser_front_ws *ws, const float *x, size_t n, size_t t)
{
	size_t win = p->wide->win;
	ptrdiff_t from = (ptrdiff_t)(t * p->shift) + p->offset + (ptrdiff_t)(p->win / 2) - (ptrdiff_t)(win / 2);
	bool inside = from >= 0 && (size_t)from + win <= n;
	float *edge = ws->wide->edge;
	for (size_t i = 0; !inside && i < win; i++) {
		ptrdiff_t k = from + (ptrdiff_t)i;
		edge[i] = k >= 0 && k < (ptrdiff_t)n ? x[k] : 0;
	}
	spectrum(p->wide, ws->wide, inside ? x + from : edge);
}

static void descriptors(const struct ser_front *p, struct ser_front_ws *ws, const float *x, size_t n, const float *src,
			size_t t, float *y)
{
	spectrum(p, ws, src);
	logarithm(p, ws->pw, NULL, p->n_bin);
	if (p->wide != NULL)
		widen(p, ws, x, n, t);
	const struct ser_lld_frame f = {
		.t = t,
		.x = src,
		.pw = ws->pw,
		.wide = p->wide != NULL ? ws->wide->pw : NULL,
		.voice = &ws->lld->voice[t],
	};
	p->lld->set->frame(p->lld, ws->lld, &f, y);
}

void ser_front_frames(const struct ser_front *p, struct ser_front_ws *ws, const float *x, size_t n, size_t from_frame,
		      size_t n_frame, struct ser_rng *rng, float *y)
{
	double noise = p->o.dither / p->o.scale;
	for (size_t t = from_frame; t < from_frame + n_frame; t++, y += p->dim) {
		ptrdiff_t from = (ptrdiff_t)(t * p->shift) + p->offset;
		bool inside = from >= 0 && (size_t)from + p->win <= n;
		const float *src = inside && p->o.dither == 0 ? x + from : ws->edge;
		for (size_t i = 0; src == ws->edge && i < p->win; i++) {
			ptrdiff_t k = from + (ptrdiff_t)i;
			ws->edge[i] = inside ? x[k] : beyond(p, x, n, k);
			if (p->o.dither > 0)
				ws->edge[i] += (float)(noise * ser_rng_normal(rng));
		}
		if (p->lld == NULL)
			one_frame(p, ws, src, y);
		else
			descriptors(p, ws, x, n, src, t, y);
	}
}

static void subtract_mean(float *y, size_t n_frame, size_t d, size_t stride)
{
	for (size_t j = 0; j < d; j++) {
		double s = 0;
		for (size_t t = 0; t < n_frame; t++)
			s += y[t * stride + j];
		float mean = (float)(s / (double)n_frame);
		for (size_t t = 0; t < n_frame; t++)
			y[t * stride + j] -= mean;
	}
}

/* Values beyond so far below the top, as the logarithm has it, are cut to that; Whisper's 10 l becomes (l + 4) / 4. */
void ser_front_limit(const struct ser_front *p, float *y, size_t n_frame, float top)
{
	bool whisper = p->o.log == SER_LOG_WHISPER;
	float low = top - (float)(whisper ? 80 : p->o.top_db);
	for (size_t t = 0; t < n_frame; t++)
		for (size_t j = 0; j < p->base_dim; j++) {
			float v = fmaxf(low, y[t * p->dim + j]);
			y[t * p->dim + j] = whisper ? v * 0.025f + 1 : v;
		}
}

static float top_of(const struct ser_front *p, const float *y, size_t n_frame)
{
	float top = -INFINITY;
	for (size_t t = 0; t < n_frame; t++)
		for (size_t j = 0; j < p->base_dim; j++)
			top = fmaxf(top, y[t * p->dim + j]);
	return top;
}

int ser_front_all_finite(const float *y, size_t n, struct ser_err *e)
{
	return isfinite(ser_abs_max(y, n)) ? SER_OK : ser_fail(e, SER_EDATA, "a feature is not a finite number");
}

int ser_front_too_few(const struct ser_front *p, size_t n, struct ser_err *e)
{
	double rate = p->o.sample_frequency;
	return ser_fail(e, SER_EDATA, "%zu samples (%.4g ms) are too few for one frame: %zu are needed (%.4g ms)", n,
			1e3 * (double)n / rate, ser_front_min_sample(p), 1e3 * (double)ser_front_min_sample(p) / rate);
}

int ser_front_check(const struct ser_front *p, const float *x, size_t n, struct ser_err *e)
{
	float peak = ser_abs_max(x, n);
	if (!isfinite(peak))
		return ser_fail(e, SER_EDATA, "a sample is not a finite number");
	if (p->o.kind != SER_WAVE && peak * (float)p->o.scale > MAX_SAMPLE && !p->o.peak_norm)
		return ser_fail(e, SER_EDATA, "a sample of %g is beyond what a front-end takes (%g)", peak,
				MAX_SAMPLE / p->o.scale);
	return SER_OK;
}

int ser_front_do(const struct ser_front *p, struct ser_front_ws *ws, const float *x, size_t n, struct ser_rng *rng,
		 float *y, struct ser_err *e)
{
	const struct ser_front_opt *o = &p->o;
	ser_assert(o->kind == SER_WAVE || o->dither == 0 || rng != NULL);
	size_t n_frame = ser_front_n_frame(p, n);
	if (n_frame == 0)
		return ser_front_too_few(p, n, e);
	if (ser_front_check(p, x, n, e) != SER_OK)
		return e->code;
	float peak = ser_abs_max(x, n);
	if (o->kind == SER_WAVE) {
		for (size_t i = 0; i < n; i++)
			y[i] = o->peak_norm && peak > 0 ? x[i] / peak : x[i];
		return SER_OK;
	}
	if (o->peak_norm && peak > 0) {
		ws->sound = ser_grow(ws->sound, &ws->sound_cap, n, sizeof *ws->sound);
		for (size_t i = 0; i < n; i++)
			ws->sound[i] = x[i] / peak;
		x = ws->sound;
	}
	if (p->smile != NULL) {
		ser_smile_do(p->smile, ws->smile, x, n, y, o->delta_order);
		return ser_front_all_finite(y, n_frame * p->dim, e);
	}
	double first = ((double)p->offset + 0.5 * (double)p->win) / o->sample_frequency;
	if (p->lld != NULL && ser_lld_begin(p->lld, ws->lld, x, n, first, n_frame, e) != SER_OK)
		return e->code;
	ser_front_frames(p, ws, x, n, 0, n_frame, rng, y);
	if (p->lld != NULL && p->lld->set->end != NULL)
		p->lld->set->end(p->lld, ws->lld, n_frame, y, p->dim);
	if (o->log == SER_LOG_WHISPER || (o->log == SER_LOG_DB && o->top_db > 0))
		ser_front_limit(p, y, n_frame, top_of(p, y, n_frame));
	if (o->subtract_mean)
		subtract_mean(y, n_frame, p->base_dim, p->dim);
	for (int k = 0; k < o->delta_order; k++)
		ser_delta_do(y + (size_t)k * p->base_dim, p->dim, y + (size_t)(k + 1) * p->base_dim, p->dim, n_frame,
			     p->base_dim, o->delta_window);
	for (size_t j = 0; p->lld != NULL && j < p->base_dim; j++)
		for (int k = 0; p->sparse[j] && k < o->delta_order; k++)
			ser_delta_gaps(y + j, y + (size_t)k * p->base_dim + j, p->dim,
				       y + (size_t)(k + 1) * p->base_dim + j, p->dim, n_frame, o->delta_window);
	return ser_front_all_finite(y, n_frame * p->dim, e);
}
