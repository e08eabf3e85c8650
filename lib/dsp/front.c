/* SPDX-License-Identifier: MIT */
#include "dsp/dsp.h"
#include "dsp/fft.h"
#include "dsp/lld.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 16 };

/* Samples times scale beyond this are refused: their power spectrum stays far from overflow. */
static const float MAX_SAMPLE = 1e12f;

struct lane_fft {
	struct ser_fft_table t; /* of n/2 points, or of n when n is odd */
	size_t n;
	bool half;
	double *split; /* [n/4+1] pairs cos/2, sin/2 of 2 pi k / n */
};

struct band {
	size_t lo, n; /* bins [lo, lo + n) */
	size_t at;    /* first weight */
};

struct ser_front {
	struct ser_front_opt o;
	size_t win, shift, n_fft, n_bin, dim, base_dim;
	size_t n_row; /* rows of the transform */
	size_t n_out_row, n_ceps_row, n_aux_row;
	ptrdiff_t offset; /* frame t begins at sample t * shift + offset */
	bool need_energy;
	float log_energy_floor;
	double *window;
	struct lane_fft fft;
	struct band *band;
	float *weight;
	double *dct;            /* [num_ceps, num_mel_bins] with lifter */
	struct ser_lld *lld;    /* what makes descriptors of spectra, or NULL */
	struct ser_front *wide; /* the power spectrum of longer frames that some sets want too, or NULL */
	bool *sparse;           /* [dim] */
	int isa;
	void (*block)(const struct ser_front *p, float *scratch, const float *const *src, float *y, size_t y_stride,
		      size_t n_lane);
	size_t w; /* frames a block */
};

struct ser_front_ws {
	float *scratch; /* rows of a block */
	float *edge;    /* [LANES, win] frames that reach over an end, or with dither */
	float *x;       /* the signal divided by its peak */
	size_t x_cap;
	/* descriptors: */
	struct ser_lld_ws *lld;
	float *spec; /* [LANES, F] */
	struct ser_front_ws *wide;
	float *wide_spec; /* [LANES, F of wide] */
};

#define LOOPS "dsp/front_lanes.h"
#include "dsp/widths.h"

/* ---- tables ----------------------------------------------------------------------------------- */

static void fft_init(struct lane_fft *f, size_t n)
{
	f->n = n;
	f->half = n % 2 == 0;
	ser_fft_table_init(&f->t, f->half ? n / 2 : n);
	f->split = ser_malloc(2 * (n / 4 + 1), sizeof *f->split);
	for (size_t k = 0; k <= n / 4; k++) {
		double c, s;
		ser_fft_root(k, n, &c, &s);
		f->split[2 * k] = 0.5 * c;
		f->split[2 * k + 1] = 0.5 * s;
	}
}

static void window_init(struct ser_front *p)
{
	const struct ser_front_opt *o = &p->o;
	size_t n = p->win, d = o->periodic ? n : n - 1;
	p->window = ser_malloc(n, sizeof *p->window);
	for (size_t i = 0; i < n; i++) {
		double c = 1, c2 = 1, s;
		if (d > 0) {
			ser_fft_root(i, d, &c, &s);
			ser_fft_root(2 * i, d, &c2, &s);
		}
		double w = 1;
		switch (o->window_type) {
		case SER_WIN_POVEY:
			w = pow(0.5 - 0.5 * c, 0.85);
			break;
		case SER_WIN_HAMMING:
			w = 0.54 - 0.46 * c;
			break;
		case SER_WIN_HANNING:
			w = 0.5 - 0.5 * c;
			break;
		case SER_WIN_RECTANGULAR:
			break;
		case SER_WIN_BLACKMAN:
			w = o->blackman_coeff - 0.5 * c + (0.5 - o->blackman_coeff) * c2;
			break;
		}
		p->window[i] = w;
	}
}

/* Kaldi's mel scale, in single precision as Kaldi computes it: its filters' edges depend on that. */
static float mel_kaldi(float hz)
{
	return 1127.0f * logf(1.0f + hz / 700.0f);
}

static double hz_to_mel(enum ser_mel_scale s, double hz)
{
	if (s == SER_MEL_HTK)
		return 2595.0 * log10(1.0 + hz / 700.0);
	return hz < 1000.0 ? hz * 3 / 200 : 15.0 + log(hz / 1000.0) * 27 / log(6.4);
}

static double mel_to_hz(enum ser_mel_scale s, double mel)
{
	if (s == SER_MEL_HTK)
		return 700.0 * (pow(10.0, mel / 2595.0) - 1.0);
	return mel < 15.0 ? mel * 200 / 3 : 1000.0 * exp((mel - 15.0) * log(6.4) / 27);
}

/* Row b of the filterbank into w [n_bin]. */
static void filter(const struct ser_front *p, size_t b, float *w)
{
	const struct ser_front_opt *o = &p->o;
	double nyquist = 0.5 * o->sample_frequency, hi_hz = o->high_freq > 0 ? o->high_freq : nyquist + o->high_freq;
	memset(w, 0, p->n_bin * sizeof *w);
	if (o->mel_shape == SER_SHAPE_MEL) {
		/* slopes as Kaldi's MelBanks; the bin at the Nyquist frequency is left out */
		double lo, hi;
		if (o->mel_scale == SER_MEL_HTK) {
			lo = 1127.0 * log(1.0 + o->low_freq / 700.0);
			hi = 1127.0 * log(1.0 + hi_hz / 700.0);
		} else {
			lo = hz_to_mel(o->mel_scale, o->low_freq);
			hi = hz_to_mel(o->mel_scale, hi_hz);
		}
		float delta = (float)((hi - lo) / (o->num_mel_bins + 1));
		float left = (float)lo + (float)b * delta, center = (float)lo + (float)(b + 1) * delta;
		float right = (float)lo + (float)(b + 2) * delta;
		float bin_hz = (float)(o->sample_frequency / (double)p->n_fft);
		for (size_t k = 0; k < (p->n_fft + 1) / 2; k++) {
			float hz = bin_hz * (float)k;
			float m = o->mel_scale == SER_MEL_HTK ? mel_kaldi(hz) : (float)hz_to_mel(o->mel_scale, hz);
			float up = (m - left) / (center - left), down = (right - m) / (right - center);
			float v = up < down ? up : down;
			w[k] = v > 0 ? v : 0;
		}
		return;
	}
	double lo = hz_to_mel(o->mel_scale, o->low_freq), hi = hz_to_mel(o->mel_scale, hi_hz), f[3];
	for (int i = 0; i < 3; i++)
		f[i] = mel_to_hz(o->mel_scale, lo + (hi - lo) * ((double)b + i) / (o->num_mel_bins + 1));
	double right_width = o->mel_shape == SER_SHAPE_LEFT ? f[1] - f[0] : f[2] - f[1];
	double gain = o->mel_norm == SER_NORM_SLANEY ? 2.0 / (f[2] - f[0]) : 1.0;
	for (size_t k = 0; k < p->n_bin; k++) {
		double hz = o->sample_frequency * (double)k / (double)p->n_fft;
		double up = (hz - f[0]) / (f[1] - f[0]), down = (f[1] + right_width - hz) / right_width;
		double v = up < down ? up : down;
		w[k] = v > 0 ? (float)(v * gain) : 0;
	}
}

static void bands_init(struct ser_front *p)
{
	size_t n_mel = (size_t)p->o.num_mel_bins, at = 0;
	p->band = ser_calloc(n_mel, sizeof *p->band);
	p->weight = ser_malloc(ser_mul(n_mel, p->n_bin), sizeof *p->weight);
	float *w = ser_malloc(p->n_bin, sizeof *w);
	for (size_t b = 0; b < n_mel; b++) {
		filter(p, b, w);
		size_t lo = 0, hi = p->n_bin;
		while (lo < hi && w[lo] == 0)
			lo++;
		while (hi > lo && w[hi - 1] == 0)
			hi--;
		p->band[b] = (struct band){.lo = lo < p->n_bin ? lo : 0, .n = hi - lo, .at = at};
		memcpy(p->weight + at, w + lo, (hi - lo) * sizeof *w);
		at += hi - lo;
	}
	free(w);
}

/* DCT II, orthonormal, with the lifter 1 + L/2 sin(pi c / L) and, where C0 is put last for HTK, C0 times sqrt(2). */
static void dct_init(struct ser_front *p)
{
	size_t n = (size_t)p->o.num_mel_bins, n_ceps = (size_t)p->o.num_ceps;
	double lift = p->o.cepstral_lifter;
	p->dct = ser_malloc(ser_mul(n, n_ceps), sizeof *p->dct);
	for (size_t c = 0; c < n_ceps; c++) {
		double gain = sqrt((c == 0 ? 1.0 : 2.0) / (double)n);
		if (lift != 0)
			gain *= 1 + 0.5 * lift * sin(M_PI * (double)c / lift);
		if (c == 0 && p->o.htk_compat && !p->o.use_energy)
			gain *= sqrt(2.0);
		for (size_t b = 0; b < n; b++) {
			double x, y;
			ser_fft_root(c * (2 * b + 1), 4 * n, &x, &y);
			p->dct[c * n + b] = gain * x;
		}
	}
}

/* ---- the plan ---------------------------------------------------------------------------------- */

static const struct ser_lld_set *lld_set(enum ser_front_kind kind)
{
	return kind == SER_LLD       ? &ser_lld_basic
	       : kind == SER_COMPARE ? &ser_lld_compare
	       : kind == SER_EGEMAPS ? &ser_lld_egemaps
				     : NULL;
}

static int check(const struct ser_front_opt *o, struct ser_err *e)
{
	size_t n;
	const struct ser_front_field *f = ser_front_fields(&n);
	for (size_t i = 0; i < n; i++) {
		if ((f[i].kinds >> o->kind & 1) == 0 || f[i].offset == SIZE_MAX)
			continue;
		const char *at = (const char *)o + f[i].offset;
		double v = 0;
		int k = 0;
		if (f[i].type == SER_FIELD_REAL)
			memcpy(&v, at, sizeof v);
		else if (f[i].type == SER_FIELD_INT)
			memcpy(&k, at, sizeof k), v = k;
		else
			continue;
		if (!(v >= f[i].lo && v <= f[i].hi))
			return ser_fail(e, SER_EUSAGE, "%s %g is not in [%g,%g]", f[i].name, v, f[i].lo, f[i].hi);
	}
	if (o->kind == SER_WAVE || o->kind == SER_SPEC || lld_set(o->kind) != NULL)
		return SER_OK;
	double nyquist = 0.5 * o->sample_frequency, hi = o->high_freq > 0 ? o->high_freq : nyquist + o->high_freq;
	if (!(o->low_freq < hi && hi <= nyquist))
		return ser_fail(e, SER_EUSAGE, "low-freq %g and high-freq %g must satisfy low < high <= %g Hz",
				o->low_freq, hi, nyquist);
	if (o->mel_norm == SER_NORM_SLANEY && o->mel_shape == SER_SHAPE_MEL)
		return ser_fail(e, SER_EUSAGE, "mel-norm slaney needs mel-shape hz or left");
	if (o->kind == SER_MFCC && o->num_ceps > o->num_mel_bins)
		return ser_fail(e, SER_EUSAGE, "num-ceps %d is more than num-mel-bins %d", o->num_ceps,
				o->num_mel_bins);
	if (o->kind == SER_MFCC && (o->log == SER_LOG_NONE || o->power != 2))
		return ser_fail(e, SER_EUSAGE,
				"mfcc is of logarithms of power: log none and powers other than 2 do not go with it");
	return SER_OK;
}

static size_t samples(double hz, double ms, int n)
{
	/* Kaldi truncates rate * 0.001 * ms; a product that is an integer but for rounding counts as it */
	return n > 0 ? (size_t)n : (size_t)(hz * 0.001 * ms * (1 + 1e-12));
}

static int geometry(struct ser_front *p, struct ser_err *e)
{
	const struct ser_front_opt *o = &p->o;
	p->win = samples(o->sample_frequency, o->frame_length_ms, o->win_length);
	p->shift = samples(o->sample_frequency, o->frame_shift_ms, o->hop_length);
	if (p->win < 2 || p->shift < 1 || p->win > 1 << 20 || p->shift > 1 << 20)
		return ser_fail(e, SER_EUSAGE, "a window of %zu samples every %zu: must be 2 to 2^20, and 1 to 2^20",
				p->win, p->shift);
	p->n_fft = (size_t)o->n_fft;
	if (p->n_fft == 0 && o->round_to_power_of_two)
		for (p->n_fft = 1; p->n_fft < p->win;)
			p->n_fft *= 2;
	if (p->n_fft == 0)
		p->n_fft = p->win;
	if (p->n_fft < p->win)
		return ser_fail(e, SER_EUSAGE, "n-fft %zu is shorter than the window of %zu samples", p->n_fft, p->win);
	p->n_bin = p->n_fft / 2 + 1;
	switch (o->edges) {
	case SER_EDGES_SNIP:
		p->offset = 0;
		break;
	case SER_EDGES_MIRROR:
		p->offset = (ptrdiff_t)(p->shift / 2) - (ptrdiff_t)(p->win / 2);
		break;
	/* torch centres the window in the transform's frame */
	case SER_EDGES_CENTER:
		p->offset = (ptrdiff_t)((p->n_fft - p->win) / 2) - (ptrdiff_t)(p->n_fft / 2);
		break;
	case SER_EDGES_VALID:
		p->offset = (ptrdiff_t)((p->n_fft - p->win) / 2);
		break;
	}
	return SER_OK;
}

void ser_front_force_isa(struct ser_front *p, int isa)
{
	p->w = width_for(isa);
	p->block = OF_WIDTH(p->w, block);
	p->isa = isa;
	if (p->wide != NULL)
		ser_front_force_isa(p->wide, isa);
	if (p->lld != NULL)
		ser_f0_force_isa(p->lld->f0, isa);
}

/* The power spectrum of Gaussian frames of 60 ms (standard deviation 0.4 of half of one). */
static int wide_new(struct ser_front *p, struct ser_err *e)
{
	struct ser_front_opt o;
	ser_front_opt_init(&o, SER_SPEC);
	o.sample_frequency = p->o.sample_frequency;
	o.frame_length_ms = 60;
	o.round_to_power_of_two = true;
	o.edges = SER_EDGES_SNIP;
	o.remove_dc_offset = p->o.remove_dc_offset;
	int rc = ser_front_new(&p->wide, &o, e);
	for (size_t i = 0; rc == SER_OK && i < p->wide->win; i++) {
		double half = 0.5 * (double)(p->wide->win - 1), u = ((double)i - half) / (0.4 * half);
		p->wide->window[i] = exp(-0.5 * u * u);
	}
	return rc;
}

static int lld_new(struct ser_front *p, struct ser_err *e)
{
	const struct ser_front_opt *o = &p->o;
	struct ser_f0_opt f;
	struct ser_lld *l = p->lld = ser_calloc(1, sizeof *l);
	l->set = lld_set(o->kind);
	l->rate_hz = o->sample_frequency;
	l->shift_s = ser_front_shift_s(p);
	l->bin_hz = o->sample_frequency / (double)p->n_fft;
	l->win = p->win;
	l->n_bin = p->n_bin;
	p->base_dim = l->set->n;
	ser_f0_opt_init(&f);
	f.sample_frequency = o->sample_frequency;
	f.floor_hz = o->f0_floor;
	f.ceiling_hz = o->f0_ceiling;
	f.shift_s = l->shift_s;
	int rc = ser_f0_new(&l->f0, &f, e);
	if (rc == SER_OK && l->set->wide)
		rc = wide_new(p, e);
	if (rc != SER_OK)
		return rc;
	if (p->wide != NULL) {
		l->n_wide = p->wide->n_bin;
		l->wide_hz = o->sample_frequency / (double)p->wide->n_fft;
	}
	ser_lld_init(l);
	return SER_OK;
}

int ser_front_new(struct ser_front **out, const struct ser_front_opt *o, struct ser_err *e)
{
	*out = NULL;
	int rc = check(o, e);
	if (rc != SER_OK)
		return rc;
	struct ser_front *p = ser_calloc(1, sizeof *p);
	p->o = *o;
	if (o->kind == SER_WAVE) {
		p->win = p->shift = 1;
		p->dim = p->base_dim = 1;
		p->sparse = ser_calloc(p->dim, sizeof *p->sparse);
		*out = p;
		return SER_OK;
	}
	rc = geometry(p, e);
	if (rc != SER_OK) {
		free(p);
		return rc;
	}
	fft_init(&p->fft, p->n_fft);
	window_init(p);
	p->n_row = p->fft.half ? p->n_fft : 2 * p->n_fft;
	if (p->n_row < (size_t)o->num_mel_bins) /* the cepstra's sums use it too */
		p->n_row = (size_t)o->num_mel_bins;
	p->n_aux_row = 2 * p->fft.t.max_radix;
	p->need_energy = o->use_energy && (o->kind == SER_FBANK || o->kind == SER_MFCC);
	p->log_energy_floor = o->energy_floor > 0 ? (float)log(o->energy_floor) : 0;
	p->base_dim = p->n_bin;
	if (lld_set(o->kind) != NULL) {
		rc = lld_new(p, e);
		if (rc != SER_OK) {
			ser_front_free(p);
			return rc;
		}
	} else if (o->kind != SER_SPEC) {
		bands_init(p);
		p->n_out_row = (size_t)o->num_mel_bins;
		p->base_dim = (size_t)o->num_mel_bins + (o->kind == SER_FBANK && p->need_energy);
	}
	if (o->kind == SER_MFCC) {
		dct_init(p);
		p->base_dim = p->n_ceps_row = (size_t)o->num_ceps;
	}
	p->dim = p->base_dim * (1 + (size_t)o->delta_order);
	p->sparse = ser_calloc(p->dim, sizeof *p->sparse);
	for (size_t i = 0; p->lld != NULL && i < p->base_dim; i++)
		p->sparse[i] = p->lld->set->sparse(i);
	ser_front_force_isa(p, 0);
	*out = p;
	return SER_OK;
}

void ser_front_free(struct ser_front *p)
{
	if (p == NULL)
		return;
	ser_fft_table_free(&p->fft.t);
	free(p->fft.split);
	free(p->window);
	free(p->band);
	free(p->weight);
	free(p->dct);
	if (p->lld != NULL)
		ser_lld_free(p->lld);
	free(p->lld);
	ser_front_free(p->wide);
	free(p->sparse);
	free(p);
}

const struct ser_front_opt *ser_front_opt(const struct ser_front *p)
{
	return &p->o;
}

const bool *ser_front_sparse(const struct ser_front *p)
{
	return p->sparse;
}

size_t ser_front_dim(const struct ser_front *p)
{
	return p->dim;
}

size_t ser_front_win(const struct ser_front *p)
{
	return p->win;
}

const char *ser_front_column(const struct ser_front *p, size_t i, char *buf)
{
	static const char *const order[] = {"", "d_", "dd_"}, *const after[] = {"", "_de", "_de_de"};
	ser_assert(i < p->dim);
	if (p->lld == NULL)
		return NULL;
	const char *name = p->lld->set->name[i % p->base_dim];
	int n = (int)strcspn(name, "[");
	if (p->o.kind == SER_LLD)
		snprintf(buf, 64, "%s%s", order[i / p->base_dim], name);
	else
		snprintf(buf, 64, "%.*s%s%s", n, name, after[i / p->base_dim], name + n); /* mfcc_sma_de[1] */
	return buf;
}

double ser_front_shift_s(const struct ser_front *p)
{
	return (double)p->shift / p->o.sample_frequency;
}

bool ser_front_local(const struct ser_front *p)
{
	const struct ser_front_opt *o = &p->o;
	bool own_window = o->kind == SER_WAVE || o->edges == SER_EDGES_SNIP || o->edges == SER_EDGES_VALID;
	bool own_level = !o->peak_norm && !o->subtract_mean && !(o->log == SER_LOG_DB && o->top_db > 0);
	return o->kind <= SER_MFCC && own_window && own_level && o->delta_order == 0 && o->dither == 0;
}

size_t ser_front_min_sample(const struct ser_front *p)
{
	if (p->o.kind == SER_WAVE)
		return 1;
	switch (p->o.edges) {
	case SER_EDGES_SNIP:
		return p->win;
	case SER_EDGES_MIRROR:
		return p->shift - p->shift / 2;
	case SER_EDGES_CENTER:
		return p->o.pad == SER_PAD_REFLECT ? p->n_fft / 2 + 1 : 1;
	default:
		return p->n_fft;
	}
}

size_t ser_front_n_frame(const struct ser_front *p, size_t n)
{
	if (n < ser_front_min_sample(p))
		return 0;
	if (p->o.kind == SER_WAVE)
		return n;
	switch (p->o.edges) {
	case SER_EDGES_SNIP:
		return 1 + (n - p->win) / p->shift;
	case SER_EDGES_MIRROR:
		return (n + p->shift / 2) / p->shift;
	case SER_EDGES_CENTER:
		return 1 + (n + 2 * (p->n_fft / 2) - p->n_fft) / p->shift;
	default:
		return 1 + (n - p->n_fft) / p->shift;
	}
}

void ser_front_filters(const struct ser_front *p, float *w)
{
	for (size_t b = 0; b < (size_t)p->o.num_mel_bins; b++)
		filter(p, b, w + b * p->n_bin);
}

/* ---- doing it ----------------------------------------------------------------------------------- */

static float *rows_of(size_t n)
{
	return ser_malloc_aligned(ser_mul(n, LANES), sizeof(float));
}

struct ser_front_ws *ser_front_ws_new(const struct ser_front *p)
{
	struct ser_front_ws *ws = ser_calloc(1, sizeof *ws);
	if (p->o.kind == SER_WAVE)
		return ws;
	size_t rows = p->win + p->n_bin + p->n_out_row + p->n_ceps_row + p->n_row + p->n_aux_row;
	ws->scratch = rows_of(rows);
	ws->edge = rows_of(p->win);
	if (p->lld != NULL) {
		ws->lld = ser_lld_ws_new(p->lld);
		ws->spec = rows_of(p->n_bin);
	}
	if (p->wide != NULL) {
		ws->wide = ser_front_ws_new(p->wide);
		ws->wide_spec = rows_of(p->wide->n_bin);
	}
	return ws;
}

void ser_front_ws_free(struct ser_front_ws *ws)
{
	if (ws == NULL)
		return;
	free(ws->scratch);
	free(ws->edge);
	free(ws->x);
	ser_lld_ws_free(ws->lld);
	free(ws->spec);
	ser_front_ws_free(ws->wide);
	free(ws->wide_spec);
	free(ws);
}

/* Sample i of a signal of n samples, which may lie outside. */
static float beyond(const struct ser_front *p, const float *x, size_t n, ptrdiff_t i)
{
	ptrdiff_t m = (ptrdiff_t)n;
	if (p->o.edges == SER_EDGES_MIRROR) { /* ... 1 0 | 0 1 ... n-1 | n-1 ... */
		while (i < 0 || i >= m)
			i = i < 0 ? -1 - i : 2 * m - 1 - i;
		return x[i];
	}
	if (p->o.pad == SER_PAD_CONSTANT)
		return i < 0 || i >= m ? 0 : x[i];
	while (i < 0 || i >= m) /* ... 2 1 | 0 1 ... n-1 | n-2 ... */
		i = i < 0 ? -i : 2 * m - 2 - i;
	return x[i];
}

/* Frames [t, t + n_lane) of the wider spectrum, centred as those of p; what lies beyond the ends is 0. */
static void widen(const struct ser_front *p, struct ser_front_ws *ws, const float *x, size_t n, size_t t, size_t n_lane)
{
	const float *src[LANES];
	size_t win = p->wide->win;
	for (size_t l = 0; l < p->wide->w; l++) {
		size_t lane = l < n_lane ? l : 0;
		ptrdiff_t from =
			(ptrdiff_t)((t + lane) * p->shift) + p->offset + (ptrdiff_t)(p->win / 2) - (ptrdiff_t)(win / 2);
		bool inside = from >= 0 && (size_t)from + win <= n;
		float *edge = ws->wide->edge + l * win;
		src[l] = inside ? x + from : edge;
		for (size_t i = 0; !inside && i < win; i++) {
			ptrdiff_t k = from + (ptrdiff_t)i;
			edge[i] = k >= 0 && k < (ptrdiff_t)n ? x[k] : 0;
		}
	}
	p->wide->block(p->wide, ws->wide->scratch, src, ws->wide_spec, p->wide->n_bin, n_lane);
}

static void descriptors(const struct ser_front *p, struct ser_front_ws *ws, const float *x, size_t n,
			const float *const *src, size_t t, size_t n_lane, float *y)
{
	p->block(p, ws->scratch, src, ws->spec, p->n_bin, n_lane);
	if (p->wide != NULL)
		widen(p, ws, x, n, t, n_lane);
	for (size_t l = 0; l < n_lane; l++) {
		const struct ser_lld_frame f = {
			.t = t + l,
			.x = src[l],
			.pw = ws->spec + l * p->n_bin,
			.wide = p->wide != NULL ? ws->wide_spec + l * p->wide->n_bin : NULL,
			.voice = &ws->lld->voice[t + l],
		};
		p->lld->set->frame(p->lld, ws->lld, &f, y + l * p->dim);
	}
}

static void blocks(const struct ser_front *p, struct ser_front_ws *ws, const float *x, size_t n, size_t n_frame,
		   struct ser_rng *rng, float *y)
{
	const float *src[LANES];
	double noise = p->o.dither / p->o.scale;
	for (size_t t = 0; t < n_frame; t += p->w) {
		size_t n_lane = n_frame - t < p->w ? n_frame - t : p->w;
		for (size_t l = 0; l < p->w; l++) {
			if (l >= n_lane) { /* lanes without a frame repeat the first */
				src[l] = src[0];
				continue;
			}
			ptrdiff_t from = (ptrdiff_t)((t + l) * p->shift) + p->offset;
			bool inside = from >= 0 && (size_t)from + p->win <= n;
			float *edge = ws->edge + l * p->win;
			src[l] = inside ? x + from : edge;
			if (!inside)
				for (size_t i = 0; i < p->win; i++)
					edge[i] = beyond(p, x, n, from + (ptrdiff_t)i);
			if (p->o.dither > 0) {
				if (inside)
					memcpy(edge, x + from, p->win * sizeof *edge);
				for (size_t i = 0; i < p->win; i++)
					edge[i] += (float)(noise * ser_rng_normal(rng));
				src[l] = edge;
			}
		}
		if (p->lld == NULL)
			p->block(p, ws->scratch, src, y + t * p->dim, p->dim, n_lane);
		else
			descriptors(p, ws, x, n, src, t, n_lane, y + t * p->dim);
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

static void limit_db(const struct ser_front *p, float *y, size_t n_frame)
{
	float top = -INFINITY;
	for (size_t t = 0; t < n_frame; t++)
		for (size_t j = 0; j < p->base_dim; j++)
			top = fmaxf(top, y[t * p->dim + j]);
	top -= (float)p->o.top_db;
	for (size_t t = 0; t < n_frame; t++)
		for (size_t j = 0; j < p->base_dim; j++)
			y[t * p->dim + j] = fmaxf(top, y[t * p->dim + j]);
}

int ser_front_do(const struct ser_front *p, struct ser_front_ws *ws, const float *x, size_t n, struct ser_rng *rng,
		 float *y, struct ser_err *e)
{
	const struct ser_front_opt *o = &p->o;
	ser_assert(o->kind == SER_WAVE || o->dither == 0 || rng != NULL);
	size_t n_frame = ser_front_n_frame(p, n);
	if (n_frame == 0)
		return ser_fail(e, SER_EDATA,
				"%zu samples (%.4g ms) are too few for one frame: %zu are needed (%.4g ms)", n,
				1e3 * (double)n / o->sample_frequency, ser_front_min_sample(p),
				1e3 * (double)ser_front_min_sample(p) / o->sample_frequency);
	float peak = ser_abs_max(x, n);
	if (!isfinite(peak))
		return ser_fail(e, SER_EDATA, "a sample is not a finite number");
	if (o->kind != SER_WAVE && peak * (float)o->scale > MAX_SAMPLE && !o->peak_norm)
		return ser_fail(e, SER_EDATA, "a sample of %g is beyond what a front-end takes (%g)", peak,
				MAX_SAMPLE / o->scale);
	if (o->kind == SER_WAVE) {
		for (size_t i = 0; i < n; i++)
			y[i] = o->peak_norm && peak > 0 ? x[i] / peak : x[i];
		return SER_OK;
	}
	if (o->peak_norm && peak > 0) {
		ws->x = ser_grow(ws->x, &ws->x_cap, n, sizeof *ws->x);
		for (size_t i = 0; i < n; i++)
			ws->x[i] = x[i] / peak;
		x = ws->x;
	}
	double first = ((double)p->offset + 0.5 * (double)p->win) / o->sample_frequency;
	if (p->lld != NULL && ser_lld_begin(p->lld, ws->lld, x, n, first, n_frame, e) != SER_OK)
		return e->code;
	blocks(p, ws, x, n, n_frame, rng, y);
	if (p->lld != NULL && p->lld->set->end != NULL)
		p->lld->set->end(p->lld, ws->lld, n_frame, y, p->dim);
	if (o->log == SER_LOG_DB && o->top_db > 0)
		limit_db(p, y, n_frame);
	if (o->subtract_mean)
		subtract_mean(y, n_frame, p->base_dim, p->dim);
	for (int k = 0; k < o->delta_order; k++)
		ser_delta_do(y + (size_t)k * p->base_dim, p->dim, y + (size_t)(k + 1) * p->base_dim, p->dim, n_frame,
			     p->base_dim, o->delta_window);
	if (!isfinite(ser_abs_max(y, n_frame * p->dim)))
		return ser_fail(e, SER_EDATA, "a feature is not a finite number");
	return SER_OK;
}
