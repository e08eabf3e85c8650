/* SPDX-License-Identifier: MIT */
#include "extract/copies.h"
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
		{"copies", "augmented copies of each record", SER_OPT_INT(&o.n_copy, "N", 1, 1e6), .letter = 'n'},
		{"keep", "the record itself first", SER_OPT_FLAG(&o.keep)},
		{"suffix", "copies are called ID-TEXT1 and so on", SER_OPT_STR(&o.suffix, "TEXT")},
		{"field", "tensor: samples [N,1] or features [T,D]", SER_OPT_STR(&o.field, "NAME")},
		{"seed", "seed, with each copy's id", SER_OPT_I64(&seed, "N", 0, 9e18), .flags = SER_OPTION_ALWAYS},
		{"pitch", "samples: one of these shifts in semitones, length stays: -2,0,2",
		 SER_OPT_STR(&pitch, "LIST")},
		{"tempo", "samples: one of these factors, pitch stays: 0.9,1,1.1", SER_OPT_STR(&tempo, "LIST")},
		{"speed", "samples: one of these factors, on pitch too: 0.9,1,1.1", SER_OPT_STR(&speed, "LIST")},
		{"reverb", "samples: a synthetic room with an RT60 between these, s", SER_OPT_STR(&rt60, "LO:HI")},
		{"drr", "its direct sound over all reflections, dB (default 0:10)", SER_OPT_STR(&drr, "LO:HI")},
		{"rir", "samples: the room of one of these impulse responses, a manifest or stream",
		 SER_OPT_STR(&rir, "FILE"), .flags = SER_OPTION_READ},
		{"noise", "samples: add one of these noises, a manifest or stream", SER_OPT_STR(&noise, "FILE"),
		 .flags = SER_OPTION_READ},
		{"babble", "samples: add voices of other speakers out of this manifest or stream",
		 SER_OPT_STR(&babble, "FILE"), .flags = SER_OPTION_READ},
		{"voices", "how many voices babble (default 3:7)", SER_OPT_STR(&voices, "LO:HI")},
		{"same-speaker", "voices of the record's own speaker may babble too",
		 SER_OPT_FLAG(&o.wave.same_speaker)},
		{"snr", "signal-to-noise ratio of noise and babble, dB (default 0:20)", SER_OPT_STR(&snr, "LO:HI")},
		{"gain", "samples: louder by this, dB", SER_OPT_STR(&gain, "LO:HI")},
		{"codec", "samples: through one of these codecs, each with :RATE:LEVEL behind",
		 SER_OPT_STR(&codec, "LIST"), .known = ser_codec_name},
		{"root", "where the relative paths of these manifests begin", SER_OPT_STR(&root.dir, "DIR"),
		 .flags = SER_OPTION_SILENT},
		{"allow-absolute", "let their paths lead out of the root: absolute, or by way of \"..\"",
		 SER_OPT_FLAG(&root.allow_absolute), .flags = SER_OPTION_SILENT},
		{"time-masks", "features: bands of frames to mask", SER_OPT_INT(&o.mask.n_time, "N", 0, 1000)},
		{"time-width", "greatest width of one, frames", SER_OPT_INT(&o.mask.time_width, "N", 0, 1e6)},
		{"freq-masks", "features: bands of columns to mask", SER_OPT_INT(&o.mask.n_freq, "N", 0, 1000)},
		{"freq-width", "greatest width of one, columns", SER_OPT_INT(&o.mask.freq_width, "N", 0, 1e6)},
		{"max-share", "and at most this share of the axis", SER_OPT_REAL(&o.mask.max_share, "X", 0, 1)},
		{"fill", "value in a mask: 0, or the mean of the tensor", SER_OPT_CHOICE(&fill, "VALUE", fills)},
		{0},
	};
	const struct ser_tool tool = {
		"ser-augment", "Add changed copies of sounds, or of features with bands masked.",
		"[FILE]...",   opts,
		NULL,          SER_CLI_FILTER | SER_CLI_STREAM | SER_CLI_READ_ALL | SER_CLI_KEEP | SER_CLI_THREADS};
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
