/* SPDX-License-Identifier: MIT */
/* Reports for people and programs: facts and tables, as aligned text, as TSV or as JSON. */
#ifndef SER_SCORE_REPORT_H
#define SER_SCORE_REPORT_H

#include "stream/stream.h"

enum ser_report_form {
	SER_REPORT_TEXT, /* aligned, four decimals */
	SER_REPORT_TSV,  /* one value a line: table, row, column, value; facts are rows of the table "about" */
	SER_REPORT_JSON  /* one object: "about" with the facts, and a list of objects for each table */
};

struct ser_report;
struct ser_report *ser_report_new(void);
void ser_report_free(struct ser_report *r); /* NULL: nothing */
/* A fact. Values are labels, copied; a real that is not finite is printed as nothing, in JSON as null. */
void ser_report_about(struct ser_report *r, const char *key, struct ser_val v);
/* Begin a table; the first n_key columns name a row. `title` stands above it in the text. Names are copied. */
void ser_report_table(struct ser_report *r, const char *name, const char *title, const char *const *column,
		      size_t n_column, size_t n_key);
/* A row of the last table begun: cell [n_column], labels, copied. */
void ser_report_row(struct ser_report *r, const struct ser_val *cell);
/* The whole report, appended to b. */
void ser_report_format(const struct ser_report *r, enum ser_report_form form, struct ser_buf *b);

#endif
