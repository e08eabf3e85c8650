/* SPDX-License-Identifier: MIT */
/* dsp: from samples to features: windows, Fourier transform, filterbanks, cepstra (the `front` objects); deltas and
 * mean/variance normalisation.
 *
 * Shapes: N samples, T frames, D values a frame, F = n_fft/2+1 bins, M mel bands, C cepstra. Matrices are row-major, one frame
 * a row. Samples are in [-1,1].
 *
 * Plans (`ser_front`, `ser_fft`) are const after _new and may be shared by threads; each thread has a workspace. _do
 * allocates nothing. The transforms are FFTW's, the rest is a fixed order of IEEE single and double operations: equal input
 * gives equal bytes on every thread count, and on processors that differ in their vector instructions equal to rounding. */
#ifndef SER_DSP_H
#define SER_DSP_H

#include "base/base.h"
#include "base/option.h"

/* ---- Fourier transform ---------------------------------------------------------------------- */

/* The DFT of real signals, any length n >= 1, in double precision:
 *   _do       x [n] to z [ser_fft_len(n)], pairs X[k] = sum_i x[i] exp(-2 pi i k / n) for k = 0 .. n/2
 *   _inverse  those pairs to n times the signal
 *   _power    each X[k] in z becomes |X[k]|^2, so that _inverse then gives n times the circular autocorrelation
 * _do and _inverse spoil their input. Arrays come from ser_malloc_aligned(). */
struct ser_fft;
struct ser_fft *ser_fft_new(size_t n);
void ser_fft_free(struct ser_fft *p);
size_t ser_fft_len(size_t n); /* doubles */
void ser_fft_do(const struct ser_fft *p, double *x, double *z);
void ser_fft_inverse(const struct ser_fft *p, double *z, double *x);
void ser_fft_power(const struct ser_fft *p, double *z);

/* ---- front-ends: the options, named as Kaldi and torchaudio name them ------------------------ */

enum ser_front_kind {
	SER_WAVE,    /* the samples: D = 1, one "frame" a sample */
	SER_SPEC,    /* |STFT|^power, D = F: torchaudio.transforms.Spectrogram */
	SER_MEL,     /* mel bands of it, D = M: torchaudio.transforms.MelSpectrogram, librosa.feature.melspectrogram */
	SER_FBANK,   /* log mel energies, D = M (+1): Kaldi's compute-fbank-feats */
	SER_MFCC,    /* cepstra, D = C: Kaldi's compute-mfcc-feats */
	SER_LLD,     /* low-level descriptors of voice, loudness and spectrum: ser_front_column() names them */
	SER_COMPARE, /* the 65 of the ComParE challenges, D = 130 with their deltas: ser-llds(7) */
	SER_EGEMAPS, /* the 25 of eGeMAPS v02: ser-llds(7) */
	SER_EMOBASE, /* the 26 of openSMILE's emobase, D = 52 with their deltas; these four only by openSMILE's numbers */
	SER_IS09,    /* the 16 of the INTERSPEECH 2009 emotion challenge, D = 32 */
	SER_IS10,    /* the 38 of the 2010 paralinguistic challenge, D = 76 */
	SER_IS11     /* the 59 of the 2011 speaker state challenge, D = 118 */
};

enum ser_window {
	SER_WIN_POVEY,   /* hanning^0.85 */
	SER_WIN_HAMMING, /* 0.54 - 0.46 cos */
	SER_WIN_HANNING, /* 0.5 - 0.5 cos */
	SER_WIN_RECTANGULAR,
	SER_WIN_BLACKMAN /* blackman-coeff - 0.5 cos + (0.5 - blackman-coeff) cos 2 */
};

enum ser_edges {
	SER_EDGES_SNIP,   /* frames lie within the signal: T = 1 + (N - win) / shift (Kaldi's snip-edges=true) */
	SER_EDGES_MIRROR, /* T = (N + shift/2) / shift, the ends mirrored, edge sample repeated (snip-edges=false) */
	SER_EDGES_CENTER, /* frame t is centred on sample t*shift: T = 1 + N / shift; ends padded by `pad` (center=True) */
	SER_EDGES_VALID,  /* as CENTER without padding: T = 1 + (N - n_fft) / shift (center=False) */
	SER_EDGES_SHIFTS, /* as CENTER without its last frame: T = N / shift (Whisper) */
	SER_EDGES_SILENCE /* as CENTER, but zeros follow the signal, and frames go on until one hears zeros alone:
			     T = 1 + N / shift + (n_fft/2 + 2 shift - 2) / shift */
};

enum ser_pad { SER_PAD_REFLECT /* edge sample not repeated; N > n_fft/2 */, SER_PAD_CONSTANT /* zeros */ };

enum ser_mel_scale { SER_MEL_HTK /* 2595 log10(1 + f/700) */, SER_MEL_SLANEY /* linear to 1 kHz, then log */ };

enum ser_mel_shape {
	SER_SHAPE_MEL, /* triangles on the mel axis, peak 1: Kaldi */
	SER_SHAPE_HZ,  /* triangles on the frequency axis: torchaudio, librosa */
	SER_SHAPE_LEFT /* the same, both sides as wide as the left one: SpeechBrain */
};

enum ser_mel_norm { SER_MEL_NORM_NONE, SER_MEL_NORM_SLANEY /* divided by half the band's width in Hz */ };

enum ser_log {
	SER_LOG_NONE,
	SER_LOG_LN,     /* ln(max(x, log-floor)) */
	SER_LOG_LNADD,  /* ln(x + log-floor) */
	SER_LOG_DB,     /* 10 log10(max(x, log-floor)), then not below the signal's maximum - top-db where top-db > 0 */
	SER_LOG_WHISPER /* l = log10(max(x, log-floor)), not below the signal's maximum - 8, then (l + 4) / 4 */
};

enum ser_compat {
	SER_COMPAT_NONE,
	SER_COMPAT_OPENSMILE /* openSMILE 3's, with its own frames, windows and pitch: the other options are as by default */
};

struct ser_front_opt {
	enum ser_front_kind kind;
	double sample_frequency; /* Hz; 0, "auto" in texts: of each sound, which openSMILE's numbers alone may have, and no plan */
	/* framing; every kind but wave */
	double frame_length_ms, frame_shift_ms; /* samples: truncated, as Kaldi does */
	int win_length, hop_length;             /* samples; when > 0, instead of the two above */
	int n_fft;                              /* transform length; 0: the window, rounded up by the next field */
	bool round_to_power_of_two;
	enum ser_edges edges;
	enum ser_pad pad;
	/* each frame, in this order */
	double scale;  /* samples are multiplied by this first: 32768 for Kaldi's integers */
	double dither; /* standard deviation of Gaussian noise, after scaling */
	bool remove_dc_offset;
	bool raw_energy; /* log energy before pre-emphasis and window, else after */
	double preemphasis_coefficient;
	enum ser_window window_type;
	bool periodic; /* window of period win (torch's default) instead of symmetric (Kaldi) */
	double blackman_coeff;
	/* spectrum and bands */
	double power; /* 2: power, 1: magnitude (Kaldi's use-power=false); > 0 */
	int num_mel_bins;
	double low_freq, high_freq; /* Hz; high-freq <= 0: offset from the Nyquist frequency */
	double vtln_warp;           /* fbank and mfcc: Kaldi's factor of vocal tract length normalisation; 1: none */
	double vtln_low,
		vtln_high; /* Hz, where it turns off towards low-freq and high-freq; vtln-high <= 0 as high-freq */
	enum ser_mel_scale mel_scale;
	enum ser_mel_shape mel_shape;
	enum ser_mel_norm mel_norm;
	enum ser_log log;
	double log_floor; /* >= 1e-37 */
	double top_db;    /* 0: none */
	/* Kaldi's energy and cepstra; fbank and mfcc */
	bool use_energy;     /* fbank: one column more; mfcc: instead of C0 */
	double energy_floor; /* of the energy before the logarithm; 0: none */
	bool htk_compat;     /* energy or C0 last; C0 times sqrt(2) */
	int num_ceps;
	double cepstral_lifter; /* 0: none */
	/* pitch; lld, compare, egemaps */
	double f0_floor, f0_ceiling; /* Hz */
	/* the matrix at last */
	bool subtract_mean; /* of each column, over the utterance */
	int delta_order;    /* 0, 1, 2: append so many orders of deltas, after subtract-mean */
	int delta_window;   /* frames to each side */
	/* how the signal comes in */
	bool peak_norm; /* divide the signal by max |x| first (silence stays as it is) */
	/* whose numbers; egemaps */
	enum ser_compat compat;
};

/* The defaults of the kind: fbank and mfcc as Kaldi's programs (dither 0), but 80 mel bins for fbank; spec and mel as
 * torchaudio's (n_fft 400 -> here 25 ms window, 10 ms shift at 16 kHz, power 2, no logarithm), but 80 mel bins: of its 128, four
 * would hold no bin. */
void ser_front_opt_init(struct ser_front_opt *o, enum ser_front_kind kind);

/* The front-ends that published models were trained with:
 *   speechbrain-ecapa  spkrec-ecapa-voxceleb: 80 mel bands, dB, top 80 dB, mean of the utterance subtracted
 *   wespeaker-ecapa    Kaldi fbank, 80 bands, Hamming window, mean of the utterance subtracted
 *   deepemocluster     librosa.feature.melspectrogram(n_fft=512, hop_length=256, n_mels=128) of the peak-normalised signal
 *   chunk-lld          ComParE's descriptors with frames of 32 ms every 16 ms, as W.-C. Lin and C. Busso's chunk-level models take them
 *   egemaps            eGeMAPS v02; *functionals becomes "egemaps", as that of the sets below a set's name, and NULL for the others
 *   egemaps-opensmile gemaps-opensmile compare2016 emobase is09 is10 is11 is13   by openSMILE's numbers
 * SER_EUSAGE naming them all when `name` is none of them. */
int ser_front_preset(struct ser_front_opt *o, const char **functionals, const char *name, struct ser_err *e);
const char *ser_front_preset_name(size_t i); /* the i-th of these, NULL after the last */

/* The options as rows, for command lines and for the text form below, ended by an all-zero one; `kinds` has bit (1 << kind) where an
 * option has a meaning. Of an option that stands for a value of another, `at` is SIZE_MAX. */
const struct ser_option *ser_front_options(void);
/* Set one option from text; SER_EUSAGE with a sentence naming value and range. `kind` is set by _opt_init only. */
int ser_front_set(struct ser_front_opt *o, const char *name, const char *value, struct ser_err *e);
const char *ser_front_kind_name(enum ser_front_kind k);
const char *const *ser_front_axes(enum ser_front_kind k); /* [2] what the rows and the columns of its matrices are */
int ser_front_kind_parse(const char *s, enum ser_front_kind *k, struct ser_err *e);

/* The canonical text of a front-end: the kind, then every option that the kind has as " name=value", in the table's
 * order. Two front-ends are the same if and only if their texts are. */
void ser_front_text(const struct ser_front_opt *o, struct ser_buf *b);
int ser_front_parse(struct ser_front_opt *o, const char *text, struct ser_err *e);

/* ---- front-ends: doing it ------------------------------------------------------------------- */

struct ser_front;    /* the plan: tables, const */
struct ser_front_ws; /* one thread's scratch */

/* SER_EUSAGE with a sentence when the options do not go together. *p is NULL on failure. */
int ser_front_new(struct ser_front **p, const struct ser_front_opt *o, struct ser_err *e);
void ser_front_free(struct ser_front *p);
const struct ser_front_opt *ser_front_opt(const struct ser_front *p);
struct ser_front_ws *ser_front_ws_new(const struct ser_front *p);
void ser_front_ws_free(struct ser_front_ws *ws);
/* The frames that come now are warped by this factor in place of vtln_warp. SER_EUSAGE: out of range, or no fbank or mfcc by Kaldi's
 * scale. */
int ser_front_warp(const struct ser_front *p, struct ser_front_ws *ws, double warp, struct ser_err *e);
#define SER_MIN_WARP 0.1
#define SER_MAX_WARP 10.0

/* The name of column i < D: "f0_hz", and where a kind's columns are numbered "mfcc.3"; "energy" of --use-energy; "d_" and "dd_" before
 * deltas (ser-llds(7): "_de" behind). Returns buf, 64 bytes. */
const char *ser_front_column(const struct ser_front *p, size_t i, char *buf);
/* Whether columns are different things (lld, compare, egemaps) and not numbered ones of a kind. */
bool ser_front_described(const struct ser_front *p);
/* [D]: columns in which 0 means that there is no value, as pitch where there is no voice. */
const bool *ser_front_sparse(const struct ser_front *p);
size_t ser_front_dim(const struct ser_front *p);               /* D */
double ser_front_shift_s(const struct ser_front *p);           /* seconds from frame to frame */
size_t ser_front_n_frame(const struct ser_front *p, size_t n); /* T for n samples, 0 when they are too few */
size_t ser_front_min_sample(const struct ser_front *p);        /* fewest samples that give a frame */
/* x [N] to y [T,D] with T = ser_front_n_frame(p, n). rng: where dither takes its noise, may be NULL when dither is 0.
 * SER_EDATA when the signal is too short for one frame, or when a value of x or y is not finite. Allocates nothing but, with
 * peak-norm, scratch that grows to the longest signal. */
int ser_front_do(const struct ser_front *p, struct ser_front_ws *ws, const float *x, size_t n, struct ser_rng *rng,
		 float *y, struct ser_err *e);

/* ---- a sound piece by piece ---- */

/* The same frames, and bytes, as ser_front_do() makes of the whole, in memory that does not grow with its length. So often must the sound
 * pass: 1; 2 where frames hang on the level of all of it (whisper, top_db, subtract-mean), which the first pass hears; 0: it can't be
 * done (peak-norm, dither, deltas, descriptors, openSMILE's numbers). */
int ser_front_passes(const struct ser_front *p);
struct ser_front_flow;
/* p and ws are borrowed. */
struct ser_front_flow *ser_front_flow_new(const struct ser_front *p, struct ser_front_ws *ws);
void ser_front_flow_free(struct ser_front_flow *f); /* NULL does nothing */
/* The next samples x [n], `last` with the last of them, n may then be 0. *y [*n_row,D]: the frames that are complete now, the flow's, or of
 * SER_WAVE x itself, until the next call; none in the first pass of two. SER_EDATA as ser_front_do(). */
int ser_front_flow_do(struct ser_front_flow *f, const float *x, size_t n, bool last, const float **y, size_t *n_row,
		      struct ser_err *e);
void ser_front_flow_again(struct ser_front_flow *f); /* the first of two passes is over */

/* The columns of SER_LLD, from a frame's samples x, P[k] = |DFT(windowed x)|^2 at f[k] Hz, p = P / sum P:
 *   f0_hz voicing hnr_db    as ser_f0_do() gives, centred on the frame; hnr = 10 log10(r / (1 - r)); 0 where unvoiced
 *   energy_db               10 log10(mean x^2 + 1e-10)
 *   zcr_hz                  sign changes of x - mean x, a second
 *   low_db high_db          10 log10(sum P + 1e-10) over 250-650 Hz and over 1-4 kHz
 *   centroid_hz spread_hz skewness kurtosis     of p over f
 *   rolloff25_hz rolloff50_hz rolloff75_hz rolloff90_hz   lowest f[k] up to which lies that share of sum P
 *   flux                    |u - v|, u = sqrt(P) / |sqrt(P)|, v that of the frame before; 0 for the first
 *   entropy                 -sum p ln p / ln F
 *   flatness                geometric over arithmetic mean of P + 1e-10
 *   slope                   regression of 10 log10(P + 1e-10) on f, dB/kHz
 * Spectral values of a frame with sum P < 1e-12 are 0, but for the dB and the flatness, 1. */

/* The functionals of eGeMAPS v02 (F. Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for voice research
 * and affective computing", IEEE Trans. Affective Computing 7 (2016) 190-202) by their published names: ser-llds(7).
 * y [T,25] of a front-end SER_EGEMAPS without deltas, and the samples x [n] that it is of, to f [88]. scratch: 2 T doubles. */
enum { SER_EGEMAPS_FUNC_N = 88 };
const char *ser_egemaps_func_name(size_t k, char *buf); /* buf: 64 bytes */
void ser_egemaps_func(const float *y, size_t n_frame, double shift_s, const float *x, size_t n, double *scratch,
		      float *f);

/* Functionals that go by the name of a set, of front-ends of one kind. */
struct ser_func_set {
	const char *name;
	enum ser_front_kind kind;
	bool compat; /* only with compat opensmile */
	size_t n;
	const char *(*column)(size_t k, char *buf); /* name of the k-th; buf: 64 bytes */
};
const struct ser_func_set *ser_func_set(const char *name); /* NULL: none */
/* Those of the sound x [n], of which ser_front_do() has just made y [T, D] with ws, to f [set->n]. */
void ser_front_func(const struct ser_front *p, struct ser_front_ws *ws, const struct ser_func_set *set, const float *y,
		    size_t n_frame, const float *x, size_t n, float *f);

/* ---- over frames ---------------------------------------------------------------------------- */

/* Regression deltas with the first and last frame repeated beyond the ends (HTK; torchaudio.functional.compute_deltas):
 * d[t] = sum_n n (x[t+n] - x[t-n]) / (2 sum_n n^2), n = 1..window. x [T, row stride xs], y [T, row stride ys], d columns. */
void ser_delta_do(const float *x, size_t xs, float *y, size_t ys, size_t n_frame, size_t d, int window);
/* The same of one column of x where a column `has` of the same stride is 0 in frames without a value, such as pitch without a voice: 0
 * there; a stretch of values sees nothing beyond its ends, which are repeated. */
void ser_delta_gaps(const float *has, const float *x, size_t xs, float *y, size_t ys, size_t n_frame, int window);

/* Mean and variance of columns, accumulated over any number of matrices (Kaldi's CMVN statistics). */
struct ser_cmvn {
	size_t d;
	double n;     /* frames */
	double *mean; /* [d] running mean */
	double *m2;   /* [d] running sum of squared deviations (Chan, Golub and LeVeque 1979) */
};
void ser_cmvn_init(struct ser_cmvn *s, size_t d);
void ser_cmvn_free(struct ser_cmvn *s);
void ser_cmvn_add(struct ser_cmvn *s, const float *x, size_t n_frame); /* x [n_frame, d] */
/* shift [d] and gain [d] with y = (x - shift) * gain: gain = 1 / ser_deviation() of mean and variance (over n) + eps, or
 * 1 without `norm_vars`. */
void ser_cmvn_affine(const struct ser_cmvn *s, bool norm_means, bool norm_vars, double eps, double *shift,
		     double *gain);
void ser_cmvn_apply(const double *shift, const double *gain, float *x, size_t n_frame, size_t d); /* in place */
/* y = x [n_frame, d] normalised by its own statistics. */
void ser_cmvn_self(const float *x, float *y, size_t n_frame, size_t d, bool norm_means, bool norm_vars);

/* Statistics by label (speaker): all zero is empty; all matrices have d columns. */
struct ser_cmvn_by {
	struct ser_map *label;
	struct ser_cmvn *stat; /* [labels] */
	size_t d, cap;         /* d: set before, or by the first matrix */
	double *shift, *gain;  /* [labels, d], from _affine() */
};
void ser_cmvn_by_add(struct ser_cmvn_by *s, const char *label, const float *x, size_t n_frame, size_t d);
/* shift and gain of every label, as ser_cmvn_affine() with eps 0. */
void ser_cmvn_by_affine(struct ser_cmvn_by *s, bool norm_means, bool norm_vars);
/* Where a label's shift and gain begin: a multiple of d. The label is one that was added. */
size_t ser_cmvn_by_at(const struct ser_cmvn_by *s, const char *label);
void ser_cmvn_by_free(struct ser_cmvn_by *s);

/* Kaldi's apply-cmvn-sliding: x [T,D] to y [T,D] (not in place); window of cmn_window frames, centred, or to the left of
 * the frame and at least min_window frames long. */
void ser_cmvn_sliding(const float *x, float *y, size_t n_frame, size_t d, size_t cmn_window, size_t min_window,
		      bool center, bool norm_vars);

/* Functionals of the columns of a matrix over time. The list is comma-separated out of
 *   mean std min max range   std: over T
 *   skewness kurtosis        third and fourth standardised moments, 0 where std is 0
 *   p0 ... p100              percentiles, between ranks by linear interpolation
 *   slope                    of the regression on time, per second
 *   rms                      root of the mean of squares */
struct ser_func;
int ser_func_new(struct ser_func **p, const char *list, struct ser_err *e); /* SER_EUSAGE */
void ser_func_free(struct ser_func *p);
size_t ser_func_n(const struct ser_func *p); /* K */
const char *ser_func_name(const struct ser_func *p, size_t k);
/* x [T,D] to y [D,K]. skip_zero [D] (may be NULL): in these columns zeros are missing values (unvoiced pitch); a column
 * of them alone gives zeros. */
void ser_func_do(const struct ser_func *p, const float *x, size_t n_frame, size_t d, double shift_s,
		 const bool *skip_zero, float *y);

/* How much the energy of speech varies: standard deviation, in dB, of the level of frames x [T, n_bin], natural logarithms of energies of
 * bands, T >= 1, that are no more than range_db below the loudest. */
double ser_energy_variation(const float *x, size_t n_frame, size_t n_bin, double range_db);

/* Where the chunks of an utterance begin: n_chunk chunks of n_frame frames each, evenly spread by a whole step,
 * floor((T - n_frame) / (n_chunk - 1)), so that only their overlap hangs on T (W.-C. Lin and C. Busso, "An efficient
 * temporal modeling approach for speech emotion recognition by mapping varied duration sentences into fixed number of
 * chunks", Interspeech 2020). Chunk k is [k * step, k * step + n_frame). Returns the step, or SER_EDATA when T < n_frame. */
ptrdiff_t ser_chunk_step(size_t n_total, size_t n_frame, size_t n_chunk, struct ser_err *e);

/* SpecAugment's masks (D. S. Park et al., "SpecAugment: a simple data augmentation method for automatic speech
 * recognition", Interspeech 2019): n_time bands of frames and n_freq bands of columns of x [T,D] are set to a fixed value, the
 * mean of x when `mean` is set, else 0. A band is 0 to `width` wide, but at most max_share of the axis, uniformly, and lies
 * anywhere uniformly; bands may overlap. */
struct ser_mask_opt {
	int n_time, time_width, n_freq, freq_width;
	double max_share; /* of T, of D */
	bool mean;
};
void ser_mask_do(const struct ser_mask_opt *o, struct ser_rng *rng, float *x, size_t n_frame, size_t d);

/* Leading and trailing silence: frames of 25 ms every 10 ms whose mean square lies more than top_db below that of the
 * loudest frame. x [N] without them is [*from, *to): from the first loud frame's first sample to the last one's last. A
 * sound shorter than a frame, or silent throughout, is left whole. */
void ser_trim_find(const float *x, size_t n, double rate_hz, double top_db, size_t *from, size_t *to);

/* ---- pitch ------------------------------------------------------------------------------------- */

/* Fundamental frequency by autocorrelation: P. Boersma, "Accurate short-term analysis of the fundamental frequency and
 * the harmonics-to-noise ratio of a sampled sound", Proc. Inst. Phonetic Sciences 17 (1993) 97-110. With the defaults, and
 * Praat's frame times, the contour is that of Praat's "To Pitch (ac)": Hanning window of three periods of the floor, its
 * autocorrelation divided out, peaks by sinc interpolation, best path through the candidates of all frames. */
struct ser_f0_opt {
	double sample_frequency;     /* Hz */
	double floor_hz, ceiling_hz; /* 75, 600 */
	double shift_s;              /* from frame to frame, 0.01 */
	int max_candidates;          /* 15, the unvoiced one included */
	double silence_threshold;    /* 0.03: quieter frames (peak against the sound's) are rather unvoiced */
	double voicing_threshold;    /* 0.45 */
	double octave_cost;          /* 0.01 per octave, in favour of high candidates */
	double octave_jump_cost;     /* 0.35 per octave between frames 10 ms apart */
	double voiced_unvoiced_cost; /* 0.14 per transition between frames 10 ms apart */
};
void ser_f0_opt_init(struct ser_f0_opt *o);

struct ser_f0;
struct ser_f0_ws;
int ser_f0_new(struct ser_f0 **p, const struct ser_f0_opt *o, struct ser_err *e); /* SER_EUSAGE */
void ser_f0_free(struct ser_f0 *p);
struct ser_f0_ws *ser_f0_ws_new(const struct ser_f0 *p);
void ser_f0_ws_free(struct ser_f0_ws *ws);
/* Praat's frames in n samples: how many, and the centre of the first in *first_s. 0 when the sound is shorter than a window. */
size_t ser_f0_frames(const struct ser_f0 *p, size_t n, double *first_s);
/* Frame t is centred on first_s + t * shift_s; what its window needs beyond the ends of x [n] counts as 0.
 *   f0 [T]        Hz, 0 where unvoiced
 *   strength [T]  height of the normalised autocorrelation's peak in (0,1], 0 where unvoiced: the harmonics-to-noise
 *                 ratio is 10 log10(r / (1 - r)) dB. May be NULL.
 * Allocates only scratch that grows to the longest sound. SER_EDATA when a sample is not finite. */
int ser_f0_do(const struct ser_f0 *p, struct ser_f0_ws *ws, const float *x, size_t n, double first_s, size_t n_frame,
	      float *f0, float *strength, struct ser_err *e);
/* Of frame t of the last _do: the height of its highest peak, voiced or not; 0 when none reaches half the voicing threshold. */
double ser_f0_peak(const struct ser_f0 *p, const struct ser_f0_ws *ws, size_t t);

/* ---- periods ----------------------------------------------------------------------------------- */

/* One pulse a period of the voice, by waveform matching, as Praat's manual describes "Sound & Pitch: To PointProcess (cc)": in each
 * voiced stretch the greatest |sample| within a period about its middle, and from there to both sides where, 0.8 to 1.2
 * periods on, a period of sound is most like the one here (normalised cross-correlation, parabolic interpolation), up to the
 * first beyond the stretch's ends. Those of a correlation below 0.3, and beyond the ends 0.7, are left out. All zero is empty. */
struct ser_pulses {
	struct ser_pulse {
		double at_s;   /* time */
		double height; /* root mean square under a raised cosine that ends 0.4 periods to either side */
		bool first;    /* of a run: no period ends here */
	} * v;
	size_t n, cap;
};
/* x [n]; f0 [T] Hz, 0 where unvoiced, frame t at first_s + t shift_s. Allocates only what grows to the longest sound. */
void ser_pulses_find(struct ser_pulses *p, const float *x, size_t n, double rate_hz, const float *f0, double first_s,
		     double shift_s, size_t n_frame);
void ser_pulses_free(struct ser_pulses *p);

/* How unlike neighbouring periods T and heights A are; Praat's definitions of jitter (local), (ddp), shimmer (local), (local, dB). Periods
 * that differ by more than a factor of 1.3, and heights by more than 1.6, are not compared. */
struct ser_perturbation {
	float jitter;     /* mean |T[i] - T[i-1]| / mean T */
	float jitter_ddp; /* mean |T[i+1] - 2 T[i] + T[i-1]| / mean T */
	float shimmer;    /* mean |A[i] - A[i-1]| / mean A */
	float shimmer_db; /* mean |20 log10(A[i] / A[i-1])| */
};
/* Over periods whose middles lie in [from_s, to_s]; 0 where there are too few. *hint: where to begin to look, for calls with rising
 * from_s; begin with 0. */
void ser_perturbation(const struct ser_pulses *p, double from_s, double to_s, size_t *hint, struct ser_perturbation *y);

#endif
