/* SPDX-License-Identifier: MIT */
/* Sets of records and the reports made of them, against scikit-learn and SciPy (tests/ref/score.py): ordinary ones, those where
 * scores are undefined, and the chance of clusters, which for small groups is known exactly. */
#include "ml/dist.h"
#include "score/score.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char *golden;

static int setup(void **state)
{
	size_t n;
	struct ser_err e;
	(void)state;
	if (ser_read_file("tests/golden/score.txt", 1 << 20, &golden, &n, &e) == SER_OK)
		return 0;
	print_error("%s\n", e.msg);
	return -1;
}

static int teardown(void **state)
{
	(void)state;
	free(golden);
	return 0;
}

/* ---- cases: lines of the golden file ---- */

/* The next line of a case that begins with `kind` and a tab, without these; NULL at the case's end. *at: NULL to begin. */
static char *line(const char *name, const char *kind, const char **at, char buf[static 1000])
{
	if (*at == NULL) {
		char first[100];
		snprintf(first, sizeof first, "case\t%s\n", name);
		for (*at = golden; strncmp(*at, first, strlen(first)) != 0; *at = strchr(*at, '\n') + 1)
			if (strchr(*at, '\n') == NULL)
				fail_msg("no case %s", name);
		*at = strchr(*at, '\n') + 1;
	}
	while (**at != '\0' && strncmp(*at, "case\t", 5) != 0) {
		size_t n = strcspn(*at, "\n"), k = strlen(kind);
		const char *s = *at;
		*at += n + ((*at)[n] == '\n');
		if (strncmp(s, kind, k) != 0 || s[k] != '\t')
			continue;
		assert_true(n < 1000);
		snprintf(buf, 1000, "%.*s", (int)(n - k - 1), s + k + 1);
		return buf;
	}
	return NULL;
}

/* "NAME=TEXT", "NAME:i=INT", "NAME:f=REAL", "NAME:t=1,2,3"; the text is cut up. */
static void set_field(struct ser_record *r, char *text)
{
	char *value = strchr(text, '='), *colon = memchr(text, ':', (size_t)(value - text));
	char type = colon != NULL ? colon[1] : 's';
	float x[16];
	size_t n = 0;
	*value++ = '\0';
	if (colon != NULL)
		*colon = '\0';
	for (char *s = value; type == 't' && n < 16; s++) {
		x[n++] = strtof(s, &s);
		if (*s != ',')
			break;
	}
	ser_record_set_copy(r, text,
			    type == 's'   ? ser_str(value)
			    : type == 'i' ? ser_int(strtol(value, NULL, 10))
			    : type == 'f' ? ser_real(strtod(value, NULL))
					  : ser_f4(x, 1, &n));
}

/* "TENSOR.KEY=A,B" */
static void set_dim(struct ser_header *h, char *text)
{
	struct ser_val list = ser_val_list();
	char *key = strchr(text, '.'), *value = strchr(text, '='), *save;
	*key++ = *value++ = '\0';
	for (char *s = strtok_r(value, ",", &save); s != NULL; s = strtok_r(NULL, ",", &save))
		ser_val_push(&h->arena, &list, ser_str(s));
	struct ser_val *dim = ser_header_dim(h, text);
	if (dim == NULL)
		dim = ser_header_dim_add(h, text);
	ser_val_set(&h->arena, dim, key, list);
}

/* One more record, its fields parted by blanks or tabs. */
static int add(struct ser_score_set *s, const struct ser_header *h, const char *file, const char *fields,
	       struct ser_err *e)
{
	struct ser_record r = {0};
	char text[1000], *save;
	snprintf(text, sizeof text, "%s", fields);
	for (char *f = strtok_r(text, "\t ", &save); f != NULL; f = strtok_r(NULL, "\t ", &save))
		set_field(&r, f);
	int rc = ser_score_set_add(s, h, false, file, &r, e);
	ser_record_free(&r);
	return rc;
}

static struct ser_score_set *load(const struct ser_score_opt *o, const char *name, enum ser_score_kind kind)
{
	struct ser_score_set *s = ser_score_set_new(o, kind);
	struct ser_header h;
	struct ser_err e;
	const char *at = NULL;
	char text[1000];
	ser_header_init(&h);
	while (line(name, "h", &at, text) != NULL)
		set_dim(&h, text);
	at = NULL;
	while (line(name, "r", &at, text) != NULL)
		if (add(s, &h, "file", text, &e) != SER_OK)
			fail_msg("%s: %s", name, e.msg);
	ser_header_free(&h);
	assert_int_equal(ser_score_set_done(s, "file", &e), SER_OK);
	return s;
}

/* ---- what a report says ---- */

/* The value of a table's cell in the report as TSV, into value; a row is its keys with dots between. */
static void cell(const struct ser_report *rep, const char *table, const char *row, const char *column,
		 char value[static 200])
{
	struct ser_buf b = {0};
	char want[200];
	snprintf(want, sizeof want, "\n%s\t%s\t%s\t", table, row, column);
	ser_report_format(rep, SER_REPORT_TSV, &b);
	const char *at = strstr(b.s, want);
	if (at == NULL)
		fail_msg("the report has no %s", want + 1);
	else
		snprintf(value, 200, "%.*s", (int)strcspn(at + strlen(want), "\n"), at + strlen(want));
	ser_buf_free(&b);
}

static void about(const struct ser_report *rep, const char *key, const char *want)
{
	char got[200];
	cell(rep, "about", key, "value", got);
	assert_string_equal(got, want);
}

/* All that the golden case says, of which there are n; the report is freed. */
static void check(struct ser_report *rep, const char *name, size_t n, const struct ser_err *e)
{
	const char *at = NULL;
	char text[1000], got[200], *save;
	if (rep == NULL)
		fail_msg("%s: %s", name, e->msg);
	for (; line(name, "w", &at, text) != NULL; n--) {
		const char *table = strtok_r(text, "\t", &save), *row = strtok_r(NULL, "\t", &save);
		const char *column = strtok_r(NULL, "\t", &save), *want = strtok_r(NULL, "\t", &save);
		double tol = strtod(strtok_r(NULL, "\t", &save), NULL);
		cell(rep, table, row, column, got);
		bool same = strcmp(want, "-") == 0
				    ? *got == '\0'
				    : *got != '\0' && fabs(strtod(got, NULL) - strtod(want, NULL)) <= tol;
		if (!same)
			fail_msg("%s: %s %s %s is \"%s\", expected %s", name, table, row, column, got, want);
	}
	assert_int_equal(n, 0);
	ser_report_free(rep);
}

static struct ser_score_opt options(const char *label)
{
	struct ser_score_opt o;
	ser_score_opt_init(&o);
	o.label = label;
	return o;
}

/* ---- against others' numbers ---- */

static void classes(void **state)
{
	const struct {
		const char *name, *absent;
		size_t n_want;
	} c[] = {{"classes", "fear none", 71}, {"one-class", "", 4}, {"constant", "", 8}, {"binomial", "fear", 2}};
	struct ser_score_opt o = options("emo");
	struct ser_err e;
	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct ser_buf absent = {0};
		struct ser_score_set *s = load(&o, c[i].name, SER_SCORE_CLASSES);
		struct ser_report *rep = ser_score_report_classes(&o, s, &absent, &e);
		assert_string_equal(absent.n > 0 ? absent.s : "", c[i].absent);
		check(rep, c[i].name, c[i].n_want, &e);
		ser_buf_free(&absent);
		ser_score_set_free(s);
	}
}

static void numbers(void **state)
{
	const struct {
		const char *name;
		size_t n_want;
	} c[] = {{"numbers", 20}, {"flat-prediction", 6}, {"flat", 6}};
	struct ser_score_opt o = options("aro");
	struct ser_err e;
	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct ser_score_set *s = load(&o, c[i].name, SER_SCORE_NUMBERS);
		check(ser_score_report_regress(&o, s, &e), c[i].name, c[i].n_want, &e);
		ser_score_set_free(s);
	}
}

static void labels(void **state)
{
	static const char *name[] = {"vote.fear", "vote.joy", "vote.anger", "vote.none"};
	struct ser_score_opt o = options(NULL);
	struct ser_err e;
	(void)state;
	o.votes = (struct ser_strs){name, 4};
	struct ser_score_set *s = load(&o, "votes", SER_SCORE_LABELS);
	struct ser_report *rep = ser_score_report_labels(&o, s, &e); /* a softmax's: shares against 1/K */
	about(rep, "n", "9");
	about(rep, "passed_over", "1");
	about(rep, "truth", "share");
	about(rep, "threshold", "0.25");
	check(rep, "labels-share", 26, &e);
	o.truth = SER_TRUTH_VOTED;
	o.threshold = 0.4;
	check(ser_score_report_labels(&o, s, &e), "labels-voted", 26, &e);
	ser_score_set_free(s);
}

/* Counts 10 4 1, 4 8 2, 1 2 5 */
static void cooccurrence(void **state)
{
	static const char *name[] = {"a", "vote.b", "vote.c"};
	static const struct {
		int n;
		const char *votes;
	} part[] = {{4, "a:i=1 vote.b:i=3"},
		    {1, "a:i=2 vote.c:i=1"},
		    {2, "vote.b:i=1 vote.c:f=2"},
		    {5, "a:i=1"},
		    {2, "vote.b:i=1"},
		    {2, "vote.c:i=1"},
		    {1, "split=dev a:i=1"},
		    {1, "split=test a:i=1"},
		    {1, "a:i=0"},
		    {1, "split=train"}};
	static const struct {
		const char *row, *column;
		double value;
	} want[] = {{"a", "a", 0},   {"a", "b", 0.5}, {"a", "c", 0.8},  {"b", "a", 0.6}, {"b", "b", 0},
		    {"b", "c", 0.6}, {"c", "a", 0.9}, {"c", "b", 0.75}, {"c", "c", 0}};
	struct ser_score_opt o = options(NULL);
	struct ser_header h;
	struct ser_err e;
	char text[200];
	(void)state;
	o.votes = (struct ser_strs){name, 3};
	ser_header_init(&h);
	struct ser_score_set *s = ser_score_set_new(&o, SER_SCORE_VOTES);
	for (size_t i = 0, id = 0; i < sizeof part / sizeof *part; i++)
		for (int k = 0; k < part[i].n; k++, id++) {
			snprintf(text, sizeof text, "id=u%zu spk=s%zu %s", id, id % 2, part[i].votes);
			assert_int_equal(add(s, &h, "f", text, &e), SER_OK);
		}
	assert_int_equal(ser_score_set_done(s, "f", &e), SER_OK);
	struct ser_report *rep = ser_score_report_cooccurrence(s, &e);
	about(rep, "n", "16");
	about(rep, "passed_over", "4");
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		cell(rep, "penalty", want[i].row, want[i].column, text);
		assert_true(fabs(strtod(text, NULL) - want[i].value) <= 1e-12);
	}
	cell(rep, "count", "c", "b", text);
	assert_string_equal(text, "2");
	cell(rep, "speakers", "s1", "n", text);
	assert_string_equal(text, "8");
	ser_report_free(rep);
	ser_score_set_free(s);

	s = ser_score_set_new(&o, SER_SCORE_VOTES); /* a class that nobody chose */
	assert_int_equal(add(s, &h, "f", "id=a a:i=1 vote.b:i=1", &e), SER_OK);
	assert_null(ser_score_report_cooccurrence(s, &e));
	assert_non_null(strstr(e.msg, "nobody chose \"c\""));
	ser_score_set_free(s);
	s = ser_score_set_new(&o, SER_SCORE_VOTES);
	assert_int_equal(add(s, &h, "f", "id=a a:i=0", &e), SER_OK);
	assert_int_equal(ser_score_set_done(s, "x.ser", &e), SER_EDATA);
	ser_score_set_free(s);
	name[0] = "hot.b"; /* twice the same */
	s = ser_score_set_new(&o, SER_SCORE_VOTES);
	assert_int_equal(add(s, &h, "f", "id=a hot.b:i=1", &e), SER_EUSAGE);
	ser_score_set_free(s);
	ser_header_free(&h);
}

static void count(void *ctx, const char *what, size_t done, size_t total)
{
	size_t *n = ctx;
	if (strcmp(what, "shuffles") != 0)
		return;
	assert_true(done > *n && done <= total);
	*n = done;
	assert_int_equal(total % 20000, 0);
}

static void clusters(void **state)
{
	const struct {
		const char *name;
		size_t n_want, n_shuffle;
	} c[] = {{"clusters", 110, 80000}, {"one-cluster", 23, 80000}};
	struct ser_score_opt o = options("emo");
	struct ser_err e;
	(void)state;
	o.n_perm = 20000; /* as in tests/ref/score.py */
	o.metric = SER_EUCLIDEAN;
	o.per_group = true;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct ser_score_set *s = load(&o, c[i].name, SER_SCORE_CLUSTERS);
		size_t n = 0;
		o.watch = (struct ser_watch){count, &n};
		check(ser_score_report_clusters(&o, s, &e), c[i].name, c[i].n_want, &e);
		assert_int_equal(n, c[i].n_shuffle);
		ser_score_set_free(s);
	}
}

static void voices(void **state)
{
	struct ser_score_opt o = options(NULL);
	struct ser_err e;
	(void)state;
	o.det = true;
	o.top = 3;
	struct ser_score_set *s = load(&o, "voices", SER_SCORE_VOICES), *cohort = load(&o, "cohort", SER_SCORE_COHORT);
	struct ser_score_trials *t = ser_score_trials_new(&o, s, &e);
	assert_non_null(t);
	check(ser_score_report_verify(&o, s, t, NULL, NULL, &e), "voices", 28, &e);
	check(ser_score_report_verify(&o, s, t, cohort, "cohort", &e), "as-norm", 2, &e);
	ser_score_trials_free(t);
	ser_score_set_free(cohort);
	ser_score_set_free(s);
}

static void compare(void **state)
{
	struct ser_score_opt o = options("emo");
	struct ser_err e;
	(void)state;
	struct ser_score_set *s[2] = {load(&o, "classes", SER_SCORE_CLASSES), load(&o, "second", SER_SCORE_CLASSES)};
	const struct ser_score_set *const both[2] = {s[0], s[1]}, *const self[2] = {s[0], s[0]};
	check(ser_score_report_compare(&o, both, (const char *const[]){"a", "b"}, &e), "compare", 21, &e);

	struct ser_report *rep = ser_score_report_compare(&o, self, (const char *const[]){"a", "a"}, &e);
	char got[200];
	assert_non_null(rep);
	cell(rep, "differences", "pooled.uar", "difference", got);
	assert_true(strtod(got, NULL) == 0);
	cell(rep, "differences", "pooled.uar", "utt_p", got);
	assert_true(strtod(got, NULL) == 1);
	cell(rep, "mcnemar", "16", "p", got);
	assert_true(strtod(got, NULL) == 1);
	ser_report_free(rep);
	ser_score_set_free(s[0]);
	ser_score_set_free(s[1]);
}

/* ---- who was trained on ---- */

static void shared_speakers(void **state)
{
	static const char *const record[] = {"id=a spk=x emo=joy pred=joy cluster:i=1 emb:t=1,2",
					     "id=b spk=y emo=fear pred=joy cluster:i=0 emb:t=2,1",
					     "id=c spk=x emo=joy pred=joy cluster:i=1 emb:t=1,1"};
	struct ser_score_opt o = options("emo");
	struct ser_err e;
	struct ser_header h, none;
	char post[] = "post.train_speakers=w,y", emb[] = "emb.train_speakers=x,y";
	(void)state;
	ser_header_init(&h);
	ser_header_init(&none);
	set_dim(&h, post);
	set_dim(&h, emb);
	struct ser_score_set *s = ser_score_set_new(&o, SER_SCORE_CLASSES);
	struct ser_score_set *clu = ser_score_set_new(&o, SER_SCORE_CLUSTERS);
	struct ser_score_set *unknown = ser_score_set_new(&o, SER_SCORE_CLASSES);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(add(s, &h, "f", record[i], &e), SER_OK);
		assert_int_equal(add(clu, &h, "f", record[i], &e), SER_OK);
		assert_int_equal(add(unknown, &none, "f", record[i], &e), SER_OK);
	}
	assert_int_equal(ser_score_set_done(s, "f", &e), SER_OK);
	assert_int_equal(ser_score_set_done(clu, "f", &e), SER_OK);
	assert_int_equal(ser_score_set_done(unknown, "f", &e), SER_OK);

	struct ser_buf absent = {0};
	assert_null(ser_score_report_classes(&o, s, &absent, &e));
	assert_int_equal(e.code, SER_EPROTO);
	assert_non_null(strstr(e.msg, "1 speaker was trained on and scored: y"));
	struct ser_report *rep = ser_score_report_classes(&o, unknown, &absent, &e);
	about(rep, "train_test_speaker_overlap", "unknown");
	ser_report_free(rep);
	rep = ser_score_report_clusters(&o, clu, &e); /* an analysis */
	about(rep, "train_test_speaker_overlap", "2");
	about(rep, "shared_speakers", "x y");
	ser_report_free(rep);
	o.allow_shared = true;
	rep = ser_score_report_classes(&o, s, &absent, &e);
	about(rep, "train_test_speaker_overlap", "1");
	about(rep, "shared_speakers", "y");
	ser_report_free(rep);

	ser_buf_free(&absent);
	ser_score_set_free(s);
	ser_score_set_free(clu);
	ser_score_set_free(unknown);
	ser_header_free(&h);
	ser_header_free(&none);
}

/* ---- what cannot be scored ---- */

static void refuses(const struct ser_score_opt *o, enum ser_score_kind kind, const char *const *record, const char *why)
{
	struct ser_score_set *s = ser_score_set_new(o, kind);
	struct ser_header h;
	struct ser_err e;
	char classes_of[] = "post.classes=joy,fear";
	ser_header_init(&h);
	set_dim(&h, classes_of);
	for (; record[1] != NULL; record++)
		if (add(s, &h, "f", *record, &e) != SER_OK)
			fail_msg("%s", e.msg);
	assert_int_equal(add(s, &h, "f", *record, &e), SER_EDATA);
	if (strstr(e.msg, why) == NULL)
		fail_msg("\"%s\", expected \"%s\"", e.msg, why);
	ser_header_free(&h);
	ser_score_set_free(s);
}

static void bad_records(void **state)
{
#define REFUSES(o, kind, why, ...) refuses(o, kind, (const char *const[]){__VA_ARGS__, NULL}, why)
	struct ser_score_opt o = options("emo");
	(void)state;
	REFUSES(&o, SER_SCORE_CLASSES, "field \"emo\"", "id=a pred=joy");
	REFUSES(&o, SER_SCORE_CLASSES, "neither a label \"pred\" nor a tensor \"post\"", "id=a emo=joy");
	REFUSES(&o, SER_SCORE_CLASSES, "not a number", "id=a emo=joy post:t=nan,1");
	REFUSES(&o, SER_SCORE_CLASSES, "not a number", "id=a emo=joy post:t=1,nan");
	REFUSES(&o, SER_SCORE_CLASSES, "does not name the classes", "id=a emo=joy post:t=1,0,0");
	REFUSES(&o, SER_SCORE_CLASSES, "field \"fold\"", "id=a emo=joy pred=joy fold=1", "id=b emo=joy pred=joy");
	REFUSES(&o, SER_SCORE_CLASSES, "field \"spk\"", "id=a spk=s emo=joy pred=joy", "id=b emo=joy pred=joy");
	REFUSES(&o, SER_SCORE_CLUSTERS, "not in 0 to 1000000", "id=a emo=joy cluster:i=-1");
	REFUSES(&o, SER_SCORE_CLUSTERS, "not in 0 to 1000000", "id=a emo=joy cluster:i=1000001");
	REFUSES(&o, SER_SCORE_CLUSTERS, "another dimension", "id=a emo=joy cluster:i=0 emb:t=1,2",
		"id=b emo=joy cluster:i=0 emb:t=1,2,3");
	REFUSES(&o, SER_SCORE_VOICES, "no direction", "id=a spk=s emb:t=0,0");
	REFUSES(&o, SER_SCORE_VOICES, "no direction", "id=a spk=s emb:t=nan,0");
	REFUSES(&o, SER_SCORE_VOICES, "no direction", "id=a spk=s emb:t=inf,0");
	REFUSES(&o, SER_SCORE_VOICES, "field \"spk\"", "id=a emb:t=1,0");
	static const char *votes[] = {"joy", "fear"};
	o.votes = (struct ser_strs){votes, 2};
	REFUSES(&o, SER_SCORE_LABELS, "no number of votes", "id=a joy:i=-1");
	REFUSES(&o, SER_SCORE_LABELS, "field \"joy\"", "id=a joy=many");
	REFUSES(&o, SER_SCORE_LABELS, "field \"post\"", "id=a joy:i=1");
	REFUSES(&o, SER_SCORE_LABELS, "no probability", "id=a joy:i=1 post:t=1.5,0");
	REFUSES(&o, SER_SCORE_LABELS, "no probability", "id=a joy:i=1 post:t=nan,0");
	REFUSES(&o, SER_SCORE_LABELS, "does not name the classes", "id=a joy:i=1 post:t=1,0,0");
	o.votes = (struct ser_strs){(const char *[]){"joy", "rage"}, 2};
	REFUSES(&o, SER_SCORE_LABELS, "among them rage", "id=a joy:i=1 post:t=1,0");
	o.label = "aro";
	REFUSES(&o, SER_SCORE_NUMBERS, "field \"aro\"", "id=a aro=much pred:f=1");
	REFUSES(&o, SER_SCORE_NUMBERS, "field \"aro\"", "id=a aro:f=nan pred:f=1");
	REFUSES(&o, SER_SCORE_NUMBERS, "field \"pred\"", "id=a aro:f=1 pred:f=inf");
	REFUSES(&o, SER_SCORE_NUMBERS, "which column", "id=a aro:f=1 post:t=1,2");
}

static void bad_sets(void **state)
{
	struct ser_score_opt o = options("emo");
	struct ser_header h;
	struct ser_err e;
	(void)state;
	ser_header_init(&h);
	for (int k = SER_SCORE_CLASSES; k <= SER_SCORE_COHORT; k++) { /* empty */
		struct ser_score_set *s = ser_score_set_new(&o, (enum ser_score_kind)k);
		assert_int_equal(ser_score_set_done(s, "x.ser", &e), SER_EDATA);
		assert_non_null(strstr(e.msg, "x.ser: there are no "));
		ser_score_set_free(s);
	}
	ser_score_set_free(NULL);
	ser_score_trials_free(NULL);

	struct ser_score_set *v = ser_score_set_new(&o, SER_SCORE_VOICES); /* trials of one kind */
	assert_int_equal(add(v, &h, "f", "id=a spk=s emb:t=1,2", &e), SER_OK);
	assert_int_equal(add(v, &h, "f", "id=b spk=s emb:t=2,2", &e), SER_OK);
	assert_int_equal(ser_score_set_done(v, "f", &e), SER_OK);
	struct ser_score_trials *t = ser_score_trials_new(&o, v, &e);
	assert_null(ser_score_report_verify(&o, v, t, NULL, NULL, &e));
	assert_non_null(strstr(e.msg, "1 target and 0 non-target trials: both kinds are needed"));
	ser_score_trials_free(t);
	ser_score_set_free(v);

	struct ser_score_set *c = ser_score_set_new(&o, SER_SCORE_CLUSTERS); /* no angle to nothing */
	assert_int_equal(add(c, &h, "f", "id=a emo=joy cluster:i=0 emb:t=0,0", &e), SER_OK);
	assert_int_equal(add(c, &h, "f", "id=b emo=joy cluster:i=1 emb:t=nan,1", &e), SER_OK);
	assert_int_equal(ser_score_set_done(c, "f", &e), SER_OK);
	assert_null(ser_score_report_clusters(&o, c, &e));
	assert_int_equal(e.code, SER_EDATA);
	ser_score_set_free(c);

	struct ser_score_set *a = load(&o, "classes", SER_SCORE_CLASSES), *b = load(&o, "one-class", SER_SCORE_CLASSES);
	struct ser_score_set *d = load(&o, "constant", SER_SCORE_CLASSES);
	const char *const name[2] = {"A", "B"};
	assert_null(ser_score_report_compare(&o, (const struct ser_score_set *const[]){a, b}, name, &e));
	assert_non_null(strstr(e.msg, "A has 16 records, B 6"));
	struct ser_score_set *other = ser_score_set_new(&o, SER_SCORE_CLASSES);
	static const char *const record[] = {"id=u0 emo=fear pred=joy", "id=u1 emo=joy pred=joy",
					     "id=u2 emo=joy pred=joy",  "id=u3 emo=joy pred=joy",
					     "id=u4 emo=joy pred=joy",  "id=u5 emo=joy pred=joy"};
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(add(other, &h, "f", record[i], &e), SER_OK);
	assert_int_equal(ser_score_set_done(other, "f", &e), SER_OK);
	assert_null(ser_score_report_compare(&o, (const struct ser_score_set *const[]){b, other}, name, &e));
	assert_non_null(strstr(e.msg, "record \"u0\" has another \"emo\" in A than in B"));
	ser_score_set_free(a);
	ser_score_set_free(b);
	ser_score_set_free(d);
	ser_score_set_free(other);
	ser_header_free(&h);
}

static struct ser_score_trials *listed(struct ser_score_opt *o, const struct ser_score_set *s, const char *text,
				       struct ser_err *e)
{
	char path[] = "/tmp/ser-trials-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	o->trials = path;
	struct ser_score_trials *t = ser_score_trials_new(o, s, e);
	o->trials = "list"; /* a report says that there was one */
	unlink(path);
	return t;
}

static void lists_of_trials(void **state)
{
	static const char *const good[] = {"1 v0 v1\n0 v0 v2\n\n0 v3 v4\n1 v2 v3\n",
					   "v0\tv1\ttarget\nv0\tv2\tnontarget\nv3 v4 0\r\nv2 v3 1\n",
					   "v0 v1 1\nv0 v2 0\nv3 v4 nontarget\nv2 v3 target\n"};
	struct ser_score_opt o = options(NULL);
	struct ser_err e;
	char eer[3][200];
	(void)state;
	struct ser_score_set *s = load(&o, "voices", SER_SCORE_VOICES);
	for (size_t i = 0; i < 3; i++) {
		struct ser_score_trials *t = listed(&o, s, good[i], &e);
		struct ser_report *rep = t != NULL ? ser_score_report_verify(&o, s, t, NULL, NULL, &e) : NULL;
		if (rep == NULL)
			fail_msg("%s", e.msg);
		about(rep, "target", "2");
		about(rep, "nontarget", "2");
		about(rep, "trials", "list");
		cell(rep, "scores", "eer", "value", eer[i]);
		assert_string_equal(eer[i], eer[0]);
		ser_report_free(rep);
		ser_score_trials_free(t);
	}
	assert_null(listed(&o, s, "1 v0 v1\n0 v0 v2", &e)); /* may have been v20 */
	assert_non_null(strstr(e.msg, "cut off"));
	assert_null(listed(&o, s, "1 v0 v1\n1 v0 v99\n", &e));
	assert_non_null(strstr(e.msg, "line 2: no record has the id \"v99\""));
	assert_null(listed(&o, s, "2 v0 v1\n", &e));
	assert_non_null(strstr(e.msg, "line 1: expected two ids and target or nontarget"));
	assert_null(listed(&o, s, "1 v0 v1 v2\n", &e));
	o.trials = "/nonexistent/list";
	assert_null(ser_score_trials_new(&o, s, &e));
	assert_int_equal(e.code, SER_EIO);

	struct ser_score_opt all = options(NULL);
	struct ser_score_trials *t = ser_score_trials_new(&all, s, &e);
	struct ser_score_set *cohort = ser_score_set_new(&all, SER_SCORE_COHORT);
	struct ser_header h;
	ser_header_init(&h);
	assert_int_equal(add(cohort, &h, "f", "id=a emb:t=1,2", &e), SER_OK);
	assert_int_equal(ser_score_set_done(cohort, "f", &e), SER_OK);
	assert_null(ser_score_report_verify(&all, s, t, cohort, "c.ser", &e));
	assert_non_null(strstr(e.msg, "c.ser: 1 embeddings of 2 dimensions, expected at least 2 of 3"));
	ser_header_free(&h);
	ser_score_set_free(cohort);
	ser_score_trials_free(t);
	ser_score_set_free(s);
}

/* ---- the report itself ---- */

static void forms(void **state)
{
	struct ser_report *rep = ser_report_new();
	struct ser_buf b = {0};
	struct ser_arena mem = {0};
	struct ser_val v;
	char name[] = "first";
	(void)state;
	ser_report_about(rep, "who", ser_str("a\tb"));
	ser_report_about(rep, "share", ser_real(0.125));
	ser_report_about(rep, "none", ser_real(NAN));
	ser_report_table(rep, name, "A title", (const char *const[]){"k", "m", "x"}, 3, 2);
	name[0] = 'F'; /* copied */
	ser_report_row(rep, (struct ser_val[]){ser_str("\xc3\xa9t\xc3\xa9"), ser_int(7), ser_real(1.0 / 3)});
	ser_report_row(rep, (struct ser_val[]){ser_str("b"), ser_int(-12), ser_real(INFINITY)});
	ser_report_row(rep, (struct ser_val[]){ser_str("c"), ser_int(3), ser_nil()});

	ser_report_format(rep, SER_REPORT_TEXT, &b);
	assert_string_equal(b.s,
			    "who    a\\x09b\nshare  0.1250\nnone   -\n\nA title\n"
			    "k      m       x\n\xc3\xa9t\xc3\xa9    7  0.3333\nb    -12       -\nc      3        \n");
	b.n = 0;
	ser_report_format(rep, SER_REPORT_TSV, &b);
	assert_string_equal(b.s, "table\trow\tcolumn\tvalue\nabout\twho\tvalue\ta\\x09b\nabout\tshare\tvalue\t0.125\n"
				 "about\tnone\tvalue\t\nfirst\t\xc3\xa9t\xc3\xa9.7\tx\t0.3333333333333333\n"
				 "first\tb.-12\tx\t\nfirst\tc.3\tx\t\n");
	b.n = 0;
	ser_report_format(rep, SER_REPORT_JSON, &b);
	assert_int_equal(ser_val_from_json(&mem, b.s, b.n, &v, NULL), SER_OK);
	assert_true(ser_val_is_str(ser_val_get(ser_val_get(&v, "about"), "who"), "a\tb"));
	assert_int_equal(ser_val_get(ser_val_get(&v, "about"), "none")->kind, SER_NIL);
	const struct ser_val *rows = ser_val_get(&v, "first");
	assert_int_equal(rows->u.list.n, 3);
	assert_true(ser_val_get(&rows->u.list.v[0], "x")->u.f == 1.0 / 3);
	assert_int_equal(ser_val_get(&rows->u.list.v[1], "x")->kind, SER_NIL);
	ser_arena_free(&mem);
	ser_buf_free(&b);
	ser_report_free(rep);
	ser_report_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes),     cmocka_unit_test(numbers),  cmocka_unit_test(clusters),
		cmocka_unit_test(voices),      cmocka_unit_test(compare),  cmocka_unit_test(shared_speakers),
		cmocka_unit_test(bad_records), cmocka_unit_test(bad_sets), cmocka_unit_test(lists_of_trials),
		cmocka_unit_test(forms),       cmocka_unit_test(labels),   cmocka_unit_test(cooccurrence),
	};
	return cmocka_run_group_tests_name("score", tests, setup, teardown);
}
