/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

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
	bool segment;
	*mixed = false;
	ser_header_copy(h, ser_in_header(in));
	while (ser_in_next(in, &r, &segment)) {
		*mixed = *mixed || segment;
		if (segment && ser_header_merge(h, ser_in_header(in), &e) != 0) {
			ser_fail_in(&e, "%s", ser_in_name(in));
			ser_cli_die(c, &e);
		}
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

static void from_spool(struct ser_cli *c, struct ser_out *out, struct ser_spool *spool)
{
	struct ser_spool_walk w;
	struct ser_record r = {0};
	struct ser_err e;
	const char *p;
	size_t n;
	int rc = ser_spool_walk(&w, spool, 0, ser_spool_size(spool), 0, &e);
	while (rc >= 0 && (rc = ser_spool_next(&w, &p, &n, &e)) > 0 && (rc = ser_record_unpack(&r, p, n, &e)) == 0)
		ser_out_record(out, &r);
	if (rc < 0)
		ser_cli_die(c, &e);
	ser_record_free(&r);
	ser_spool_walk_end(&w);
}

/* Every record as it comes; with `split`, a segment for each header that is unlike the one before. */
static void pass(struct ser_cli *c, struct ser_out *out, bool split)
{
	struct ser_in *in = ser_in_open(c);
	struct ser_record r = {0};
	bool segment;
	if (split)
		ser_out_header_as_is(out, ser_in_header(in));
	while (ser_in_next(in, &r, &segment)) {
		if (segment && split)
			ser_out_header_as_is(out, ser_in_header(in));
		ser_out_record(out, &r);
		if (ser_in_waits(in))
			ser_out_flush(out);
	}
	ser_record_free(&r);
	ser_in_close(in);
}

int main(int argc, char **argv)
{
	bool merge = false;
	const struct ser_option opts[] = {
		{"merge", 'm', SER_OPTION_FLAG, &merge, NULL, 0, 0, NULL, 0,
		 "make one segment, under one merged header"},
		{0},
	};
	const struct ser_tool tool = {
		"ser-cat", "Concatenate streams, checking every byte.", "[FILE]...", opts, NULL, SER_CLI_FILTER};
	struct ser_cli c;
	struct ser_err e;
	ser_cli_begin(&c, &tool, argc, argv);

	struct ser_out *out = ser_out_open(&c);
	if (merge) {
		struct ser_header h;
		struct ser_spool *spool = NULL;
		bool mixed, twice = seekable(&c);
		off_t start = twice ? lseek(0, 0, SEEK_CUR) : 0;
		if (!twice && (spool = ser_spool_new(&e)) == NULL)
			ser_cli_die(&c, &e);
		gather(&c, &h, &mixed, spool);
		if (mixed)
			ser_out_header(out, &h);
		else
			ser_out_header_as_is(out, &h);
		if (twice && start >= 0 && lseek(0, start, SEEK_SET) < 0)
			ser_cli_fail(&c, SER_EIO, "<stdin>: cannot go back: %s", strerror(errno));
		if (spool != NULL)
			from_spool(&c, out, spool);
		else
			pass(&c, out, false);
		ser_spool_free(spool);
		ser_header_free(&h);
	} else {
		pass(&c, out, true);
	}
	ser_out_close(out);
	return ser_cli_end(&c);
}
