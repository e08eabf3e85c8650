/* SPDX-License-Identifier: MIT */
/* A front-end's plan: its options checked, its geometry, what it says of itself. */
#include "dsp/front.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct ser_lld_set *lld_set(enum ser_front_kind kind)
{
	return kind == SER_LLD       ? &ser_lld_basic
	       : kind == SER_COMPARE ? &ser_lld_compare
	       : kind == SER_EGEMAPS ? &ser_lld_egemaps
	       : kind == SER_EMOBASE ? &ser_lld_emobase
	       : kind == SER_IS09    ? &ser_lld_is09
	       : kind == SER_IS10    ? &ser_lld_is10
	       : kind == SER_IS11    ? &ser_lld_is11
				     : NULL;
}

/* openSMILE's frames, windows and pitch are its own: nothing else may be asked for. */
static int check_compat(const struct ser_front_opt *o, struct ser_err *e)
{
	struct ser_front_opt plain;
	ser_front_opt_init(&plain, o->kind);
	plain.compat = o->compat;
	plain.sample_frequency = o->sample_frequency;
	plain.delta_order = o->delta_order == 0 ? 0 : plain.delta_order;
	struct ser_buf want = {0}, have = {0};
	ser_front_text(&plain, &want);
	ser_front_text(o, &have);
	bool same = strcmp(want.s, have.s) == 0;
	double rate = o->sample_frequency;
	ser_buf_free(&want);
	ser_buf_free(&have);
	if (!(rate >= SMILE_LEAST_HZ && rate <= SMILE_MOST_HZ && rate == floor(rate)))
		return ser_fail(e, SER_EUSAGE, "compat opensmile is at %d to %d Hz, without a fraction", SMILE_LEAST_HZ,
				SMILE_MOST_HZ);
	return same ? SER_OK
		    : ser_fail(e, SER_EUSAGE,
			       "compat opensmile has its own frames and pitch: no other option of %s goes with it",
			       ser_front_kind_name(o->kind));
}

/* Kaldi's conditions on the warped axis. */
static int check_vtln(const struct ser_front_opt *o, double warp, struct ser_err *e)
{
	double nyquist = 0.5 * o->sample_frequency, hi = o->high_freq > 0 ? o->high_freq : nyquist + o->high_freq;
	double top = o->vtln_high > 0 ? o->vtln_high : nyquist + o->vtln_high;
	if (warp == 1)
		return SER_OK;
	if (o->mel_shape != SER_SHAPE_MEL || o->mel_scale != SER_MEL_HTK)
		return ser_fail(e, SER_EUSAGE, "vtln-warp is of mel-shape mel on mel-scale htk");
	if (!(o->low_freq < o->vtln_low && o->vtln_low < top && top < hi))
		return ser_fail(
			e, SER_EUSAGE,
			"vtln-low %g and vtln-high %g must satisfy low-freq < low < high < high-freq: %g, %g Hz",
			o->vtln_low, top, o->low_freq, hi);
	if (!(o->vtln_low * fmax(1, warp) > o->low_freq && top * fmin(1, warp) < hi &&
	      o->vtln_low * fmax(1, warp) < top * fmin(1, warp)))
		return ser_fail(e, SER_EUSAGE, "vtln-warp %g leaves nothing between vtln-low %g and vtln-high %g Hz",
				warp, o->vtln_low, top);
	return SER_OK;
}

static int check(const struct ser_front_opt *o, struct ser_err *e)
{
	for (const struct ser_option *f = ser_front_options(); f->name != NULL; f++) {
		bool real_number = f->type == SER_OPTION_REAL;
		if ((f->kinds >> o->kind & 1) == 0 || (!real_number && f->type != SER_OPTION_INT))
			continue;
		const void *at = (const char *)o + f->at;
		double v = real_number ? *(const double *)at : *(const int *)at;
		if (!(v >= f->lo && v <= f->hi))
			return ser_fail(e, SER_EUSAGE, "%s %g is not in [%g,%g]", f->name, v, f->lo, f->hi);
	}
	if (o->compat != SER_COMPAT_NONE)
		return check_compat(o, e);
	if (o->kind == SER_WAVE || o->kind == SER_SPEC || lld_set(o->kind) != NULL)
		return SER_OK;
	double nyquist = 0.5 * o->sample_frequency, hi = o->high_freq > 0 ? o->high_freq : nyquist + o->high_freq;
	if (!(o->low_freq < hi && hi <= nyquist))
		return ser_fail(e, SER_EUSAGE, "low-freq %g and high-freq %g must satisfy low < high <= %g Hz",
				o->low_freq, hi, nyquist);
	if ((o->kind == SER_FBANK || o->kind == SER_MFCC) && check_vtln(o, o->vtln_warp, e) != SER_OK)
		return e->code;
	if (o->mel_norm == SER_MEL_NORM_SLANEY && o->mel_shape == SER_SHAPE_MEL)
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
	case SER_EDGES_SHIFTS:
	case SER_EDGES_SILENCE:
		p->offset = (ptrdiff_t)((p->n_fft - p->win) / 2) - (ptrdiff_t)(p->n_fft / 2);
		break;
	case SER_EDGES_VALID:
		p->offset = (ptrdiff_t)((p->n_fft - p->win) / 2);
		break;
	}
	return SER_OK;
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
	p->fft = ser_fft_new(p->n_fft);
	ser_front_window(p);
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
		rc = ser_front_bands(p, o->vtln_warp, &p->bank, e);
		if (rc != SER_OK) {
			ser_front_free(p);
			return rc;
		}
		p->base_dim = (size_t)o->num_mel_bins + (o->kind == SER_FBANK && p->need_energy);
	}
	if (o->kind == SER_MFCC) {
		ser_front_dct(p);
		p->base_dim = (size_t)o->num_ceps;
	}
	p->dim = p->base_dim * (1 + (size_t)o->delta_order);
	if (o->compat == SER_COMPAT_OPENSMILE)
		p->smile = ser_smile_new(o->kind, o->sample_frequency);
	p->sparse = ser_calloc(p->dim, sizeof *p->sparse);
	for (size_t i = 0; p->lld != NULL && i < p->base_dim; i++)
		p->sparse[i] = p->lld->set->sparse(i);
	*out = p;
	return SER_OK;
}

void ser_front_free(struct ser_front *p)
{
	if (p == NULL)
		return;
	ser_fft_free(p->fft);
	free(p->window);
	ser_bank_free(&p->bank);
	free(p->dct);
	if (p->lld != NULL)
		ser_lld_free(p->lld);
	free(p->lld);
	ser_front_free(p->wide);
	ser_smile_free(p->smile);
	free(p->sparse);
	free(p);
}

int ser_front_warp(const struct ser_front *p, struct ser_front_ws *ws, double warp, struct ser_err *e)
{
	if (p->o.kind != SER_FBANK && p->o.kind != SER_MFCC)
		return ser_fail(e, SER_EUSAGE, "vtln-warp has no meaning for %s", ser_front_kind_name(p->o.kind));
	if (!(warp >= SER_MIN_WARP && warp <= SER_MAX_WARP))
		return ser_fail(e, SER_EUSAGE, "vtln-warp %g is not in [%g,%g]", warp, SER_MIN_WARP, SER_MAX_WARP);
	if (warp == ws->warp)
		return SER_OK;
	ser_bank_free(&ws->warped);
	ws->warp = 0;
	if (check_vtln(&p->o, warp, e) != SER_OK || ser_front_bands(p, warp, &ws->warped, e) != SER_OK)
		return e->code;
	ws->warp = warp;
	return SER_OK;
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

/* Column j of those that are not deltas, by what stands for its kind: the energy and C0 have their place from --htk-compat. */
static void spectral_column(const struct ser_front *p, size_t j, char name[static 64])
{
	const struct ser_front_opt *o = &p->o;
	size_t n = p->base_dim, energy = o->htk_compat ? n - 1 : 0;
	size_t of = o->kind == SER_MFCC ? (j + n - energy) % n : j - (p->need_energy && j > energy);
	if (p->need_energy && j == energy)
		snprintf(name, 64, "energy");
	else if (o->kind == SER_WAVE)
		snprintf(name, 64, "wave");
	else
		snprintf(name, 64, "%s.%zu", ser_front_kind_name(o->kind), of);
}

const char *ser_front_column(const struct ser_front *p, size_t i, char *buf)
{
	static const char *const order[] = {"", "d_", "dd_"}, *const after[] = {"", "_de", "_de_de"};
	ser_assert(i < p->dim);
	char own[64];
	size_t k = i / p->base_dim, j = i % p->base_dim;
	if (p->lld == NULL)
		spectral_column(p, j, own);
	const char *name = p->lld != NULL ? p->lld->set->name[j] : own;
	int n = (int)strcspn(name, "[");
	if (p->lld == NULL || p->o.kind == SER_LLD)
		snprintf(buf, 64, "%s%.60s", order[k], name);
	else
		snprintf(buf, 64, "%.*s%s%s", n, name, after[k], name + n); /* mfcc_sma_de[1] */
	return buf;
}

bool ser_front_described(const struct ser_front *p)
{
	return p->lld != NULL;
}

double ser_front_shift_s(const struct ser_front *p)
{
	return (double)p->shift / p->o.sample_frequency;
}

size_t ser_front_min_sample(const struct ser_front *p)
{
	if (p->o.kind == SER_WAVE)
		return 1;
	if (p->smile != NULL)
		return ser_smile_least(p->smile);
	switch (p->o.edges) {
	case SER_EDGES_SNIP:
		return p->win;
	case SER_EDGES_MIRROR:
		return p->shift - p->shift / 2;
	case SER_EDGES_CENTER:
	case SER_EDGES_SHIFTS:
		return p->o.pad == SER_PAD_REFLECT ? p->n_fft / 2 + 1 : 1;
	case SER_EDGES_SILENCE:
		return 1;
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
	if (p->smile != NULL)
		return ser_smile_n_frame(p->smile, n);
	switch (p->o.edges) {
	case SER_EDGES_SNIP:
		return 1 + (n - p->win) / p->shift;
	case SER_EDGES_MIRROR:
		return (n + p->shift / 2) / p->shift;
	case SER_EDGES_SHIFTS:
		return n / p->shift;
	case SER_EDGES_CENTER:
		return 1 + (n + 2 * (p->n_fft / 2) - p->n_fft) / p->shift;
	case SER_EDGES_SILENCE:
		return 1 + n / p->shift + (p->n_fft / 2 + 2 * p->shift - 2) / p->shift;
	default:
		return 1 + (n - p->n_fft) / p->shift;
	}
}
