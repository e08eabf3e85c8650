/* SPDX-License-Identifier: MIT */
/* Learning rates by layer, after Clark et al. 2020 (ELECTRA) and Bao et al. 2022 (BEiT): heads learn at the rate itself, the
 * encoder's layer that is k below them at decay^k of it. */
#include "train/private.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool ends_in(const char *s, size_t n, const char *end)
{
	size_t m = strlen(end);
	return n >= m && strncmp(s + n - m, end, m) == 0;
}

/* Length of the name up to its block: "block3" of "block3.conv.weight", "blocks.3" of "blocks.3.conv.weight", "encoder.layers.3"
 * of "encoder.layers.3.norm.weight": further in only a number after layer, layers or blocks is one; 0: it is in none, as
 * "emb.weight". */
static size_t block_name(const char *s)
{
	size_t from = 0, n, m;
	for (;; from += n + 1) {
		n = strcspn(s + from, ".");
		if (from == 0 && n > 0 && isdigit((unsigned char)s[n - 1]))
			return n;
		if (s[from + n] == '\0')
			return 0;
		m = strspn(s + from + n + 1, "0123456789");
		bool known = ends_in(s, from + n, "layer") || ends_in(s, from + n, "layers") ||
			     ends_in(s, from + n, "blocks");
		if (m > 0 && s[from + n + 1 + m] == '.' && (from == 0 || known))
			return from + n + 1 + m;
	}
}

/* Slices are in the order in which the network made them. */
size_t ser_train_layers(const struct ser_params *p, const char *prefix, size_t *layer)
{
	size_t n = 0, last_len = 0, last = 0;
	const char *block = "";
	size_t n_prefix = strlen(prefix);
	bool below = false; /* something before a block, such as a stem, belongs to the block that follows */
	for (size_t i = 0; i < p->n_slice; i++) {
		const char *s = p->slice[i].name;
		layer[i] = SIZE_MAX;
		if (strncmp(s, prefix, n_prefix) != 0 || s[n_prefix] != '.')
			continue;
		s += n_prefix + 1;
		size_t len = block_name(s);
		if (len > 0 && (len != last_len || strncmp(s, block, len) != 0)) {
			block = s;
			last_len = len;
			n++;
		}
		below = len == 0;
		layer[i] = below ? n : n - 1;
		last = below ? last : i;
	}
	for (size_t i = last + 1; i < p->n_slice; i++)
		layer[i] = layer[i] != SIZE_MAX ? n : SIZE_MAX;
	return n + below;
}

void train_rates(struct ser_trainer *t)
{
	struct ser_params *p = t->m->params;
	size_t *layer = ser_malloc(p->n_slice, sizeof *layer);
	for (size_t i = 0; i < t->m->n_enc; i++) {
		size_t n = ser_train_layers(p, t->m->enc[i].prefix, layer);
		for (size_t k = 0; k < p->n_slice; k++)
			if (layer[k] != SIZE_MAX)
				p->slice[k].lr_scale =
					t->o.tune[i].lr * pow(t->o.tune[i].layer_decay, (double)(n - layer[k]));
	}
	free(layer);
}
