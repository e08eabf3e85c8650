/* SPDX-License-Identifier: MIT */
/* Logs and reports: their texts and lines, and where data come from. */
#include "figure/private.h"

#include <stdlib.h>
#include <string.h>

bool next_line(char **at, char **cell, size_t most, size_t *n)
{
	char *s = *at;
	if (*s == '\0')
		return false;
	size_t len = strcspn(s, "\n");
	*at = s + len + (s[len] == '\n');
	s[len] = '\0';
	if (len > 0 && s[len - 1] == '\r')
		s[len - 1] = '\0';
	for (*n = 0; *n < most;) {
		cell[(*n)++] = s;
		s = strchr(s, '\t');
		if (s == NULL)
			break;
		*s++ = '\0';
	}
	return true;
}

void input_add(struct ser_header *h, const char *name, const struct ser_val *about)
{
	struct ser_val v = ser_val_map(), *list = ser_val_get(&h->extra, "inputs");
	if (list == NULL) {
		ser_val_set(&h->arena, &h->extra, "inputs", ser_val_list());
		list = ser_val_get(&h->extra, "inputs");
	}
	ser_val_set(&h->arena, &v, "name", ser_str(name));
	if (about != NULL)
		ser_val_set(&h->arena, &v, "about", *about);
	ser_val_push(&h->arena, list, v);
}

int ser_figure_text_read(struct ser_figure_text *t, const char *operand, struct ser_err *e)
{
	const char *eq = strchr(operand, '='), *path = eq != NULL ? eq + 1 : operand, *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path, *dot = strrchr(base, '.');
	const size_t most = (size_t)64 << 20;
	bool std = strcmp(path, "-") == 0;
	*t = (struct ser_figure_text){.shown = std ? "<stdin>" : path};
	if (eq != NULL) {
		const char *parted = memchr(operand, '/', (size_t)(eq - operand));
		t->group = parted != NULL ? ser_strndup(operand, (size_t)(parted - operand)) : NULL;
		operand = parted != NULL ? parted + 1 : operand;
		t->name = ser_strndup(operand, (size_t)(eq - operand));
	} else {
		t->nameless = true; /* a file is often called log.tsv */
		t->name = std                         ? ser_strdup(t->shown)
			  : dot != NULL && dot > base ? ser_strndup(base, (size_t)(dot - base))
						      : ser_strdup(base);
	}
	int rc =
		std ? ser_read_all(stdin, t->shown, most, &t->s, &t->n, e) : ser_read_file(path, most, &t->s, &t->n, e);
	if (rc == SER_OK && t->n > 0 && ser_stream_begins((unsigned char)t->s[0]))
		rc = ser_fail(e, SER_EDATA,
			      "%s: a stream of records, expected what ser-score --json or ser-train --log writes",
			      t->shown);
	if (rc == SER_OK && !ser_utf8_ok(t->s, t->n))
		rc = ser_fail(e, SER_EDATA, "%s: is not UTF-8 text", t->shown);
	if (rc == SER_OK && !ser_utf8_ok(t->name, strlen(t->name)))
		rc = ser_fail(e, SER_EUSAGE, "%s: the name is not UTF-8 text", t->shown);
	return rc;
}

void ser_figure_text_free(struct ser_figure_text *t)
{
	free((char *)(uintptr_t)t->group);
	free((char *)(uintptr_t)t->name);
	free(t->s);
}

void ser_figure_metadata(struct ser_header *h, struct ser_buf *b)
{
	struct ser_val all = ser_val_map();
	const struct ser_val *inputs = ser_val_get(&h->extra, "inputs");
	ser_val_set(&h->arena, &all, "prov", h->prov);
	if (h->dims.u.map.n > 0)
		ser_val_set(&h->arena, &all, "dims", h->dims);
	if (inputs != NULL)
		ser_val_set(&h->arena, &all, "inputs", *inputs);
	ser_val_json(b, &all, false);
}
