/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "formats/formats.h"
#include "la/la.h"
#include "model/model.h"
#include "stream/inspect.h"
#include "stream/replay.h"

#include <stdlib.h>

enum { SHOWN = 50 }; /* values of a label in the text */

static const char *const kinds[] = {"nil", "boolean", "integer", "real", "string", "tensor"};

/* ---- JSON: an object a file ---- */

static void json_text(struct ser_buf *b, const char *s)
{
	struct ser_val v = ser_str(s);
	ser_val_json(b, &v, false);
}

static void json_real(struct ser_buf *b, const char *name, double x)
{
	struct ser_val v = ser_real(x);
	ser_buf_printf(b, ",\"%s\":", name);
	ser_val_json(b, &v, false);
}

static void json_column(struct ser_buf *b, const struct ser_column_info *c)
{
	size_t n;
	bool first = true;
	ser_buf_printf(b, "{\"records\":%llu,\"kinds\":{", (unsigned long long)c->n);
	for (int k = 0; k <= SER_TENSOR; k++)
		if (c->n_kind[k] > 0) {
			ser_buf_printf(b, "%s\"%s\":%llu", first ? "" : ",", kinds[k],
				       (unsigned long long)c->n_kind[k]);
			first = false;
		}
	ser_buf_str(b, "}");
	if (c->n_kind[SER_TENSOR] > 0 && !c->mixed) {
		ser_buf_printf(b, ",\"dtype\":\"%s\",\"shape\":[", ser_dtype_str(c->dtype));
		for (int i = 0; i < c->ndim; i++)
			ser_buf_printf(b, "%s[%zu,%zu]", i > 0 ? "," : "", c->lo[i], c->hi[i]);
		ser_buf_str(b, "]");
	}
	if (c->range.n > 0) {
		json_real(b, "min", c->range.min);
		json_real(b, "mean", c->range.sum / (double)c->range.n);
		json_real(b, "max", c->range.max);
	}
	if (c->range.n + c->range.n_bad > 0)
		ser_buf_printf(b, ",\"not_finite\":%llu", (unsigned long long)c->range.n_bad);
	if (c->timed)
		json_real(b, "seconds", c->seconds);
	struct ser_value_count *v = ser_column_values(c, &n);
	if (n > 0 && !c->many) {
		ser_buf_str(b, ",\"values\":{");
		for (size_t i = 0; i < n; i++) {
			json_text(b, v[i].s);
			ser_buf_printf(b, ":%llu%s", (unsigned long long)v[i].n, i + 1 < n ? "," : "");
		}
		ser_buf_str(b, "}");
	}
	free(v);
	ser_buf_str(b, "}");
}

static void print_json(const struct ser_in *in, const struct ser_inspect *f, const struct ser_header *h,
		       const char *name, uint64_t n)
{
	struct ser_buf b = {0};
	ser_buf_str(&b, "{\"file\":");
	json_text(&b, name);
	ser_buf_printf(
		&b, ",\"version\":%d,\"records\":%llu,\"segments\":%llu,\"bytes\":%llu,\"prov\":", SER_STREAM_VERSION,
		(unsigned long long)n, (unsigned long long)ser_in_segments(in), (unsigned long long)ser_in_bytes(in));
	ser_val_json(&b, &h->prov, false);
	ser_buf_str(&b, ",\"dims\":");
	ser_val_json(&b, &h->dims, false);
	ser_buf_str(&b, ",\"fields\":{");
	for (size_t i = 0; i < ser_inspect_len(f); i++) {
		ser_buf_str(&b, i > 0 ? "," : "");
		json_text(&b, ser_map_key(f->name, i, NULL));
		ser_buf_str(&b, ":");
		json_column(&b, &f->col[i]);
	}
	ser_buf_str(&b, "}}");
	puts(b.s);
	ser_buf_free(&b);
}

/* ---- text ---- */

/* A provenance, a line a tool; the inputs of a tool that had several are indented above it. */
static void print_prov(struct ser_buf *b, const struct ser_val *prov, int depth)
{
	for (size_t i = 0; prov->kind == SER_LIST && i < prov->u.list.n; i++) {
		const struct ser_val *p = &prov->u.list.v[i], *tool = ser_val_get(p, "tool"),
				     *args = ser_val_get(p, "args");
		const struct ser_val *inputs = ser_val_get(p, "inputs");
		for (size_t k = 0; inputs != NULL && inputs->kind == SER_LIST && k < inputs->u.list.n; k++) {
			ser_buf_printf(b, "  made by  %*sinput %zu:\n", 2 * depth, "", k + 1);
			print_prov(b, &inputs->u.list.v[k], depth + 1);
		}
		ser_buf_printf(b, "  made by  %*s", 2 * depth, "");
		if (tool != NULL && tool->kind == SER_STR)
			ser_val_text(b, tool);
		for (size_t k = 0; args != NULL && args->kind == SER_LIST && k < args->u.list.n; k++) {
			ser_buf_str(b, " ");
			if (args->u.list.v[k].kind <= SER_STR)
				ser_val_text(b, &args->u.list.v[k]);
		}
		ser_buf_str(b, "\n");
	}
}

static void print_column(struct ser_buf *b, const struct ser_column_info *c, uint64_t n_record)
{
	if (c->n_kind[SER_TENSOR] > 0 && c->mixed)
		ser_buf_str(b, "tensors of several kinds");
	else if (c->n_kind[SER_TENSOR] > 0)
		ser_buf_printf(b, "%s [", ser_dtype_str(c->dtype));
	for (int i = 0; c->n_kind[SER_TENSOR] > 0 && !c->mixed && i < c->ndim; i++)
		ser_buf_printf(b, c->lo[i] == c->hi[i] ? "%s%zu" : "%s%zu..%zu", i > 0 ? "," : "", c->lo[i], c->hi[i]);
	if (c->n_kind[SER_TENSOR] > 0 && !c->mixed)
		ser_buf_str(b, "]");
	for (int k = 0; k < SER_TENSOR; k++)
		if (c->n_kind[k] > 0)
			ser_buf_printf(b, "%s%s", b->n > 0 ? ", " : "", kinds[k]);
	if (c->n != n_record)
		ser_buf_printf(b, ", in %llu records", (unsigned long long)c->n);
	if (c->range.n > 0)
		ser_buf_printf(b, ", min %.6g mean %.6g max %.6g", c->range.min, c->range.sum / (double)c->range.n,
			       c->range.max);
	if (c->range.n_bad > 0)
		ser_buf_printf(b, ", %llu not finite", (unsigned long long)c->range.n_bad);
	if (c->timed)
		ser_buf_printf(b, ", %.2f s", c->seconds);
	size_t n = ser_map_len(c->value);
	if (c->many)
		ser_buf_printf(b, ", more than %d values", SER_COLUMN_VALUES);
	else if (n > 0)
		ser_buf_printf(b, ", %zu value%s", n, n > 1 ? "s" : "");
	struct ser_value_count *v = n <= SHOWN ? ser_column_values(c, &n) : NULL;
	for (size_t i = 0; v != NULL && i < n; i++)
		ser_buf_printf(b, "%s%s %llu", i > 0 ? ", " : ": ", v[i].s, (unsigned long long)v[i].n);
	free(v);
}

static void print_text(const struct ser_in *in, const struct ser_inspect *f, const struct ser_header *h,
		       const char *name, uint64_t n)
{
	struct ser_buf b = {0};
	ser_buf_printf(&b, "%s: version %d, %llu records, %llu segment%s, %llu bytes\n", name, SER_STREAM_VERSION,
		       (unsigned long long)n, (unsigned long long)ser_in_segments(in), ser_s(ser_in_segments(in)),
		       (unsigned long long)ser_in_bytes(in));
	print_prov(&b, &h->prov, 0);
	for (size_t i = 0; i < h->dims.u.map.n; i++) {
		ser_buf_printf(&b, "  dims     %.*s ", (int)h->dims.u.map.f[i].name_len, h->dims.u.map.f[i].name);
		ser_val_brief(&b, &h->dims.u.map.f[i].val);
		ser_buf_str(&b, "\n");
	}
	fwrite(b.s, 1, b.n, stdout);
	for (size_t i = 0; i < ser_inspect_len(f); i++) {
		b.n = 0;
		print_column(&b, &f->col[i], n);
		for (size_t k = 0; k < b.n; k++) /* what could move a terminal's cursor is shown as dots */
			for (size_t raw = ser_utf8_control(b.s + k, b.n - k); raw > 0; raw--, k += raw > 0)
				b.s[k] = '.';
		printf("  field    %-9s %s\n", ser_map_key(f->name, i, NULL), b.s);
	}
	ser_buf_free(&b);
}

static void print_replay(struct ser_cli *c, const struct ser_in *in, const struct ser_header *h)
{
	struct ser_buf b = {0};
	struct ser_err e;
	if (ser_replay(&h->prov, ser_in_segments(in), &b, &e) != 0) {
		ser_fail_in(&e, "%s", ser_in_name(in));
		ser_cli_die(c, &e);
	}
	fwrite(b.s, 1, b.n, stdout);
	ser_buf_free(&b);
}

static void one_file(struct ser_cli *c, char *name, bool json, bool replay)
{
	struct ser_in *in = ser_in_files(c, &name, name != NULL);
	struct ser_inspect f = {0};
	struct ser_record r = {0};
	struct ser_header h;
	struct ser_err e;
	bool segment;
	uint64_t n = 0;
	ser_header_copy(&h, ser_in_header(in));
	for (; ser_in_next(in, &r, &segment); n++) {
		if (segment && ser_header_merge(&h, ser_in_header(in), &e) != 0) {
			ser_fail_in(&e, "%s", ser_in_name(in));
			ser_cli_die(c, &e);
		}
		ser_inspect_add(&f, &r, ser_in_header(in));
	}
	if (replay)
		print_replay(c, in, &h);
	else
		(json ? print_json : print_text)(in, &f, &h, ser_in_name(in), n);
	ser_inspect_free(&f);
	ser_header_free(&h);
	ser_record_free(&r);
	ser_in_close(in);
}

/* A file that is no stream: what it is and who reads it, and of a model as much of itself. */
static bool other_file(struct ser_cli *c, const char *name, bool json, bool replay)
{
	struct ser_model *m;
	struct ser_buf is = {0}, b = {0};
	struct ser_err e;
	enum ser_guess g = ser_guess(name, &is, &e);
	if (g == SER_GUESS_BROKEN)
		ser_cli_die(c, &e);
	if (g != SER_GUESS_NONE && replay)
		ser_cli_fail(c, SER_EDATA, "%s: %s; not a stream", name, is.s);
	if (g != SER_GUESS_NONE && json) {
		ser_buf_str(&b, "{\"file\":");
		json_text(&b, name);
		ser_buf_str(&b, ",\"is\":");
		json_text(&b, is.s);
		ser_buf_str(&b, "}\n");
	} else if (g != SER_GUESS_NONE) {
		ser_buf_printf(&b, "%s: %s%s\n", name, is.s, g == SER_GUESS_MODEL ? "; more by ser-model show" : "");
	}
	if (g == SER_GUESS_MODEL && !json) {
		if (ser_model_load(&m, name, &e) != 0)
			ser_cli_die(c, &e);
		ser_model_describe(m, &b);
		ser_model_free(m);
	}
	if (b.n > 0)
		fwrite(b.s, 1, b.n, stdout);
	ser_buf_free(&is);
	ser_buf_free(&b);
	return g != SER_GUESS_NONE;
}

/* ---- the processor ---- */

/* What products reach on one core, and of how much. */
static void print_rate(enum ser_la_precision p, bool json)
{
	struct ser_la *la = ser_la_new(1);
	if (ser_la_set_precision(la, p)) {
		double rate = ser_la_measure(la) / 1e9, limit = ser_la_limit(p) / 1e9;
		const char *name = ser_la_precisions[p];
		if (json)
			printf(limit > 0 ? ",\"%s\":{\"gflops\":%.1f,\"limit\":%.1f}" : ",\"%s\":{\"gflops\":%.1f}",
			       name, rate, limit);
		else if (limit > 0)
			printf("%-12s %.1f GFLOP/s on one core, %.0f %% of the %.1f that multiply-adds in registers "
			       "do\n",
			       name, rate, 100 * rate / limit, limit);
		else
			printf("%-12s %.1f GFLOP/s on one core\n", name, rate);
	}
	ser_la_free(la);
}

static void print_cpu(bool json)
{
	char text[200];
	struct ser_buf b = {0};
	ser_la_describe(text, sizeof text);
	json_text(&b, text);
	printf(json ? "{\"kernels\":%s" : "kernels      %s\n", json ? b.s : text);
	print_rate(SER_LA_FULL, json);
	print_rate(SER_LA_BF16, json);
	if (json)
		puts("}");
	ser_buf_free(&b);
}

static void print_env(bool json, bool kernels)
{
	struct ser_arena a = {0};
	struct ser_val env = ser_cli_env(&a);
	struct ser_buf b = {0};
	char text[200];
	ser_la_describe(text, sizeof text);
	if (kernels) /* which --cpu says, too */
		ser_val_set(&a, &env, "kernels", ser_str(text));
	if (json) {
		ser_val_json(&b, &env, false);
		puts(b.s);
	} else {
		for (size_t i = 0; i < env.u.map.n; i++)
			printf("%-12s %s\n", env.u.map.f[i].name, env.u.map.f[i].val.u.str.s);
	}
	ser_buf_free(&b);
	ser_arena_free(&a);
}

int main(int argc, char **argv)
{
	bool json = false, replay = false, cpu = false, env = false;
	const struct ser_option opts[] = {
		{"json", "a JSON object for each file", SER_OPT_FLAG(&json), .letter = 'j'},
		{"replay", "a shell script of the commands that made the stream", SER_OPT_FLAG(&replay)},
		{"cpu", "say which matrix kernels run here and how fast, and read nothing", SER_OPT_FLAG(&cpu)},
		{"env", "say what the tools are built with and what there is beside them, and read nothing",
		 SER_OPT_FLAG(&env)},
		{0},
	};
	const struct ser_tool tool = {"ser-info",  "Check a stream from end to end and say what is in it.",
				      "[FILE]...", opts,
				      NULL,        SER_CLI_IN | SER_CLI_LOOSE};
	struct ser_cli c;
	ser_cli_begin(&c, &tool, argc, argv);
	if (replay && (json || c.n_operand > 1))
		ser_cli_usage(&c, "--replay is of one stream, and no JSON");
	if ((cpu || env) && (replay || c.n_operand > 0))
		ser_cli_usage(&c, "--%s reads no file", cpu ? "cpu" : "env");
	if (!env)
		ser_cli_confine(&c);
	if (env)
		print_env(json, !cpu);
	if (cpu)
		print_cpu(json);
	if (!env && !cpu && c.n_operand == 0)
		one_file(&c, NULL, json, replay);
	for (int i = 0; i < c.n_operand; i++)
		if (!other_file(&c, c.operand[i], json, replay))
			one_file(&c, c.operand[i], json, replay);
	return ser_cli_end(&c);
}
