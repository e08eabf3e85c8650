/* SPDX-License-Identifier: MIT */
/* Visemes of phones, by tables: a line is a viseme and its phones. */
#include "face/face.h"

#include <stdlib.h>
#include <string.h>

const char *const ser_alphabets[] = {"arpabet", "sampa", NULL};
const char *const ser_viseme_sets[] = {"oculus", "mpeg4", "jali", NULL};

/* Oculus' lip sync has 15. */
static const char
	oculus_arpabet
		[] = "sil SIL SP SPN PAU\nPP P B M\nFF F V\nTH TH DH\nDD T D L\nkk K G HH\nCH CH JH SH ZH\nSS S Z\n"
		     "nn N NG\nRR R ER\naa AA AE AH AY\nE EH EY IH\nI IY Y\nO AO OW OY AW\nU UW UH W\n",
  oculus_sampa[] =
	  "sil . ? p:\nPP p b m B\nFF f v V pf\nTH T D\nDD t d l L 4 ts\nkk k g x X G C h H\nCH S Z tS dZ\nSS s z\n"
	  "nn n N\nRR r R 6\naa a a: aI aU aO AU ao A\nE e e: E E: @ 2 2: 9\nI i i: I j Y y y:\nO o o: O OY AO\nU u u: "
	  "U w\n";
/* ISO/IEC 14496-2, table of visemes 0 to 14; where a sound of the language has none, the nearest */
static const char mpeg4_arpabet
	[] = "none SIL SP SPN PAU HH\np P B M\nf F V\nT TH DH\nt T D\nk K G NG\ntS CH JH SH ZH\ns S Z\nn N L\nr R ER\n"
	     "A AA AE AH AY AW\ne EH EY\ni IH IY Y\nQ AO OW OY\nU UW UH W\n",
	mpeg4_sampa[] =
		"none . ? p: h H\np p b m B\nf f v V pf\nT T D\nt t d 4 ts\nk k g N x X G C\ntS S Z tS dZ\ns s z\nn n "
		"l L\nr r R 6\n"
		"A a a: aI aU aO AU ao A\ne e e: E E: @\ni i i: I j\nQ o o: O OY AO\nU u u: U w y y: Y 2 2: 9\n";
/* Edwards et al. (SIGGRAPH 2016), with silence */
static const char jali_arpabet[] =
	"sil SIL SP SPN PAU\nAh AH HH\nAa AA AE AY AW\nEh EH EY\nEe IY\nIh IH\nOh AO OY\nUh UH\nU UW OW\nEu\nSchwa\nR "
	"R ER\n"
	"S S Z\nShChZh SH CH ZH JH\nTh TH DH\nJY Y\nLNTD L N T D\nGK G K NG\nMBP M B P\nFV F V\nWA W\n",
		  jali_sampa[] = "sil . ? p:\nAh 6 h H\nAa a a: aI aU aO AU ao A\nEh e e: E E:\nEe i i:\nIh I\nOh o o: "
				 "O OY AO\nUh U\nU u u:\n"
				 "Eu y y: Y 2 2: 9\nSchwa @\nR r R\nS s z ts\nShChZh S Z tS dZ C\nTh T D\nJY j\nLNTD l "
				 "L n t d 4\nGK g k N x X G\n"
				 "MBP m b p B\nFV f v V pf\nWA w\n";
static const char *const tables[][2] = {
	{oculus_arpabet, oculus_sampa}, {mpeg4_arpabet, mpeg4_sampa}, {jali_arpabet, jali_sampa}};

struct ser_visemes {
	struct ser_map *name, *phone;
	int *of; /* [phones] */
	size_t cap;
};

static int add_line(struct ser_visemes *v, char *line, struct ser_err *e)
{
	char *save = NULL, *word = strtok_r(line, " \t\r", &save);
	bool is_new;
	if (word == NULL || word[0] == '#')
		return 0;
	size_t name = ser_map_add(v->name, word, strlen(word), &is_new);
	if (!is_new)
		return ser_fail(e, SER_EDATA, "the viseme \"%.40s\" came before", word);
	while ((word = strtok_r(NULL, " \t\r", &save)) != NULL) {
		size_t k = ser_map_add(v->phone, word, strlen(word), &is_new);
		if (!is_new)
			return ser_fail(e, SER_EDATA, "the phone \"%.40s\" came before", word);
		v->of = ser_grow(v->of, &v->cap, k + 1, sizeof *v->of);
		v->of[k] = (int)name;
	}
	return 0;
}

int ser_visemes_from(struct ser_visemes **out, const char *text, const char *name, struct ser_err *e)
{
	struct ser_visemes *v = ser_calloc(1, sizeof *v);
	char *copy = ser_strdup(text), *at = copy;
	size_t line = 0;
	int rc = 0;
	v->name = ser_map_new();
	v->phone = ser_map_new();
	while (rc == 0 && *at != '\0') {
		char *end = at + strcspn(at, "\n");
		bool last = *end == '\0';
		*end = '\0';
		line++;
		rc = add_line(v, at, e);
		if (rc != 0)
			ser_fail_in(e, "%s:%zu", name, line);
		at = last ? end : end + 1;
	}
	free(copy);
	if (rc == 0 && (ser_map_len(v->name) < 2 || ser_map_len(v->name) > 32767))
		rc = ser_fail(e, SER_EDATA, "%s: %zu visemes, expected 2 to 32767", name, ser_map_len(v->name));
	*out = rc == 0 ? v : NULL;
	if (rc != 0)
		ser_visemes_free(v);
	return rc;
}

int ser_visemes_new(struct ser_visemes **out, int set, enum ser_alphabet alphabet, struct ser_err *e)
{
	return ser_visemes_from(out, tables[set][alphabet], ser_viseme_sets[set], e);
}

void ser_visemes_free(struct ser_visemes *v)
{
	if (v == NULL)
		return;
	ser_map_free(v->name);
	ser_map_free(v->phone);
	free(v->of);
	free(v);
}

size_t ser_visemes_count(const struct ser_visemes *v)
{
	return ser_map_len(v->name);
}

const char *ser_visemes_name(const struct ser_visemes *v, size_t i)
{
	return ser_map_key(v->name, i, NULL);
}

static int look(const struct ser_visemes *v, const char *s, size_t n)
{
	ptrdiff_t k = n > 0 ? ser_map_find(v->phone, s, n) : -1;
	return k >= 0 ? v->of[k] : -1;
}

int ser_viseme(const struct ser_visemes *v, const char *symbol)
{
	size_t n = strlen(symbol);
	int y = n > 0 ? look(v, symbol, n) : 0; /* a phone without a symbol is silence */
	for (; y < 0 && n > 1 && strchr("!_\"'%", *symbol) != NULL; symbol++, n--) /* release, closure, stress */
		y = look(v, symbol + 1, n - 1);
	if (y < 0 && n > 3 && memcmp(symbol + n - 3, "asp", 3) == 0)
		y = look(v, symbol, n - 3);
	for (size_t k = n; y < 0 && k > 1 && strchr("012:~6", symbol[k - 1]) != NULL;
	     k--) /* stress, length, nasal, vocalic r */
		y = look(v, symbol, k - 1);
	return y;
}

void ser_visemes_frames(const struct ser_visemes *v, const struct ser_phone *p, size_t n, size_t n_frame,
			double shift_s, int16_t *y)
{
	for (size_t t = 0, k = 0; t < n_frame; t++) {
		double at = ((double)t + 0.5) * shift_s;
		while (k < n && p[k].end_s <= at)
			k++;
		y[t] = k < n && p[k].begin_s <= at ? (int16_t)ser_viseme(v, p[k].symbol) : -1;
	}
}

int ser_visemes_header(const struct ser_visemes *v, struct ser_header *h, const char *field, const char *name,
		       struct ser_err *e)
{
	struct ser_val axes = ser_val_list(), classes = ser_val_list();
	double shift_s = ser_header_shift(h, field);
	if (shift_s == 0)
		return ser_fail(e, SER_EDATA, "the header gives no shift_s for \"%s\"", field);
	struct ser_val *dim = ser_header_dim_add(h, name);
	ser_val_push(&h->arena, &axes, ser_str("frame"));
	for (size_t i = 0; i < ser_visemes_count(v); i++)
		ser_val_push(&h->arena, &classes, ser_str(ser_visemes_name(v, i)));
	ser_val_set(&h->arena, dim, "axes", axes);
	ser_val_set(&h->arena, dim, "shift_s", ser_real(shift_s));
	ser_val_set(&h->arena, dim, "classes", classes);
	return SER_OK;
}
