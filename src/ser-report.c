/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "page/page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What an operand [NAME=]FILE is called: without NAME, the file's name up to its first dot. */
static char *name_of(const char *operand, const char **path)
{
	const char *eq = strchr(operand, '=');
	*path = eq != NULL ? eq + 1 : operand;
	if (eq != NULL)
		return ser_strndup(operand, (size_t)(eq - operand));
	const char *slash = strrchr(*path, '/'), *base = slash != NULL ? slash + 1 : *path;
	size_t n = strcspn(base, ".");
	return strcmp(*path, "-") == 0 ? ser_strdup("stdin") : n > 0 ? ser_strndup(base, n) : ser_strdup(base);
}

/* Whether a file begins as a stream does; standard input is taken for one. */
static bool is_stream(struct ser_cli *c, const char *path)
{
	unsigned char first = 0;
	if (strcmp(path, "-") == 0)
		return true;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, &first, 1);
	if (fd >= 0)
		close(fd);
	else
		ser_cli_fail(c, SER_EIO, "%s: cannot open: %s", path, strerror(errno));
	return n == 1 && ser_stream_begins(first);
}

static void add_stream(struct ser_cli *c, struct ser_page *p, const char *name, const char *path)
{
	struct ser_in *in = ser_in_files(c, (char *const[]){(char *)(uintptr_t)path}, 1);
	struct ser_record r = {0};
	struct ser_err e;
	bool segment;
	uint64_t n = 0;
	for (; ser_in_next(in, &r, &segment); n++)
		if (ser_page_record(p, name, ser_in_name(in), ser_in_header(in), segment, &r, &e) != SER_OK)
			ser_cli_die(c, &e);
	if (n == 0)
		ser_cli_fail(c, SER_EDATA, "%s: there are no records", ser_in_name(in));
	ser_record_free(&r);
	ser_in_close(in);
}

static void add_text(struct ser_cli *c, struct ser_page *p, const char *name, const char *path)
{
	struct ser_err e;
	char *s;
	size_t n;
	if (ser_read_file(path, (size_t)256 << 20, &s, &n, &e) != 0 || ser_page_text(p, name, path, s, n, &e) != SER_OK)
		ser_cli_die(c, &e);
}

static void add(struct ser_cli *c, struct ser_page *p, const char *operand)
{
	const char *path;
	char *name = name_of(operand, &path);
	if (!ser_utf8_ok(name, strlen(name)) || !ser_utf8_ok(path, strlen(path)))
		ser_cli_usage(c, "\"%s\" is not UTF-8 text", operand);
	if (is_stream(c, path))
		add_stream(c, p, name, path);
	else
		add_text(c, p, name, path);
	free(name);
}

static void print(struct ser_cli *c, const struct ser_buf *html)
{
	struct ser_outfile f;
	fwrite(html->s, 1, html->n, ser_out_text_open(c, &f));
	ser_out_text_close(c, &f);
}

int main(int argc, char **argv)
{
	struct ser_page_opt o = {.n_error = 20};
	ser_score_opt_init(&o.score);
	const struct ser_option opts[] = {
		{"title", "title of the page", SER_OPT_STR(&o.title, "TEXT")},
		{"label", "the true label (default what the predictions were trained on)",
		 SER_OPT_STR(&o.score.label, "NAME")},
		{"pred", "the predicted label; without it, tensor post", SER_OPT_STR(&o.score.pred, "NAME")},
		{"fold", "label of the fold; without it, a file is a fold", SER_OPT_STR(&o.score.fold, "NAME")},
		{"by", "label of the speaker (default spk, when there)", SER_OPT_STR(&o.score.by, "NAME")},
		{"errors", "wrong predictions to list, the surest first", SER_OPT_COUNT(&o.n_error, "N", 0, 1000)},
		{"sounds", "of these, those whose sound goes into the page; a manifest must be there",
		 SER_OPT_COUNT(&o.n_sound, "N", 0, 100)},
		{"root", "where the relative paths of manifests begin", SER_OPT_STR(&o.root.dir, "DIR")},
		{"allow-absolute", "let a manifest's paths lead out of the root", SER_OPT_FLAG(&o.root.allow_absolute)},
		{"allow-shared-speakers", "score speakers that were trained on too, and say so",
		 SER_OPT_FLAG(&o.score.allow_shared)},
		{"seed", "random seed of the bootstrap", SER_OPT_I64(&o.score.seed, "N", 0, 0)},
		{"n-boot", "bootstrap replicates; 0: no intervals", SER_OPT_INT(&o.score.n_boot, "N", 0, 10000000)},
		{"level", "level of the intervals", SER_OPT_REAL(&o.score.level, "X", 0.01, 0.9999)},
		{"bca", "BCa intervals instead of percentile ones", SER_OPT_FLAG(&o.score.bca)},
		{0},
	};
	struct ser_tool tool = {"ser-report",
				"Make one HTML page of predictions, scores, training logs, maps and the corpus.",
				"[[NAME=]FILE]...",
				opts,
				NULL,
				SER_CLI_IN | SER_CLI_OUT | SER_CLI_THREADS | SER_CLI_LOOSE};
	struct ser_cli c;
	struct ser_err e;
	struct ser_buf html = {0};
	ser_cli_begin(&c, &tool, argc, argv);
	if (o.n_sound > 0) /* a manifest names them */
		tool.common |= SER_CLI_READ_ALL;
	ser_cli_confine(&c);
	o.score.n_thread = c.n_thread;
	struct ser_page *p = ser_page_new(&o);
	for (int i = 0; i < c.n_operand; i++)
		add(&c, p, c.operand[i]);
	if (c.n_operand == 0)
		add(&c, p, "-");
	if (ser_page_write(p, &html, &e) != SER_OK)
		ser_cli_die(&c, &e);
	print(&c, &html);
	ser_buf_free(&html);
	ser_page_free(p);
	return ser_cli_end(&c);
}
