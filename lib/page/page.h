/* SPDX-License-Identifier: MIT */
/* page: one HTML page about an experiment, out of the streams, reports, logs and manifests that it left. The page needs nothing
 * beside itself: no network, no font, no file. Its content security policy lets no script run but its own; whatever a label, an id or
 * a file's name holds is text in it. Equal inputs in equal order give equal bytes. Nothing here prints or exits.
 *
 * What fails returns a negative SER_E* and fills *e. */
#ifndef SER_PAGE_H
#define SER_PAGE_H

#include "corpus/corpus.h"
#include "score/score.h"
#include "stream/stream.h"

/* Texts are borrowed until ser_page_free(). */
struct ser_page_opt {
	const char *title; /* NULL: made of the inputs' names */
	/* label: the true label; NULL: the one that the predictions' header names. by: the speaker; NULL: "spk", where records have it. */
	struct ser_score_opt score;
	size_t n_error;       /* wrong predictions that are listed, the surest first */
	size_t n_sound;       /* of them, those whose sound, of at most 10 s, and spectrogram go into the page */
	struct ser_root root; /* where the paths of manifests begin */
};

struct ser_page;
struct ser_page *ser_page_new(const struct ser_page_opt *o); /* copies *o */
void ser_page_free(struct ser_page *p);                      /* NULL: nothing */

/* A record of a stream. Its first record says what a file is: with a tensor "post", or the labels "pred" and o->score.label, it is
 * predictions, and files of one name are the folds of one system; with a tensor "proj" it is points of a map; else it is data.
 * name: of the system or the data; file: where it comes from, which begins with a new value; new_segment as in
 * ser_score_set_add(). SER_EDATA, naming the record, when something is absent or of another kind. */
int ser_page_record(struct ser_page *p, const char *name, const char *file, const struct ser_header *h,
		    bool new_segment, struct ser_record *r, struct ser_err *e);
/* A text of n bytes, malloc'ed and NUL-terminated, which becomes the page's: a report of ser-score --json, a log of training or a
 * manifest. SER_EDATA when it is none of them. */
int ser_page_text(struct ser_page *p, const char *name, const char *file, char *s, size_t n, struct ser_err *e);
/* The page, appended to *html. May be called once. A sound that can't be read is told in the page, in the place of its player. */
int ser_page_write(struct ser_page *p, struct ser_buf *html, struct ser_err *e);

#endif
