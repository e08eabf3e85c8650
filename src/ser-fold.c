/* SPDX-License-Identifier: MIT */
#include "audio/audio.h"
#include "cli/cli.h"
#include "corpus/corpus.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum mode { LOSO, LOGO, KFOLD, HOLDOUT, SUBSET, PUBLISHED };

/* What is read: a manifest whole, of a stream the labels that matter; then what is set. */
struct job {
	struct ser_cli c;
	const char *by, *spk, *label, *root, *dev_fold;
	const char *percent;
	int k, test_fold;
	double test_frac, dev_frac;
	bool allow_shared, check_audio, check_text;
	int64_t seed;

	const char *name; /* of the input, for messages */
	int fd;           /* a file that can be read twice */
	off_t at;         /* where the input begins in it */
	bool stream;
	struct ser_table t; /* of a stream: id and the columns asked for */
	const char **sound; /* [n] a digest of each record's audio, with --check-audio */
	size_t n;

	int *fold;          /* [n], or NULL */
	const char **split; /* [n] "train" "dev" "test" or "", or NULL */
	int *level;         /* [n] subset, or NULL */
	struct ser_fold_lists lists;
	bool shared_speakers;
	struct ser_err e;
};

static void check(struct job *j, int rc)
{
	if (rc < 0)
		ser_cli_die(&j->c, &j->e);
}

static const char *const *column(struct job *j, const char *name)
{
	ptrdiff_t c = ser_table_col(&j->t, name);
	if (c < 0)
		ser_cli_fail(&j->c, SER_EDATA, "%s: no column \"%s\"", j->name, name);
	return j->t.col[c].cell;
}

static const char *const *ids(struct job *j)
{
	return column(j, "id");
}

/* ---- reading ---- */

/* A pipe goes to a file without a name, since it is read twice. */
static void spool(struct job *j)
{
	const char *dir = getenv("TMPDIR");
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%s/ser-fold.XXXXXX", dir != NULL && dir[0] != '\0' ? dir : "/tmp");
	int to = mkstemp(b.s);
	if (to < 0)
		ser_cli_fail(&j->c, SER_EIO, "%s: cannot create: %s", b.s, strerror(errno));
	unlink(b.s);
	static char buf[1 << 16];
	for (ssize_t got; (got = read(j->fd, buf, sizeof buf)) != 0;) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			ser_cli_fail(&j->c, SER_EIO, "%s: read failed: %s", j->name, strerror(errno));
		for (ssize_t done = 0, put; done < got; done += put) {
			put = write(to, buf + done, (size_t)(got - done));
			if (put < 0 && errno != EINTR)
				ser_cli_fail(&j->c, SER_EIO, "%s: write failed: %s", b.s, strerror(errno));
			put = put < 0 ? 0 : put;
		}
	}
	close(j->fd);
	ser_buf_free(&b);
	j->fd = to;
	j->at = 0;
}

static void input_open(struct job *j, const char *path)
{
	bool in = path == NULL || strcmp(path, "-") == 0;
	if (in && isatty(0))
		ser_cli_usage(&j->c, "no input: standard input is a terminal");
	j->name = in ? "<stdin>" : path;
	j->fd = in ? dup(0) : open(path, O_RDONLY | O_CLOEXEC);
	if (j->fd < 0)
		ser_cli_fail(&j->c, SER_EIO, "%s: cannot open: %s", j->name, strerror(errno));
	j->at = lseek(j->fd, 0, SEEK_CUR);
	if (j->at < 0)
		spool(j);
	unsigned char b = 0;
	ssize_t got = pread(j->fd, &b, 1, j->at);
	if (got < 0)
		ser_cli_fail(&j->c, SER_EIO, "%s: read failed: %s", j->name, strerror(errno));
	if (got == 0)
		ser_cli_fail(&j->c, SER_EDATA, "%s: empty, expected a manifest or a record stream", j->name);
	j->stream = (b & 0xf0) == 0x80 || b == 0xde || b == 0xdf; /* a MessagePack map */
}

static void rewind_input(struct job *j)
{
	if (lseek(j->fd, j->at, SEEK_SET) < 0)
		ser_cli_fail(&j->c, SER_EIO, "%s: cannot go back to its start: %s", j->name, strerror(errno));
}

static const char *hex(uint64_t h)
{
	char s[32];
	snprintf(s, sizeof s, "%016llx", (unsigned long long)h);
	return ser_strdup(s);
}

/* All tensors of a record, names and shapes too. */
static const char *record_sound(const struct ser_record *r)
{
	struct ser_buf b = {0};
	for (size_t i = 0; i < r->n; i++) {
		const struct ser_val *v = &r->field[i].val;
		if (v->kind != SER_TENSOR)
			continue;
		uint64_t h = ser_hash(v->u.t.data, ser_tensor_size(&v->u.t));
		ser_buf_add(&b, r->field[i].name, r->field[i].name_len);
		ser_buf_add(&b, v->u.t.shape, (size_t)v->u.t.ndim * sizeof *v->u.t.shape);
		ser_buf_add(&b, &h, sizeof h);
	}
	const char *s = b.n > 0 ? hex(ser_hash(b.s, b.n)) : ser_strdup("");
	ser_buf_free(&b);
	return s;
}

static void read_stream(struct job *j, const char *const *col, size_t n_col)
{
	struct ser_reader *rd = ser_reader_new(j->fd, j->name, j->c.max_record, &j->e);
	if (rd == NULL)
		ser_cli_die(&j->c, &j->e);
	struct ser_record r = {0};
	struct ser_buf b = {0};
	size_t cap = 0;
	int rc;
	for (size_t i = 0; i < n_col; i++)
		ser_table_add_col(&j->t, col[i]);
	while ((rc = ser_reader_next(rd, &r, NULL, &j->e)) > 0) {
		size_t row = ser_table_add_row(&j->t);
		for (size_t i = 0; i < n_col; i++) {
			const struct ser_val *v = ser_record_get(&r, col[i]);
			b.n = 0;
			if (v != NULL && v->kind < SER_TENSOR)
				ser_val_text(&b, v);
			ser_table_set(&j->t, row, ser_table_add_col(&j->t, col[i]), b.s, b.n);
		}
		if (j->check_audio) {
			j->sound = ser_grow(j->sound, &cap, row + 1, sizeof *j->sound);
			j->sound[row] = record_sound(&r);
		}
	}
	check(j, rc);
	ser_buf_free(&b);
	ser_record_free(&r);
	ser_reader_free(rd);
}

/* A digest of all samples of a file, or of the part of it that is meant. */
static const char *file_sound(struct job *j, const char *path, double start, double end)
{
	enum { BLOCK = 1 << 16 };
	static float x[BLOCK];
	struct ser_audio_opt o;
	struct ser_audio *a;
	ser_audio_opt_init(&o);
	o.rate_hz = 0;
	o.start_s = start;
	o.end_s = isfinite(end) ? end : 0;
	check(j, ser_audio_open(&a, path, &o, &j->e));
	uint64_t h[2] = {0, 0};
	ptrdiff_t n;
	while ((n = ser_audio_read(a, x, BLOCK, &j->e)) > 0) {
		h[1] = ser_hash(x, (size_t)n * sizeof *x);
		h[0] = ser_hash(h, sizeof h);
	}
	check(j, (int)n);
	ser_audio_free(a);
	return hex(h[0]);
}

static void read_sounds(struct job *j)
{
	rewind_input(j);
	FILE *f = fdopen(dup(j->fd), "rb");
	struct ser_manifest *m = ser_manifest_new(f, j->name, &(struct ser_manifest_opts){.root = j->root}, &j->e);
	if (m == NULL)
		ser_cli_die(&j->c, &j->e);
	j->sound = ser_calloc(j->n, sizeof *j->sound);
	for (size_t i = 0; i < j->n; i++) {
		double start, end;
		check(j, ser_manifest_next(m, &j->e));
		const char *path = ser_manifest_path(m, &j->e);
		if (path == NULL)
			ser_cli_die(&j->c, &j->e);
		check(j, ser_manifest_segment(m, &start, &end, &j->e));
		j->sound[i] = file_sound(j, path, start, end);
		ser_cli_progress(&j->c, "listening", i + 1, j->n);
	}
	ser_manifest_free(m);
	fclose(f);
}

static void read_all(struct job *j, const char *const *col, size_t n_col)
{
	rewind_input(j);
	if (j->stream) {
		read_stream(j, col, n_col);
		j->n = j->t.n_row;
		return;
	}
	FILE *f = fdopen(dup(j->fd), "rb");
	ser_assert(f != NULL);
	check(j, ser_table_read(&j->t, f, j->name, NULL, &j->e));
	fclose(f);
	ser_table_add_col(&j->t, "spk"); /* the writer adds them too */
	ser_table_add_col(&j->t, "emo");
	j->n = j->t.n_row;
	if (j->check_audio)
		read_sounds(j);
}

/* ---- protocols ---- */

static void need_all(struct job *j, const char *name, const char *const *cell)
{
	for (size_t i = 0; i < j->n; i++)
		if (cell[i][0] == '\0')
			ser_cli_fail(&j->c, SER_EDATA, "%s: \"%s\" has no %s", j->name, ids(j)[i], name);
}

/* Spread the records with want[i] (NULL: all) over parts, whole values of --by together. */
static void spread(struct job *j, const bool *want, const double *weight, size_t n_part, size_t *part)
{
	const char *const *by = column(j, j->by), *const *label = column(j, j->label);
	const char **s = ser_calloc(2 * j->n, sizeof *s);
	size_t *x = ser_calloc(3 * j->n, sizeof *x), *at = x + 2 * j->n, m = 0;
	for (size_t i = 0; i < j->n; i++) {
		if (want != NULL && !want[i])
			continue;
		s[m] = by[i];
		s[j->n + m] = label[i];
		at[m++] = i;
	}
	size_t n_group = ser_fold_codes(s, m, x, NULL);
	size_t n_label = ser_fold_codes(s + j->n, m, x + j->n, NULL);
	size_t *p = ser_calloc(m, sizeof *p);
	struct ser_rng r;
	ser_rng_seed(&r, (uint64_t)j->seed);
	if (ser_fold_spread(m, x, n_group, x + j->n, n_label, weight, n_part, &r, p, &j->e) != 0)
		ser_cli_fail(&j->c, j->e.code, "%zu different values of \"%s\" cannot fill %zu parts", n_group, j->by,
			     n_part);
	for (size_t i = 0; i < m; i++)
		part[at[i]] = p[i];
	free(p);
	free(x);
	free(s);
}

static void fold_groups(struct job *j, enum mode mode)
{
	size_t *part = ser_calloc(j->n, sizeof *part);
	if (mode == LOSO || mode == LOGO) {
		size_t n = ser_fold_codes(column(j, j->by), j->n, part, NULL);
		if (n < 2)
			ser_cli_fail(&j->c, SER_EDATA, "%s: %zu different values of \"%s\", at least 2 are needed",
				     j->name, n, j->by);
	} else if (mode == KFOLD) {
		double *w = ser_calloc((size_t)j->k, sizeof *w);
		for (int i = 0; i < j->k; i++)
			w[i] = 1;
		spread(j, NULL, w, (size_t)j->k, part);
		free(w);
	} else {
		spread(j, NULL, (double[]){j->test_frac, 1 - j->test_frac}, 2, part);
	}
	for (size_t i = 0; i < j->n; i++)
		j->fold[i] = (int)part[i];
	free(part);
}

static void fold_subset(struct job *j)
{
	int percent[101];
	size_t n_percent = 0;
	char *text = ser_strdup(j->percent);
	for (char *save = NULL, *w = strtok_r(text, ",", &save); w != NULL; w = strtok_r(NULL, ",", &save)) {
		int64_t p;
		if (ser_parse_int(w, n_percent > 0 ? percent[n_percent - 1] + 1 : 1, 100, &p, &j->e) != 0)
			ser_cli_usage(&j->c, "--percent: %s, in rising order", j->e.msg);
		percent[n_percent++] = (int)p;
	}
	free(text);
	if (n_percent == 0 || percent[n_percent - 1] != 100)
		percent[n_percent++] = 100;
	size_t *label = ser_calloc(j->n, sizeof *label);
	size_t n_label = ser_fold_codes(column(j, j->label), j->n, label, NULL);
	bool *want = ser_calloc(j->n, sizeof *want), split = false;
	for (size_t i = 0; i < j->n; i++)
		split = split || ser_table_get(&j->t, i, "split")[0] != '\0';
	for (size_t i = 0; i < j->n; i++)
		want[i] = !split || strcmp(ser_table_get(&j->t, i, "split"), "train") == 0;
	ser_fold_subsets(j->n, ids(j), label, n_label, want, percent, n_percent, (uint64_t)j->seed, j->level);
	free(want);
	free(label);
}

/* "ravdess:emobox" is in a description; anything else is a folder of lists. */
static void fold_published(struct job *j, const char *name)
{
	const char *colon = strchr(name, ':');
	char *corpus = colon != NULL ? ser_strndup(name, (size_t)(colon - name)) : NULL;
	if (corpus != NULL) {
		struct ser_corpus *c = ser_corpus_builtin(corpus, &j->e);
		const char *field;
		if (c == NULL || ser_corpus_fold_field(c, colon + 1, &field, &j->e) != 0)
			ser_cli_die(&j->c, &j->e);
		const char *const *cell = column(j, field);
		need_all(j, field, cell);
		for (size_t i = 0; i < j->n; i++) {
			j->fold[i] = ser_corpus_fold_of(c, colon + 1, cell[i]);
			if (j->fold[i] == 0)
				ser_cli_fail(&j->c, SER_EDATA, "%s: \"%s\": %s \"%s\" is in no fold of %s", j->name,
					     ids(j)[i], field, cell[i], name);
		}
		ser_corpus_free(c);
		free(corpus);
		return;
	}
	check(j, ser_fold_lists_read(&j->lists, name, j->n, ids(j), &j->e));
	if (j->lists.n_unknown > 0)
		ser_cli_warn(&j->c, "%s: %zu entries of its lists are not in %s", name, j->lists.n_unknown, j->name);
	for (size_t i = 0; i < j->n; i++) {
		size_t n_test = 0;
		j->fold[i] = -1;
		for (size_t k = 0; k < j->lists.n_fold; k++)
			if (j->lists.part[k][i] == SER_FOLD_TEST && n_test++ == 0)
				j->fold[i] = j->lists.fold[k];
		if (n_test == 1)
			continue;
		if (j->test_fold < 0)
			ser_cli_fail(&j->c, SER_EDATA,
				     "\"%s\" is in %zu test lists of %s: choose a fold with --test-fold", ids(j)[i],
				     n_test, name);
		j->fold[i] = -1;
	}
}

/* The number after --test-fold among the folds that there are, or the one that --dev-fold names. */
static int dev_fold(struct job *j)
{
	int next = -1, least = -1;
	int64_t named = -1;
	if (strcmp(j->dev_fold, "next") != 0 && ser_parse_int(j->dev_fold, 0, INT32_MAX, &named, &j->e) != 0)
		ser_cli_usage(&j->c, "--dev-fold: %s, nor is it \"next\"", j->e.msg);
	if (named == j->test_fold)
		ser_cli_usage(&j->c, "--dev-fold and --test-fold are the same");
	for (size_t i = 0; i < j->n; i++) {
		int f = j->fold[i];
		if (f == named)
			return f;
		if (f < 0 || f == j->test_fold)
			continue;
		if (least < 0 || f < least)
			least = f;
		if (f > j->test_fold && (next < 0 || f < next))
			next = f;
	}
	if (named >= 0)
		ser_cli_usage(&j->c, "--dev-fold: there is no fold %d", (int)named);
	return next >= 0 ? next : least;
}

static void make_split(struct job *j)
{
	const struct ser_fold_lists *l = &j->lists;
	size_t k = 0, n_test = 0;
	while (k < l->n_fold && l->fold[k] != j->test_fold)
		k++;
	if (l->n_fold > 0 && k == l->n_fold)
		ser_cli_usage(&j->c, "--test-fold: there is no fold %d", j->test_fold);
	j->split = ser_calloc(j->n, sizeof *j->split);
	bool *train = ser_calloc(j->n, sizeof *train);
	for (size_t i = 0; i < j->n; i++) {
		int what = l->n_fold > 0 ? l->part[k][i] : j->fold[i] == j->test_fold ? SER_FOLD_TEST : SER_FOLD_TRAIN;
		j->split[i] = what == SER_FOLD_TEST ? "test" : what == SER_FOLD_TRAIN ? "train" : "";
		train[i] = what == SER_FOLD_TRAIN;
		n_test += what == SER_FOLD_TEST;
	}
	if (n_test == 0)
		ser_cli_usage(&j->c, "--test-fold: there is no fold %d", j->test_fold);
	if (j->dev_fold != NULL) {
		int dev = dev_fold(j);
		for (size_t i = 0; i < j->n; i++)
			if (train[i] && j->fold[i] == dev)
				j->split[i] = "dev";
	} else if (j->dev_frac > 0) {
		size_t *part = ser_calloc(j->n, sizeof *part);
		spread(j, train, (double[]){j->dev_frac, 1 - j->dev_frac}, 2, part);
		for (size_t i = 0; i < j->n; i++)
			if (train[i] && part[i] == 0)
				j->split[i] = "dev";
		free(part);
	}
	free(train);
}

/* ---- what the parts share ---- */

static void list_values(struct ser_buf *b, const bool *shared, const char *const *name, size_t n)
{
	size_t shown = 0, left = 0;
	for (size_t v = 0; v < n; v++) {
		if (!shared[v])
			continue;
		if (shown < 10) {
			ser_buf_printf(b, " %s", name[v]);
			shown++;
		} else {
			left++;
		}
	}
	if (left > 0)
		ser_buf_printf(b, " and %zu more", left);
}

/* Say what records of different parts have in common; returns how many values. */
static size_t say_shared(struct job *j, const char *where, const size_t *part, const char *what,
			 const char *const *cell)
{
	size_t *code = ser_calloc(j->n, sizeof *code);
	const char **name;
	size_t n = ser_fold_codes(cell, j->n, code, &name);
	for (size_t i = 0; i < j->n; i++)
		if (cell[i][0] == '\0')
			code[i] = SIZE_MAX;
	bool *shared = ser_calloc(n, sizeof *shared);
	size_t found = ser_fold_shared(j->n, part, code, n, shared);
	if (cell == j->sound) /* digests say nothing: name a record that has it */
		for (size_t i = j->n; i-- > 0;)
			if (code[i] != SIZE_MAX)
				name[code[i]] = ids(j)[i];
	if (found > 0) {
		struct ser_buf b = {0};
		list_values(&b, shared, name, n);
		ser_cli_warn(&j->c, "%s: %zu of %zu %s are in more than one:%s", where, found, n, what, b.s);
		ser_buf_free(&b);
	}
	free(shared);
	free(name);
	free(code);
	return found;
}

static size_t say_all(struct job *j, const char *where, const size_t *part)
{
	size_t spk = say_shared(j, where, part, "speakers", column(j, j->spk)), other = 0;
	j->shared_speakers |= spk > 0;
	if (j->check_text)
		other += say_shared(j, where, part, "texts", column(j, "text"));
	if (j->check_audio)
		other += say_shared(j, where, part, "recordings", j->sound);
	return other + (j->allow_shared ? 0 : spk);
}

/* Records that sound the same within one part are no leak, but worth knowing. */
static void say_twins(struct job *j)
{
	struct ser_map *m = ser_map_new();
	size_t *first = ser_calloc(j->n, sizeof *first);
	for (size_t i = 0; i < j->n; i++) {
		bool is_new;
		size_t k = ser_map_add(m, j->sound[i], strlen(j->sound[i]), &is_new);
		if (is_new)
			first[k] = i;
		else if (j->sound[i][0] != '\0')
			ser_cli_warn(&j->c, "\"%s\" and \"%s\" are the same recording", ids(j)[first[k]], ids(j)[i]);
	}
	free(first);
	ser_map_free(m);
}

static void check_shared(struct job *j)
{
	size_t *part = ser_calloc(j->n, sizeof *part), bad = 0;
	char where[64];
	if (j->check_audio)
		say_twins(j);
	if (j->split != NULL) {
		for (size_t i = 0; i < j->n; i++) /* train, dev and test are told apart by their last letters */
			part[i] = j->split[i][0] != '\0' ? (size_t)j->split[i][strlen(j->split[i]) - 1] : SIZE_MAX;
		snprintf(where, sizeof where, "fold %d: training, development and test data", j->test_fold);
		bad = say_all(j, where, part);
	} else if (j->lists.n_fold > 0) {
		for (size_t k = 0; k < j->lists.n_fold; k++) {
			for (size_t i = 0; i < j->n; i++)
				part[i] = j->lists.part[k][i] != SER_FOLD_NONE ? j->lists.part[k][i] : SIZE_MAX;
			snprintf(where, sizeof where, "fold %d: training and test data", j->lists.fold[k]);
			bad += say_all(j, where, part);
		}
	} else {
		for (size_t i = 0; i < j->n; i++)
			part[i] = (size_t)j->fold[i];
		bad = say_all(j, "folds", part);
	}
	free(part);
	if (bad > 0)
		ser_cli_fail(&j->c, SER_EPROTO, "%s: refused: what training has seen would be in the test%s", j->name,
			     j->shared_speakers && !j->allow_shared ? " (--allow-shared-speakers allows it of speakers)"
								    : "");
}

/* ---- writing ---- */

static void write_stream(struct job *j)
{
	rewind_input(j);
	struct ser_reader *rd = ser_reader_new(j->fd, j->name, j->c.max_record, &j->e);
	if (rd == NULL)
		ser_cli_die(&j->c, &j->e);
	struct ser_out *out = ser_out_open(&j->c);
	struct ser_record r = {0};
	ser_out_header(out, ser_reader_header(rd));
	bool segment;
	int rc;
	for (size_t i = 0; (rc = ser_reader_next(rd, &r, &segment, &j->e)) > 0; i++) {
		if (segment && i > 0)
			ser_out_header(out, ser_reader_header(rd));
		if (j->fold != NULL)
			ser_record_set(&r, "fold", j->fold[i] >= 0 ? ser_int(j->fold[i]) : ser_nil());
		if (j->split != NULL)
			ser_record_set(&r, "split", j->split[i][0] != '\0' ? ser_str(j->split[i]) : ser_nil());
		if (j->level != NULL)
			ser_record_set(&r, "subset", j->level[i] > 0 ? ser_int(j->level[i]) : ser_nil());
		ser_out_record(out, &r);
	}
	check(j, rc);
	ser_record_free(&r);
	ser_reader_free(rd);
	ser_out_close(out);
}

static void set_ints(struct job *j, const char *name, const int *x, int least)
{
	size_t col = ser_table_add_col(&j->t, name);
	for (size_t i = 0; i < j->n; i++) {
		char s[16];
		int n = x[i] >= least ? snprintf(s, sizeof s, "%d", x[i]) : 0;
		ser_table_set(&j->t, i, col, s, (size_t)n);
	}
}

static void write_manifest(struct job *j)
{
	struct ser_outfile o = {0};
	if (j->fold != NULL)
		set_ints(j, "fold", j->fold, 0);
	for (size_t i = 0; i < j->n && j->split != NULL; i++)
		ser_table_set(&j->t, i, ser_table_add_col(&j->t, "split"), j->split[i], strlen(j->split[i]));
	if (j->level != NULL)
		set_ints(j, "subset", j->level, 1);
	bool file = j->c.out != NULL && strcmp(j->c.out, "-") != 0;
	if (file)
		check(j, ser_outfile_open(&o, j->c.out, &j->e));
	check(j, ser_table_write(&j->t, file ? o.f : stdout, &j->e));
	if (file)
		check(j, ser_outfile_commit(&o, &j->e));
}

/* The rows of two tables in one. */
static void join(struct ser_option *to, const struct ser_option *a, const struct ser_option *b)
{
	while (a->name != NULL)
		*to++ = *a++;
	do
		*to++ = *b;
	while (b++->name != NULL);
}

int main(int argc, char **argv)
{
	static struct job j = {
		.spk = "spk", .label = "emo", .percent = "1,5,10,25,50,100", .k = 5, .test_fold = -1, .test_frac = 0.2};
	enum { N_COMMON = 7 };
	static const char test_fold_help[] = "set split too: this fold is test, the others train; -1: no split";
	j.by = argc > 1 && strcmp(argv[1], "logo") == 0 ? "session" : "spk";
	const struct ser_option common[] = {
		{"spk", 0, SER_OPTION_STR, &j.spk, "COLUMN", 0, 0, NULL, 0, "the speaker"},
		{"label", 0, SER_OPTION_STR, &j.label, "COLUMN", 0, 0, NULL, 0, "the label to balance by"},
		{"dev-fold", 0, SER_OPTION_STR, &j.dev_fold, "N|next", 0, 0, NULL, 0,
		 "development data: this fold, or the one after the test fold"},
		{"dev-frac", 0, SER_OPTION_REAL, &j.dev_frac, "X", 0, 0.9, NULL, 0,
		 "development data: about this share of the training data, in whole speakers"},
		{"seed", 0, SER_OPTION_I64, &j.seed, "N", 0, 9e15, NULL, SER_OPTION_ALWAYS,
		 "which of equally good divisions"},
		{"allow-shared-speakers", 0, SER_OPTION_FLAG, &j.allow_shared, NULL, 0, 0, NULL, 0,
		 "go on although speakers are on both sides"},
		{"check-audio", 0, SER_OPTION_FLAG, &j.check_audio, NULL, 0, 0, NULL, 0,
		 "refuse the same recording on both sides"},
		{"check-text", 0, SER_OPTION_FLAG, &j.check_text, NULL, 0, 0, NULL, 0,
		 "refuse the same text on both sides"},
		{"root", 0, SER_OPTION_STR, &j.root, "DIR", 0, 0, NULL, SER_OPTION_SILENT,
		 "where --check-audio finds a manifest's relative paths"},
		{0},
	};
	const struct ser_option by_value[] = {
		{"by", 0, SER_OPTION_STR, &j.by, "COLUMN", 0, 0, NULL, 0, "a fold for each value of it"},
		{"test-fold", 0, SER_OPTION_INT, &j.test_fold, "N", -1, 999999, NULL, 0, test_fold_help},
		{0},
	};
	const struct ser_option kfold_own[] = {
		{"folds", 'k', SER_OPTION_INT, &j.k, "K", 2, 9999, NULL, SER_OPTION_ALWAYS, "how many folds"},
		{"by", 0, SER_OPTION_STR, &j.by, "COLUMN", 0, 0, NULL, 0, "what stays in one fold"},
		{"test-fold", 0, SER_OPTION_INT, &j.test_fold, "N", -1, 999999, NULL, 0, test_fold_help},
		{0},
	};
	const struct ser_option holdout_own[] = {
		{"test-frac", 0, SER_OPTION_REAL, &j.test_frac, "X", 0.001, 0.999, NULL, SER_OPTION_ALWAYS,
		 "about how large a share is test data"},
		{"by", 0, SER_OPTION_STR, &j.by, "COLUMN", 0, 0, NULL, 0, "what stays on one side"},
		{0},
	};
	const struct ser_option published_own[] = {
		{"test-fold", 0, SER_OPTION_INT, &j.test_fold, "N", -1, 999999, NULL, 0, test_fold_help},
		{0},
	};
	const struct ser_option subset[] = {
		{"percent", 0, SER_OPTION_STR, &j.percent, "P,P,...", 0, 0, NULL, SER_OPTION_ALWAYS,
		 "sizes of the subsets"},
		{"label", 0, SER_OPTION_STR, &j.label, "COLUMN", 0, 0, NULL, 0, "the label to balance by"},
		{"seed", 0, SER_OPTION_I64, &j.seed, "N", 0, 9e15, NULL, SER_OPTION_ALWAYS, "which records"},
		{0},
	};
	struct ser_option groups[16], kfold[16], holdout[16], published[16];
	join(groups, by_value, common);
	join(kfold, kfold_own, common);
	join(holdout, holdout_own, common);
	join(published, published_own, common);
	const struct ser_mode modes[] = {
		{"loso", "Leave one speaker out: a fold for each.", groups, NULL},
		{"logo", "Leave one group (session) out: a fold for each.", groups, NULL},
		{"kfold", "Folds of about equal size that share no speaker and are balanced by label.", kfold, NULL},
		{"holdout", "One test set of speakers of its own: fold 0; the rest is fold 1.", holdout, NULL},
		{"subset", "Nested subsets of the training data, balanced by label.", subset, NULL},
		{"published", "Folds that somebody published: CORPUS:NAME, or a folder of EmoBox lists.", published,
		 "NAME [FILE]"},
		{0}};
	const struct ser_tool tool = {"ser-fold", "Divide a manifest or a stream into folds by a named protocol.",
				      "[FILE]",   NULL,
				      modes,      SER_CLI_FILTER | SER_CLI_PROGRESS};
	ser_cli_begin(&j.c, &tool, argc, argv);
	enum mode mode = (enum mode)j.c.mode;
	int first = mode == PUBLISHED;
	if (j.c.n_operand < first || j.c.n_operand > first + 1)
		ser_cli_usage(&j.c, "expected %s", first ? "NAME and at most one FILE" : "at most one FILE");
	if (first)
		ser_cli_prov(&j.c, j.c.operand[0]);
	if (mode == HOLDOUT)
		j.test_fold = 0;
	if (j.dev_fold != NULL && j.dev_frac > 0)
		ser_cli_usage(&j.c, "--dev-fold and --dev-frac exclude each other");
	if ((j.dev_fold != NULL || j.dev_frac > 0) && j.test_fold < 0)
		ser_cli_usage(&j.c, "--dev-fold and --dev-frac go with --test-fold");
	if (mode == HOLDOUT && j.dev_fold != NULL)
		ser_cli_usage(&j.c, "holdout has no further fold for --dev-fold: use --dev-frac");

	input_open(&j, j.c.n_operand > first ? j.c.operand[first] : NULL);
	const char *const need[N_COMMON] = {"id", j.by, j.spk, j.label, "text", "split", "session"};
	read_all(&j, need, N_COMMON);
	if (mode == SUBSET) {
		j.level = ser_calloc(j.n, sizeof *j.level);
		fold_subset(&j);
	} else {
		j.fold = ser_calloc(j.n, sizeof *j.fold);
		if (mode != PUBLISHED)
			need_all(&j, j.by, column(&j, j.by));
		if (!j.allow_shared)
			need_all(&j, j.spk, column(&j, j.spk));
		if (mode == PUBLISHED)
			fold_published(&j, j.c.operand[0]);
		else
			fold_groups(&j, mode);
		if (j.test_fold >= 0)
			make_split(&j);
		check_shared(&j);
	}
	if (j.stream)
		write_stream(&j);
	else
		write_manifest(&j);
	for (size_t i = 0; i < j.n && j.sound != NULL; i++)
		free((void *)(uintptr_t)j.sound[i]);
	free(j.sound);
	free(j.fold);
	free(j.split);
	free(j.level);
	ser_fold_lists_free(&j.lists);
	ser_table_free(&j.t);
	close(j.fd);
	return ser_cli_end(&j.c);
}
