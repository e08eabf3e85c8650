/* SPDX-License-Identifier: MIT */
#include "augment/copies.h"
#include "cli/cli.h"

#include <stdlib.h>

static struct ser_cli c;
static struct ser_copies_opt o = {
	.field = "feat",
	.suffix = "aug",
	.n_copy = 1,
	.keep = true,
	.wave = {.drr_db = {0, 10}, .n_voice = {3, 7}, .snr_db = {0, 20}},
	.mask = {.n_time = 2, .time_width = 40, .n_freq = 2, .freq_width = 15, .max_share = 0.3},
};

/* ---- options ------------------------------------------------------------------------------------- */

static void span(const char *option, const char *text, double lo, double hi, struct ser_span *to)
{
	struct ser_err e;
	if (text != NULL && ser_span_parse(to, text, lo, hi, &e) != SER_OK)
		ser_cli_usage(&c, "--%s: %s", option, e.msg);
}

static void choice(const char *option, const char *text, double lo, double hi, struct ser_choice *to)
{
	struct ser_err e;
	if (text != NULL && ser_choice_parse(to, text, lo, hi, &e) != SER_OK)
		ser_cli_usage(&c, "--%s: %s", option, e.msg);
}

static void codecs(const char *list)
{
	struct ser_strs name = ser_cli_names(&c, "codec", list);
	struct ser_codec *v = ser_calloc(name.n + 1, sizeof *v);
	struct ser_err e;
	for (size_t i = 0; i < name.n; i++)
		if (ser_codec_parse(name.s[i], &v[i], &e) != SER_OK)
			ser_cli_usage(&c, "--codec: %s", e.msg);
	o.wave.codec = v;
	o.wave.n_codec = name.n;
	ser_cli_names_free(&name);
}

static const struct ser_sounds *sounds(const char *path, const struct ser_root *root)
{
	struct ser_err e;
	struct ser_sounds *s = path != NULL ? ser_sounds_new(path, root, c.max_record, &e) : NULL;
	if (path != NULL && s == NULL)
		ser_cli_die(&c, &e);
	return s;
}

/* ---- the stream ---------------------------------------------------------------------------------- */

static const char *const OF_WAVES[] = {"speed", "tempo",  "pitch", "reverb", "rir",
				       "noise", "babble", "gain",  "codec",  NULL};
static const char *const OF_FEATURES[] = {"time-masks", "time-width", "freq-masks", "freq-width",
					  "max-share",  "fill",       NULL};

static const char *first_given(const char *const *name)
{
	while (*name != NULL && !ser_cli_given(&c, *name))
		name++;
	return *name;
}

/* Features or samples? The header says; the options must be for what it is. */
static void begin(struct ser_copies *k, struct ser_out *out, const struct ser_header *h)
{
	double rate_hz;
	bool wave = ser_holds_samples(h, o.field, &rate_hz);
	const char *wrong = first_given(wave ? OF_FEATURES : OF_WAVES);
	if (wave && !(rate_hz > 0))
		ser_cli_fail(&c, SER_EDATA, "the stream does not say the sample rate of \"%s\"", o.field);
	if (wrong != NULL && wave)
		ser_cli_fail(&c, SER_EDATA, "--%s is for features, and \"%s\" holds samples", wrong, o.field);
	if (wrong != NULL)
		ser_cli_fail(&c, SER_EDATA,
			     "--%s needs samples, and \"%s\" holds none; ser-wav2feat --kind wave makes them", wrong,
			     o.field);
	if (wave && first_given(OF_WAVES) == NULL)
		ser_cli_fail(&c, SER_EUSAGE,
			     "\"%s\" holds samples: say what to do with them, such as --noise or --speed", o.field);
	ser_copies_rate(k, wave ? rate_hz : 0);
	ser_out_header(out, h);
}

static void put(void *ctx, const char *id, const struct ser_record *r, const struct ser_err *e)
{
	if (e != NULL)
		ser_cli_skip(&c, id, e);
	else
		ser_out_record(ctx, r);
}

static void run(void)
{
	struct ser_in *in = ser_in_open(&c);
	struct ser_out *out = ser_out_open(&c);
	struct ser_copies *k = ser_copies_new(&o);
	struct ser_record r = {0};
	struct ser_err e;
	bool segment;
	begin(k, out, ser_in_header(in));
	while (ser_in_next(in, &r, &segment)) {
		if (segment) {
			ser_copies_do(k, put, out);
			begin(k, out, ser_in_header(in));
		}
		if (ser_copies_take(k, &r, &e) != SER_OK)
			ser_cli_skip(&c, ser_record_id(&r), &e);
		bool waits = ser_in_waits(in);
		if (ser_copies_full(k) || waits)
			ser_copies_do(k, put, out);
		if (waits)
			ser_out_flush(out);
	}
	ser_copies_do(k, put, out);
	ser_record_free(&r);
	ser_copies_free(k);
	ser_in_close(in);
	ser_out_close(out);
}

int main(int argc, char **argv)
{
	static const char *const fills[] = {"zero", "mean", NULL};
	const char *speed = NULL, *tempo = NULL, *pitch = NULL, *rt60 = NULL, *drr = NULL, *rir = NULL, *noise = NULL,
		   *babble = NULL, *voices = NULL, *snr = NULL, *gain = NULL, *codec = NULL;
	struct ser_root root = {0};
	int fill = 1;
	int64_t seed = 0;
	const struct ser_option opts[] = {
		{"copies", 'n', SER_OPTION_INT, &o.n_copy, "N", 1, 1e6, NULL, 0, "augmented copies of each record"},
		{"keep", 0, SER_OPTION_FLAG, &o.keep, NULL, 0, 0, NULL, 0, "the record itself first"},
		{"suffix", 0, SER_OPTION_STR, &o.suffix, "TEXT", 0, 0, NULL, 0, "copies are called ID-TEXT1 and so on"},
		{"field", 0, SER_OPTION_STR, &o.field, "NAME", 0, 0, NULL, 0,
		 "tensor: samples [N,1] or features [T,D]"},
		{"seed", 0, SER_OPTION_I64, &seed, "N", 0, 9e18, NULL, SER_OPTION_ALWAYS, "seed, with each copy's id"},
		{"pitch", 0, SER_OPTION_STR, &pitch, "LIST", 0, 0, NULL, 0,
		 "samples: one of these shifts in semitones, length stays: -2,0,2"},
		{"tempo", 0, SER_OPTION_STR, &tempo, "LIST", 0, 0, NULL, 0,
		 "samples: one of these factors, pitch stays: 0.9,1,1.1"},
		{"speed", 0, SER_OPTION_STR, &speed, "LIST", 0, 0, NULL, 0,
		 "samples: one of these factors, on pitch too: 0.9,1,1.1"},
		{"reverb", 0, SER_OPTION_STR, &rt60, "LO:HI", 0, 0, NULL, 0,
		 "samples: a synthetic room with an RT60 between these, s"},
		{"drr", 0, SER_OPTION_STR, &drr, "LO:HI", 0, 0, NULL, 0,
		 "its direct sound over all reflections, dB (default 0:10)"},
		{"rir", 0, SER_OPTION_STR, &rir, "FILE", 0, 0, NULL, SER_OPTION_READ,
		 "samples: the room of one of these impulse responses, a manifest or stream"},
		{"noise", 0, SER_OPTION_STR, &noise, "FILE", 0, 0, NULL, SER_OPTION_READ,
		 "samples: add one of these noises, a manifest or stream"},
		{"babble", 0, SER_OPTION_STR, &babble, "FILE", 0, 0, NULL, SER_OPTION_READ,
		 "samples: add voices of other speakers out of this manifest or stream"},
		{"voices", 0, SER_OPTION_STR, &voices, "LO:HI", 0, 0, NULL, 0, "how many voices babble (default 3:7)"},
		{"same-speaker", 0, SER_OPTION_FLAG, &o.wave.same_speaker, NULL, 0, 0, NULL, 0,
		 "voices of the record's own speaker may babble too"},
		{"snr", 0, SER_OPTION_STR, &snr, "LO:HI", 0, 0, NULL, 0,
		 "signal-to-noise ratio of noise and babble, dB (default 0:20)"},
		{"gain", 0, SER_OPTION_STR, &gain, "LO:HI", 0, 0, NULL, 0, "samples: louder by this, dB"},
		{"codec", 0, SER_OPTION_STR, &codec, "LIST", 0, 0, NULL, 0,
		 "samples: through one of mulaw, alaw, gsm, adpcm, opus, vorbis, mp3, each with :RATE:LEVEL behind"},
		{"root", 0, SER_OPTION_STR, &root.dir, "DIR", 0, 0, NULL, SER_OPTION_SILENT,
		 "where the relative paths of these manifests begin"},
		{"allow-absolute", 0, SER_OPTION_FLAG, &root.allow_absolute, NULL, 0, 0, NULL, SER_OPTION_SILENT,
		 "let their paths lead out of the root: absolute, or by way of \"..\""},
		{"time-masks", 0, SER_OPTION_INT, &o.mask.n_time, "N", 0, 1000, NULL, 0,
		 "features: bands of frames to mask"},
		{"time-width", 0, SER_OPTION_INT, &o.mask.time_width, "N", 0, 1e6, NULL, 0,
		 "greatest width of one, frames"},
		{"freq-masks", 0, SER_OPTION_INT, &o.mask.n_freq, "N", 0, 1000, NULL, 0,
		 "features: bands of columns to mask"},
		{"freq-width", 0, SER_OPTION_INT, &o.mask.freq_width, "N", 0, 1e6, NULL, 0,
		 "greatest width of one, columns"},
		{"max-share", 0, SER_OPTION_REAL, &o.mask.max_share, "X", 0, 1, NULL, 0,
		 "and at most this share of the axis"},
		{"fill", 0, SER_OPTION_CHOICE, &fill, "VALUE", 0, 0, fills, 0,
		 "value in a mask: 0, or the mean of the tensor"},
		{0},
	};
	const struct ser_tool tool = {
		"ser-augment", "Add changed copies of sounds, or of features with bands masked.", "[FILE]...", opts,
		NULL,          SER_CLI_FILTER | SER_CLI_READ_ALL | SER_CLI_KEEP | SER_CLI_THREADS};
	ser_cli_begin(&c, &tool, argc, argv);
	o.n_thread = c.n_thread;
	o.mask.mean = fill == 1;
	struct ser_augment_opt *w = &o.wave;
	w->seed = (uint64_t)seed;
	w->reverb = rt60 != NULL;
	w->gain = gain != NULL;
	choice("pitch", pitch, -24, 24, &w->pitch);
	choice("tempo", tempo, 0.25, 4, &w->tempo);
	choice("speed", speed, 0.25, 4, &w->speed);
	span("reverb", rt60, 0.01, 20, &w->rt60_s);
	span("drr", drr, -100, 100, &w->drr_db);
	span("voices", voices, 1, 1000, &w->n_voice);
	span("snr", snr, -100, 200, &w->snr_db);
	span("gain", gain, -200, 200, &w->gain_db);
	codecs(codec);
	if (w->n_voice.lo != (double)(int)w->n_voice.lo || w->n_voice.hi != (double)(int)w->n_voice.hi)
		ser_cli_usage(&c, "--voices: whole numbers are needed");
	if (rt60 != NULL && rir != NULL)
		ser_cli_usage(&c, "give one of --reverb and --rir");
	w->rir = sounds(rir, &root);
	w->noise = sounds(noise, &root);
	w->babble = sounds(babble, &root);
	run();
	free((void *)w->pitch.v);
	free((void *)w->tempo.v);
	free((void *)w->speed.v);
	free((void *)w->codec);
	ser_sounds_free((struct ser_sounds *)w->rir);
	ser_sounds_free((struct ser_sounds *)w->noise);
	ser_sounds_free((struct ser_sounds *)w->babble);
	return ser_cli_end(&c);
}
