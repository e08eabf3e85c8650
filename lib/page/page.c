/* SPDX-License-Identifier: MIT */
#include "page/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ser_page *ser_page_new(const struct ser_page_opt *o)
{
	struct ser_page *p = ser_calloc(1, sizeof *p);
	p->o = *o;
	p->item_id = ser_map_new();
	p->spk = ser_map_new();
	p->label = ser_map_new();
	p->label_name = o->score.label;
	p->spk_name = o->score.by != NULL ? o->score.by : "spk";
	return p;
}

static void text_free(struct text *t)
{
	free((char *)(uintptr_t)t->t.name);
	free((char *)(uintptr_t)t->t.shown);
	free(t->t.s);
}

void ser_page_free(struct ser_page *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n_system; i++) {
		struct system *s = &p->system[i];
		ser_score_set_free(s->set);
		ser_map_free(s->class);
		ser_map_free(s->spk);
		ser_map_free(s->file);
		ser_buf_free(&s->json);
		free(s->guess);
		free(s->train);
		free(s->name);
	}
	for (size_t i = 0; i < p->n_map; i++) {
		ser_points_free(p->map[i].by_label);
		ser_points_free(p->map[i].by_spk);
		ser_points_free(p->map[i].by_cluster);
		ser_header_free(&p->map[i].header);
		free(p->map[i].name);
	}
	for (size_t i = 0; i < p->n_input; i++) {
		free(p->input[i].name);
		free(p->input[i].file);
	}
	for (size_t i = 0; i < p->n_log; i++)
		text_free(&p->log[i]);
	for (size_t i = 0; i < p->n_report; i++)
		text_free(&p->report[i]);
	free(p->system);
	free(p->map);
	free(p->input);
	free(p->log);
	free(p->report);
	free(p->item);
	free(p->file);
	ser_map_free(p->item_id);
	ser_map_free(p->spk);
	ser_map_free(p->label);
	ser_arena_free(&p->arena);
	free(p);
}

/* ---- the corpus ---- */

static size_t put(struct ser_map *m, const char *s)
{
	return *s != '\0' ? ser_map_add(m, s, strlen(s), NULL) : SIZE_MAX;
}

/* The utterance of an id; what was not known of it before is NULL or not a number. */
static struct item *item(struct ser_page *p, const char *id)
{
	bool is_new;
	size_t i = ser_map_add(p->item_id, id, strlen(id), &is_new);
	p->item = ser_grow(p->item, &p->cap_item, i + 1, sizeof *p->item);
	if (is_new)
		p->item[i] = (struct item){SIZE_MAX, SIZE_MAX, NAN, NULL, 0, INFINITY, false};
	return &p->item[i];
}

/* A label as text; "" when the record has none. */
static const char *label_of(struct ser_record *r, const char *name, struct ser_buf *b)
{
	const struct ser_val *v = name != NULL ? ser_record_get(r, name) : NULL;
	b->n = 0;
	ser_buf_str(b, "");
	if (v != NULL && v->kind != SER_TENSOR && v->kind != SER_LIST && v->kind != SER_MAP)
		ser_val_text(b, v);
	return b->s;
}

static double real_of(struct ser_record *r, const char *name)
{
	const struct ser_val *v = ser_record_get(r, name);
	return v == NULL ? NAN : v->kind == SER_REAL ? v->u.f : v->kind == SER_INT ? (double)v->u.i : NAN;
}

/* How long the utterance is, by its labels or by its frames. */
static double seconds(const struct ser_header *h, struct ser_record *r)
{
	double dur = real_of(r, "dur"), span = real_of(r, "end") - real_of(r, "start"),
	       trim = real_of(r, "trim_end") - real_of(r, "trim_start");
	if (dur > 0)
		return dur;
	if (span > 0)
		return span;
	if (trim > 0)
		return trim;
	const struct ser_val *x = ser_record_get(r, "feat"), *dim = ser_header_dim(h, "feat"),
			     *shift = dim != NULL ? ser_val_get(dim, "shift_s") : NULL;
	if (x != NULL && x->kind == SER_TENSOR && x->u.t.ndim == 2 && shift != NULL && shift->kind == SER_REAL)
		return (double)x->u.t.shape[0] * shift->u.f;
	return NAN;
}

static struct item *add_item(struct ser_page *p, const struct ser_header *h, struct ser_record *r)
{
	struct ser_buf b = {0};
	struct item *it = item(p, ser_record_id(r));
	if (it->spk == SIZE_MAX)
		it->spk = put(p->spk, label_of(r, p->spk_name, &b));
	if (it->label == SIZE_MAX && p->label_name != NULL)
		it->label = put(p->label, label_of(r, p->label_name, &b));
	if (!(it->dur_s > 0))
		it->dur_s = seconds(h, r);
	ser_buf_free(&b);
	return it;
}

/* ---- predictions ---- */

static void name_classes(struct ser_map *m, const struct ser_header *h)
{
	const struct ser_val *dim = ser_header_dim(h, "post"), *l = dim != NULL ? ser_val_get(dim, "classes") : NULL;
	for (size_t i = 0; l != NULL && l->kind == SER_LIST && i < l->u.list.n; i++)
		if (l->u.list.v[i].kind == SER_STR)
			ser_map_add(m, l->u.list.v[i].u.str.s, l->u.list.v[i].u.str.n, NULL);
}

static size_t find_system(struct ser_page *p, const char *name)
{
	for (size_t i = 0; i < p->n_system; i++)
		if (strcmp(p->system[i].name, name) == 0)
			return i;
	p->system = ser_grow(p->system, &p->cap_system, p->n_system + 1, sizeof *p->system);
	struct system *s = &p->system[p->n_system];
	*s = (struct system){.name = ser_strdup(name)};
	s->class = ser_map_new();
	s->spk = ser_map_new();
	s->file = ser_map_new();
	return p->n_system++;
}

/* The number of speakers that a header says were trained on. */
static void said_of_training(struct system *s, const char *file, const struct ser_header *h)
{
	const struct ser_val *dim = ser_header_dim(h, "post"),
			     *l = dim != NULL ? ser_val_get(dim, "train_speakers") : NULL;
	size_t i = ser_map_add(s->file, file, strlen(file), NULL);
	s->train = ser_grow(s->train, &s->cap_train, i + 1, sizeof *s->train);
	s->train[i].known = l != NULL && l->kind == SER_LIST;
	s->train[i].n_train = s->train[i].known ? l->u.list.n : 0;
}

static int add_guess(struct ser_page *p, struct system *s, const char *file, const struct ser_header *h,
		     bool new_segment, struct ser_record *r, struct ser_err *e)
{
	struct ser_buf b = {0};
	int rc;
	if (s->set == NULL) {
		p->o.score.label = p->label_name;
		s->set = ser_score_set_new(&p->o.score, SER_SCORE_CLASSES);
	}
	if ((rc = ser_score_set_add(s->set, h, new_segment, file, r, e)) != SER_OK)
		return rc;
	name_classes(s->class, h);
	const char *truth = label_of(r, p->label_name, &b);
	const char *id = ser_record_id(r);
	struct guess g = {
		.item = (size_t)ser_map_find(p->item_id, id, strlen(id)), .truth = put(s->class, truth), .sure = NAN};
	g.spk = put(s->spk, label_of(r, p->spk_name, &b));
	const char *pred = label_of(r, p->o.score.pred, &b);
	const struct ser_val *v = ser_record_get(r, "post"), *dim = ser_header_dim(h, "post"),
			     *names = dim != NULL ? ser_val_get(dim, "classes") : NULL;
	size_t best = 0, n = v != NULL && v->kind == SER_TENSOR ? ser_tensor_len(&v->u.t) : 0;
	for (size_t i = 1; i < n; i++)
		if (ser_tensor_real(&v->u.t, i) > ser_tensor_real(&v->u.t, best))
			best = i;
	if (n > 0 && ser_tensor_real(&v->u.t, best) <= 1 && ser_tensor_real(&v->u.t, best) >= 0)
		g.sure = ser_tensor_real(&v->u.t, best);
	if (*pred != '\0')
		g.pred = put(s->class, pred);
	else if (names != NULL && names->kind == SER_LIST && best < names->u.list.n &&
		 names->u.list.v[best].kind == SER_STR)
		g.pred = put(s->class, names->u.list.v[best].u.str.s);
	else
		rc = ser_record_fail(r, e, SER_EDATA,
				     "has neither a label \"%s\" nor a tensor \"post\" whose classes have names",
				     p->o.score.pred);
	ser_buf_free(&b);
	if (rc != SER_OK)
		return rc;
	s->guess = ser_grow(s->guess, &s->cap, s->n + 1, sizeof *s->guess);
	s->guess[s->n++] = g;
	return SER_OK;
}

/* ---- points ---- */

static struct ser_points *points(struct ser_record *r, const char *label)
{
	const struct ser_val *v = label != NULL ? ser_record_get(r, label) : NULL;
	if (v == NULL || v->kind == SER_TENSOR)
		return NULL;
	return ser_points_new(&(struct ser_points_opt){.field = "proj", .color = label});
}

static int add_point(struct ser_page *p, struct map *m, const struct ser_header *h, bool first, bool new_segment,
		     struct ser_record *r, struct ser_err *e)
{
	int rc = SER_OK;
	if (first) {
		ser_header_copy(&m->header, h);
		m->by_label = points(r, p->label_name);
		m->by_spk = points(r, p->spk_name);
		m->by_cluster = points(r, "cluster");
		if (m->by_label == NULL && m->by_spk == NULL && m->by_cluster == NULL)
			m->by_label = ser_points_new(&(struct ser_points_opt){.field = "proj"});
	} else if (new_segment) {
		rc = ser_header_merge(&m->header, h, e);
	}
	struct ser_points *all[3] = {m->by_label, m->by_spk, m->by_cluster};
	for (int i = 0; i < 3 && rc == SER_OK; i++)
		if (all[i] != NULL)
			rc = ser_points_add(all[i], r, e);
	return rc;
}

/* ---- a record ---- */

static enum stream_kind what_is(struct ser_page *p, const struct ser_header *h, struct ser_record *r)
{
	const struct ser_val *post = ser_record_get(r, "post"), *proj = ser_record_get(r, "proj"),
			     *dim = ser_header_dim(h, "post"), *label = dim != NULL ? ser_val_get(dim, "label") : NULL;
	if (proj != NULL && proj->kind == SER_TENSOR)
		return STREAM_POINTS;
	if (p->label_name == NULL && label != NULL && label->kind == SER_STR)
		p->label_name = ser_arena_strndup(&p->arena, label->u.str.s, label->u.str.n);
	bool truth = p->label_name != NULL && ser_record_get(r, p->label_name) != NULL,
	     pred = (post != NULL && post->kind == SER_TENSOR) || ser_record_get(r, p->o.score.pred) != NULL;
	return truth && pred ? STREAM_GUESSES : STREAM_DATA;
}

static struct input *add_input(struct ser_page *p, const char *name, const char *file, const char *what)
{
	p->input = ser_grow(p->input, &p->cap_input, p->n_input + 1, sizeof *p->input);
	p->input[p->n_input] = (struct input){.name = ser_strdup(name), .file = ser_strdup(file), .what = what};
	return &p->input[p->n_input++];
}

int ser_page_record(struct ser_page *p, const char *name, const char *file, const struct ser_header *h,
		    bool new_segment, struct ser_record *r, struct ser_err *e)
{
	static const char *const what[] = {"data", "predictions", "map"};
	bool first = p->file == NULL || strcmp(p->file, file) != 0;
	if (first) {
		free(p->file);
		p->file = ser_strdup(file);
		p->kind = what_is(p, h, r);
		add_input(p, name, file, what[p->kind]);
		if (p->kind == STREAM_GUESSES) {
			p->at = find_system(p, name);
		} else if (p->kind == STREAM_POINTS) {
			p->map = ser_grow(p->map, &p->cap_map, p->n_map + 1, sizeof *p->map);
			p->at = p->n_map++;
			p->map[p->at] = (struct map){.name = ser_strdup(name)};
		}
	}
	struct input *in = &p->input[p->n_input - 1];
	if (first || new_segment) {
		in->prov = ser_val_copy(&p->arena, &h->prov);
		in->said = ser_val_copy(&p->arena, &h->dims);
		in->n_segment++;
		if (p->kind == STREAM_GUESSES)
			said_of_training(&p->system[p->at], file, h);
	}
	in->n_record++;
	add_item(p, h, r);
	if (p->kind == STREAM_GUESSES)
		return add_guess(p, &p->system[p->at], file, h, first || new_segment, r, e);
	if (p->kind == STREAM_POINTS)
		return add_point(p, &p->map[p->at], h, first, new_segment, r, e);
	return SER_OK;
}

/* ---- texts ---- */

static bool has_column(const char *s, const char *name)
{
	size_t len = strlen(name), line = strcspn(s, "\r\n");
	for (const char *at = s; at < s + line; at += strcspn(at, "\t\r\n") + 1)
		if (strcspn(at, "\t\r\n") == len && strncmp(at, name, len) == 0)
			return true;
	return false;
}

static int add_manifest(struct ser_page *p, const char *file, const char *s, size_t n, struct ser_err *e)
{
	struct ser_table t = {0};
	int rc = ser_table_parse(&t, s, n, '\t', file, e);
	if (rc == SER_OK && (rc = ser_table_check_ids(&t, e)) != SER_OK)
		ser_fail_in(e, "%s", file);
	for (size_t i = 0; rc == SER_OK && i < t.n_row; i++) {
		struct item *it = item(p, ser_table_get(&t, i, "id"));
		double v[3] = {NAN, 0, INFINITY};
		static const char *const column[3] = {"dur", "start", "end"};
		for (int k = 0; k < 3; k++)
			if (ser_parse_real(ser_table_get(&t, i, column[k]), 0, 1e9, &v[k], NULL) != 0)
				v[k] = k == 0 ? NAN : k == 1 ? 0 : INFINITY;
		const char *path = ser_table_get(&t, i, "path");
		it->path = ser_arena_strndup(&p->arena, path, strlen(path));
		it->start_s = v[1];
		it->end_s = v[2];
		if (!(it->dur_s > 0))
			it->dur_s = v[0] > 0 ? v[0] : isfinite(v[2]) && v[2] > v[1] ? v[2] - v[1] : NAN;
		if (it->spk == SIZE_MAX)
			it->spk = put(p->spk, ser_table_get(&t, i, p->spk_name));
		if (it->label == SIZE_MAX)
			it->label = put(p->label, ser_table_get(&t, i, p->label_name != NULL ? p->label_name : "emo"));
	}
	if (rc == SER_OK)
		add_input(p, file, file, "manifest")->n_record = t.n_row;
	ser_table_free(&t);
	return rc;
}

static struct text *add_text(struct text **list, size_t *n, size_t *cap, const char *name, const char *file, char *s,
			     size_t len)
{
	*list = ser_grow(*list, cap, *n + 1, sizeof **list);
	(*list)[*n] = (struct text){.t = {ser_strdup(file), NULL, ser_strdup(name), false, s, len}};
	return &(*list)[(*n)++];
}

int ser_page_text(struct ser_page *p, const char *name, const char *file, char *s, size_t n, struct ser_err *e)
{
	int rc = SER_OK;
	if (!ser_utf8_ok(s, n)) {
		rc = ser_fail(e, SER_EDATA, "%s: is neither a stream nor UTF-8 text", file);
	} else if (s[strspn(s, " \t\r\n")] == '{') {
		struct text *t = add_text(&p->report, &p->n_report, &p->cap_report, name, file, s, n);
		s = NULL;
		rc = ser_val_from_json(&p->arena, t->t.s, n, &t->json, e);
		if (rc == SER_OK && (ser_val_get(&t->json, "about") == NULL))
			rc = ser_fail(e, SER_EDATA, "is no report of ser-score --json: there is no \"about\"");
		if (rc != SER_OK)
			ser_fail_in(e, "%s", file);
		else
			add_input(p, name, file, "report");
	} else if (has_column(s, "epoch")) {
		add_text(&p->log, &p->n_log, &p->cap_log, name, file, s, n);
		s = NULL;
		add_input(p, name, file, "log");
	} else if (has_column(s, "id")) {
		rc = add_manifest(p, file, s, n, e);
	} else {
		rc = ser_fail(e, SER_EDATA,
			      "%s: is no stream, no report of ser-score --json, no log of training and no manifest",
			      file);
	}
	free(s);
	return rc;
}

/* ---- the page ---- */

static int score(struct ser_page *p, struct ser_err *e)
{
	for (size_t i = 0; i < p->n_system; i++) {
		struct system *s = &p->system[i];
		struct ser_buf absent = {0};
		int rc = ser_score_set_done(s->set, s->name, e);
		struct ser_report *rep =
			rc == SER_OK ? ser_score_report_classes(&p->o.score, s->set, &absent, e) : NULL;
		ser_buf_free(&absent);
		if (rep == NULL)
			return ser_fail_in(e, "%s", s->name);
		ser_report_format(rep, SER_REPORT_JSON, &s->json);
		ser_report_free(rep);
		if ((rc = ser_val_from_json(&p->arena, s->json.s, s->json.n, &s->report, e)) != SER_OK)
			return rc;
	}
	return SER_OK;
}

int ser_page_write(struct ser_page *p, struct ser_buf *b, struct ser_err *e)
{
	static const struct {
		const char *id, *title;
		void (*write)(struct ser_buf *b, struct ser_page *p);
	} sections[] = {
		{"overview", "Overview", section_overview},
		{"scores", "Scores", section_scores},
		{"confusion", "Confusion", section_confusion},
		{"classes", "Classes", section_classes},
		{"speakers", "Speakers", section_speakers},
		{"calibration", "Calibration", section_calibration},
		{"errors", "Surest errors", section_errors},
		{"training", "Training", section_training},
		{"maps", "Maps", section_maps},
		{"corpus", "Corpus", section_corpus},
		{"protocol", "Protocol", section_protocol},
		{"reports", "Other reports", section_reports},
		{"provenance", "What was run", section_provenance},
	};
	enum { N = sizeof sections / sizeof *sections };
	struct ser_buf body[N] = {{0}}, title = {0};
	if (p->n_input == 0)
		return ser_fail(e, SER_EDATA, "there is nothing to report");
	int rc = score(p, e);
	if (rc != SER_OK)
		return rc;
	if (p->o.title != NULL)
		ser_buf_str(&title, p->o.title);
	for (size_t i = 0; i < p->n_system && p->o.title == NULL; i++)
		ser_buf_printf(&title, "%s%s", i == 0 ? "" : i + 1 == p->n_system ? " and " : ", ", p->system[i].name);
	if (title.n == 0)
		ser_buf_str(&title, p->input[0].name);
	for (int i = 0; i < N; i++)
		sections[i].write(&body[i], p);

	h_put(b,
	      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; media-src "
	      "data:; "
	      "style-src 'unsafe-inline'; script-src 'sha256-%r'; base-uri 'none'; form-action 'none'\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
	      "<meta name=\"generator\" content=\"ser-report "
	      "%r\">\n<title>%s</title>\n<style>\n%r</style>\n</head>\n<body>\n",
	      ser_page_js_sha256, SER_VERSION, title.s, ser_page_css);
	h_put(b, "<a class=\"skip\" href=\"#main\">Skip to the results</a>\n");
	h_chart_styles(b);
	h_put(b, "<header>\n<p class=\"kicker\">Speech emotion recognition, a report</p>\n<h1>%s</h1>\n</header>\n",
	      title.s);
	h_put(b, "<div class=\"page\">\n<nav aria-label=\"Sections\"><ul>\n");
	for (int i = 0; i < N; i++)
		if (body[i].n > 0)
			h_put(b, "<li><a href=\"#%r\">%r</a></li>\n", sections[i].id, sections[i].title);
	h_put(b, "</ul></nav>\n<main id=\"main\" tabindex=\"-1\">\n");
	for (int i = 0; i < N; i++) {
		if (body[i].n > 0) {
			h_put(b, "<section aria-labelledby=\"%r\">\n<h2 id=\"%r\">%r</h2>\n", sections[i].id,
			      sections[i].id, sections[i].title);
			ser_buf_add(b, body[i].s, body[i].n);
			h_put(b, "</section>\n");
		}
		ser_buf_free(&body[i]);
	}
	h_put(b,
	      "</main>\n</div>\n<footer>\n<p>For research. A score says how often the labels that people gave to these "
	      "recordings were "
	      "met, in these voices and this language; it says nothing of what somebody feels. Recognising "
	      "people\xe2\x80\x99s emotions at "
	      "work or in education is prohibited in the European Union (Regulation 2024/1689, Art. 5(1)(f)).</p>\n"
	      "<p>Made by ser-report %r.</p>\n</footer>\n<script>%r</script>\n</body>\n</html>\n",
	      SER_VERSION, ser_page_js);
	ser_buf_free(&title);
	return SER_OK;
}
