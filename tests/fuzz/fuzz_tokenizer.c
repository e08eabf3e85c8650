/* SPDX-License-Identifier: MIT */
/* The files of a tokenizer, and texts. The bytes are a tokenizer.json, or a vocab.txt; what is taken reads back as it is written, and
 * gives a text, which is the bytes too, ids that it has. */
#include "tests_fuzz.h"

#include "text/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void use(const struct ser_tokenizer *t, const char *text, size_t n)
{
	struct ser_tokens y = {0};
	struct ser_buf json = {0}, back = {0};
	struct ser_tokenizer *again;
	struct ser_err e;
	for (int special = 0; special < 2; special++) {
		ser_tokenizer_encode(t, text, n, 0, special != 0, &y);
		for (size_t i = 0; i < y.n; i++)
			ser_assert(y.id[i] >= 0);
		back.n = 0;
		ser_tokenizer_decode(t, y.id, y.n, &back, &e);
		ser_tokenizer_encode(t, text, n, 5, special != 0, &y);
	}
	ser_tokenizer_json(t, &json);
	ser_assert(ser_tokenizer_parse(&again, json.s, json.n, "again", &e) == 0);
	ser_assert(ser_tokenizer_size(again) == ser_tokenizer_size(t));
	ser_tokenizer_close(again);
	ser_tokens_free(&y);
	ser_buf_free(&json);
	ser_buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct ser_tokenizer *t;
	struct ser_err e;
	char dir[] = "/tmp/fuzz_tokenizer.XXXXXX", path[64];
	if (ser_tokenizer_parse(&t, (const char *)p, n, "fuzz", &e) == 0)
		use(t, (const char *)p, n);
	else
		ser_assert(strlen(e.msg) > 6);
	ser_tokenizer_close(t);

	ser_assert(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/vocab.txt", dir);
	FILE *f = fopen(path, "wb");
	ser_assert(f != NULL && fwrite(p, 1, n, f) == n && fclose(f) == 0);
	if (ser_tokenizer_open(&t, path, &e) == 0)
		use(t, (const char *)p, n);
	ser_tokenizer_close(t);
	unlink(path);
	rmdir(dir);
	return 0;
}
