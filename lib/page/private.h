/* SPDX-License-Identifier: MIT */
/* Between the files of this module only. */
#ifndef SER_PAGE_PRIVATE_H
#define SER_PAGE_PRIVATE_H

#include "figure/figure.h"
#include "page/page.h"

/* ---- what was gathered ---- */

/* One prediction. */
struct guess {
	size_t item;             /* in the page's items */
	size_t spk, truth, pred; /* in the system's maps; spk SIZE_MAX: not said */
	double sure;             /* posterior of the predicted class; NaN: there are no posteriors */
};

/* Predictions of one name. */
struct system {
	char *name;
	struct ser_score_set *set;
	struct ser_map *class, *spk, *file;
	struct guess *guess; /* [n] */
	size_t n, cap;
	struct ser_buf json;    /* the report of the scores */
	struct ser_val report;  /* the same, parsed; a map */
	struct {                /* of each file's header */
		size_t n_train; /* speakers that were trained on */
		bool known;
	} * train;
	size_t cap_train;
};

/* One utterance of the corpus, by the first input that has it. */
struct item {
	size_t spk, label; /* SIZE_MAX: not said */
	double dur_s;      /* NaN: not said */
	const char *path;  /* NULL: no manifest has it */
	double start_s, end_s;
	bool heard; /* its sound is in the page */
};

struct map { /* a stream of points */
	char *name;
	struct ser_header header;
	struct ser_points *by_label, *by_spk, *by_cluster; /* NULL: the first record has no such label */
	bool header_there;
};

struct input {
	char *name, *file;
	const char *what;
	uint64_t n_record;
	struct ser_val prov; /* of its last segment; a list */
	uint64_t n_segment;
	struct ser_val said; /* what its header says of tensors */
};

struct text {
	struct ser_figure_text t; /* name, shown and s are owned */
	struct ser_val json;
};

enum stream_kind { STREAM_DATA, STREAM_GUESSES, STREAM_POINTS };

struct ser_page {
	struct ser_page_opt o;
	struct ser_arena arena;
	struct ser_map *item_id, *spk, *label; /* of the corpus */
	struct item *item;
	const char *label_name, *spk_name;
	struct system *system;
	struct map *map;
	struct input *input;
	struct text *log, *report;
	size_t n_system, n_map, n_input, n_log, n_report, cap_item, cap_system, cap_map, cap_input, cap_log, cap_report;
	/* of the file at hand */
	char *file;
	enum stream_kind kind;
	size_t at; /* in system or map */
};

/* ---- html.c ---- */

void h_text(struct ser_buf *b, const char *s); /* escaped */
/* One of the page's own letters is followed by its argument:  raw text with %s (escaped) %r (as it is) %d (long long) and %f (four
 * decimals; a number that is not finite is a dash) %p (per cent, one decimal). */
void h_put(struct ser_buf *b, const char *fmt, ...);

/* A table. The columns' names are parted by '|'; one that begins with '#' holds numbers, with '!' cannot be sorted by. */
void h_table(struct ser_buf *b, const char *caption, const char *columns, bool sortable);
void h_table_end(struct ser_buf *b);
/* A bar from 0 to 1 with an interval (NaN: none), beside the number that a cell holds. */
void h_bar(struct ser_buf *b, double value, double lo, double hi, double chance);

/* A chart as SVG text, put into a figure; it is described as `what`. The styles that all charts have are h_chart_styles()'. */
void h_chart(struct ser_buf *b, const char *svg, const char *what, const char *caption);
void h_chart_styles(struct ser_buf *b);

extern const char ser_page_css[], ser_page_js[],
	ser_page_js_sha256[]; /* made from page.css and page.js by the Makefile */

/* ---- sound.c ---- */

/* Spectrogram and player of a sound. A sound that can't be read: a sentence. */
void page_sound(struct ser_buf *b, const struct ser_page *p, const char *id, const struct item *it);

/* ---- report.c ---- numbers of a report */

/* The row of a table whose strings are these ("set" "pooled", "score" "uar"), or NULL; key2 may be NULL. */
const struct ser_val *report_find(const struct ser_val *report, const char *table, const char *key1, const char *value1,
				  const char *key2, const char *value2);
double report_num(const struct ser_val *row, const char *column);      /* NaN: there is none */
const char *report_str(const struct ser_val *row, const char *column); /* "" */

/* ---- sections.c ---- each writes one section, or nothing where there is nothing to say */

void section_overview(struct ser_buf *b, struct ser_page *p);
void section_scores(struct ser_buf *b, struct ser_page *p);
void section_confusion(struct ser_buf *b, struct ser_page *p);
void section_classes(struct ser_buf *b, struct ser_page *p);
void section_speakers(struct ser_buf *b, struct ser_page *p);
void section_calibration(struct ser_buf *b, struct ser_page *p);
void section_errors(struct ser_buf *b, struct ser_page *p);
void section_training(struct ser_buf *b, struct ser_page *p);
void section_maps(struct ser_buf *b, struct ser_page *p);
void section_corpus(struct ser_buf *b, struct ser_page *p);
void section_protocol(struct ser_buf *b, struct ser_page *p);
void section_reports(struct ser_buf *b, struct ser_page *p);
void section_provenance(struct ser_buf *b, struct ser_page *p);

#endif
