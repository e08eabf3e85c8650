/* SPDX-License-Identifier: MIT */
/* Of a record only the id, the speaker, the cluster, its margin and (for --near and --hard) the embedding reach the sampling. The
 * label of --report-label is kept apart and read when all pairs are written. */
#include "cli/cli.h"
#include "ml/pairs.h"

#include <stdlib.h>
#include <string.h>

struct input {
	const char *by, *cluster_name, *margin_name, *field,
		*report_label; /* to be read; the last three where not NULL */
	struct ser_map *id, *spk, *label;
	size_t n, cap_spk, cap_cluster, cap_margin, cap_x, cap_of;
	size_t *spk_of, *label_of; /* label_of: SIZE_MAX where there is none */
	int *cluster;
	double *margin;
	float *x;
	size_t d;
};

static const char *text_label(struct ser_cli *c, struct ser_record *r, const char *name)
{
	const char *s;
	struct ser_err e;
	if (ser_record_str(r, name, &s, &e) != 0)
		ser_cli_die(c, &e);
	return s;
}

static void read_cluster(struct ser_cli *c, struct input *p, struct ser_record *r, const char *name)
{
	const struct ser_val *v = ser_record_get(r, name);
	int64_t k = -1;
	struct ser_err e;
	if (!(v != NULL && v->kind == SER_NIL) && ser_record_int(r, name, &k, &e) != 0)
		ser_cli_die(c, &e);
	if (k > INT32_MAX) {
		ser_record_fail(r, &e, SER_EDATA, "\"%s\" is %lld, expected a cluster of at most %d", name,
				(long long)k, INT32_MAX);
		ser_cli_die(c, &e);
	}
	p->cluster = ser_grow(p->cluster, &p->cap_cluster, p->n + 1, sizeof *p->cluster);
	p->cluster[p->n] = k >= 0 ? (int)k : -1;
}

static void read_emb(struct ser_cli *c, struct input *p, struct ser_record *r, const char *name)
{
	const float *v;
	size_t d;
	struct ser_err e;
	if (ser_record_f4(r, name, 1, &v, &d, &e) != 0)
		ser_cli_die(c, &e);
	if (p->n == 0)
		p->d = d;
	if (d != p->d || d == 0) {
		ser_record_fail(r, &e, SER_EDATA, "\"%s\" has %zu dimension%s, expected %zu", name, d, ser_s(d), p->d);
		ser_cli_die(c, &e);
	}
	p->x = ser_grow(p->x, &p->cap_x, ser_mul(p->n + 1, d), sizeof *p->x);
	memcpy(p->x + p->n * d, v, d * sizeof *v);
}

/* All records, and the header of their segments. */
static void read_all(struct ser_cli *c, struct input *p, struct ser_header *h)
{
	struct ser_in *in = ser_in_open(c);
	struct ser_record r = {0};
	struct ser_err e;
	bool segment;
	ser_header_copy(h, ser_in_header(in));
	while (ser_in_next(in, &r, &segment)) {
		if (segment && ser_header_merge(h, ser_in_header(in), &e) != 0)
			ser_cli_die(c, &e);
		const char *spk = text_label(c, &r, p->by), *id = ser_record_id(&r);
		ser_map_add(p->id, id, strlen(id), NULL);
		p->spk_of = ser_grow(p->spk_of, &p->cap_spk, p->n + 1, sizeof *p->spk_of);
		p->spk_of[p->n] = ser_map_add(p->spk, spk, strlen(spk), NULL);
		read_cluster(c, p, &r, p->cluster_name);
		if (p->field != NULL)
			read_emb(c, p, &r, p->field);
		p->margin = ser_grow(p->margin, &p->cap_margin, p->n + 1, sizeof *p->margin);
		p->margin[p->n] = 0;
		if (p->margin_name != NULL && ser_record_real(&r, p->margin_name, &p->margin[p->n], &e) != 0)
			ser_cli_die(c, &e);
		p->label_of = ser_grow(p->label_of, &p->cap_of, p->n + 1, sizeof *p->label_of);
		p->label_of[p->n] = SIZE_MAX;
		const struct ser_val *v = p->report_label != NULL ? ser_record_get(&r, p->report_label) : NULL;
		if (v != NULL && v->kind != SER_NIL) {
			const char *s = text_label(c, &r, p->report_label);
			p->label_of[p->n] = ser_map_add(p->label, s, strlen(s), NULL);
		}
		p->n++;
	}
	ser_record_free(&r);
	ser_in_close(in);
}

/* positive, positive2, positive3 ... */
static void set_ids(struct ser_record *r, const char *name, const char *const *id, const size_t *item, size_t n)
{
	char full[40];
	for (size_t i = 0; i < n; i++) {
		snprintf(full, sizeof full, i == 0 ? "%s" : "%s%zu", name, i + 1);
		ser_record_set(r, full, ser_str(id[item[i]]));
	}
}

/* How often the label agrees, and how often it would between any two records of one speaker. */
static void report(struct ser_cli *c, const char *file, const struct input *p, const struct ser_pairs_in *in,
		   const struct ser_pairs *pairs)
{
	static const char *const name[] = {"positive", "negative", "negative_other_speaker", "any_of_one_speaker"};
	struct ser_agree agree[SER_AGREE_N];
	struct ser_outfile out = {.f = stderr};
	struct ser_err e;
	ser_pairs_agree(pairs, in, ser_map_len(p->spk), p->label_of, ser_map_len(p->label), agree);
	if (file != NULL && ser_outfile_open(&out, file, &e) != 0)
		ser_cli_die(c, &e);
	fprintf(out.f, "pair\tn\tsame\tshare\n");
	for (int i = 0; i < SER_AGREE_N; i++) {
		struct ser_agree a = agree[i];
		if (i == SER_AGREE_OTHER && pairs->n_all == pairs->n_neg)
			continue;
		fprintf(out.f, "%s\t%llu\t%llu\t", name[i], (unsigned long long)a.n, (unsigned long long)a.same);
		fprintf(out.f, a.n > 0 ? "%.6f\n" : "\n", (double)a.same / (double)a.n);
	}
	if (file != NULL && ser_outfile_commit(&out, &e) != 0)
		ser_cli_die(c, &e);
}

int main(int argc, char **argv)
{
	static const char *const metrics[] = {"euclidean", "cosine", NULL};
	const char *by = "spk", *name = "cluster", *field = "emb", *report_label = NULL, *report_file = NULL;
	int n_draw = 1, n_pos = 1, n_neg = 1, n_other = 0, n_near = 1, n_hard = 1, per_spk = 0, metric = SER_COSINE;
	double min_margin = 0;
	int64_t seed = 0;
	const struct ser_option opts[] = {
		{"by", "label of the speaker", SER_OPT_STR(&by, "NAME")},
		{"cluster", "integer label of the cluster; records where it is nil or negative take no part",
		 SER_OPT_STR(&name, "NAME")},
		{"draws", "draws of each anchor", SER_OPT_INT(&n_draw, "N", 1, 1000000), .letter = 'n'},
		{"per-speaker", "N draws of each speaker instead, the anchors in turn; 0: --draws of each anchor",
		 SER_OPT_INT(&per_spk, "N", 0, 100000000)},
		{"positives", "positives in a draw: same speaker, same cluster", SER_OPT_INT(&n_pos, "N", 1, 10000)},
		{"negatives", "negatives in a draw: same speaker, another cluster", SER_OPT_INT(&n_neg, "N", 0, 10000)},
		{"other", "further negatives in a draw: another speaker", SER_OPT_INT(&n_other, "N", 0, 10000)},
		{"near", "keep the nearest of N candidates for each positive; 1: no search",
		 SER_OPT_INT(&n_near, "N", 1, 10000)},
		{"hard", "keep the nearest of N candidates for each negative; 1: no search",
		 SER_OPT_INT(&n_hard, "N", 1, 10000)},
		{"field", "tensor [D] that --near and --hard measure", SER_OPT_STR(&field, "NAME")},
		{"metric", "their distance", SER_OPT_CHOICE(&metric, "NAME", metrics)},
		{"min-margin", "leave out records whose NAME_margin (see ser-kmeans --margin) is below X",
		 SER_OPT_REAL(&min_margin, "X", 0, 1)},
		{"seed", "random seed", SER_OPT_I64(&seed, "N", 0, 0), .flags = SER_OPTION_ALWAYS},
		{"report-label",
		 "after sampling, say how often pairs agree in this label, which the sampling never sees",
		 SER_OPT_STR(&report_label, "NAME"), .flags = SER_OPTION_SILENT},
		{"report", "write that table here instead of standard error", SER_OPT_STR(&report_file, "FILE"),
		 .flags = SER_OPTION_SILENT | SER_OPTION_WRITE},
		{0},
	};
	const struct ser_tool tool = {
		"ser-pairs", "Sample anchors with positives and negatives from clusters inside each speaker.",
		"[FILE]...", opts,
		NULL,        SER_CLI_FILTER | SER_CLI_STREAM};
	struct ser_cli c;
	struct ser_err e;
	ser_cli_begin(&c, &tool, argc, argv);
	if (report_file != NULL && report_label == NULL)
		ser_cli_usage(&c, "--report needs --report-label");
	if (report_label != NULL && strcmp(report_label, name) == 0)
		ser_cli_usage(&c, "the label to report on cannot be the cluster that is sampled from");
	const struct ser_pairs_opt o = {
		.n_draw = (size_t)n_draw,
		.n_pos = (size_t)n_pos,
		.n_neg = (size_t)n_neg,
		.n_other = (size_t)n_other,
		.n_near = (size_t)n_near,
		.n_hard = (size_t)n_hard,
		.metric = (enum ser_metric)metric,
		.min_margin = min_margin,
		.per_spk = (size_t)per_spk,
		.seed = (uint64_t)seed,
	};
	struct ser_buf margin_name = {0}, id_text = {0};
	ser_buf_printf(&margin_name, "%s_margin", name);

	struct input p = {.by = by,
			  .cluster_name = name,
			  .margin_name = min_margin > 0 ? margin_name.s : NULL,
			  .field = n_hard > 1 || n_near > 1 ? field : NULL,
			  .report_label = report_label,
			  .id = ser_map_new(),
			  .spk = ser_map_new(),
			  .label = ser_map_new()};
	struct ser_header h;
	read_all(&c, &p, &h);

	const char **id = ser_malloc(p.n, sizeof *id);
	for (size_t i = 0; i < p.n; i++)
		id[i] = ser_map_key(p.id, i, NULL);
	const struct ser_pairs_in pin = {p.n, id, p.spk_of, p.cluster, p.margin, p.x, p.d};
	struct ser_pairs *pairs = ser_pairs_new(&o, &pin, &e);
	if (pairs == NULL)
		ser_cli_die(&c, &e);
	ser_cli_info(
		&c,
		"%zu draw%s, %zu speaker%s; no anchors: %zu below the margin or without cluster, %zu alone in their "
		"cluster, "
		"%zu without another cluster",
		pairs->n, ser_s(pairs->n), pairs->n_spk, ser_s(pairs->n_spk), pairs->n_low, pairs->n_no_pos,
		pairs->n_no_neg);

	struct ser_out *out = ser_out_open(&c);
	struct ser_record r = {0};
	const struct ser_val *emb = ser_header_dim(&h, field),
			     *said = emb != NULL ? ser_val_get(emb, "train_speakers") : NULL;
	if (said != NULL) /* whose voices the clusters were learnt from */
		ser_val_set(&h.arena, &h.extra, "train_speakers", *said);
	h.dims = ser_val_map();
	ser_out_header(out, &h);
	for (size_t i = 0; i < pairs->n; i++) {
		size_t a = pairs->anchor[i];
		id_text.n = 0;
		ser_buf_printf(&id_text, "%s#%zu", id[a], pairs->draw[i]);
		ser_record_clear(&r);
		ser_record_set(&r, "id", ser_str(id_text.s));
		ser_record_set(&r, by, ser_str(ser_map_key(p.spk, p.spk_of[a], NULL)));
		ser_record_set(&r, "anchor", ser_str(id[a]));
		set_ids(&r, "positive", id, pairs->pos + i * pairs->n_pos, pairs->n_pos);
		set_ids(&r, "negative", id, pairs->neg + i * pairs->n_all, pairs->n_all);
		ser_out_record(out, &r);
	}
	ser_out_close(out);
	if (report_label != NULL)
		report(&c, report_file, &p, &pin, pairs);

	ser_pairs_free(pairs);
	ser_record_free(&r);
	ser_header_free(&h);
	ser_buf_free(&margin_name);
	ser_buf_free(&id_text);
	ser_map_free(p.id);
	ser_map_free(p.spk);
	ser_map_free(p.label);
	free(p.spk_of);
	free(p.label_of);
	free(p.cluster);
	free(p.margin);
	free(p.x);
	free(id);
	return ser_cli_end(&c);
}
