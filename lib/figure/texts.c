/* SPDX-License-Identifier: MIT */
/* Lines of logs and reports. */
#include "figure/private.h"

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
