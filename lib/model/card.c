/* SPDX-License-Identifier: MIT */
/* A model card in Markdown (Mitchell et al.: Model cards for model reporting, 2019). */
#include "model/card.h"

#include <string.h>

/* Text from a file in Markdown: what marks up is taken as it stands. */
static void put(struct ser_buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (strchr("\\`*_{}[]<>|#&~", c) != NULL && c != '\0')
			ser_buf_str(b, "\\");
		size_t raw = ser_utf8_control(s + i, n - i);
		ser_buf_add(b, raw > 0 ? " " : &s[i], 1);
		i += raw == 2;
	}
}

static void put_val(struct ser_buf *b, const struct ser_val *v)
{
	struct ser_buf t = {0};
	char num[32];
	if (v->kind == SER_REAL) {
		snprintf(num, sizeof num, "%.4g", v->u.f);
		ser_buf_str(b, num);
	} else if (v->kind <= SER_STR) {
		ser_val_text(&t, v);
		put(b, t.n > 0 ? t.s : "", t.n);
	}
	ser_buf_free(&t);
}

/* Lines of "name        words" as code, which nothing in them can leave: no line of theirs begins with a backtick. */
static void put_code(struct ser_buf *b, const struct ser_buf *text)
{
	ser_buf_str(b, "```\n");
	ser_buf_add(b, text->s, text->n);
	ser_buf_str(b, "```\n");
}

static void data(const struct ser_model *m, const struct ser_card *c, struct ser_buf *b)
{
	const struct ser_val *spk = ser_val_get(&m->train, "speakers");
	ser_buf_str(b, "\n## Data\n\n");
	for (size_t i = 0; i < c->n_corpus; i++) {
		const struct ser_card_corpus *k = &c->corpus[i];
		const char *const said[] = {k->title, k->lang, k->cite, k->get};
		ser_buf_str(b, "-");
		for (size_t j = 0; j < sizeof said / sizeof *said; j++) {
			if (said[j] == NULL)
				continue;
			ser_buf_str(b, j > 0 ? "; " : " ");
			put(b, said[j], strlen(said[j]));
		}
		ser_buf_str(b, "\n");
	}
	if (c->n_corpus == 0)
		ser_buf_str(b, "- Which corpora it learnt from is not said.\n");
	if (spk != NULL && spk->kind == SER_LIST) {
		ser_buf_printf(b, "- %zu speaker%s, whom no score of this model may be about:", spk->u.list.n,
			       ser_s(spk->u.list.n));
		for (size_t i = 0; i < spk->u.list.n; i++) {
			ser_buf_str(b, i > 0 ? ", " : " ");
			put_val(b, &spk->u.list.v[i]);
		}
		ser_buf_str(b, "\n");
	} else {
		ser_buf_str(b, "- Whose speech it learnt from is not known.\n");
	}
}

/* The table `scores` of a report: a row a score, its columns those of the first row. */
static int scores(const struct ser_val *report, const char *name, struct ser_buf *b, struct ser_err *e)
{
	const struct ser_val *rows = ser_val_get(report, "scores"), *about = ser_val_get(report, "about");
	if (rows == NULL || rows->kind != SER_LIST || rows->u.list.n == 0 || rows->u.list.v[0].kind != SER_MAP)
		return ser_fail(e, SER_EDATA, "%s: is no report of ser-score --json with a table of scores", name);
	const struct ser_val *head = &rows->u.list.v[0];
	const struct ser_field *f = head->u.map.f;
	ser_buf_str(b, "\n");
	put(b, name, strlen(name));
	for (size_t i = 0; about != NULL && about->kind == SER_MAP && i < about->u.map.n; i++) {
		ser_buf_str(b, i == 0 ? ": " : ", ");
		put(b, about->u.map.f[i].name, about->u.map.f[i].name_len);
		ser_buf_str(b, " ");
		put_val(b, &about->u.map.f[i].val);
	}
	ser_buf_str(b, ".\n\n|");
	for (size_t k = 0; k < head->u.map.n; k++) {
		ser_buf_str(b, " ");
		put(b, f[k].name, f[k].name_len);
		ser_buf_str(b, " |");
	}
	ser_buf_str(b, "\n|");
	for (size_t k = 0; k < head->u.map.n; k++)
		ser_buf_str(b, f[k].val.kind == SER_STR ? " --- |" : " ---: |");
	ser_buf_str(b, "\n");
	for (size_t i = 0; i < rows->u.list.n; i++) {
		ser_buf_str(b, "|");
		for (size_t k = 0; k < head->u.map.n; k++) {
			const struct ser_val *v = ser_val_get(&rows->u.list.v[i], f[k].name);
			ser_buf_str(b, " ");
			if (v != NULL)
				put_val(b, v);
			ser_buf_str(b, " |");
		}
		ser_buf_str(b, "\n");
	}
	return 0;
}

static void licences(const struct ser_card *c, struct ser_buf *b)
{
	ser_buf_str(b, "\n## Licences\n\n- The weights: ");
	if (c->licence != NULL)
		put(b, c->licence, strlen(c->licence));
	else
		ser_buf_str(b, "not said");
	ser_buf_str(b, ".\n");
	for (size_t i = 0; i < c->n_corpus; i++) {
		const struct ser_card_corpus *k = &c->corpus[i];
		const char *licence = k->licence != NULL ? k->licence : "not known";
		ser_buf_str(b, "- ");
		put(b, k->title, strlen(k->title));
		ser_buf_str(b, ": ");
		put(b, licence, strlen(licence));
		ser_buf_str(b, ".\n");
	}
}

int ser_model_card(const struct ser_model *m, const struct ser_card *c, struct ser_buf *out, struct ser_err *e)
{
	struct ser_buf b = {0}, text = {0};
	int rc = 0;
	ser_buf_str(&b, "# ");
	put(&b, c->name, strlen(c->name));
	ser_buf_str(&b, "\n\n## Model\n\n");
	ser_model_describe_network(m, &text);
	put_code(&b, &text);
	data(m, c, &b);
	ser_buf_str(&b, "\n## Training\n\n");
	text.n = 0;
	ser_model_describe_training(m, &text);
	put_code(&b, &text);
	ser_buf_str(&b, "\n## Scores\n");
	for (size_t i = 0; i < c->n_score && rc == 0; i++)
		rc = scores(&c->score[i], c->score_name[i], &b, e);
	if (c->n_score == 0)
		ser_buf_str(&b, "\nNone are given.\n");
	licences(c, &b);
	ser_buf_str(
		&b,
		"\n## Intended use\n\n"
		"Research. A score says how often labels that people gave to recordings were met, in those voices and "
		"that language; it says nothing of what\nsomebody feels, and little of speech that is not like that of "
		"the corpora. Recognising people's emotions at work or in education is\nprohibited in the European "
		"Union "
		"(Regulation 2024/1689, Art. 5(1)(f)), and elsewhere people are to be told that it is done (Art. "
		"50(3)).\nSpeech is personal data; an embedding of it and a model of speakers are, too.\n");
	if (rc == 0)
		ser_buf_add(out, b.s, b.n);
	ser_buf_free(&b);
	ser_buf_free(&text);
	return rc;
}
