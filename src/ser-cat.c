/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "formats/formats.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Can the input be read twice? Standard input too, when it is a file. */
static bool seekable(const struct ser_cli *c)
{
	struct stat st;
	for (int i = 0; i < c->n_operand || i == 0; i++) {
		bool std = c->n_operand == 0 || strcmp(c->operand[i], "-") == 0;
		if ((std ? fstat(0, &st) : stat(c->operand[i], &st)) != 0 || !S_ISREG(st.st_mode))
			return false;
	}
	return true;
}

/* Walk over the whole input: *h becomes the merged header, *mixed tells whether any differed; the records go to `spool` unless
 * it is NULL. */
static void gather(struct ser_cli *c, struct ser_header *h, bool *mixed, struct ser_spool *spool)
{
	struct ser_in *in = ser_in_open(c);
	struct ser_record r = {0};
	struct ser_buf b = {0};
	struct ser_err e;
	bool turned;
	*mixed = false;
	ser_header_copy(h, ser_in_header(in));
	while (ser_in_next_merged(in, h, &r, &turned)) {
		*mixed = *mixed || turned;
		if (spool == NULL)
			continue;
		b.n = 0;
		ser_record_pack(&b, &r);
		if (ser_spool_add(spool, b.s, b.n, &e) != 0)
			ser_cli_die(c, &e);
	}
	ser_buf_free(&b);
	ser_record_free(&r);
	ser_in_close(in);
}

/* What goes before every id; NULL: nothing. */
static const char *prefix;

static void put(struct ser_out *out, struct ser_record *r)
{
	struct ser_buf id = {0};
	if (prefix != NULL) {
		ser_buf_printf(&id, "%s%s", prefix, ser_record_id(r));
		ser_record_set(r, "id", ser_str(id.s));
	}
	ser_out_record(out, r);
	ser_buf_free(&id);
}

/* Merely putting streams together is no entry in the provenance, naming their records anew is one. */
static void put_header(struct ser_out *out, const struct ser_header *h)
{
	if (prefix != NULL)
		ser_out_header(out, h);
	else
		ser_out_header_as_is(out, h);
}

static void from_spool(struct ser_cli *c, struct ser_out *out, const struct ser_header *h, struct ser_spool *spool)
{
	struct ser_spool_walk w;
	struct ser_record r = {0};
	struct ser_err e;
	const char *p;
	size_t n;
	int rc = ser_spool_walk(&w, spool, 0, ser_spool_size(spool), 0, &e);
	while (rc >= 0 && (rc = ser_spool_next(&w, &p, &n, &e)) > 0 && (rc = ser_record_unpack(&r, p, n, &e)) == 0) {
		ser_header_unmark(h, &r);
		put(out, &r);
	}
	if (rc < 0)
		ser_cli_die(c, &e);
	ser_record_free(&r);
	ser_spool_walk_end(&w);
}

/* Read all once more, now that the header is known. */
static void from_files(struct ser_cli *c, struct ser_out *out, const struct ser_header *h)
{
	struct ser_in *in = ser_in_open(c);
	struct ser_header again;
	struct ser_record r = {0};
	ser_header_copy(&again, ser_in_header(in));
	while (ser_in_next_merged(in, &again, &r, NULL)) {
		ser_header_unmark(h, &r);
		put(out, &r);
	}
	ser_header_free(&again);
	ser_record_free(&r);
	ser_in_close(in);
}

/* Every record as it comes; a segment for each header that is unlike the one before. */
static void pass(struct ser_cli *c, struct ser_out *out)
{
	struct ser_in *in = ser_in_open(c);
	struct ser_record r = {0};
	bool segment;
	put_header(out, ser_in_header(in));
	while (ser_in_next(in, &r, &segment)) {
		if (segment)
			put_header(out, ser_in_header(in));
		put(out, &r);
		if (ser_in_waits(in))
			ser_out_flush(out);
	}
	ser_record_free(&r);
	ser_in_close(in);
}

/* ---- other systems' files ---- */

/* Records of a stream or another format as records of either. */
static void convert(struct ser_cli *c, int from, int to, const struct ser_format_opt *o)
{
	struct ser_in *in = from == 0 ? ser_in_open(c) : NULL;
	struct ser_import *im = NULL;
	struct ser_out *out = NULL;
	struct ser_export *ex = NULL;
	struct ser_record r = {0};
	struct ser_err e;
	bool segment = false;
	if (from == 0) {
		ser_in_header(in);
	} else {
		if (c->n_operand == 0 && isatty(0))
			ser_cli_usage(c, "no input: name a file, or pipe one in");
		im = ser_import_new(from, o, (const char *const *)c->operand, (size_t)c->n_operand);
	}
	if (to == 0) {
		out = ser_out_open(c);
	} else {
		const char *path = c->out != NULL && strcmp(c->out, "-") != 0 ? c->out : NULL;
		if (path == NULL && isatty(1) && !ser_format_is_text(to))
			ser_cli_usage(c, "%s would go to the terminal; redirect it", ser_format_names[to]);
		ex = ser_export_new(to, o, path, &e);
		if (ex == NULL)
			ser_cli_die(c, &e);
	}
	for (bool more = true, first = true; more; first = false) {
		int rc = in != NULL ? ser_in_next(in, &r, &segment) : ser_import_next(im, &r, &segment, &e);
		if (rc < 0)
			ser_cli_die(c, &e);
		more = rc > 0;
		const struct ser_header *h = in != NULL ? ser_in_header(in) : ser_import_header(im);
		if ((first || segment) && out != NULL)
			ser_out_header(out, h);
		else if ((first || segment) && ser_export_header(ex, h, &e) != 0)
			ser_cli_die(c, &e);
		if (!more)
			break;
		if (out != NULL)
			ser_out_record(out, &r);
		else if (ser_export_record(ex, &r, &e) != 0 ||
			 (in != NULL && ser_in_waits(in) && ser_export_flush(ex, &e) != 0))
			ser_cli_die(c, &e);
	}
	if (out != NULL)
		ser_out_close(out);
	else if (ser_export_end(ex, &e) != 0)
		ser_cli_die(c, &e);
	ser_export_free(ex);
	ser_record_free(&r);
	ser_in_close(in);
	ser_import_free(im);
}

/* A part that died before its first byte leaves no trace in what is put together: the count does. */
static void check_count(struct ser_cli *c, int64_t expect)
{
	if (expect >= 0 && c->n_read != (uint64_t)expect)
		ser_cli_fail(c, SER_EDATA, "found %llu records, expected %lld", (unsigned long long)c->n_read,
			     (long long)expect);
}

static void merged(struct ser_cli *c, int64_t expect)
{
	struct ser_out *out = ser_out_open(c);
	struct ser_header h;
	struct ser_spool *spool = NULL;
	struct ser_err e;
	bool mixed, twice = seekable(c);
	off_t start = twice ? lseek(0, 0, SEEK_CUR) : 0;
	if (!twice && (spool = ser_spool_new(&e)) == NULL)
		ser_cli_die(c, &e);
	gather(c, &h, &mixed, spool);
	check_count(c, expect);
	if (mixed)
		ser_out_header(out, &h);
	else
		put_header(out, &h);
	if (twice && start >= 0 && lseek(0, start, SEEK_SET) < 0)
		ser_cli_fail(c, SER_EIO, "<stdin>: cannot go back: %s", strerror(errno));
	if (spool != NULL)
		from_spool(c, out, &h, spool);
	else
		from_files(c, out, &h);
	ser_spool_free(spool);
	ser_header_free(&h);
	ser_out_close(out);
}

int main(int argc, char **argv)
{
	bool merge = false;
	int64_t expect = -1;
	int from = 0, to = 0;
	const char *labels = NULL;
	double shift_ms = 0;
	struct ser_format_opt o = {0};
	const struct ser_option opts[] = {
		{"merge", "make one segment, under one merged header", SER_OPT_FLAG(&merge), .letter = 'm'},
		{"expect", "fail unless there are N records; -1: any number", SER_OPT_I64(&expect, "N", -1, 9e18),
		 .flags = SER_OPTION_SILENT},
		{"id-prefix", "put this before every id", SER_OPT_STR(&prefix, "TEXT")},
		{"from", "read files of this format", SER_OPT_CHOICE(&from, "FORMAT", ser_format_names)},
		{"to", "write this format", SER_OPT_CHOICE(&to, "FORMAT", ser_format_names)},
		{"tensor", "writing: the tensor; reading: its name, feat when not given",
		 SER_OPT_STR(&o.tensor, "NAME")},
		{"label", "csv, arff, opensmile-arff: the labels, parted by commas, or none: ''; svmlight: the target",
		 SER_OPT_STR(&labels, "NAMES")},
		{"no-id", "csv, arff: without the column id; reading numbers the rows", SER_OPT_FLAG(&o.no_id)},
		{"stack", "npy: one array whose first axis is the records", SER_OPT_FLAG(&o.stack)},
		{"ids", "npy --stack: the ids, one a line", SER_OPT_STR(&o.ids, "FILE"),
		 .flags = SER_OPTION_SILENT | SER_OPTION_WRITE},
		{"scp", "ark: write an index of the archive", SER_OPT_STR(&o.scp, "FILE"),
		 .flags = SER_OPTION_SILENT | SER_OPTION_WRITE},
		{"target-kind", "htk: parameter kind such as MFCC_D_A; the header's, or USER, when not given",
		 SER_OPT_STR(&o.htk_kind, "KIND")},
		{"frame-shift", "htk, openSMILE's: from frame to frame, where the header does not say; 0: not known",
		 SER_OPT_REAL(&shift_ms, "MS", 0, 200000)},
		{0},
	};
	const struct ser_tool tool = {
		"ser-cat",   "Concatenate streams, checking every byte; convert from and to other formats.",
		"[FILE]...", opts,
		NULL,        SER_CLI_FILTER | SER_CLI_READ_ALL};
	struct ser_cli c;
	struct ser_err e;
	ser_cli_begin(&c, &tool, argc, argv);
	ser_out_expect(&c, to == 0);
	bool no_labels = labels != NULL && labels[0] == '\0';
	struct ser_strs names = ser_cli_names(&c, "label", no_labels ? NULL : labels);
	o.label = no_labels ? &labels : names.s;
	o.n_label = names.n;
	o.shift_s = shift_ms / 1000;
	o.max_record = c.max_record;
	if (ser_format_check(from, to, &o, &e) != 0)
		ser_cli_die(&c, &e);
	if (prefix != NULL && (from != 0 || to != 0))
		ser_cli_usage(&c, "--id-prefix is of streams: pipe one ser-cat into another");
	if (merge && (from != 0 || to != 0))
		ser_cli_usage(&c, "--merge is of streams: pipe one ser-cat into another");
	if (expect >= 0 && (from != 0 || to != 0))
		ser_cli_usage(&c, "--expect is of streams: pipe one ser-cat into another");

	if (from != 0 || to != 0)
		convert(&c, from, to, &o);
	else if (merge)
		merged(&c, expect);
	else {
		struct ser_out *out = ser_out_open(&c);
		pass(&c, out);
		check_count(&c, expect);
		ser_out_close(out);
	}
	ser_cli_names_free(&names);
	return ser_cli_end(&c);
}
