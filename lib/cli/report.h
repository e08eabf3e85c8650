/* SPDX-License-Identifier: MIT */
/* cli: reports for people and programs: facts and tables, printed as aligned text, as TSV or as JSON. */
#ifndef SER_CLI_REPORT_H
#define SER_CLI_REPORT_H

#include "stream/stream.h"

enum ser_report_form {
	SER_REPORT_TEXT, /* aligned, four decimals */
	SER_REPORT_TSV,  /* one value a line: table, row, column, value; facts are rows of the table "about" */
	SER_REPORT_JSON  /* one object: "about" with the facts, and a list of objects for each table */
};

struct ser_report;
struct ser_report *ser_report_new(void);
void ser_report_free(struct ser_report *r);
/* A fact. Values are labels, copied; a real that is not finite is printed as nothing, in JSON as null. */
void ser_report_about(struct ser_report *r, const char *key, struct ser_val v);
/* Begin a table; the first n_key columns name a row. `title` stands above it in the text. Rows go to the last table. */
void ser_report_table(struct ser_report *r, const char *name, const char *title, const char *const *column,
		      size_t n_column, size_t n_key);
void ser_report_row(struct ser_report *r, const struct ser_val *cell);
/* To standard output; ser_cli_end() sees whether that went well. */
void ser_report_print(const struct ser_report *r, enum ser_report_form form);

#endif
