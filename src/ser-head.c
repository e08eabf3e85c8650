/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

int main(int argc, char **argv)
{
	int64_t n = 10;
	const struct ser_option opts[] = {
		{"records", "records to pass on", SER_OPT_I64(&n, "N", 0, 9e18), .letter = 'n'},
		{0},
	};
	const struct ser_tool tool = {"ser-head", "Pass on the first records of a stream.", "[FILE]...", opts,
				      NULL,       SER_CLI_FILTER | SER_CLI_STREAM};
	struct ser_cli c;
	ser_cli_begin(&c, &tool, argc, argv);

	struct ser_in *in = ser_in_open(&c);
	struct ser_out *out = ser_out_open(&c);
	struct ser_record r = {0};
	bool segment;
	ser_out_header(out, ser_in_header(in));
	while (n-- > 0 && ser_in_next(in, &r, &segment)) {
		if (segment)
			ser_out_header(out, ser_in_header(in));
		ser_out_record(out, &r);
	}
	ser_record_free(&r);
	ser_in_close(in);
	ser_out_close(out);
	return ser_cli_end(&c);
}
