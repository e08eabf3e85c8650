/* SPDX-License-Identifier: MIT */
#include "formats/private.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct ser_format stream = {.name = "ser", .help = "a stream of the tools"};
static const struct ser_format *const formats[] = {
	&stream,         &ser_format_npy,           &ser_format_npz,
	&ser_format_ark, &ser_format_ark_t,         &ser_format_scp,
	&ser_format_htk, &ser_format_arff,          &ser_format_opensmile_arff,
	&ser_format_csv, &ser_format_opensmile_csv, &ser_format_svmlight,
	&ser_format_json};
enum { N_FORMAT = sizeof formats / sizeof formats[0] };
const char *const ser_format_names[N_FORMAT + 1] = {
	"ser", "npy",           "npz",      "ark",  "ark,t", "scp", "htk", "arff", "opensmile-arff",
	"csv", "opensmile-csv", "svmlight", "json", NULL};

const char *ser_format_help(int format)
{
	return formats[format]->help;
}

bool ser_format_is_text(int format)
{
	return formats[format]->flags & FORMAT_TEXT;
}

/* What each format has a use for, by option: a set of R (reading) and W (writing). */
enum { R = 1, W = 2 };

static int uses(const struct ser_format *f, const char *option)
{
	bool npy = f == &ser_format_npy, smile_csv = f == &ser_format_opensmile_csv,
	     smile_arff = f == &ser_format_opensmile_arff, table = f == &ser_format_csv || f == &ser_format_arff,
	     ark = f == &ser_format_ark || f == &ser_format_ark_t;
	if (f == &stream)
		return 0;
	if (strcmp(option, "tensor") == 0)
		return R | W;
	if (strcmp(option, "label") == 0)
		return table || smile_arff || f == &ser_format_svmlight ? R | W : 0;
	if (strcmp(option, "no-id") == 0)
		return table ? R | W : smile_csv || smile_arff ? R : 0;
	if (strcmp(option, "scp") == 0)
		return ark ? W : 0;
	if (strcmp(option, "target-kind") == 0)
		return f == &ser_format_htk ? W : 0;
	if (strcmp(option, "frame-shift") == 0)
		return f == &ser_format_htk || smile_csv || smile_arff ? W : 0;
	return npy ? R | W : 0; /* stack, ids */
}

int ser_format_check(int from, int to, const struct ser_format_opt *o, struct ser_err *e)
{
	const struct {
		const char *name;
		bool given;
	} options[] = {{"tensor", o->tensor != NULL},
		       {"label", o->label != NULL},
		       {"no-id", o->no_id},
		       {"stack", o->stack},
		       {"ids", o->ids != NULL},
		       {"scp", o->scp != NULL},
		       {"target-kind", o->htk_kind != NULL},
		       {"frame-shift", o->shift_s > 0}};
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		if (options[i].given && !(uses(formats[from], options[i].name) & R) &&
		    !(uses(formats[to], options[i].name) & W))
			return ser_fail(e, SER_EUSAGE, "--%s has no meaning from %s to %s", options[i].name,
					formats[from]->name, formats[to]->name);
	if (formats[to] == &ser_format_scp)
		return ser_fail(e, SER_EUSAGE, "an scp is an archive's index: write it with --to ark --scp FILE");
	if (o->ids != NULL && !o->stack)
		return ser_fail(e, SER_EUSAGE, "--ids has no meaning without --stack: the files' names are the ids");
	if (formats[to] == &ser_format_svmlight && o->n_label != 1)
		return ser_fail(e, SER_EUSAGE, "svmlight has one target: name a label with --label");
	if (formats[from] == &ser_format_svmlight && o->n_label > 1)
		return ser_fail(e, SER_EUSAGE, "svmlight has one target, found %zu names with --label", o->n_label);
	if (o->tensor != NULL && !ser_field_name_ok(o->tensor, strlen(o->tensor)))
		return ser_fail(e, SER_EUSAGE, "--tensor: \"%s\" cannot be a tensor's name", o->tensor);
	return 0;
}

bool ser_field_name_ok(const char *s, size_t n)
{
	return n > 0 && n <= SER_MAX_NAME && ser_utf8_ok(s, n) && !(n == 2 && memcmp(s, "id", 2) == 0);
}

/* ---- reading ---- */

static struct ser_import *import_new(int format, const struct ser_format_opt *o)
{
	struct ser_import *im = ser_calloc(1, sizeof *im);
	im->fmt = formats[format];
	ser_assert(im->fmt->next != NULL);
	im->o = *o;
	im->tensor_given = im->o.tensor != NULL;
	if (im->o.tensor == NULL)
		im->o.tensor = "feat";
	if (im->o.max_record == 0)
		im->o.max_record = SER_MAX_RECORD;
	im->ids = ser_map_new();
	ser_header_init(&im->header);
	ser_header_init(&im->last);
	return im;
}

struct ser_import *ser_import_new(int format, const struct ser_format_opt *o, const char *const *path, size_t n)
{
	struct ser_import *im = import_new(format, o);
	im->n_path = n > 0 ? n : 1;
	im->path = ser_calloc(im->n_path, sizeof *im->path);
	for (size_t i = 0; i < im->n_path; i++)
		im->path[i] = ser_strdup(n > 0 ? path[i] : "-");
	return im;
}

struct ser_import *ser_import_file(int format, const struct ser_format_opt *o, FILE *f, const char *name)
{
	struct ser_import *im = import_new(format, o);
	im->path = ser_calloc(1, sizeof *im->path);
	im->path[0] = ser_strdup(name);
	im->n_path = 1;
	im->in.f = f;
	im->lent = true;
	return im;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Put the files of a directory in its place. */
static int open_dir(struct ser_import *im, struct ser_err *e)
{
	const char *dir = im->path[im->next], *suffix = im->fmt->suffix;
	DIR *d = opendir(dir);
	struct dirent *entry;
	struct ser_buf name = {0};
	char **found = NULL;
	size_t n = 0, cap = 0, n_suffix = strlen(suffix);
	if (d == NULL)
		return ser_fail(e, SER_EIO, "%s: cannot open: %s", dir, strerror(errno));
	while ((entry = readdir(d)) != NULL) {
		size_t len = strlen(entry->d_name);
		if (entry->d_name[0] == '.' || len <= n_suffix || strcmp(entry->d_name + len - n_suffix, suffix) != 0)
			continue;
		name.n = 0;
		ser_buf_printf(&name, "%s/%s", dir, entry->d_name);
		found = ser_grow(found, &cap, n + 1, sizeof *found);
		found[n++] = ser_strdup(name.s);
	}
	closedir(d);
	ser_buf_free(&name);
	if (n == 0) {
		free(found);
		return ser_fail(e, SER_EDATA, "%s: no files *%s in this directory", dir, suffix);
	}
	qsort(found, n, sizeof *found, by_name);
	char **all = ser_calloc(im->n_path + n, sizeof *all);
	size_t rest = im->n_path - im->next - 1;
	memcpy(all, im->path, im->next * sizeof *all);
	memcpy(all + im->next, found, n * sizeof *all);
	if (rest > 0)
		memcpy(all + im->next + n, im->path + im->next + 1, rest * sizeof *all);
	free(im->path[im->next]);
	free(im->path);
	free(found);
	im->path = all;
	im->n_path += n - 1;
	return 0;
}

/* 1: a file is open; 0: there are no more; <0. */
static int open_next(struct ser_import *im, struct ser_err *e)
{
	struct stat st;
	if (im->next == im->n_path)
		return 0;
	const char *path = im->path[im->next];
	bool std = !im->lent && strcmp(path, "-") == 0;
	if ((im->fmt->flags & FORMAT_DIR) && !im->lent && !std && stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	    open_dir(im, e) != 0)
		return e->code;
	path = im->path[im->next++];
	FILE *f = im->lent ? im->in.f : std ? stdin : fopen(path, "rb");
	if (f == NULL)
		return ser_fail(e, SER_EIO, "%s: cannot open: %s", path, strerror(errno));
	struct ser_buf text = im->in.text;
	im->in = (struct source){.f = f, .name = std ? "<stdin>" : path, .text = text};
	im->open = true;
	im->before = ser_map_len(im->ids);
	if (ser_src_peek(&im->in) == EOF && ser_src_bad(&im->in, e) == 0)
		return ser_fail(e, SER_EDATA, "%s: empty, expected %s", im->in.name, im->fmt->help);
	int rc = im->fmt->begin != NULL ? im->fmt->begin(im, e) : 0;
	return rc < 0 ? rc : 1;
}

static void close_file(struct ser_import *im)
{
	if (!im->open)
		return;
	if (im->fmt->end != NULL && im->state != NULL) /* it is NULL where the file was empty, or began wrongly */
		im->fmt->end(im);
	im->state = NULL;
	if (!im->lent && im->in.f != stdin)
		fclose(im->in.f);
	im->open = false;
}

int ser_import_next(struct ser_import *im, struct ser_record *r, bool *segment, struct ser_err *e)
{
	struct ser_err own;
	e = e != NULL ? e : &own;
	if (segment != NULL)
		*segment = false;
	for (;;) {
		int rc = im->open ? 1 : open_next(im, e);
		if (rc <= 0)
			return rc;
		ser_record_clear(r);
		rc = im->fmt->next(im, r, e);
		if (rc == 0 && (rc = ser_src_bad(&im->in, e)) == 0) {
			if ((im->fmt->flags & FORMAT_BARE) && ser_map_len(im->ids) == im->before)
				return ser_fail(e, SER_EDATA, "%s: no record in it, expected %s", im->in.name,
						im->fmt->help);
			close_file(im);
			continue;
		}
		if (rc < 0)
			return rc;
		const struct ser_val *id = ser_record_get(r, "id");
		bool is_new;
		ser_assert(id != NULL && id->kind == SER_STR);
		if (r->n > SER_MAX_FIELD)
			return ser_fail(e, SER_EDATA, "%s: record \"%.100s\": %zu fields, limit %d", im->in.name,
					id->u.str.s, r->n, SER_MAX_FIELD);
		for (size_t i = 0; i < r->n; i++)
			for (int k = 0; r->field[i].val.kind == SER_TENSOR && k < r->field[i].val.u.t.ndim; k++)
				if (r->field[i].val.u.t.shape[k] > UINT32_MAX)
					return ser_fail(e, SER_EDATA, "%s: record \"%.100s\": an axis of %zu",
							im->in.name, id->u.str.s, r->field[i].val.u.t.shape[k]);
		ser_map_add(im->ids, id->u.str.s, id->u.str.n, &is_new);
		if (!is_new)
			return ser_fail(e, SER_EDATA, "%s: record \"%.100s\": this id came before%s", im->in.name,
					id->u.str.s, uses(im->fmt, "no-id") & R ? "; --no-id numbers the records" : "");
		if (!im->begun || !ser_header_equal(&im->header, &im->last)) {
			ser_header_free(&im->last);
			ser_header_copy(&im->last, &im->header);
			if (segment != NULL)
				*segment = im->begun;
			im->begun = true;
		}
		r->source = im->in.name;
		r->index = ser_map_len(im->ids);
		r->at = im->in.at;
		return 1;
	}
}

const struct ser_header *ser_import_header(const struct ser_import *im)
{
	return &im->header;
}

void ser_import_free(struct ser_import *im)
{
	if (im == NULL)
		return;
	close_file(im);
	for (size_t i = 0; i < im->n_path; i++)
		free(im->path[i]);
	free(im->path);
	ser_buf_free(&im->in.text);
	ser_header_free(&im->header);
	ser_header_free(&im->last);
	ser_map_free(im->ids);
	free(im);
}

int ser_import_id(struct ser_import *im, struct ser_record *r, const char *s, size_t n, struct ser_err *e)
{
	if (n == 0 || n > MAX_KEY || !ser_utf8_ok(s, n))
		return ser_src_fail(&im->in, e,
				    n == 0        ? "an empty id"
				    : n > MAX_KEY ? "an id of more than 4096 bytes"
						  : "an id that is not UTF-8 text");
	ser_record_set(r, "id", ser_strn(s, n));
	return 0;
}

void ser_import_stem(const struct ser_import *im, struct ser_record *r)
{
	const char *slash = strrchr(im->in.name, '/'), *s = slash != NULL ? slash + 1 : im->in.name;
	size_t n = strlen(s), k = strlen(im->fmt->suffix);
	const char *dot = strrchr(s, '.');
	if (n > k && strcmp(s + n - k, im->fmt->suffix) == 0)
		n -= k;
	else if (dot != NULL && dot > s)
		n = (size_t)(dot - s);
	ser_record_set(r, "id", ser_strn(s, n));
}

/* ---- writing ---- */

struct ser_export *ser_export_new(int format, const struct ser_format_opt *o, const char *path, struct ser_err *e)
{
	struct ser_export *ex = ser_calloc(1, sizeof *ex);
	ex->fmt = formats[format];
	ex->o = *o;
	ex->path = path;
	ex->f = stdout;
	ex->name = path != NULL ? path : "<stdout>";
	ser_header_init(&ex->header);
	ser_assert(ex->fmt->put != NULL);
	bool dir = (ex->fmt->flags & FORMAT_DIR) && !o->stack;
	int rc = 0;
	if (dir && path == NULL)
		rc = ser_fail(e, SER_EUSAGE, "%s is a file a record: name a directory with -o", ex->fmt->name);
	else if (dir)
		rc = ser_outdir_open(&ex->dir, path, e);
	else if (path != NULL && (rc = ser_outfile_open(&ex->file, path, e)) == 0)
		ex->f = ex->file.f;
	if (rc == 0 && ex->fmt->start != NULL)
		rc = ex->fmt->start(ex, e);
	if (rc == 0)
		return ex;
	ser_export_free(ex);
	return NULL;
}

int ser_export_header(struct ser_export *ex, const struct ser_header *h, struct ser_err *e)
{
	struct ser_header merged;
	(void)e;
	if (ex->n == 0) {
		ser_header_free(&ex->header);
		ser_header_copy(&ex->header, h);
		return 0;
	}
	/* What is said of a tensor now counts from here; all provenances are kept. */
	ser_header_copy(&merged, h);
	struct ser_header old = ex->header;
	old.dims = merged.dims;
	int rc = ser_header_merge(&merged, &old, e);
	ser_header_free(&ex->header);
	ex->header = merged;
	return rc;
}

int ser_export_record(struct ser_export *ex, const struct ser_record *r, struct ser_err *e)
{
	int rc = ex->fmt->put(ex, r, e);
	ex->n += rc == 0;
	return rc;
}

static int write_failed(const struct ser_export *ex, struct ser_err *e)
{
	return ser_fail(e, SER_EIO, "%s: write failed%s%s", ex->name, errno != 0 ? ": " : "",
			errno != 0 ? strerror(errno) : "");
}

int ser_export_flush(struct ser_export *ex, struct ser_err *e)
{
	errno = 0;
	if (ex->dir.tmp == NULL && (fflush(ex->f) != 0 || ferror(ex->f)))
		return write_failed(ex, e);
	return 0;
}

int ser_export_bytes(struct ser_export *ex, FILE *f, const void *p, size_t n, struct ser_err *e)
{
	errno = 0;
	return n == 0 || fwrite(p, 1, n, f) == n ? 0 : write_failed(ex, e);
}

int ser_export_end(struct ser_export *ex, struct ser_err *e)
{
	int rc = ex->fmt->finish != NULL ? ex->fmt->finish(ex, e) : 0;
	if (rc == 0)
		rc = ser_export_flush(ex, e);
	if (rc == 0 && ex->file.f != NULL)
		rc = ser_outfile_commit(&ex->file, e);
	if (rc == 0 && ex->side.f != NULL) /* after what it belongs to */
		rc = ser_outfile_commit(&ex->side, e);
	if (rc == 0 && ex->dir.tmp != NULL)
		rc = ser_outdir_commit(&ex->dir, e);
	return rc;
}

void ser_export_free(struct ser_export *ex)
{
	if (ex == NULL)
		return;
	if (ex->fmt->drop != NULL)
		ex->fmt->drop(ex);
	ser_outfile_abort(&ex->file);
	ser_outfile_abort(&ex->side);
	ser_outdir_abort(&ex->dir);
	ser_header_free(&ex->header);
	free(ex);
}

int ser_export_tensor_name(const struct ser_export *ex, const struct ser_record *r, char name[static SER_MAX_NAME + 1],
			   struct ser_err *e)
{
	const struct ser_field *found = NULL;
	name[0] = '\0';
	for (size_t i = 0; i < r->n; i++) {
		const struct ser_field *f = &r->field[i];
		if (f->val.kind != SER_TENSOR ||
		    (ex->o.tensor != NULL &&
		     (f->name_len != strlen(ex->o.tensor) || memcmp(f->name, ex->o.tensor, f->name_len) != 0)))
			continue;
		if (found != NULL)
			return ser_record_fail(
				r, e, SER_EDATA,
				"tensors \"%.*s\" and \"%.*s\", and %s holds one: choose it with --tensor",
				(int)found->name_len, found->name, (int)f->name_len, f->name, ex->fmt->name);
		found = f;
	}
	if (found != NULL) {
		memcpy(name, found->name, found->name_len);
		name[found->name_len] = '\0';
	}
	return 0;
}

const struct ser_tensor *ser_export_tensor(const struct ser_export *ex, const struct ser_record *r, struct ser_err *e)
{
	char name[SER_MAX_NAME + 1];
	if (ser_export_tensor_name(ex, r, name, e) != 0)
		return NULL;
	if (name[0] == '\0') {
		if (ex->o.tensor != NULL)
			ser_record_fail(r, e, SER_EDATA, "no tensor \"%s\"", ex->o.tensor);
		else
			ser_record_fail(r, e, SER_EDATA, "no tensor, and %s holds nothing else", ex->fmt->name);
		return NULL;
	}
	return &ser_record_get(r, name)->u.t;
}

int ser_export_open(struct ser_export *ex, const struct ser_record *r, struct ser_err *e)
{
	const struct ser_val *id = ser_record_get(r, "id");
	const char *s = id->u.str.s;
	size_t n = id->u.str.n;
	if (n == 0 || s[0] == '.' || memchr(s, '/', n) != NULL || n + strlen(ex->fmt->suffix) > 255)
		return ser_record_fail(r, e, SER_EDATA, "this id cannot be a file's name");
	char file[256];
	snprintf(file, sizeof file, "%.*s%s", (int)n, s, ex->fmt->suffix);
	ex->f = ser_outdir_create(&ex->dir, file, e);
	if (ex->f == NULL) {
		ex->f = stdout;
		return e->code;
	}
	ex->name = ex->dir.file[ex->dir.n - 1];
	return 0;
}

int ser_export_close(struct ser_export *ex, struct ser_err *e)
{
	errno = 0;
	bool bad = ferror(ex->f) != 0;
	bad = fclose(ex->f) != 0 || bad;
	ex->f = stdout;
	return bad ? write_failed(ex, e) : 0;
}
