/* SPDX-License-Identifier: MIT */
#include "dsp/dsp.h"

#include <stdlib.h>
#include <string.h>

static const char *const KINDS[] = {"wave",    "spec",    "mel",  "fbank", "mfcc", "lld", "compare",
				    "egemaps", "emobase", "is09", "is10",  "is11", NULL};
static const char *const WINDOWS[] = {"povey", "hamming", "hanning", "rectangular", "blackman", NULL};
static const char *const EDGES[] = {"snip", "mirror", "center", "valid", "shifts", NULL};
static const char *const PADS[] = {"reflect", "constant", NULL};
static const char *const SCALES[] = {"htk", "slaney", NULL};
static const char *const SHAPES[] = {"mel", "hz", "left", NULL};
static const char *const NORMS[] = {"none", "slaney", NULL};
static const char *const COMPATS[] = {"none", "opensmile", NULL};
static const char *const LOGS[] = {"none", "ln", "lnadd", "db", "whisper", NULL};

enum {
	K_WAVE = 1 << SER_WAVE,
	K_SPEC = 1 << SER_SPEC,
	K_MEL = 1 << SER_MEL,
	K_FBANK = 1 << SER_FBANK,
	K_MFCC = 1 << SER_MFCC,
	K_KALDI = K_FBANK | K_MFCC,
	K_BANDS = K_MEL | K_KALDI,
	K_LLD = 1 << SER_LLD | 1 << SER_COMPARE | 1 << SER_EGEMAPS,
	K_STFT = K_SPEC | K_BANDS | K_LLD,
	K_LOG = K_SPEC | K_BANDS,
	K_SMILE = 1 << SER_EMOBASE | 1 << SER_IS09 | 1 << SER_IS10 | 1 << SER_IS11, /* only by openSMILE's numbers */
	K_ALL = K_WAVE | K_STFT | K_SMILE
};

#define BOOL(n, m, k, h)                                                                                               \
	{                                                                                                              \
		n, h, SER_AT_FLAG(struct ser_front_opt, m), .kinds = k                                                 \
	}
#define INT(n, m, a, b, k, h)                                                                                          \
	{                                                                                                              \
		n, h, SER_AT_INT(struct ser_front_opt, m, "X", a, b), .kinds = k                                       \
	}
#define REAL(n, m, a, b, k, h)                                                                                         \
	{                                                                                                              \
		n, h, SER_AT_REAL(struct ser_front_opt, m, "X", a, b), .kinds = k                                      \
	}
#define ENUM(n, m, v, k, h)                                                                                            \
	{                                                                                                              \
		n, h, SER_AT_CHOICE(struct ser_front_opt, m, "NAME", v), .kinds = k                                    \
	}
#define ALIAS(n, k, h)                                                                                                 \
	{                                                                                                              \
		n, h, .type = SER_OPTION_FLAG, .at = SIZE_MAX, .kinds = k                                              \
	}

static const struct ser_option FIELDS[] = {
	REAL("sample-frequency", sample_frequency, 100, 1e6, K_ALL, "rate of the samples, Hz"),
	REAL("frame-length", frame_length_ms, 0, 1e5, K_STFT, "length of a frame, ms"),
	REAL("frame-shift", frame_shift_ms, 0, 1e5, K_STFT, "step between frames, ms"),
	INT("win-length", win_length, 0, 1 << 20, K_STFT, "length of a frame in samples, instead of --frame-length"),
	INT("hop-length", hop_length, 0, 1 << 20, K_STFT, "step in samples, instead of --frame-shift"),
	INT("n-fft", n_fft, 0, 1 << 20, K_STFT,
	    "points of the transform; 0: the frame, rounded up as the next option says"),
	BOOL("round-to-power-of-two", round_to_power_of_two, K_STFT, "transform length is a power of two"),
	ENUM("edges", edges, EDGES, K_STFT, "frames at the ends of the signal"),
	ALIAS("snip-edges", K_KALDI, "true: --edges snip, false: --edges mirror"),
	ALIAS("center", K_SPEC | K_MEL, "true: --edges center, false: --edges valid"),
	ENUM("pad", pad, PADS, K_STFT, "what lies beyond the ends with --edges center"),
	REAL("scale", scale, 1e-6, 1e9, K_LOG, "factor on samples, which are in [-1,1]"),
	REAL("dither", dither, 0, 1e6, K_LOG, "standard deviation of noise added to each scaled sample"),
	BOOL("remove-dc-offset", remove_dc_offset, K_STFT, "subtract each frame's mean"),
	BOOL("raw-energy", raw_energy, K_KALDI, "energy before pre-emphasis and window"),
	REAL("preemphasis-coefficient", preemphasis_coefficient, 0, 1, K_LOG, "pre-emphasis within each frame"),
	ENUM("window-type", window_type, WINDOWS, K_STFT, "window"),
	BOOL("periodic", periodic, K_STFT, "window of period N instead of N-1"),
	REAL("blackman-coeff", blackman_coeff, 0, 1, K_STFT, "constant of --window-type blackman"),
	REAL("power", power, 1e-3, 100, K_LOG, "exponent of the magnitude: 2 power, 1 magnitude"),
	ALIAS("use-power", K_BANDS, "true: --power 2, false: --power 1"),
	INT("num-mel-bins", num_mel_bins, 1, 4096, K_BANDS, "mel bands"),
	REAL("low-freq", low_freq, 0, 1e6, K_BANDS, "lower end of the lowest band, Hz"),
	REAL("high-freq", high_freq, -1e6, 1e6, K_BANDS,
	     "upper end of the highest band, Hz; <= 0: from the Nyquist frequency"),
	REAL("vtln-warp", vtln_warp, SER_MIN_WARP, SER_MAX_WARP, K_KALDI,
	     "factor of vocal tract length normalisation; 1: none"),
	REAL("vtln-low", vtln_low, 0, 1e6, K_KALDI, "where its straight line begins, Hz"),
	REAL("vtln-high", vtln_high, -1e6, 1e6, K_KALDI, "where it ends, Hz; <= 0: from the Nyquist frequency"),
	ENUM("mel-scale", mel_scale, SCALES, K_BANDS, "formula of the mel scale"),
	ENUM("mel-shape", mel_shape, SHAPES, K_BANDS,
	     "triangles on the mel axis (Kaldi), in Hz (torchaudio), or left (SpeechBrain)"),
	ENUM("mel-norm", mel_norm, NORMS, K_BANDS, "division by the bands' widths"),
	ENUM("log", log, LOGS, K_LOG, "logarithm: ln max(x,floor), ln(x+floor), 10 log10 max(x,floor), or Whisper's"),
	ALIAS("use-log-fbank", K_FBANK, "true: --log ln, false: --log none"),
	REAL("log-floor", log_floor, 1e-37, 1e9, K_LOG, "floor under the logarithm"),
	REAL("top-db", top_db, 0, 1e4, K_LOG, "with --log db: least value below the signal's greatest, dB; 0: none"),
	BOOL("use-energy", use_energy, K_KALDI, "add the log energy (fbank), or put it for C0 (mfcc)"),
	REAL("energy-floor", energy_floor, 0, 1e30, K_KALDI, "floor of the energy; 0: none"),
	BOOL("htk-compat", htk_compat, K_KALDI, "energy or C0 last, C0 times sqrt 2"),
	INT("num-ceps", num_ceps, 1, 4096, K_MFCC, "cepstra, C0 included"),
	REAL("cepstral-lifter", cepstral_lifter, 0, 1e4, K_MFCC, "liftering coefficient; 0: none"),
	REAL("f0-floor", f0_floor, 20, 1000, K_LLD, "lowest pitch looked for, Hz; three periods make its window"),
	REAL("f0-ceiling", f0_ceiling, 21, 5000, K_LLD, "highest pitch, Hz"),
	BOOL("subtract-mean", subtract_mean, K_STFT, "subtract each column's mean over the utterance"),
	INT("delta-order", delta_order, 0, 2, K_STFT | K_SMILE, "append deltas up to this order"),
	INT("delta-window", delta_window, 1, 100, K_STFT, "frames to each side in a delta"),
	ENUM("compat", compat, COMPATS, 1 << SER_COMPARE | 1 << SER_EGEMAPS,
	     "the numbers of that program, as far as they are known"),
	BOOL("peak-norm", peak_norm, K_ALL, "divide the signal by its greatest magnitude first"),
	{0},
};

const struct ser_option *ser_front_options(void)
{
	return FIELDS;
}

void ser_front_opt_init(struct ser_front_opt *o, enum ser_front_kind kind)
{
	*o = (struct ser_front_opt){
		.kind = kind,
		.sample_frequency = 16000,
		.frame_length_ms = 25,
		.frame_shift_ms = 10,
		.scale = 1,
		.blackman_coeff = 0.42,
		.power = 2,
		.vtln_warp = 1,
		.vtln_low = 100,
		.vtln_high = -500,
		.log_floor = 1e-10,
		.delta_window = 2,
		.f0_floor = 75,
		.f0_ceiling = 600,
	};
	if (kind == SER_FBANK || kind == SER_MFCC) {
		o->round_to_power_of_two = true;
		o->edges = SER_EDGES_SNIP;
		o->scale = 32768;
		o->remove_dc_offset = true;
		o->raw_energy = true;
		o->preemphasis_coefficient = 0.97;
		o->window_type = SER_WIN_POVEY;
		o->num_mel_bins = kind == SER_FBANK ? 80 : 23;
		o->low_freq = 20;
		o->mel_shape = SER_SHAPE_MEL;
		o->log = SER_LOG_LN;
		o->log_floor = 1.1920928955078125e-07; /* FLT_EPSILON */
		o->energy_floor = 1;
		o->num_ceps = 13;
		o->cepstral_lifter = 22;
	} else if (kind == SER_LLD) {
		o->round_to_power_of_two = true;
		o->edges = SER_EDGES_SNIP;
		o->window_type = SER_WIN_HAMMING;
		o->remove_dc_offset = true;
	} else if (kind == SER_COMPARE || kind == SER_EGEMAPS) {
		o->round_to_power_of_two = true;
		o->edges = SER_EDGES_SNIP;
		o->window_type = SER_WIN_HAMMING;
		o->frame_length_ms = 20;
		o->f0_floor = kind == SER_COMPARE ? 52 : 55;
		o->f0_ceiling = kind == SER_COMPARE ? 620 : 1000;
		o->delta_order = kind == SER_COMPARE;
	} else if (K_SMILE >> kind & 1) {
		o->round_to_power_of_two = true;
		o->edges = SER_EDGES_SNIP;
		o->compat = SER_COMPAT_OPENSMILE;
		o->delta_order = 1;
	} else {
		o->edges = SER_EDGES_CENTER;
		o->window_type = SER_WIN_HANNING;
		o->periodic = true;
		o->num_mel_bins = 80;
		o->mel_shape = SER_SHAPE_HZ;
	}
}

const char *ser_front_kind_name(enum ser_front_kind k)
{
	return KINDS[k];
}

const char *const *ser_front_axes(enum ser_front_kind k)
{
	static const char *const axes[][2] = {{"sample", "channel"}, {"frame", "bin"},      {"frame", "mel"},
					      {"frame", "mel"},      {"frame", "cepstrum"}, {"frame", "descriptor"}};
	return axes[k < SER_LLD ? k : SER_LLD];
}

/* The position of s in a NULL-terminated list, or -1. */
static int find(const char *const *list, const char *s)
{
	for (int i = 0; list[i] != NULL; i++)
		if (strcmp(list[i], s) == 0)
			return i;
	return -1;
}

static int fail_value(const char *name, const char *const *list, const char *s, struct ser_err *e)
{
	struct ser_buf b = {0};
	for (int i = 0; list[i] != NULL; i++)
		ser_buf_printf(&b, "%s%s", i > 0 ? ", " : "", list[i]);
	int rc = ser_fail(e, SER_EUSAGE, "%s \"%s\" is none of %s", name, s, b.s);
	ser_buf_free(&b);
	return rc;
}

int ser_front_kind_parse(const char *s, enum ser_front_kind *k, struct ser_err *e)
{
	int i = find(KINDS, s);
	if (i < 0)
		return fail_value("kind", KINDS, s, e);
	*k = (enum ser_front_kind)i;
	return SER_OK;
}

static int set_alias(struct ser_front_opt *o, const char *name, bool on)
{
	if (strcmp(name, "snip-edges") == 0)
		o->edges = on ? SER_EDGES_SNIP : SER_EDGES_MIRROR;
	else if (strcmp(name, "center") == 0)
		o->edges = on ? SER_EDGES_CENTER : SER_EDGES_VALID;
	else if (strcmp(name, "use-power") == 0)
		o->power = on ? 2 : 1;
	else
		o->log = on ? SER_LOG_LN : SER_LOG_NONE;
	return SER_OK;
}

/* The rate of the samples may be that of each sound. */
static const char RATE[] = "sample-frequency", AUTO[] = "auto";

int ser_front_set(struct ser_front_opt *o, const char *name, const char *value, struct ser_err *e)
{
	for (const struct ser_option *f = FIELDS; f->name != NULL; f++) {
		bool alias = f->at == SIZE_MAX;
		if (strcmp(f->name, name) != 0)
			continue;
		if ((f->kinds >> o->kind & 1) == 0)
			return ser_fail(e, SER_EUSAGE, "%s has no meaning for %s", name, KINDS[o->kind]);
		if (strcmp(name, RATE) == 0 && strcmp(value, AUTO) == 0) {
			o->sample_frequency = 0;
			return SER_OK;
		}
		if (ser_option_set(f, alias ? NULL : o, value, e) != 0)
			return ser_fail_in(e, "%s", name);
		return alias ? set_alias(o, name, strcmp(value, "true") == 0) : SER_OK;
	}
	return ser_fail(e, SER_EUSAGE, "a front-end has no option \"%s\"", name);
}

void ser_front_text(const struct ser_front_opt *o, struct ser_buf *b)
{
	ser_buf_str(b, KINDS[o->kind]);
	for (const struct ser_option *f = FIELDS; f->name != NULL; f++) {
		bool unwarped =
			o->vtln_warp == 1 && strncmp(f->name, "vtln-", 5) == 0; /* as texts before there was warping */
		if ((f->kinds >> o->kind & 1) == 0 || f->at == SIZE_MAX || unwarped)
			continue;
		ser_buf_printf(b, " %s=", f->name);
		if (strcmp(f->name, RATE) == 0 && o->sample_frequency == 0)
			ser_buf_str(b, AUTO);
		else
			ser_option_text(f, o, b);
	}
}

int ser_front_parse(struct ser_front_opt *o, const char *text, struct ser_err *e)
{
	char *copy = ser_strdup(text), *save = NULL, *word = strtok_r(copy, " ", &save);
	enum ser_front_kind kind = SER_WAVE;
	int rc = word == NULL ? ser_fail(e, SER_EUSAGE, "empty front-end") : ser_front_kind_parse(word, &kind, e);
	if (rc == SER_OK)
		ser_front_opt_init(o, kind);
	while (rc == SER_OK && (word = strtok_r(NULL, " ", &save)) != NULL) {
		char *eq = strchr(word, '=');
		if (eq == NULL) {
			rc = ser_fail(e, SER_EUSAGE, "front-end: \"%s\" is not NAME=VALUE", word);
			break;
		}
		*eq = '\0';
		rc = ser_front_set(o, word, eq + 1, e);
	}
	free(copy);
	return rc;
}
