/* SPDX-License-Identifier: MIT */
/* A corpus description, and a small folder seen through it; what follows a line "===" is the side table t.any. */
#include "tests_fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const files[][2] = {
	{"03/a01_happy.wav", ""},
	{"03/a02_sad.wav", ""},
	{"11/b01_happy.flac", ""},
	{"t.csv", "file,emo,text\na01_happy,happy,\"a, b\"\na02_sad,sad,c\nb01_happy,x,\n"},
	{"t.json", "{\"a01_happy\": {\"emo\": \"happy\", \"age\": 3}, \"a02_sad\": {}}"},
	{"t.txt", "a01_happy [0.1-0.2]: some words\na02_sad words\n"},
	{"t.bars", "a01_happy|x|y\n; comment\na02_sad|z|\n"},
	{"t.any", ""}};
enum { N_FILE = sizeof files / sizeof *files };
static char dir[64];

static void leave(void)
{
	char path[128];
	for (int i = 0; i < N_FILE; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, files[i][0]);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/03", dir);
	rmdir(path);
	snprintf(path, sizeof path, "%s/11", dir);
	rmdir(path);
	rmdir(dir);
}

static void make(void)
{
	const char *tmp = getenv("TMPDIR");
	char path[128];
	snprintf(dir, sizeof dir, "%.40s/fuzz.XXXXXX", tmp != NULL ? tmp : "/tmp");
	ser_assert(mkdtemp(dir) != NULL);
	atexit(leave);
	snprintf(path, sizeof path, "%s/03", dir);
	mkdir(path, 0777);
	snprintf(path, sizeof path, "%s/11", dir);
	mkdir(path, 0777);
	for (int i = 0; i < N_FILE; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, files[i][0]);
		FILE *f = fopen(path, "w");
		ser_assert(f != NULL && fputs(files[i][1], f) >= 0 && fclose(f) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct ser_err e;
	struct ser_buf b = {0};
	struct ser_table t = {0};
	struct ser_corpus_report rep;
	const char *field;
	if (dir[0] == '\0')
		make();
	const uint8_t *cut = memmem(p, n, "\n===\n", 5);
	char path[128];
	snprintf(path, sizeof path, "%s/t.any", dir);
	FILE *f = fopen(path, "w");
	ser_assert(f != NULL);
	if (cut != NULL)
		ser_assert(fwrite(cut + 5, 1, n - (size_t)(cut + 5 - p), f) == n - (size_t)(cut + 5 - p));
	ser_assert(fclose(f) == 0);
	struct ser_corpus *c = ser_corpus_parse((const char *)p, cut != NULL ? (size_t)(cut + 1 - p) : n, "fuzz", &e);
	if (c == NULL)
		return 0;
	ser_corpus_totals(c, &b);
	ser_corpus_label_sets(c, &b);
	ser_corpus_about(c, "name", 0);
	if (ser_corpus_fold_field(c, "k", &field, &e) == 0)
		ser_corpus_fold_of(c, "k", "03");
	if (ser_corpus_scan(c, dir, NULL, &t, &rep, &e) == 0)
		ser_assert(ser_table_check_ids(&t, &e) == 0);
	ser_buf_free(&rep.notes);
	ser_table_free(&t);
	ser_buf_free(&b);
	ser_corpus_free(c);
	return 0;
}
