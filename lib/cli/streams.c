/* SPDX-License-Identifier: MIT */
#include "cli/private.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- input ---- */

struct ser_in {
	struct ser_cli *c;
	char **name; /* files still to come begin at `next` */
	int n, next;
	int fd;
	bool in_parts;              /* records in parts are handed out as such */
	struct ser_reader *rd;      /* of the file at hand, NULL after the last */
	struct ser_header header;   /* of the segment at hand: outlives its reader */
	uint64_t n_byte, n_segment; /* of the files that are done */
	struct ser_map *ids;        /* of all files, when there are several: ids are unique over the whole input */
};

/* Open the next file: 1; there is none: 0; or <0. */
static int open_next(struct ser_in *in, struct ser_err *e)
{
	if (in->rd != NULL) {
		in->n_byte += ser_reader_bytes(in->rd);
		in->n_segment += ser_reader_segments(in->rd);
		ser_reader_free(in->rd);
		in->rd = NULL;
		if (in->fd != 0)
			close(in->fd);
	}
	if (in->next == in->n)
		return 0;
	const char *name = in->name[in->next++];
	bool std = strcmp(name, "-") == 0;
	in->fd = std ? 0 : open(name, O_RDONLY | O_CLOEXEC);
	if (in->fd < 0)
		return ser_fail(e, SER_EIO, "%s: cannot open: %s", name, strerror(errno));
	size_t n_head = std && in->c->head != 0;
	in->rd = ser_reader_new_after(&in->c->head, n_head, in->fd, std ? "<stdin>" : name, in->c->max_record, e);
	if (in->rd == NULL)
		return e->code;
	if (in->in_parts)
		ser_reader_in_parts(in->rd);
	return 1;
}

struct ser_in *ser_cli_in_files(struct ser_cli *c, char *const *name, int n, bool in_parts)
{
	struct ser_in *in = ser_calloc(1, sizeof *in);
	in->c = c;
	in->in_parts = in_parts;
	in->n = n > 0 ? n : 1;
	in->name = ser_calloc((size_t)in->n, sizeof *in->name);
	for (int i = 0; i < in->n; i++)
		in->name[i] = ser_strdup(n > 0 ? name[i] : "-");
	if (n == 0 && isatty(0))
		ser_cli_usage(c, "no input: name a file, or pipe a stream in");
	if (n > 1)
		in->ids = ser_map_new();
	struct ser_err e;
	if (open_next(in, &e) < 0) {
		ser_in_close(in);
		ser_cli_die(c, &e);
	}
	ser_header_copy(&in->header, ser_reader_header(in->rd));
	return in;
}

struct ser_in *ser_in_files(struct ser_cli *c, char *const *name, int n)
{
	return ser_cli_in_files(c, name, n, false);
}

bool ser_in_is_text(struct ser_cli *c)
{
	const char *name = c->n_operand > 0 ? c->operand[0] : "-";
	bool std = strcmp(name, "-") == 0;
	if (std && isatty(0))
		return false;
	int fd = std ? 0 : open(name, O_RDONLY | O_CLOEXEC);
	unsigned char first;
	ssize_t got = 0;
	do
		got = fd < 0 ? 0 : read(fd, &first, 1);
	while (got < 0 && errno == EINTR);
	if (fd > 0)
		close(fd);
	bool text = got == 1 && !ser_stream_begins(first);
	if (std && text)
		ungetc(first, stdin);
	else if (std && got == 1)
		c->head = (char)first;
	return text;
}

struct ser_in *ser_in_open(struct ser_cli *c)
{
	return ser_cli_in_files(c, c->operand, c->n_operand, false);
}

const struct ser_header *ser_in_header(struct ser_in *in)
{
	return &in->header;
}

const char *ser_in_name(const struct ser_in *in)
{
	const char *s = in->name[in->next - 1];
	return strcmp(s, "-") == 0 ? "<stdin>" : s;
}

uint64_t ser_in_bytes(const struct ser_in *in)
{
	return in->n_byte + (in->rd != NULL ? ser_reader_bytes(in->rd) : 0);
}

double ser_in_share(const struct ser_in *in)
{
	double size = 0;
	for (int i = 0; i < in->n; i++) {
		struct stat st;
		bool std = strcmp(in->name[i], "-") == 0;
		if ((std ? fstat(0, &st) : stat(in->name[i], &st)) != 0 || !S_ISREG(st.st_mode))
			return 0;
		size += (double)st.st_size;
	}
	return size > 0 ? fmin((double)ser_in_bytes(in) / size, 1) : 0;
}

uint64_t ser_cli_rows_ahead(const struct ser_cli *c)
{
	uint64_t n = 0;
	int n_file = c->n_operand > 0 ? c->n_operand : 1;
	for (int i = 0; i < n_file && ser_cli_progresses(c); i++) {
		const char *name = c->n_operand > 0 ? c->operand[i] : "-";
		char b[1 << 16];
		struct stat st;
		int fd = strcmp(name, "-") == 0 ? 0 : open(name, O_RDONLY | O_CLOEXEC);
		bool known = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
		ssize_t got;
		off_t at = known && fd == 0 ? lseek(fd, 0, SEEK_CUR) : 0;
		for (bool first = true; known && (got = pread(fd, b, sizeof b, at)) > 0; first = false, at += got) {
			known = !first ||
				(!ser_stream_begins((unsigned char)b[0]) && b[0] != 0x1f); /* or is compressed */
			for (ssize_t k = 0; k < got; k++)
				n += b[k] == '\n';
		}
		if (fd > 0)
			close(fd);
		if (!known)
			return 0;
		n -= n > 0; /* its head */
	}
	return n;
}

uint64_t ser_in_segments(const struct ser_in *in)
{
	return in->n_segment + (in->rd != NULL ? ser_reader_segments(in->rd) : 0);
}

bool ser_in_waits(const struct ser_in *in)
{
	return in->rd == NULL || ser_reader_waits(in->rd);
}

int ser_cli_in_next(struct ser_in *in, struct ser_record *r, bool *segment, struct ser_err *e)
{
	bool passed = false, fresh;
	int rc;
	*segment = false;
	if (in->rd == NULL)
		return 0;
	while ((rc = ser_reader_next(in->rd, r, &fresh, e)) == 0) {
		rc = open_next(in, e);
		if (rc <= 0)
			return rc;
		passed = true;
	}
	if (rc < 0)
		return rc;
	if ((passed || fresh) && !ser_header_equal(&in->header, ser_reader_header(in->rd))) {
		ser_header_free(&in->header);
		ser_header_copy(&in->header, ser_reader_header(in->rd));
		*segment = true;
	}
	if (in->ids != NULL) {
		const struct ser_val *id = ser_record_get(r, "id");
		bool is_new;
		ser_map_add(in->ids, id->u.str.s, id->u.str.n, &is_new);
		if (!is_new)
			return ser_record_fail(r, e, SER_EDATA, "this id came before, in another of the inputs");
	}
	in->c->n_read++;
	r->source = ser_in_name(in); /* outlives the reader */
	return 1;
}

bool ser_in_next(struct ser_in *in, struct ser_record *r, bool *segment)
{
	struct ser_err e;
	bool turned;
	int rc = ser_cli_in_next(in, r, &turned, &e);
	if (rc < 0)
		ser_cli_die(in->c, &e);
	if (segment != NULL)
		*segment = turned;
	return rc > 0;
}

bool ser_in_next_merged(struct ser_in *in, struct ser_header *h, struct ser_record *r, bool *turned)
{
	struct ser_err e;
	bool segment;
	if (!ser_in_next(in, r, &segment))
		return false;
	if (segment && ser_header_merge(h, &in->header, &e) != 0) {
		ser_fail_in(&e, "%s", ser_in_name(in));
		ser_cli_die(in->c, &e);
	}
	if (ser_header_mark(h, r, &e) != 0)
		ser_cli_die(in->c, &e);
	if (turned != NULL)
		*turned = segment;
	return true;
}

void ser_in_close(struct ser_in *in)
{
	if (in == NULL)
		return;
	if (in->rd != NULL) {
		ser_reader_free(in->rd);
		if (in->fd != 0)
			close(in->fd);
	}
	for (int i = 0; i < in->n; i++)
		free(in->name[i]);
	free(in->name);
	ser_header_free(&in->header);
	ser_map_free(in->ids);
	free(in);
}

/* ---- output ---- */

static struct {
	char header[160];
	size_t n;
	volatile sig_atomic_t due; /* standard output wants it, should this be the end */
} cut;

void ser_out_expect(const struct ser_cli *c, bool will)
{
	bool here = (c->out == NULL || strcmp(c->out, "-") == 0) && !isatty(1);
	if (cut.n == 0) {
		struct ser_buf b = {0};
		ser_writer_mark(&b, c->tool->name);
		ser_assert(b.n <= sizeof cut.header);
		memcpy(cut.header, b.s, b.n);
		cut.n = b.n;
		ser_buf_free(&b);
	}
	cut.due = will && here;
}

void ser_cli_leave_cut(void)
{
	bool due = cut.due;
	cut.due = false;
	if (!due)
		return;
	signal(SIGPIPE, SIG_IGN); /* nobody listens: the status stays that of what went wrong */
	ssize_t n = write(1, cut.header, cut.n);
	(void)n;
}

struct ser_out {
	struct ser_cli *c;
	struct ser_outfile file; /* file.f is NULL for standard output */
	char *name;
	int fd;
	struct ser_writer *w; /* NULL before the first header */
};

struct ser_out *ser_out_file(struct ser_cli *c, const char *path)
{
	struct ser_out *o = ser_calloc(1, sizeof *o);
	struct ser_err e;
	o->c = c;
	o->fd = 1;
	if (path != NULL && strcmp(path, "-") != 0) {
		if (ser_outfile_open(&o->file, path, &e) != 0)
			ser_cli_die(c, &e);
		o->fd = fileno(o->file.f);
		o->name = ser_strdup(path);
	} else if (isatty(1)) {
		ser_cli_usage(c, "a stream would go to the terminal; redirect it, or show it with ser-dump");
	} else {
		/* Both ends of a pipe run longer before one waits for the other: five filters take a quarter less time than with 64 KB. A
		 * user has 64 MB of pipes before new ones get smaller; what is no pipe, and a user who has them, is told no. */
		fcntl(1, F_SETPIPE_SZ, 512 << 10);
		o->name = ser_strdup("<stdout>");
		ser_out_expect(c, true);
	}
	return o;
}

struct ser_out *ser_out_open(struct ser_cli *c)
{
	return ser_out_file(c, c->out);
}

static void end_segment(struct ser_out *o)
{
	struct ser_err e;
	if (o->w == NULL)
		return;
	if (ser_writer_end(o->w, &e) != 0)
		ser_cli_die(o->c, &e);
	ser_writer_free(o->w);
	o->w = NULL;
	if (o->fd == 1)
		ser_out_expect(o->c, true);
}

void ser_out_header_as_is(struct ser_out *o, const struct ser_header *h)
{
	if (ser_val_depth(&h->prov) >= SER_MAX_DEPTH)
		ser_cli_fail(o->c, SER_EDATA,
			     "%s: the provenance nests deeper than %d: too many merges of unlike streams", o->name,
			     SER_MAX_DEPTH - 1);
	end_segment(o);
	o->w = ser_writer_new(o->fd, o->name, h);
	if (o->fd == 1)
		ser_out_expect(o->c, false);
	ser_out_flush(o); /* a job that dies before its first record leaves a stream that is cut, not none */
}

void ser_cli_prov_header(const struct ser_cli *c, struct ser_header *h)
{
	struct ser_strs args;
	ser_cli_prov_args(c, &h->arena, &args);
	ser_header_prov_add(h, c->tool->name, args.s, args.n);
	struct ser_val files = ser_val_map();
	for (size_t i = 0; i < c->sums.n; i += 2)
		ser_val_set(&h->arena, &files, c->sums.s[i], ser_str(c->sums.s[i + 1]));
	if (c->sums.n > 0)
		ser_val_set(&h->arena, &h->prov.u.list.v[h->prov.u.list.n - 1], "files", files);
}

void ser_out_header(struct ser_out *o, const struct ser_header *h)
{
	struct ser_header mine;
	ser_header_copy(&mine, h);
	ser_cli_prov_header(o->c, &mine);
	ser_out_header_as_is(o, &mine);
	ser_header_free(&mine);
}

void ser_out_record(struct ser_out *o, const struct ser_record *r)
{
	struct ser_err e;
	ser_assert(o->w != NULL);
	if (ser_writer_record(o->w, r, &e) != 0)
		ser_cli_die(o->c, &e);
	o->c->n_written++;
}

void ser_out_flush(struct ser_out *o)
{
	struct ser_err e;
	if (o->w != NULL && ser_writer_flush(o->w, &e) != 0)
		ser_cli_die(o->c, &e);
}

void ser_out_close(struct ser_out *o)
{
	struct ser_err e;
	end_segment(o);
	if (o->fd == 1)
		ser_out_expect(o->c, false);
	if (o->file.f != NULL && ser_outfile_commit(&o->file, &e) != 0)
		ser_cli_die(o->c, &e);
	free(o->name);
	free(o);
}

/* ---- output that is no stream ---- */

FILE *ser_out_text_open(const struct ser_cli *c, struct ser_outfile *o)
{
	struct ser_err e;
	*o = (struct ser_outfile){.f = stdout};
	if (c->out != NULL && strcmp(c->out, "-") != 0 && ser_outfile_open(o, c->out, &e) != 0)
		ser_cli_die(c, &e);
	return o->f;
}

void ser_out_text_close(const struct ser_cli *c, struct ser_outfile *o)
{
	struct ser_err e;
	if (o->f != stdout && ser_outfile_commit(o, &e) != 0)
		ser_cli_die(c, &e);
}
