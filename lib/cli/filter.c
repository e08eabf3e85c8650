/* SPDX-License-Identifier: MIT */
/* Every record through one function, on several threads, while the next ones are read; and windows over them. */
#include "cli/private.h"

#include <stdlib.h>
#include <unistd.h>

enum { BATCH = 64, BATCH_BYTES = 8 << 20 };

/* Records of one segment. */
struct batch {
	struct ser_record r[BATCH];
	struct ser_err e[BATCH];
	int verdict[BATCH];
	size_t n, n_group;
	size_t order[BATCH], first[BATCH + 1]; /* groups: records order[first[i]] and so on */
	bool turned;                           /* they begin a segment: */
	struct ser_header header;
	const char *name; /* the file it is in */
};

/* While one batch is worked on, the next is read. */
struct filter {
	struct ser_cli *c;
	const struct ser_filter *f;
	struct ser_in *in;
	struct ser_out *out;
	struct batch *now, *next;
	size_t limit;
	struct ser_record ahead; /* read, but of the segment after that of the batch read last */
	bool has_ahead;
	int rc; /* of the last reading: 0 at the end, or <0 with e */
	struct ser_err e;
};

static void batch_begin(struct filter *w, struct batch *b)
{
	b->turned = true;
	ser_header_free(&b->header);
	ser_header_copy(&b->header, ser_in_header(w->in));
	b->name = ser_in_name(w->in);
}

/* Records into a batch: those that are there, and, where it must, the first one waited for. */
static void fill(struct filter *w, struct batch *b, bool must)
{
	size_t bytes = 0;
	b->n = 0;
	b->turned = false;
	if (w->has_ahead) {
		struct ser_record tmp = b->r[0];
		b->r[0] = w->ahead;
		w->ahead = tmp;
		w->has_ahead = false;
		batch_begin(w, b);
		bytes += b->r[b->n++].bytes.n;
	}
	while (w->rc > 0 && b->n < w->limit && bytes < BATCH_BYTES) {
		bool turned;
		if ((b->n > 0 || !must) && ser_in_waits(w->in))
			break;
		w->rc = ser_cli_in_next(w->in, &b->r[b->n], &turned, &w->e);
		if (w->rc <= 0)
			break;
		if (turned && b->n > 0) {
			struct ser_record tmp = b->r[b->n];
			b->r[b->n] = w->ahead;
			w->ahead = tmp;
			w->has_ahead = true;
			break;
		}
		if (turned)
			batch_begin(w, b);
		bytes += b->r[b->n++].bytes.n;
	}
}

/* What is worked on at once: each record alone, or the filter's groups. */
static void group(const struct ser_filter *f, struct batch *b)
{
	if (f->group != NULL && b->n > 0) {
		b->n_group = f->group(f->ctx, b->n, b->r, b->order, b->first);
		return;
	}
	b->n_group = b->n;
	for (size_t i = 0; i <= b->n && i < BATCH; i++)
		b->order[i] = b->first[i] = i;
	b->first[b->n] = b->n;
}

static void several(const struct ser_filter *f, struct batch *b, size_t i, int worker)
{
	struct ser_record *r[BATCH] = {0};
	struct ser_err *e[BATCH] = {0};
	int verdict[BATCH];
	const size_t *at = b->order + b->first[i];
	size_t n = b->first[i + 1] - b->first[i];
	for (size_t k = 0; k < n; k++) {
		r[k] = &b->r[at[k]];
		e[k] = &b->e[at[k]];
	}
	f->several(f->ctx, worker, n, r, verdict, e);
	for (size_t k = 0; k < n; k++)
		b->verdict[at[k]] = verdict[k];
}

/* Item 0 is the next batch, the others are groups of this one. */
static void one(void *ctx, size_t i, int worker)
{
	struct filter *w = ctx;
	struct batch *b = w->now;
	if (i == 0)
		fill(w, w->next, false);
	else if (w->f->several != NULL)
		several(w->f, b, i - 1, worker);
	else
		b->verdict[i - 1] = w->f->record(w->f->ctx, worker, &b->r[i - 1], &b->e[i - 1]);
}

/* A segment with the header h, which stands in the file `name`. out may be NULL: the header is checked alone. */
static void begin_segment(struct ser_cli *c, const struct ser_filter *f, const struct ser_header *read,
			  const char *name, struct ser_out *out)
{
	struct ser_header h;
	struct ser_err e;
	ser_header_copy(&h, read);
	ser_header_extra_drop(&h, "parts"); /* what goes out is whole */
	if (f->header != NULL && f->header(f->ctx, &h, &e) != 0) {
		ser_fail_in(&e, "%s", name);
		ser_cli_die(c, &e);
	}
	for (size_t i = 0; i < c->drop.n; i++)
		ser_header_dim_drop(&h, c->drop.s[i]);
	if (out != NULL)
		ser_out_header(out, &h);
	ser_header_free(&h);
}

static void put(struct ser_cli *c, struct ser_out *out, struct ser_record *r)
{
	for (size_t i = 0; i < c->drop.n; i++)
		ser_record_drop(r, c->drop.s[i]);
	ser_out_record(out, r);
}

static struct batch *batch_new(void)
{
	return ser_calloc(1, sizeof(struct batch));
}

static void batch_free(struct batch *b)
{
	for (size_t i = 0; i < BATCH; i++)
		ser_record_free(&b->r[i]);
	ser_header_free(&b->header);
	free(b);
}

static void put_batch(struct filter *w, struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->verdict[i] > 0)
			put(w->c, w->out, &b->r[i]);
		else if (b->verdict[i] < 0)
			ser_cli_skip(w->c, ser_record_id(&b->r[i]), &b->e[i]);
	}
}

int ser_cli_filter(struct ser_cli *c, const struct ser_filter *f)
{
	bool threads = c->n_thread > 1;
	struct filter w = {.c = c, .f = f, .limit = threads || f->several != NULL ? BATCH : 1, .rc = 1};
	struct ser_pool *pool = ser_pool_new(c->n_thread);
	w.in = ser_in_open(c);
	w.out = ser_out_open(c);
	w.now = batch_new();
	w.next = batch_new();
	begin_segment(c, f, ser_in_header(w.in), ser_in_name(w.in), w.out);
	while (w.rc > 0 || w.has_ahead || w.next->n > 0) {
		struct batch *b = w.next;
		w.next = w.now;
		w.now = b;
		if (b->n == 0)
			fill(&w, b, true);
		w.next->n = 0;
		if (b->turned)
			begin_segment(c, f, &b->header, b->name, w.out);
		group(f, b);
		for (size_t i = 1; i <= b->n_group && !threads; i++)
			one(&w, i, 0);
		if (threads)
			ser_pool_for(pool, b->n_group + 1, one, &w);
		put_batch(&w, b);
		ser_cli_progress_in(c, "records", c->n_read, w.in);
		if (w.next->n == 0 && w.rc > 0 && ser_in_waits(w.in))
			ser_out_flush(w.out);
	}
	ser_pool_free(pool);
	if (w.rc < 0)
		ser_cli_die(c, &w.e);
	batch_free(w.now);
	batch_free(w.next);
	ser_record_free(&w.ahead);
	ser_in_close(w.in);
	ser_out_close(w.out);
	return ser_cli_end(c);
}

/* ---- windows ---- */

struct follow {
	struct ser_cli *c;
	const struct ser_filter *f;
	struct ser_windows *w;
	void (*show)(void *ctx, struct ser_record *r);
	struct ser_out *out; /* NULL: show */
	struct ser_record r;
};

static void put_windows(struct follow *s, bool end)
{
	struct ser_err e;
	while (ser_windows_next(s->w, end, &s->r)) {
		int verdict = s->f->record(s->f->ctx, 0, &s->r, &e);
		if (verdict < 0)
			ser_cli_skip(s->c, ser_record_id(&s->r), &e);
		else if (verdict > 0 && s->out != NULL)
			put(s->c, s->out, &s->r);
		else if (verdict > 0)
			s->show(s->f->ctx, &s->r);
	}
}

static void follow_segment(struct follow *s, struct ser_in *in)
{
	struct ser_err e;
	begin_segment(s->c, s->f, ser_in_header(in), ser_in_name(in), s->out);
	if (ser_windows_header(s->w, ser_in_header(in), &e) == 0)
		return;
	ser_fail_in(&e, "%s", ser_in_name(in));
	ser_cli_die(s->c, &e);
}

int ser_cli_follow(struct ser_cli *c, const struct ser_filter *f, const char *field, size_t least,
		   void (*show)(void *ctx, struct ser_record *r))
{
	if (c->every_s <= 0 && ser_cli_given(c, "window"))
		ser_cli_usage(c, "--window goes with --every");
	if (c->every_s <= 0)
		return ser_cli_filter(c, f);
	struct ser_windows *w = ser_windows_new(field, c->window_s, c->every_s, least);
	struct follow s = {.c = c, .f = f, .w = w, .show = show};
	struct ser_record r = {0};
	struct ser_err e;
	bool turned;
	struct ser_in *in = ser_cli_in_files(c, c->operand, c->n_operand, true);
	if (c->out != NULL || show == NULL || !isatty(1))
		s.out = ser_out_open(c);
	follow_segment(&s, in);
	while (ser_in_next(in, &r, &turned)) {
		if (turned || !ser_windows_continues(w, &r))
			put_windows(&s, true);
		if (turned)
			follow_segment(&s, in);
		if (ser_windows_push(w, &r, &e) != 0)
			ser_cli_skip(c, ser_record_id(&r), &e);
		else
			put_windows(&s, false);
		ser_cli_progress_in(c, "records", c->n_read, in);
		if (ser_in_waits(in) && s.out != NULL)
			ser_out_flush(s.out);
		else if (s.out == NULL)
			fflush(stdout);
	}
	put_windows(&s, true);
	ser_in_close(in);
	if (s.out != NULL)
		ser_out_close(s.out);
	ser_record_free(&r);
	ser_record_free(&s.r);
	ser_windows_free(w);
	return ser_cli_end(c);
}
