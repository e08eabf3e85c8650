/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "extract/extract.h"
#include "model/model.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct tool {
	struct ser_cli c;
	struct ser_extract_opt o;
	struct ser_out *out;
	uint64_t n_row; /* of the manifests; 0: not known */
};

/* ---- where results go ---------------------------------------------------------------------------- */

static void put_header(void *ctx, const struct ser_header *h)
{
	ser_out_header(((struct tool *)ctx)->out, h);
}

static void put_record(void *ctx, const struct ser_record *r)
{
	ser_out_record(((struct tool *)ctx)->out, r);
}

static void failed(void *ctx, const char *id, const struct ser_err *e)
{
	ser_cli_skip(&((struct tool *)ctx)->c, id, e);
}

static void clipped(void *ctx, const char *id, const struct ser_audio_info *info)
{
	ser_cli_info(&((struct tool *)ctx)->c, "\"%s\": %lld samples at full scale or beyond (peak %.3g)", id,
		     (long long)info->n_clipped, info->peak);
}

static void step(void *ctx, uint64_t n_sound, bool flush)
{
	struct tool *t = ctx;
	t->c.n_read = n_sound;
	if (flush)
		ser_out_flush(t->out);
	else
		ser_cli_progress(&t->c, "files", n_sound, t->n_row);
}

/* ---- options ------------------------------------------------------------------------------------- */

/* The value of a long option before the table is parsed, since the defaults hang on it; NULL when absent. */
static const char *look_ahead(int argc, char **argv, const char *name)
{
	const char *v = NULL;
	size_t n = strlen(name);
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strncmp(argv[i], "--", 2) != 0 || strncmp(argv[i] + 2, name, n) != 0)
			continue;
		if (argv[i][2 + n] == '=')
			v = argv[i] + 3 + n;
		else if (argv[i][2 + n] == '\0' && i + 1 < argc)
			v = argv[i + 1];
	}
	return v;
}

enum { MAX_ROW = 128 };
static const char RATE[] = "sample-frequency";

static const char *known_rate(size_t i)
{
	return i == 0 ? "auto" : NULL;
}

/* The tool's own rows and those of the front-end's options; alias [MAX_ROW]: what those that stand for a value of another are set to. */
static void rows(struct ser_option all[static MAX_ROW], struct ser_front_opt *o, const struct ser_option *own,
		 bool *alias, const char **rate)
{
	size_t n_own = 0;
	const struct ser_option *f = ser_front_options();
	while (own[n_own].name != NULL)
		n_own++;
	ser_assert(n_own < MAX_ROW);
	memcpy(all, own, n_own * sizeof *all);
	ser_cli_rows(all, n_own, MAX_ROW, f, o);
	for (size_t i = 0; f[i].name != NULL; i++) {
		if (f[i].at == SIZE_MAX)
			all[n_own + i].var = &alias[i];
		if (strcmp(f[i].name, RATE) == 0) /* a number, or "auto" */
			all[n_own + i] =
				(struct ser_option){RATE,
						    "rate of the samples, Hz; auto: that of the first sound, and of "
						    "all others, or, as is the "
						    "default where numbers are openSMILE's, each sound's own",
						    SER_OPT_STR(rate, "X"), .known = known_rate, .kinds = f[i].kinds};
	}
}

/* --sample-frequency as it was given. */
static void set_rate(struct tool *t, const char *rate, bool like, bool from_stdin)
{
	struct ser_err e;
	double hz;
	bool wish = strcmp(rate, known_rate(0)) == 0, given = ser_cli_given(&t->c, RATE);
	if (t->o.front.compat == SER_COMPAT_OPENSMILE && (given ? wish : !like)) { /* openSMILE converts nothing */
		t->o.front.sample_frequency = 0;
		return;
	}
	if (t->o.front.sample_frequency == 0 && !like) /* its presets' with --compat none */
		t->o.front.sample_frequency = 16000;
	t->o.one_rate = wish && given;
	if (!t->o.one_rate) {
		if (given && ser_front_set(&t->o.front, RATE, rate, &e) != SER_OK)
			ser_cli_usage(&t->c, "--%s", e.msg);
		return;
	}
	if (from_stdin)
		ser_cli_usage(&t->c, "--sample-frequency auto does not go with --stdin: say the rate");
	if (ser_extract_rate(&t->o, t->c.n_operand > 0 ? t->c.operand[0] : "-", &hz, &e) != SER_OK)
		ser_cli_die(&t->c, &e);
	t->o.front.sample_frequency = hz;
}

/* The front-end that a model's features came from, and their functionals (malloc'ed, NULL: none). */
static int like_model(struct ser_front_opt *o, char **functionals, const char *path, struct ser_err *e)
{
	struct ser_model *m;
	if (ser_model_load(&m, path, e) != SER_OK)
		return e->code;
	size_t at = 0; /* of several encoders the first that says what its features are */
	while (at + 1 < m->n_enc && ser_val_get(&m->enc[at].dims, "front") == NULL)
		at++;
	int rc = m->enc[at].arch->n_token != NULL
			 ? ser_fail(e, SER_EDATA, "reads ids of tokens and no sound: ser-tokenize makes them")
			 : ser_extract_like(o, functionals, &m->enc[at].dims, e);
	ser_model_free(m);
	return rc == SER_OK ? rc : ser_fail_in(e, "%s", path);
}

/* What the defaults are before the table is parsed: those of --like, of --preset or of --kind. */
static enum ser_front_kind presume(struct ser_extract_opt *o, char **functionals, int argc, char **argv,
				   struct ser_err *e)
{
	const char *like = look_ahead(argc, argv, "like"), *preset = look_ahead(argc, argv, "preset"),
		   *text = look_ahead(argc, argv, "kind"), *func = NULL;
	enum ser_front_kind kind = SER_FBANK;
	struct ser_front_opt front;
	int rc = 0;
	if (like == NULL && preset == NULL) {
		if (text != NULL)
			ser_front_kind_parse(text, &kind, e);
		ser_extract_opt_init(o, kind);
		return kind;
	}
	if (like != NULL) {
		rc = like_model(&front, functionals, like, e);
		func = *functionals;
	} else {
		rc = ser_front_preset(&front, &func, preset, e);
	}
	ser_extract_opt_init(o, rc == SER_OK ? front.kind : kind);
	if (rc == SER_OK) {
		o->front = front;
		o->functionals = func;
	}
	return o->front.kind;
}

/* Options that the kind does not have are refused; aliases take effect. */
static void settle(struct tool *t, const bool *alias)
{
	const struct ser_option *f = ser_front_options();
	for (size_t i = 0; f[i].name != NULL; i++) {
		struct ser_err e;
		enum ser_front_kind kind = t->o.front.kind;
		if (!ser_cli_given(&t->c, f[i].name))
			continue;
		if ((f[i].kinds >> kind & 1) == 0)
			ser_cli_usage(&t->c, "--%s has no meaning for %s", f[i].name, ser_front_kind_name(kind));
		if (f[i].at == SIZE_MAX &&
		    ser_front_set(&t->o.front, f[i].name, alias[i] ? "true" : "false", &e) != SER_OK)
			ser_cli_die(&t->c, &e);
	}
}

/* Sound that comes by a pipe goes on by a pipe as it comes. Not with --keep-going: a sound that fails is left out whole. */
static bool in_parts(const struct tool *t)
{
	struct stat in, out;
	return t->c.out == NULL && !t->c.keep_going && fstat(0, &in) == 0 && !S_ISREG(in.st_mode) &&
	       fstat(1, &out) == 0 && (S_ISFIFO(out.st_mode) || S_ISSOCK(out.st_mode));
}

static void run(struct tool *t, bool from_stdin, const char *id)
{
	const struct ser_extract_sink to = {t, put_header, put_record, failed, clipped, step};
	struct ser_extract *x;
	struct ser_err e;
	t->o.in_parts = from_stdin && in_parts(t);
	if (ser_extract_new(&x, &t->o, &to, &e) != SER_OK)
		ser_cli_die(&t->c, &e);
	t->n_row = from_stdin ? 0 : ser_cli_rows_ahead(&t->c);
	t->out = ser_out_open(&t->c);
	if (from_stdin)
		ser_extract_sound(x, NULL, id);
	for (int i = 0; i < t->c.n_operand; i++)
		if (ser_extract_input(x, t->c.operand[i], id, &e) != SER_OK)
			ser_cli_die(&t->c, &e);
	if (!from_stdin && t->c.n_operand == 0 && ser_extract_table(x, 0, "<stdin>", &e) != SER_OK)
		ser_cli_die(&t->c, &e);
	ser_extract_end(x);
	ser_out_close(t->out);
	const struct ser_extract_count n = *ser_extract_count(x);
	if (n.n_mute > 0)
		ser_cli_warn(&t->c, "%llu of %llu sounds have no speech", (unsigned long long)n.n_mute,
			     (unsigned long long)n.n_sound);
	if (n.n_clipped > 0)
		ser_cli_warn(&t->c, "%llu of %llu sounds have samples at full scale or beyond (-v names them)",
			     (unsigned long long)n.n_clipped, (unsigned long long)n.n_sound);
	if (n.n_narrow > 0)
		ser_cli_warn(&t->c,
			     "%llu of %llu sounds were taken at less than %g Hz, the least at %d Hz: they hold nothing "
			     "above "
			     "half of that",
			     (unsigned long long)n.n_narrow, (unsigned long long)n.n_sound, t->o.front.sample_frequency,
			     n.least_hz);
	if (n.n_other > 0 && t->o.front.compat == SER_COMPAT_OPENSMILE)
		ser_cli_warn(
			&t->c,
			"%llu of %llu sounds were not at %g Hz and were converted, which openSMILE does not do: its "
			"numbers are those of --sample-frequency with their own rate, or auto",
			(unsigned long long)n.n_other, (unsigned long long)n.n_sound, t->o.front.sample_frequency);
	ser_extract_free(x);
}

int main(int argc, char **argv)
{
	static const char *const kinds[] = {"wave",    "spec",    "mel",  "fbank", "mfcc", "lld", "compare",
					    "egemaps", "emobase", "is09", "is10",  "is11", NULL};
	struct tool t = {0};
	struct ser_err e = {0};
	bool from_stdin = false, alias[MAX_ROW] = {false};
	const char *id = NULL, *preset = NULL, *like = NULL, *raw = NULL;
	char *functionals = NULL, rate_text[32];
	const char *rate = rate_text;
	int kind_opt = (int)presume(&t.o, &functionals, argc, argv, &e);
	const struct ser_option own[] = {
		{"kind", "what to compute; the defaults below are those of the kind",
		 SER_OPT_CHOICE(&kind_opt, "KIND", kinds)},
		{"preset", "a published front-end", SER_OPT_STR(&preset, "NAME"), .known = ser_front_preset_name},
		{"like", "the front-end, and functionals, that this model's features came from",
		 SER_OPT_STR(&like, "MODEL"), .flags = SER_OPTION_READ},
		{"functionals",
		 "of each column over time, as func [D*K] in place of feat: "
		 "mean,std,min,max,range,skewness,kurtosis,slope,rms,p0...p100, or a set: egemaps, gemaps, "
		 "compare2016, "
		 "emobase, is09, is10, is11 or is13",
		 SER_OPT_STR(&t.o.functionals, "LIST")},
		{"root", "where the relative paths of manifests begin", SER_OPT_STR(&t.o.root.dir, "DIR"),
		 .flags = SER_OPTION_SILENT},
		{"allow-absolute", "let a manifest's paths lead out of the root: absolute, or by way of \"..\"",
		 SER_OPT_FLAG(&t.o.root.allow_absolute), .flags = SER_OPTION_SILENT},
		{"keep-path", "keep a manifest's path as a label", SER_OPT_FLAG(&t.o.keep_path)},
		{"stdin", "standard input is one sound, not a manifest", SER_OPT_FLAG(&from_stdin)},
		{"raw", "with --stdin: samples without a header, as CODING,RATE,CHANNELS such as s16le,16000,1",
		 SER_OPT_STR(&raw, "FORMAT")},
		{"id", "id of a single sound", SER_OPT_STR(&id, "ID"), .flags = SER_OPTION_SILENT},
		{"segment", "cut each sound into records of S seconds, written as they come; 0: do not",
		 SER_OPT_SECONDS(&t.o.segment_s, "S", 0, 36000)},
		{"every", "with --segment: one every S seconds, so that they overlap; 0: each after the one before",
		 SER_OPT_SECONDS(&t.o.every_s, "S", 0, 36000)},
		{"vad", "cut each sound into records of speech: frames so far above the background; 0: do not",
		 SER_OPT_REAL(&t.o.vad.threshold_db, "DB", 0, 200)},
		{"hangover", "with --vad: shorter pauses do not part speech, s",
		 SER_OPT_REAL(&t.o.vad.hangover_s, "S", 0, 60)},
		{"min-speech", "with --vad: drop what has less speech, s",
		 SER_OPT_REAL(&t.o.vad.min_speech_s, "S", 0, 60)},
		{"max-speech", "with --vad: part what is longer, s", SER_OPT_REAL(&t.o.vad.max_speech_s, "S", 1, 3600)},
		{"trim", "cut silence off both ends: frames so far below the loudest; 0: do not",
		 SER_OPT_REAL(&t.o.trim_db, "DB", 0, 200)},
		{"allow-unchecked", "read containers that would not show that they were cut off",
		 SER_OPT_FLAG(&t.o.audio.allow_unchecked)},
		{"vhq", "resample with soxr's VHQ instead of HQ", SER_OPT_FLAG(&t.o.audio.vhq)},
		{"vtln-map", "--vtln-warp of utterances or speakers, a line each: ID or SPK, FACTOR",
		 SER_OPT_STR(&t.o.vtln_map, "FILE"), .flags = SER_OPTION_READ},
		{"seed", "seed of --dither, with each id", SER_OPT_I64(&t.o.seed, "N", 0, 9e18)},
		{0},
	};
	struct ser_option all[MAX_ROW]; /* nothing is allocated before ser_cli_begin() says what to do without memory */
	if (like == NULL && t.o.front.compat == SER_COMPAT_OPENSMILE)
		t.o.front.sample_frequency = 0;
	if (t.o.front.sample_frequency > 0)
		ser_format_real(t.o.front.sample_frequency, rate_text);
	else
		rate = known_rate(0);
	rows(all, &t.o.front, own, alias, &rate);
	const struct ser_tool tool = {
		"ser-wav2feat",
		"Read a manifest, sound files or records of samples, write records with feat [T,D].",
		"[FILE]...",
		all,
		NULL,
		SER_CLI_THREADS | SER_CLI_KEEP | SER_CLI_FILTER | SER_CLI_STREAM | SER_CLI_READ_ALL | SER_CLI_PROGRESS};
	ser_cli_begin(&t.c, &tool, argc, argv);
	if (e.code != 0)
		ser_cli_die(&t.c, &e);
	if (like != NULL && preset != NULL)
		ser_cli_usage(&t.c, "--like and --preset both say what to compute");
	if (kind_opt != (int)t.o.front.kind)
		ser_cli_usage(&t.c, like != NULL     ? "--kind and --like do not agree"
				    : preset != NULL ? "--kind and --preset do not agree"
						     : "--kind must be written in full");
	settle(&t, alias);
	if (raw != NULL && !from_stdin)
		ser_cli_usage(&t.c, "--raw goes with --stdin");
	if (raw != NULL && ser_audio_raw_parse(&t.o.audio.raw, raw, &e) != SER_OK)
		ser_cli_usage(&t.c, "--raw: %s", e.msg);
	if (from_stdin && t.c.n_operand > 0)
		ser_cli_usage(&t.c, "--stdin takes no operands");
	if (id != NULL && !from_stdin && (t.c.n_operand != 1 || ser_extract_is_table(t.c.operand[0])))
		ser_cli_usage(&t.c, "--id goes with a single sound");
	t.o.n_thread = t.c.n_thread;
	t.o.max_record = t.c.max_record;
	t.o.several = t.c.n_operand > 1;
	set_rate(&t, rate, like != NULL, from_stdin);
	run(&t, from_stdin, id);
	free(functionals);
	return ser_cli_end(&t.c);
}
