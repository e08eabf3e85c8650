/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "dsp/dsp.h"
#include "face/face.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum mode { ENERGY, ACTIVATION, UNITS, VISEMES };
static struct ser_cli c;
static const char *feat = "feat", *land = "land", *au = "au", *seen = "seen", *spk = "spk", *fit, *apply, *units_table;
static const char *energy = "energy", *activation = "activation", *emotion = "au_emotion", *viseme = "viseme";
static double range_db = 30, threshold, least = 1, share = 0.2, shift_s;
static const char *phones, *tier = "phones", *viseme_table;
static int from, set, alphabet;

static void check(int rc, const struct ser_err *e)
{
	if (rc < 0)
		ser_cli_die(&c, e);
}

/* ---- labels by a measure: above its median in training, or not ---- */

/* Standard deviation of the level of speech frames, dB */
static int variation(struct ser_record *r, double *v, struct ser_err *e)
{
	const float *x;
	size_t shape[SER_MAX_AXES];
	if (ser_record_f4(r, feat, 2, &x, shape, e) != SER_OK)
		return e->code;
	bool whole = shape[0] > 0 && isfinite(ser_abs_max(x, ser_mul(shape[0], shape[1])));
	*v = whole ? ser_energy_variation(x, shape[0], shape[1], range_db) : (double)NAN;
	return isfinite(*v) ? SER_OK
			    : ser_record_fail(r, e, SER_EDATA, "field \"%s\": no frames, or values that are not finite",
					      feat);
}

/* Mean speed of landmarks without the head's motion */
static int speed(struct ser_record *r, double *v, struct ser_err *e)
{
	const float *x;
	const int16_t *is_known;
	size_t s[SER_MAX_AXES];
	if (ser_record_f4(r, land, 3, &x, s, e) != SER_OK || ser_face_seen(r, seen, s[0], &is_known, e) != SER_OK)
		return e->code;
	if (shift_s == 0)
		return ser_record_fail(r, e, SER_EDATA, "the header gives no shift_s for \"%s\"", land);
	float *y;
	if (ser_face_align_record(r, land, s, x, &y, e) != SER_OK)
		return e->code;
	*v = ser_face_speed(s[0], s[1], s[2], y, is_known, shift_s);
	return isfinite(*v) ? SER_OK
			    : ser_record_fail(r, e, SER_EDATA,
					      "field \"%s\": no two frames that are known follow each other", land);
}

static const struct measure {
	const char **field, **label, *value; /* value: the label that gets the number */
	int (*of)(struct ser_record *r, double *v, struct ser_err *e);
} measures[] = {{&feat, &energy, "energy_sd", variation}, {&land, &activation, "face_speed", speed}};

static void write_threshold(double *v, size_t n, const struct ser_map *who)
{
	struct ser_arena a = {0};
	struct ser_buf b = {0};
	struct ser_outfile out;
	struct ser_err e;
	struct ser_val all = ser_val_map(), list = ser_val_list();
	ser_sort_rising(v, n);
	for (size_t i = 0; i < ser_map_len(who); i++)
		ser_val_push(&a, &list, ser_str(ser_map_key(who, i, NULL)));
	ser_val_set(&a, &all, "target", ser_str(c.mode == ENERGY ? "energy" : "activation"));
	ser_val_set(&a, &all, "field", ser_str(*measures[c.mode].field));
	if (c.mode == ENERGY)
		ser_val_set(&a, &all, "range_db", ser_real(range_db));
	ser_val_set(&a, &all, "threshold", ser_real((v[(n - 1) / 2] + v[n / 2]) / 2));
	ser_val_set(&a, &all, "n", ser_int((int64_t)n));
	ser_val_set(&a, &all, "speakers", list);
	ser_val_json(&b, &all, false);
	ser_buf_str(&b, "\n");
	check(ser_outfile_open(&out, fit, &e), &e);
	fwrite(b.s, 1, b.n, out.f);
	check(ser_outfile_commit(&out, &e), &e);
	ser_buf_free(&b);
	ser_arena_free(&a);
}

/* The median over the records that train, and whose they are. */
static int fit_threshold(void)
{
	struct ser_in *in = ser_in_open(&c);
	struct ser_record r = {0};
	struct ser_map *who = ser_map_new();
	struct ser_err e;
	double *v = NULL;
	size_t n = 0, cap = 0;
	while (ser_in_next(in, &r, NULL)) {
		const struct ser_val *split = ser_record_get(&r, "split"), *s = ser_record_get(&r, spk);
		shift_s = ser_header_shift(ser_in_header(in), land);
		if (split != NULL && (ser_val_is_str(split, "test") || ser_val_is_str(split, "dev")))
			continue;
		v = ser_grow(v, &cap, n + 1, sizeof *v);
		if (measures[c.mode].of(&r, &v[n], &e) != SER_OK) {
			ser_cli_skip(&c, ser_record_id(&r), &e);
			continue;
		}
		n++;
		if (s != NULL && s->kind == SER_STR)
			ser_map_add(who, s->u.str.s, s->u.str.n, NULL);
	}
	if (n == 0)
		ser_cli_fail(&c, SER_EDATA, "no record trains: there is no median");
	write_threshold(v, n, who);
	ser_map_free(who);
	ser_record_free(&r);
	ser_in_close(in);
	free(v);
	return ser_cli_end(&c);
}

/* What --fit wrote: the field and the range too. */
static void load(struct ser_arena *a)
{
	struct ser_val v;
	struct ser_err e;
	char *text;
	size_t n;
	bool range = c.mode == ENERGY;
	check(ser_read_file(apply, 1 << 24, &text, &n, &e), &e);
	if (ser_val_from_json(a, text, n, &v, &e) != SER_OK) {
		ser_fail_in(&e, "%s", apply);
		ser_cli_die(&c, &e);
	}
	free(text);
	const struct ser_val *f = ser_val_get(&v, "field"), *r = ser_val_get(&v, "range_db"),
			     *t = ser_val_get(&v, "threshold"), *of = ser_val_get(&v, "target");
	if (f == NULL || f->kind != SER_STR || (range && (r == NULL || r->kind != SER_REAL)) || t == NULL ||
	    t->kind != SER_REAL)
		ser_cli_fail(&c, SER_EDATA, "%s: has no field,%s and threshold: ser-target --fit writes it", apply,
			     range ? " range_db" : "");
	if (of == NULL || !ser_val_is_str(of, range ? "energy" : "activation"))
		ser_cli_fail(&c, SER_EDATA, "%s: its threshold is not of %s", apply, range ? "energy" : "activation");
	*measures[c.mode].field = f->u.str.s;
	range_db = range ? r->u.f : 0;
	threshold = t->u.f;
}

static int measure_header(void *ctx, struct ser_header *h, struct ser_err *e)
{
	(void)ctx, (void)e;
	shift_s = ser_header_shift(h, land);
	return SER_OK;
}

static int measure(void *ctx, int worker, struct ser_record *r, struct ser_err *e)
{
	const struct measure *m = &measures[c.mode];
	double v;
	(void)ctx, (void)worker;
	if (m->of(r, &v, e) != SER_OK)
		return e->code;
	ser_record_set(r, *m->label, ser_str(v > threshold ? "high" : "low"));
	ser_record_set(r, m->value, ser_real(v));
	return 1;
}

/* ---- emotions of action units ---- */

static struct ser_face_units *units;
static char *units_text;

static int units_header(void *ctx, struct ser_header *h, struct ser_err *e)
{
	(void)ctx;
	ser_face_units_free(units);
	return ser_face_units_of(&units, units_text != NULL ? units_text : ser_face_emfacs,
				 units_table != NULL ? units_table : "EMFACS", h, au, e);
}

static int unit_emotion(void *ctx, int worker, struct ser_record *r, struct ser_err *e)
{
	const float *x;
	const int16_t *is_known;
	size_t s[SER_MAX_AXES];
	(void)ctx, (void)worker;
	if (ser_record_f4(r, au, 2, &x, s, e) != SER_OK || ser_face_seen(r, seen, s[0], &is_known, e) != SER_OK)
		return e->code;
	if (s[1] != ser_face_units_width(units))
		return ser_record_fail(r, e, SER_EDATA, "field \"%s\" has %zu columns, the header names %zu", au, s[1],
				       ser_face_units_width(units));
	const char *y = ser_face_emotion(units, s[0], x, is_known, least, share);
	ser_record_set(r, emotion, ser_str(y != NULL ? y : "none"));
	return 1;
}

/* ---- visemes of phones ---- */

static struct ser_visemes *visemes;
static struct ser_phone_files *files;

static void open_visemes(void)
{
	struct ser_err e;
	char *text;
	size_t n;
	if (viseme_table != NULL) {
		check(ser_read_file(viseme_table, 1 << 24, &text, &n, &e), &e);
		check(ser_visemes_from(&visemes, text, viseme_table, &e), &e);
		free(text);
	} else {
		check(ser_visemes_new(&visemes, set, (enum ser_alphabet)alphabet, &e), &e);
	}
	check(ser_phone_files_open(&files, phones, (enum ser_phone_format)from, tier, c.max_record, &e), &e);
}

static int viseme_header(void *ctx, struct ser_header *h, struct ser_err *e)
{
	(void)ctx;
	shift_s = ser_header_shift(h, feat);
	return ser_visemes_header(visemes, h, feat, viseme, e);
}

static int add_visemes(void *ctx, int worker, struct ser_record *r, struct ser_err *e)
{
	const struct ser_val *x = ser_record_get(r, feat);
	struct ser_phone *p;
	size_t n;
	(void)ctx, (void)worker;
	if (x == NULL || x->kind != SER_TENSOR || x->u.t.ndim < 1)
		return ser_record_fail(r, e, SER_EDATA, "there is no tensor \"%s\"", feat);
	size_t n_frame = x->u.t.shape[0];
	if (ser_phone_files_read(files, r, &p, &n, e) != SER_OK)
		return e->code;
	int16_t *y = ser_arena_alloc(&r->arena, n_frame, sizeof *y);
	ser_visemes_frames(visemes, p, n, n_frame, shift_s, y);
	ser_record_set(r, viseme, ser_tensor(SER_I2, y, 1, &n_frame));
	return 1;
}

/* ---- ---- */

static int run_measure(void)
{
	struct ser_arena a = {0};
	if ((fit != NULL) == (apply != NULL))
		ser_cli_usage(&c, "give one of --fit and --apply");
	if (fit != NULL && c.out != NULL)
		ser_cli_usage(&c, "--fit writes no stream: --output has no use");
	if (strcmp(*measures[c.mode].label, "id") == 0 || strcmp(*measures[c.mode].label, measures[c.mode].value) == 0)
		ser_cli_usage(&c, "--label: \"%s\" is taken", *measures[c.mode].label);
	if (fit != NULL)
		return fit_threshold();
	load(&a);
	int status = ser_cli_filter(&c, &(struct ser_filter){measure_header, measure, NULL});
	ser_arena_free(&a);
	return status;
}

static int run_units(void)
{
	struct ser_err e;
	size_t n;
	if (strcmp(emotion, "id") == 0)
		ser_cli_usage(&c, "--label: \"id\" is taken");
	if (units_table != NULL)
		check(ser_read_file(units_table, 1 << 20, &units_text, &n, &e), &e);
	int status = ser_cli_filter(&c, &(struct ser_filter){units_header, unit_emotion, NULL});
	ser_face_units_free(units);
	free(units_text);
	return status;
}

static int run_visemes(void)
{
	if (viseme_table != NULL && (ser_cli_given(&c, "set") || ser_cli_given(&c, "alphabet")))
		ser_cli_usage(&c, "--table goes with no --set and --alphabet");
	if (strcmp(viseme, "id") == 0 || strcmp(viseme, feat) == 0)
		ser_cli_usage(&c, "--label: \"%s\" is taken", viseme);
	open_visemes();
	int status = ser_cli_filter(&c, &(struct ser_filter){viseme_header, add_visemes, NULL});
	ser_visemes_free(visemes);
	ser_phone_files_free(files);
	return status;
}

int main(int argc, char **argv)
{
	const struct ser_option who = {"spk", "label that names the speaker", SER_OPT_STR(&spk, "NAME")},
				fitted = {"fit", "write the median of the records that train here, and no stream",
					  SER_OPT_STR(&fit, "FILE"), .flags = SER_OPTION_WRITE},
				applied = {"apply", "label by the median that --fit wrote", SER_OPT_STR(&apply, "FILE"),
					   .flags = SER_OPTION_READ},
				frames = {"seen", "tensor, where there is one: below 0 where frames are not known",
					  SER_OPT_STR(&seen, "NAME")};
	const struct ser_option energy_opts[] = {
		{"field", "tensor of log energies of bands, such as log-mel", SER_OPT_STR(&feat, "NAME")},
		{"range", "frames so much below the loudest are no speech", SER_OPT_REAL(&range_db, "DB", 0, 1000)},
		{"label", "label that gets high or low", SER_OPT_STR(&energy, "NAME")},
		who,
		fitted,
		applied,
		{0},
	};
	const struct ser_option activation_opts[] = {
		{"field", "tensor of landmarks", SER_OPT_STR(&land, "NAME")},
		frames,
		{"label", "label that gets high or low", SER_OPT_STR(&activation, "NAME")},
		who,
		fitted,
		applied,
		{0},
	};
	const struct ser_option units_opts[] = {
		{"field", "tensor of action units", SER_OPT_STR(&au, "NAME")},
		frames,
		{"label", "label that gets the emotion, or none", SER_OPT_STR(&emotion, "NAME")},
		{"least", "a unit is there from this intensity on", SER_OPT_REAL(&least, "X", 0, 100)},
		{"share", "least share of the known frames", SER_OPT_REAL(&share, "X", 0, 1)},
		{"table", "emotions and their units, a line each (default EMFACS)", SER_OPT_STR(&units_table, "FILE"),
		 .flags = SER_OPTION_READ},
		{0},
	};
	const struct ser_option viseme_opts[] = {
		{"phones", "folder of files ID.TextGrid or ID.lablaut, or a CTM file", SER_OPT_STR(&phones, "PATH"),
		 .flags = SER_OPTION_NEEDED | SER_OPTION_READ},
		{"from", "what they are", SER_OPT_CHOICE(&from, "FORMAT", ser_phone_formats)},
		{"tier", "of a TextGrid", SER_OPT_STR(&tier, "NAME")},
		{"set", "set of visemes", SER_OPT_CHOICE(&set, "NAME", ser_viseme_sets)},
		{"alphabet", "of the phones", SER_OPT_CHOICE(&alphabet, "NAME", ser_alphabets)},
		{"table", "visemes and their phones instead, a line each, the first that of silence",
		 SER_OPT_STR(&viseme_table, "FILE"), .flags = SER_OPTION_READ},
		{"field", "tensor whose frames they lie beside", SER_OPT_STR(&feat, "NAME")},
		{"label", "tensor that they become", SER_OPT_STR(&viseme, "NAME")},
		{0},
	};
	const struct ser_mode modes[] = {
		{"energy", "High or low variation of the energy of speech.", energy_opts, NULL},
		{"activation", "High or low motion of the face.", activation_opts, NULL},
		{"units", "Emotions by action units that are there together.", units_opts, NULL},
		{"visemes", "Visemes of frames, by phones and their times.", viseme_opts, NULL},
		{0},
	};
	static int (*const run[])(void) = {run_measure, run_measure, run_units, run_visemes};
	const struct ser_tool tool = {
		"ser-target", "Make targets to train on out of the features themselves, faces and phones.",
		"[FILE]...",  NULL,
		modes,        SER_CLI_FILTER | SER_CLI_STREAM | SER_CLI_THREADS | SER_CLI_KEEP};
	ser_cli_begin(&c, &tool, argc, argv);
	return run[c.mode]();
}
