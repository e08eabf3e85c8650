/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

/* The width in a %d or %0Nd that s begins with, -1 when it is none; *len is its length. */
static int number_width(const char *s, size_t *len)
{
	size_t n = strspn(s + 1, "0123456789");
	*len = n + 2;
	if (s[n + 1] != 'd' || n > 2 || (n > 0 && s[1] != '0'))
		return -1;
	return n < 2 ? 0 : s[2] - '0';
}

static void check_format(const struct ser_cli *c, const char *format)
{
	int n = 0;
	size_t len;
	for (const char *s = format; (s = strchr(s, '%')) != NULL; s += len) {
		if (s[1] == '%')
			len = 2;
		else if (number_width(s, &len) >= 0)
			n++;
		else
			ser_cli_usage(c,
				      "--output: \"%s\": only %%d, %%02d to %%09d and %%%% may follow a percent sign",
				      format);
	}
	if (n != 1)
		ser_cli_usage(c, "--output: \"%s\" has %d times %%d, expected once", format, n);
}

static char *part_name(const char *format, size_t i)
{
	struct ser_buf b = {0};
	size_t len;
	for (const char *s = format; *s != '\0'; s += len) {
		len = strcspn(s, "%");
		ser_buf_add(&b, s, len);
		if (s[len] == '\0')
			break;
		s += len;
		if (s[1] == '%') {
			ser_buf_str(&b, "%");
			len = 2;
		} else {
			int width = number_width(s, &len);
			ser_buf_printf(&b, "%0*zu", width, i);
		}
	}
	return b.s;
}

static struct ser_out *open_part(struct ser_cli *c, const char *format, size_t i, const struct ser_header *h)
{
	char *name = part_name(format, i);
	struct ser_out *o = ser_out_file(c, name);
	ser_out_header_as_is(o, h);
	free(name);
	return o;
}

/* n files at once: record i goes to part i mod n, or where the hash of a label says. */
static void deal(struct ser_cli *c, struct ser_in *in, const char *format, size_t n, const char *by)
{
	struct ser_out **part = ser_calloc(n, sizeof *part);
	struct ser_record r = {0};
	struct ser_err e;
	bool segment;
	for (size_t i = 0; i < n; i++)
		part[i] = open_part(c, format, i, ser_in_header(in));
	for (size_t i = 0; ser_in_next(in, &r, &segment); i = (i + 1) % n) {
		const char *key = "";
		for (size_t k = 0; segment && k < n; k++)
			ser_out_header_as_is(part[k], ser_in_header(in));
		if (by != NULL && ser_record_str(&r, by, &key, &e) != 0)
			ser_cli_die(c, &e);
		ser_out_record(part[by != NULL ? ser_hash(key, strlen(key)) % n : i], &r);
	}
	for (size_t i = 0; i < n; i++)
		ser_out_close(part[i]);
	ser_record_free(&r);
	free(part);
}

/* One file after another, each of up to `records` records and about `size` bytes (0: no such limit). */
static void cut(struct ser_cli *c, struct ser_in *in, const char *format, uint64_t records, size_t size)
{
	struct ser_record r = {0};
	bool segment;
	size_t n_part = 0, bytes = 0;
	uint64_t n = 0;
	struct ser_out *o = open_part(c, format, n_part++, ser_in_header(in));
	while (ser_in_next(in, &r, &segment)) {
		if (n > 0 && ((records > 0 && n == records) || (size > 0 && bytes + r.bytes.n > size))) {
			ser_out_close(o);
			o = open_part(c, format, n_part++, ser_in_header(in));
			n = bytes = 0;
		} else if (segment) {
			ser_out_header_as_is(o, ser_in_header(in));
		}
		ser_out_record(o, &r);
		bytes += r.bytes.n;
		n++;
	}
	ser_out_close(o);
	ser_record_free(&r);
}

int main(int argc, char **argv)
{
	int n = 0;
	int64_t records = 0;
	size_t size = 0;
	const char *by = NULL, *format = NULL;
	const struct ser_option opts[] = {
		{"number", "deal the records out to N parts in turn", SER_OPT_INT(&n, "N", 1, 4096), .letter = 'n'},
		{"by", "with -n: records that agree in this label go to the same part", SER_OPT_STR(&by, "NAME"),
		 .letter = 'b'},
		{"records", "cut into parts of N records", SER_OPT_I64(&records, "N", 1, 9e18)},
		{"size", "cut into parts of at most about SIZE bytes", SER_OPT_SIZE(&size, "SIZE", 1, 0)},
		{"output", "the parts' names: part-%d.ser or part-%03d.ser, from 0", SER_OPT_STR(&format, "FORMAT"),
		 .letter = 'o', .flags = SER_OPTION_SILENT | SER_OPTION_WRITE | SER_OPTION_NEEDED},
		{0},
	};
	const struct ser_tool tool = {"ser-split", "Split a stream into files that together hold its records.",
				      "[FILE]...", opts,
				      NULL,        SER_CLI_IN};
	struct ser_cli c;
	ser_cli_begin(&c, &tool, argc, argv);
	if ((n > 0) == (records > 0 || size > 0))
		ser_cli_usage(&c, "one of -n and --records or --size is needed");
	if (by != NULL && n == 0)
		ser_cli_usage(&c, "--by needs -n");
	check_format(&c, format);

	struct ser_in *in = ser_in_open(&c);
	if (n > 0)
		deal(&c, in, format, (size_t)n, by);
	else
		cut(&c, in, format, (uint64_t)records, size);
	ser_in_close(in);
	return ser_cli_end(&c);
}
