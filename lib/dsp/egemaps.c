/* SPDX-License-Identifier: MIT */
/* eGeMAPS v02: F. Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for voice research and affective
 * computing", IEEE Trans. Affective Computing 7 (2016) 190-202, in openSMILE's order and under its names. */
#include "dsp/columns.h"

#include <math.h>
#include <string.h>

static const char *const NAMES[SER_EGEMAPS_LLD_N] = {
	"Loudness_sma3",
	"alphaRatio_sma3",
	"hammarbergIndex_sma3",
	"slope0-500_sma3",
	"slope500-1500_sma3",
	"spectralFlux_sma3",
	"mfcc1_sma3",
	"mfcc2_sma3",
	"mfcc3_sma3",
	"mfcc4_sma3",
	"F0semitoneFrom27.5Hz_sma3nz",
	"jitterLocal_sma3nz",
	"shimmerLocaldB_sma3nz",
	"HNRdBACF_sma3nz",
	"logRelF0-H1-H2_sma3nz",
	"logRelF0-H1-A3_sma3nz",
	"F1frequency_sma3nz",
	"F1bandwidth_sma3nz",
	"F1amplitudeLogRelF0_sma3nz",
	"F2frequency_sma3nz",
	"F2bandwidth_sma3nz",
	"F2amplitudeLogRelF0_sma3nz",
	"F3frequency_sma3nz",
	"F3bandwidth_sma3nz",
	"F3amplitudeLogRelF0_sma3nz",
};

static bool sparse(size_t column)
{
	return column >= EGEMAPS_F0;
}

static const double TINY = 1e-10; /* beside powers under logarithms */

/* ---- one frame ---------------------------------------------------------------------------------- */

/* Level of the highest peak within `reach` of hz, dB. Between bins by a parabola, which the logarithm of a Gaussian
 * window's transform is. */
static double peak_db(const struct ser_lld *p, const float *wide, double hz, double reach)
{
	size_t from = hz > reach ? (size_t)ceil((hz - reach) / p->wide_hz) : 0,
	       to = (size_t)floor((hz + reach) / p->wide_hz), top = from;
	if (from >= p->n_wide)
		return 10 * log10(TINY);
	for (size_t k = from; k <= to && k < p->n_wide; k++)
		top = wide[k] > wide[top] ? k : top;
	double b = 10 * log10(wide[top] + TINY);
	if (top == 0 || top + 1 >= p->n_wide || wide[top - 1] > wide[top] || wide[top + 1] > wide[top])
		return b;
	double a = 10 * log10(wide[top - 1] + TINY), c = 10 * log10(wide[top + 1] + TINY), bend = 2 * b - a - c;
	return bend > 0 ? b + 0.125 * (c - a) * (c - a) / bend : b;
}

static void voice(const struct ser_lld *p, const struct ser_lld_frame *f, float *y)
{
	double hz[EGEMAPS_N_FORMANT], width[EGEMAPS_N_FORMANT], f0 = f->voice->f0;
	y[EGEMAPS_F0] = (float)(12 * log2(f0 / 27.5));
	y[EGEMAPS_JITTER] = f->voice->pert.jitter;
	y[EGEMAPS_SHIMMER] = f->voice->pert.shimmer_db;
	y[EGEMAPS_HNR] = ser_hnr_db(f->voice->strength);
	double h1 = peak_db(p, f->wide, f0, 0.25 * f0);
	y[EGEMAPS_H1_H2] = (float)(h1 - peak_db(p, f->wide, 2 * f0, 0.25 * f0));
	ser_formants_do(p->formants, f->pw, hz, width);
	for (int i = 0; i < EGEMAPS_N_FORMANT; i++) {
		float *to = y + EGEMAPS_FORMANT + i * EGEMAPS_PER_FORMANT;
		to[0] = (float)hz[i];
		to[1] = (float)width[i];
		to[2] = hz[i] > 0 ? (float)(peak_db(p, f->wide, hz[i], fmax(0.1 * hz[i], 0.5 * f0)) - h1) : 0;
	}
	y[EGEMAPS_H1_A3] = -y[EGEMAPS_FORMANT + 2 * EGEMAPS_PER_FORMANT + 2];
}

static void frame(const struct ser_lld *p, struct ser_lld_ws *ws, const struct ser_lld_frame *f, float *y)
{
	double mel[SER_AUD_N], aud[SER_AUD_N];
	ser_auditory_mel(p->aud, f->pw, mel);
	y[EGEMAPS_LOUDNESS] = (float)ser_auditory_spectrum(p->aud, mel, aud);
	y[EGEMAPS_ALPHA] = (float)ser_alpha_ratio(f->pw, p->n_bin, p->bin_hz);
	y[EGEMAPS_HAMMARBERG] = (float)ser_hammarberg(f->pw, p->n_bin, p->bin_hz);
	y[EGEMAPS_SLOPE_LOW] = (float)ser_slope_db(f->pw, p->n_bin, p->bin_hz, 0, 500);
	y[EGEMAPS_SLOPE_HIGH] = (float)ser_slope_db(f->pw, p->n_bin, p->bin_hz, 500, 1500);
	y[EGEMAPS_FLUX] = (float)ser_flux(f->pw, p->n_bin, f->t == 0, ws->last);
	ser_auditory_mfcc(p->aud, mel, EGEMAPS_N_MFCC, y + EGEMAPS_MFCC);
	memset(y + EGEMAPS_F0, 0, (SER_EGEMAPS_LLD_N - EGEMAPS_F0) * sizeof *y);
	if (f->voice->f0 > 0)
		voice(p, f, y);
}

static void end(const struct ser_lld *p, struct ser_lld_ws *ws, size_t n_frame, float *y, size_t stride)
{
	(void)p;
	ser_smooth(ws, false, y, n_frame, stride, EGEMAPS_LOUDNESS, EGEMAPS_F0);
	ser_smooth(ws, true, y, n_frame, stride, EGEMAPS_F0, SER_EGEMAPS_LLD_N);
}

const struct ser_lld_set ser_lld_egemaps = {SER_EGEMAPS_LLD_N, NAMES, true, true, sparse, frame, end};

/* ---- functionals -------------------------------------------------------------------------------- */

const struct ser_egemaps_row ser_egemaps_rows[SER_EGEMAPS_ROW_N] = {
	{"F0semitoneFrom27.5Hz_sma3nz", EGEMAPS_F0, EGEMAPS_VOICED, EGEMAPS_FULL},
	{"loudness_sma3", EGEMAPS_LOUDNESS, EGEMAPS_ALL, EGEMAPS_FULL},
	{"spectralFlux_sma3", EGEMAPS_FLUX, EGEMAPS_ALL, EGEMAPS_MEAN_CV},
	{"mfcc1_sma3", EGEMAPS_MFCC, EGEMAPS_ALL, EGEMAPS_MEAN_CV},
	{"mfcc2_sma3", EGEMAPS_MFCC + 1, EGEMAPS_ALL, EGEMAPS_MEAN_CV},
	{"mfcc3_sma3", EGEMAPS_MFCC + 2, EGEMAPS_ALL, EGEMAPS_MEAN_CV},
	{"mfcc4_sma3", EGEMAPS_MFCC + 3, EGEMAPS_ALL, EGEMAPS_MEAN_CV},
	{"jitterLocal_sma3nz", EGEMAPS_JITTER, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"shimmerLocaldB_sma3nz", EGEMAPS_SHIMMER, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"HNRdBACF_sma3nz", EGEMAPS_HNR, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"logRelF0-H1-H2_sma3nz", EGEMAPS_H1_H2, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"logRelF0-H1-A3_sma3nz", EGEMAPS_H1_A3, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"F1frequency_sma3nz", EGEMAPS_FORMANT, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"F1bandwidth_sma3nz", EGEMAPS_FORMANT + 1, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"F1amplitudeLogRelF0_sma3nz", EGEMAPS_FORMANT + 2, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"F2frequency_sma3nz", EGEMAPS_FORMANT + 3, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"F2bandwidth_sma3nz", EGEMAPS_FORMANT + 4, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"F2amplitudeLogRelF0_sma3nz", EGEMAPS_FORMANT + 5, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"F3frequency_sma3nz", EGEMAPS_FORMANT + 6, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"F3bandwidth_sma3nz", EGEMAPS_FORMANT + 7, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"F3amplitudeLogRelF0_sma3nz", EGEMAPS_FORMANT + 8, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"alphaRatioV_sma3nz", EGEMAPS_ALPHA, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"hammarbergIndexV_sma3nz", EGEMAPS_HAMMARBERG, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"slopeV0-500_sma3nz", EGEMAPS_SLOPE_LOW, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"slopeV500-1500_sma3nz", EGEMAPS_SLOPE_HIGH, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"spectralFluxV_sma3nz", EGEMAPS_FLUX, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"mfcc1V_sma3nz", EGEMAPS_MFCC, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"mfcc2V_sma3nz", EGEMAPS_MFCC + 1, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"mfcc3V_sma3nz", EGEMAPS_MFCC + 2, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"mfcc4V_sma3nz", EGEMAPS_MFCC + 3, EGEMAPS_VOICED, EGEMAPS_MEAN_CV},
	{"alphaRatioUV_sma3nz", EGEMAPS_ALPHA, EGEMAPS_UNVOICED, EGEMAPS_MEAN},
	{"hammarbergIndexUV_sma3nz", EGEMAPS_HAMMARBERG, EGEMAPS_UNVOICED, EGEMAPS_MEAN},
	{"slopeUV0-500_sma3nz", EGEMAPS_SLOPE_LOW, EGEMAPS_UNVOICED, EGEMAPS_MEAN},
	{"slopeUV500-1500_sma3nz", EGEMAPS_SLOPE_HIGH, EGEMAPS_UNVOICED, EGEMAPS_MEAN},
	{"spectralFluxUV_sma3nz", EGEMAPS_FLUX, EGEMAPS_UNVOICED, EGEMAPS_MEAN},
};
enum { N_STAT = 10 };
static const char *const STATS[N_STAT] = {
	"amean",        "stddevNorm",      "percentile20.0",    "percentile50.0",   "percentile80.0",
	"pctlrange0-2", "meanRisingSlope", "stddevRisingSlope", "meanFallingSlope", "stddevFallingSlope"};
static const char *const TIMES[] = {"loudnessPeaksPerSec",        "VoicedSegmentsPerSec",
				    "MeanVoicedSegmentLengthSec", "StddevVoicedSegmentLengthSec",
				    "MeanUnvoicedSegmentLength",  "StddevUnvoicedSegmentLength",
				    "equivalentSoundLevel_dBp"};

static size_t n_stat(const struct ser_egemaps_row *r)
{
	return r->stats == EGEMAPS_MEAN ? 1 : r->stats == EGEMAPS_MEAN_CV ? 2 : N_STAT;
}

const char *ser_egemaps_func_name(size_t k, char *buf)
{
	ser_assert(k < SER_EGEMAPS_FUNC_N);
	for (size_t i = 0; i < SER_EGEMAPS_ROW_N; i++) {
		if (k < n_stat(&ser_egemaps_rows[i])) {
			snprintf(buf, 64, "%s_%s", ser_egemaps_rows[i].name, STATS[k]);
			return buf;
		}
		k -= n_stat(&ser_egemaps_rows[i]);
	}
	return TIMES[k];
}

struct tally { /* mean and standard deviation of what comes by */
	double n, sum, sq;
};

static void add(struct tally *t, double v)
{
	t->n++;
	t->sum += v;
	t->sq += v * v;
}

static double mean(const struct tally *t)
{
	return t->n > 0 ? t->sum / t->n : 0;
}

static double deviation(const struct tally *t)
{
	double m = mean(t), var = t->n > 0 ? t->sq / t->n - m * m : 0;
	return var > 0 ? sqrt(var) : 0;
}

struct slopes {
	struct tally up, down;
	size_t n_peak;
};

static void part(struct slopes *s, const double *v, size_t from, size_t to, double shift_s)
{
	double slope = from < to ? (v[to] - v[from]) / ((double)(to - from) * shift_s) : 0;
	if (slope > 0)
		add(&s->up, slope);
	else if (slope < 0)
		add(&s->down, -slope);
}

/* The rising and falling parts of v [n]: from turning point to turning point, of which a value is one when the curve has moved
 * by `least` from the one before and comes back by as much. */
static void zigzag(struct slopes *s, const double *v, size_t n, double least, double shift_s)
{
	size_t from = 0, lo = 0, hi = 0;
	int dir = 0;
	if (!(least > 0))
		return;
	for (size_t t = 1; t < n; t++) {
		lo = v[t] < v[lo] ? t : lo;
		hi = v[t] > v[hi] ? t : hi;
		if (dir >= 0 && v[hi] - v[t] >= least && (dir > 0 || hi < t)) {
			part(s, v, from, hi, shift_s);
			s->n_peak += dir > 0;
			from = hi;
			lo = hi = t;
			dir = -1;
		} else if (dir <= 0 && v[t] - v[lo] >= least && (dir < 0 || lo < t)) {
			part(s, v, from, lo, shift_s);
			from = lo;
			lo = hi = t;
			dir = 1;
		}
	}
	if (n > 1)
		part(s, v, from, dir > 0 ? hi : dir < 0 ? lo : n - 1, shift_s);
}

/* Runs of the column's frames that count; each is a curve of its own. */
static void curves(struct slopes *s, const struct ser_egemaps_row *r, const float *y, size_t n_frame, double least,
		   double shift_s, double *run)
{
	size_t n = 0;
	for (size_t t = 0; t <= n_frame; t++) {
		const float *f = y + t * SER_EGEMAPS_LLD_N;
		if (t < n_frame && (r->over == EGEMAPS_ALL || f[EGEMAPS_F0] > 0)) {
			run[n++] = f[r->column];
			continue;
		}
		zigzag(s, run, n, least, shift_s);
		n = 0;
	}
}

/* The functionals of one row, to f; returns how many. */
static size_t column(const struct ser_egemaps_row *r, const float *y, size_t n_frame, double shift_s, double *scratch,
		     struct slopes *s, float *f)
{
	double *v = scratch, *run = scratch + n_frame;
	size_t n = 0;
	for (size_t t = 0; t < n_frame; t++, y += SER_EGEMAPS_LLD_N)
		if (r->over == EGEMAPS_ALL || (r->over == EGEMAPS_VOICED) == (y[EGEMAPS_F0] > 0))
			v[n++] = y[r->column];
	y -= n_frame * SER_EGEMAPS_LLD_N;
	memset(f, 0, n_stat(r) * sizeof *f);
	if (n == 0)
		return n_stat(r);
	double m = 0, var = 0;
	for (size_t i = 0; i < n; i++)
		m += v[i];
	m /= (double)n;
	for (size_t i = 0; i < n; i++)
		var += (v[i] - m) * (v[i] - m);
	f[0] = (float)m;
	if (r->stats == EGEMAPS_MEAN)
		return 1;
	f[1] = m != 0 ? (float)(sqrt(var / (double)n) / m) : 0;
	if (r->stats == EGEMAPS_MEAN_CV)
		return 2;
	ser_sort_rising(v, n);
	for (int q = 0; q < 3; q++)
		f[2 + q] = (float)ser_percentile(v, n, 0.2 + 0.3 * q);
	f[5] = f[4] - f[2];
	*s = (struct slopes){0};
	curves(s, r, y, n_frame, 0.1 * (v[n - 1] - v[0]), shift_s, run);
	f[6] = (float)mean(&s->up);
	f[7] = (float)deviation(&s->up);
	f[8] = (float)mean(&s->down);
	f[9] = (float)deviation(&s->down);
	return N_STAT;
}

static void runs(const float *y, size_t n_frame, double shift_s, struct tally *voiced, struct tally *unvoiced)
{
	size_t from = 0;
	for (size_t t = 1; t <= n_frame; t++) {
		bool was = y[from * SER_EGEMAPS_LLD_N + EGEMAPS_F0] > 0;
		if (t < n_frame && (y[t * SER_EGEMAPS_LLD_N + EGEMAPS_F0] > 0) == was)
			continue;
		add(was ? voiced : unvoiced, (double)(t - from) * shift_s);
		from = t;
	}
}

void ser_egemaps_func(const float *y, size_t n_frame, double shift_s, const float *x, size_t n, double *scratch,
		      float *f)
{
	struct slopes s = {0};
	struct tally voiced = {0}, unvoiced = {0};
	double dur = (double)n_frame * shift_s, sq = 0;
	size_t n_peak = 0;
	for (size_t i = 0; i < SER_EGEMAPS_ROW_N; i++) {
		f += column(&ser_egemaps_rows[i], y, n_frame, shift_s, scratch, &s, f);
		if (ser_egemaps_rows[i].column == EGEMAPS_LOUDNESS)
			n_peak = s.n_peak;
	}
	runs(y, n_frame, shift_s, &voiced, &unvoiced);
	for (size_t i = 0; i < n; i++)
		sq += (double)x[i] * x[i];
	f[0] = (float)((double)n_peak / dur);
	f[1] = (float)(voiced.n / dur);
	f[2] = (float)mean(&voiced);
	f[3] = (float)deviation(&voiced);
	f[4] = (float)mean(&unvoiced);
	f[5] = (float)deviation(&unvoiced);
	f[6] = (float)(10 * log10(sq / (double)n + 1e-10));
}
