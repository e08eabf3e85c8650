/* SPDX-License-Identifier: MIT */
#include "augment/augment.h"
#include "cli/cli.h"
#include "dsp/dsp.h"

#include <stdlib.h>
#include <string.h>

enum { PER_THREAD = 4, BATCH_BYTES = 64 << 20 };

/* A record read, and what its copies are made from. */
struct item {
	struct ser_record r;
	char *id, *source, *spk; /* source: what it is a copy of, or its id */
	const float *x;
	size_t shape[SER_MAX_AXES];
};

/* One copy, or with k = 0 the record itself. */
struct job {
	struct item *it;
	int k;
	struct ser_buf id, what;
	float *y;
	size_t shape[2], cap;
	int rc;
	struct ser_err e;
};

struct augment {
	struct ser_cli c;
	struct ser_out *out;
	const char *field, *suffix;
	struct ser_mask_opt mask;
	struct ser_augment_opt o;
	int fill, n_copy;
	bool keep;
	int64_t seed;
	double rate_hz; /* of the samples; 0: the segment at hand holds features */
	struct item *item;
	struct job *job;
	size_t n_item, cap_item, n_job, cap_job, n_byte;
	struct ser_augment_ws **ws; /* [n_thread] */
};

static void work(void *ctx, size_t i, int worker)
{
	struct augment *a = ctx;
	struct job *j = &a->job[i];
	const struct item *it = j->it;
	size_t n = it->shape[0];
	j->id.n = j->what.n = 0;
	j->rc = SER_OK;
	if (j->k == 0)
		return;
	ser_buf_printf(&j->id, "%s-%s%d", it->id, a->suffix, j->k);
	j->shape[1] = it->shape[1];
	if (a->rate_hz > 0) {
		j->rc = ser_augment_do(&a->o, a->ws[worker], j->id.s, it->source, it->spk, it->x, n, a->rate_hz, &j->y,
				       &j->shape[0], &j->cap, &j->what, &j->e);
		return;
	}
	struct ser_rng rng;
	ser_rng_seed_key(&rng, (uint64_t)a->seed, j->id.s, j->id.n);
	j->y = ser_grow(j->y, &j->cap, n * it->shape[1], sizeof *j->y);
	memcpy(j->y, it->x, n * it->shape[1] * sizeof *j->y);
	ser_mask_do(&a->mask, &rng, j->y, n, it->shape[1]);
	j->shape[0] = n;
	ser_buf_str(&j->what, "mask");
}

static void flush_jobs(struct augment *a)
{
	ser_parallel_for(a->c.n_thread, a->n_job, work, a);
	for (size_t i = 0; i < a->n_job; i++) {
		struct job *j = &a->job[i];
		struct ser_record *r = &j->it->r;
		if (j->rc != SER_OK) {
			struct ser_err why = j->e;
			ser_record_fail(r, &j->e, j->rc, "%s", why.msg);
			ser_cli_skip(&a->c, j->id.s, &j->e);
			continue;
		}
		if (j->k > 0) {
			ser_record_set(r, "id", ser_strn(j->id.s, j->id.n));
			ser_record_set(r, "source", ser_str(j->it->id));
			ser_record_set(r, "augment", ser_int(j->k));
			ser_record_set(r, "aug", ser_strn(j->what.s, j->what.n));
			ser_record_set(r, a->field, ser_f4(j->y, 2, j->shape));
		}
		ser_out_record(a->out, r);
	}
	a->n_job = 0;
}

/* The copies of all records read so far. */
static void flush_items(struct augment *a)
{
	for (size_t i = 0; i < a->n_item; i++)
		for (int k = a->keep ? 0 : 1; k <= a->n_copy; k++) {
			a->job[a->n_job].it = &a->item[i];
			a->job[a->n_job++].k = k;
			if (a->n_job == a->cap_job)
				flush_jobs(a);
		}
	flush_jobs(a);
	a->n_item = a->n_byte = 0;
}

static int label(struct ser_record *r, const char *name, const char *otherwise, char **to, struct ser_err *e)
{
	const struct ser_val *v = ser_record_get(r, name);
	const char *s = otherwise;
	if (v != NULL && v->kind != SER_NIL && ser_record_str(r, name, &s, e) != SER_OK)
		return e->code;
	free(*to);
	*to = ser_strdup(s);
	return SER_OK;
}

static int take(struct augment *a, struct item *it, struct ser_err *e)
{
	struct ser_record *r = &it->r;
	if (ser_record_f4(r, a->field, 2, &it->x, it->shape, e) != SER_OK || label(r, "id", "", &it->id, e) != SER_OK ||
	    label(r, "source", it->id, &it->source, e) != SER_OK || label(r, "spk", "", &it->spk, e) != SER_OK)
		return e->code;
	if (ser_mul(it->shape[0], it->shape[1]) == 0)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" is empty", a->field);
	if (a->rate_hz > 0 && it->shape[1] != 1)
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" is [%zu,%zu], expected samples [N,1]", a->field,
				       it->shape[0], it->shape[1]);
	a->n_byte += r->bytes.n;
	return SER_OK;
}

/* ---- options ------------------------------------------------------------------------------------- */

static double number(struct augment *a, const char *option, const char *s, size_t n, double lo, double hi)
{
	struct ser_err e;
	double v = 0;
	char *text = ser_strndup(s, n);
	if (ser_parse_real(text, lo, hi, &v, &e) != SER_OK)
		ser_cli_usage(&a->c, "--%s: %s", option, e.msg);
	free(text);
	return v;
}

/* "LO:HI", or one number. */
static void span(struct augment *a, const char *option, const char *s, double lo, double hi, struct ser_span *to)
{
	if (s == NULL)
		return;
	size_t n = strcspn(s, ":");
	to->lo = to->hi = number(a, option, s, n, lo, hi);
	if (s[n] == ':')
		to->hi = number(a, option, s + n + 1, strlen(s + n + 1), lo, hi);
	if (to->hi < to->lo)
		ser_cli_usage(&a->c, "--%s: %g is greater than %g", option, to->lo, to->hi);
}

/* "A,B,C" */
static void choice(struct augment *a, const char *option, const char *s, double lo, double hi, struct ser_choice *to)
{
	double *v = NULL;
	size_t cap = 0;
	for (; s != NULL; s = s[strcspn(s, ",")] == ',' ? s + strcspn(s, ",") + 1 : NULL) {
		v = ser_grow(v, &cap, to->n + 1, sizeof *v);
		v[to->n++] = number(a, option, s, strcspn(s, ","), lo, hi);
	}
	to->v = v;
}

static void codecs(struct augment *a, const char *list)
{
	struct ser_strs name = ser_cli_names(&a->c, "codec", list);
	struct ser_codec *v = ser_calloc(name.n + 1, sizeof *v);
	struct ser_err e;
	for (size_t i = 0; i < name.n; i++)
		if (ser_codec_parse(name.s[i], &v[i], &e) != SER_OK)
			ser_cli_usage(&a->c, "--codec: %s", e.msg);
	a->o.codec = v;
	a->o.n_codec = name.n;
	ser_cli_names_free(&name);
}

static const struct ser_sounds *sounds(struct augment *a, const char *path, const struct ser_root *root)
{
	struct ser_err e;
	if (path == NULL)
		return NULL;
	struct ser_sounds *s = ser_sounds_new(path, root, a->c.max_record, &e);
	if (s == NULL)
		ser_cli_die(&a->c, &e);
	return s;
}

/* ---- main ---------------------------------------------------------------------------------------- */

static const char *const OF_WAVES[] = {"speed", "tempo",  "pitch", "reverb", "rir",
				       "noise", "babble", "gain",  "codec",  NULL};
static const char *const OF_FEATURES[] = {"time-masks", "time-width", "freq-masks", "freq-width",
					  "max-share",  "fill",       NULL};

static const char *first_given(const struct augment *a, const char *const *name)
{
	while (*name != NULL && !ser_cli_given(&a->c, *name))
		name++;
	return *name;
}

/* Features or samples? The header says; the options must be for what it is. */
static void begin(struct augment *a, const struct ser_header *h)
{
	const struct ser_val *dim = ser_header_dim(h, a->field), *axes = ser_val_get(dim, "axes");
	const struct ser_val *rate = ser_val_get(dim, "sample_rate_hz");
	bool wave = axes != NULL && axes->kind == SER_LIST && axes->u.list.n > 0 &&
		    ser_val_is_str(axes->u.list.v, "sample");
	const char *wrong = first_given(a, wave ? OF_FEATURES : OF_WAVES);
	a->rate_hz = wave && rate != NULL && rate->kind == SER_REAL ? rate->u.f : 0;
	if (wave && !(a->rate_hz > 0))
		ser_cli_fail(&a->c, SER_EDATA, "the stream does not say the sample rate of \"%s\"", a->field);
	if (wrong != NULL && wave)
		ser_cli_fail(&a->c, SER_EDATA, "--%s is for features, and \"%s\" holds samples", wrong, a->field);
	if (wrong != NULL)
		ser_cli_fail(&a->c, SER_EDATA,
			     "--%s needs samples, and \"%s\" holds none; ser-wav2feat --kind wave makes them", wrong,
			     a->field);
	if (wave && first_given(a, OF_WAVES) == NULL)
		ser_cli_fail(&a->c, SER_EUSAGE,
			     "\"%s\" holds samples: say what to do with them, such as --noise or --speed", a->field);
	ser_out_header(a->out, h);
}

static void run(struct augment *a)
{
	struct ser_in *in = ser_in_open(&a->c);
	struct ser_err e;
	bool segment;
	a->out = ser_out_open(&a->c);
	begin(a, ser_in_header(in));
	for (;;) {
		struct item *it = &a->item[a->n_item];
		bool more = ser_in_next(in, &it->r, &segment);
		if (more && segment) { /* the record that was read belongs behind the new header */
			struct item ahead = *it;
			flush_items(a);
			begin(a, ser_in_header(in));
			*it = a->item[0];
			a->item[0] = ahead;
			it = &a->item[0];
		}
		if (!more)
			break;
		if (take(a, it, &e) == SER_OK)
			a->n_item++;
		else
			ser_cli_skip(&a->c, ser_record_id(&it->r), &e);
		bool waits = ser_in_waits(in);
		if (a->n_item == a->cap_item || a->n_byte >= BATCH_BYTES || waits)
			flush_items(a);
		if (waits)
			ser_out_flush(a->out);
	}
	flush_items(a);
	ser_in_close(in);
	ser_out_close(a->out);
}

int main(int argc, char **argv)
{
	static const char *const fills[] = {"zero", "mean", NULL};
	const char *speed = NULL, *tempo = NULL, *pitch = NULL, *rt60 = NULL, *drr = NULL, *rir = NULL, *noise = NULL,
		   *babble = NULL, *voices = NULL, *snr = NULL, *gain = NULL, *codec = NULL;
	struct ser_root root = {0};
	struct augment a = {.field = "feat",
			    .suffix = "aug",
			    .mask = {.n_time = 2, .time_width = 40, .n_freq = 2, .freq_width = 15, .max_share = 0.3},
			    .o = {.drr_db = {0, 10}, .n_voice = {3, 7}, .snr_db = {0, 20}},
			    .fill = 1,
			    .n_copy = 1,
			    .keep = true};
	const struct ser_option opts[] = {
		{"copies", 'n', SER_OPTION_INT, &a.n_copy, "N", 1, 1e6, NULL, 0, "augmented copies of each record"},
		{"keep", 0, SER_OPTION_FLAG, &a.keep, NULL, 0, 0, NULL, 0, "the record itself first"},
		{"suffix", 0, SER_OPTION_STR, &a.suffix, "TEXT", 0, 0, NULL, 0, "copies are called ID-TEXT1 and so on"},
		{"field", 0, SER_OPTION_STR, &a.field, "NAME", 0, 0, NULL, 0,
		 "tensor: samples [N,1] or features [T,D]"},
		{"seed", 0, SER_OPTION_I64, &a.seed, "N", 0, 9e18, NULL, SER_OPTION_ALWAYS,
		 "seed, with each copy's id"},
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
		{"same-speaker", 0, SER_OPTION_FLAG, &a.o.same_speaker, NULL, 0, 0, NULL, 0,
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
		{"time-masks", 0, SER_OPTION_INT, &a.mask.n_time, "N", 0, 1000, NULL, 0,
		 "features: bands of frames to mask"},
		{"time-width", 0, SER_OPTION_INT, &a.mask.time_width, "N", 0, 1e6, NULL, 0,
		 "greatest width of one, frames"},
		{"freq-masks", 0, SER_OPTION_INT, &a.mask.n_freq, "N", 0, 1000, NULL, 0,
		 "features: bands of columns to mask"},
		{"freq-width", 0, SER_OPTION_INT, &a.mask.freq_width, "N", 0, 1e6, NULL, 0,
		 "greatest width of one, columns"},
		{"max-share", 0, SER_OPTION_REAL, &a.mask.max_share, "X", 0, 1, NULL, 0,
		 "and at most this share of the axis"},
		{"fill", 0, SER_OPTION_CHOICE, &a.fill, "VALUE", 0, 0, fills, 0,
		 "value in a mask: 0, or the mean of the tensor"},
		{0},
	};
	const struct ser_tool tool = {
		"ser-augment", "Add changed copies of sounds, or of features with bands masked.", "[FILE]...", opts,
		NULL,          SER_CLI_FILTER | SER_CLI_READ_ALL | SER_CLI_KEEP | SER_CLI_THREADS};
	ser_cli_begin(&a.c, &tool, argc, argv);
	a.mask.mean = a.fill == 1;
	a.o.seed = (uint64_t)a.seed;
	a.o.reverb = rt60 != NULL;
	a.o.gain = gain != NULL;
	choice(&a, "pitch", pitch, -24, 24, &a.o.pitch);
	choice(&a, "tempo", tempo, 0.25, 4, &a.o.tempo);
	choice(&a, "speed", speed, 0.25, 4, &a.o.speed);
	span(&a, "reverb", rt60, 0.01, 20, &a.o.rt60_s);
	span(&a, "drr", drr, -100, 100, &a.o.drr_db);
	span(&a, "voices", voices, 1, 1000, &a.o.n_voice);
	span(&a, "snr", snr, -100, 200, &a.o.snr_db);
	span(&a, "gain", gain, -200, 200, &a.o.gain_db);
	codecs(&a, codec);
	if (a.o.n_voice.lo != (double)(int)a.o.n_voice.lo || a.o.n_voice.hi != (double)(int)a.o.n_voice.hi)
		ser_cli_usage(&a.c, "--voices: whole numbers are needed");
	if (rt60 != NULL && rir != NULL)
		ser_cli_usage(&a.c, "give one of --reverb and --rir");
	a.o.rir = sounds(&a, rir, &root);
	a.o.noise = sounds(&a, noise, &root);
	a.o.babble = sounds(&a, babble, &root);
	a.cap_item = a.cap_job = a.c.n_thread > 1 ? (size_t)a.c.n_thread * PER_THREAD : 1;
	a.item = ser_calloc(a.cap_item + 1, sizeof *a.item);
	a.job = ser_calloc(a.cap_job, sizeof *a.job);
	a.ws = ser_calloc((size_t)a.c.n_thread, sizeof *a.ws);
	for (int i = 0; i < a.c.n_thread; i++)
		a.ws[i] = ser_augment_ws_new();
	run(&a);
	for (size_t i = 0; i <= a.cap_item; i++) {
		ser_record_free(&a.item[i].r);
		free(a.item[i].id);
		free(a.item[i].source);
		free(a.item[i].spk);
	}
	for (size_t i = 0; i < a.cap_job; i++) {
		ser_buf_free(&a.job[i].id);
		ser_buf_free(&a.job[i].what);
		free(a.job[i].y);
	}
	for (int i = 0; i < a.c.n_thread; i++)
		ser_augment_ws_free(a.ws[i]);
	free(a.item);
	free(a.job);
	free(a.ws);
	free((void *)a.o.pitch.v);
	free((void *)a.o.tempo.v);
	free((void *)a.o.speed.v);
	free((void *)a.o.codec);
	ser_sounds_free((struct ser_sounds *)a.o.rir);
	ser_sounds_free((struct ser_sounds *)a.o.noise);
	ser_sounds_free((struct ser_sounds *)a.o.babble);
	return ser_cli_end(&a.c);
}
