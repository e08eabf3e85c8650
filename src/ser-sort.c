/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

int main(int argc, char **argv)
{
	const char *by = "id";
	bool reverse = false;
	size_t mem = (size_t)512 << 20;
	const struct ser_option opts[] = {
		{"by", "labels to sort by, parted by commas, the first first", SER_OPT_STR(&by, "NAMES"),
		 .letter = 'b'},
		{"reverse", "the greatest first", SER_OPT_FLAG(&reverse), .letter = 'r'},
		{"mem", "memory to use before going to a temporary file", SER_OPT_SIZE(&mem, "SIZE", 1, 0),
		 .flags = SER_OPTION_SILENT},
		{0},
	};
	const struct ser_tool tool = {"ser-sort",  "Sort the records of a stream by labels.",
				      "[FILE]...", opts,
				      NULL,        SER_CLI_FILTER | SER_CLI_STREAM};
	struct ser_cli c;
	struct ser_err e;
	ser_cli_begin(&c, &tool, argc, argv);
	struct ser_strs names = ser_cli_names(&c, "by", by);

	struct ser_in *in = ser_in_open(&c);
	struct ser_out *out = ser_out_open(&c);
	struct ser_sort *s = ser_sort_new(names.s, names.n, reverse, mem);
	struct ser_header h;
	struct ser_record buf = {0}, *r;
	int rc;
	ser_header_copy(&h, ser_in_header(in));
	while (ser_in_next_merged(in, &h, &buf, NULL))
		if (ser_sort_add(s, &buf, &e) != 0)
			ser_cli_die(&c, &e);
	if (ser_sort_done(s, &e) != 0)
		ser_cli_die(&c, &e);
	ser_out_header(out, &h);
	while ((rc = ser_sort_next(s, &buf, &r, &e)) > 0) {
		ser_header_unmark(&h, r);
		ser_out_record(out, r);
	}
	if (rc < 0)
		ser_cli_die(&c, &e);
	ser_sort_free(s);
	ser_record_free(&buf);
	ser_header_free(&h);
	ser_in_close(in);
	ser_out_close(out);
	ser_cli_names_free(&names);
	return ser_cli_end(&c);
}
