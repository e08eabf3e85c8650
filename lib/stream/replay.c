/* SPDX-License-Identifier: MIT */
#include "stream/replay.h"

#include <string.h>

struct replay {
	struct ser_buf args, checks, body; /* of the script: what its arguments are; versions and files; commands */
	struct ser_map *checked;
	size_t n_arg, n_tmp;
	bool sole; /* there is one argument: it may be several files then, with options in front */
	struct ser_err *e;
};

/* ---- words of a shell ---- */

static bool plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("_./:=,+@%-", c) != NULL);
}

static void quote(struct ser_buf *b, const char *s, size_t n)
{
	size_t k = 0;
	while (k < n && plain(s[k]))
		k++;
	if (n > 0 && k == n) {
		ser_buf_add(b, s, n);
		return;
	}
	ser_buf_str(b, "'");
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i], next = i + 1 < n ? (unsigned char)s[i + 1] : 0;
		if (c == '\'')
			ser_buf_str(b, "'\\''");
		else if ((c < 0x20 && c != '\t' && c != '\n') ||
			 c == 0x7f) /* would move the cursor of who looks at it */
			ser_buf_printf(b, "'\"$(printf '\\%03o')\"'", c);
		else if (c == 0xc2 && next >= 0x80 && next < 0xa0) /* so would these, U+0080 to U+009F */
			ser_buf_printf(b, "'\"$(printf '\\302\\%03o')\"'", (unsigned char)s[++i]);
		else
			ser_buf_add(b, &s[i], 1);
	}
	ser_buf_str(b, "'");
}

/* ---- one tool ---- */

static bool is_ours(const struct ser_val *entry)
{
	const struct ser_val *tool = ser_val_get(entry, "tool");
	if (tool == NULL || tool->kind != SER_STR || tool->u.str.n < 5 || memcmp(tool->u.str.s, "ser-", 4) != 0)
		return false;
	for (size_t i = 4; i < tool->u.str.n; i++)
		if (!((tool->u.str.s[i] >= 'a' && tool->u.str.s[i] <= 'z') ||
		      (tool->u.str.s[i] >= '0' && tool->u.str.s[i] <= '9')))
			return false;
	return true;
}

static bool are_strings(const struct ser_val *v)
{
	for (size_t i = 0; v->kind == SER_LIST && i < v->u.list.n; i++)
		if (v->u.list.v[i].kind != SER_STR)
			return false;
	return v->kind == SER_LIST;
}

/* An option, shortened or not, that names a file to be written: SER_OPTION_WRITE. No tool puts one into a provenance, and a script
 * that had it would write wherever the stream says. */
static bool writes(const char *s, size_t n)
{
	static const char *const names[] = {"output", "ids", "scp", "log", "checkpoint", "centroids", "report", "fit"};
	const char *eq = memchr(s, '=', n);
	if (n < 3 || memcmp(s, "--", 2) != 0 || eq == NULL)
		return false;
	size_t len = (size_t)(eq - s) - 2;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (len > 0 && len <= strlen(names[i]) && memcmp(s + 2, names[i], len) == 0)
			return true;
	return false;
}

/* "option": "sum size", of a file that the option names. */
static void check_file(struct replay *r, const struct ser_val *args, const struct ser_field *f)
{
	for (size_t i = 0; i < args->u.list.n; i++) {
		const char *s = args->u.list.v[i].u.str.s;
		size_t n = args->u.list.v[i].u.str.n, head = f->name_len + 3;
		if (n < head || memcmp(s, "--", 2) != 0 || memcmp(s + 2, f->name, f->name_len) != 0 ||
		    s[head - 1] != '=')
			continue;
		ser_buf_str(&r->checks, "file ");
		quote(&r->checks, s + head, n - head);
		ser_buf_str(&r->checks, " ");
		quote(&r->checks, f->val.u.str.s, f->val.u.str.n);
		ser_buf_str(&r->checks, "\n");
	}
}

static int command(struct replay *r, const struct ser_val *entry)
{
	const struct ser_val *tool = ser_val_get(entry, "tool"), *version = ser_val_get(entry, "version"),
			     *args = ser_val_get(entry, "args"), *files = ser_val_get(entry, "files");
	struct ser_buf need = {0};
	bool is_new, operand = false;
	if (version == NULL || version->kind != SER_STR || args == NULL || !are_strings(args))
		return ser_fail(r->e, SER_EDATA, "the provenance of %.*s is without version or args",
				(int)tool->u.str.n, tool->u.str.s);
	for (size_t i = 0; i < args->u.list.n; i++) {
		const struct ser_val *v = &args->u.list.v[i];
		if (writes(v->u.str.s, v->u.str.n))
			return ser_fail(r->e, SER_EDATA, "the provenance of %.*s has \"%.*s\", which writes a file",
					(int)tool->u.str.n, tool->u.str.s, (int)(v->u.str.n < 200 ? v->u.str.n : 200),
					v->u.str.s);
	}
	ser_buf_str(&need, "tool ");
	quote(&need, tool->u.str.s, tool->u.str.n);
	ser_buf_str(&need, " ");
	quote(&need, version->u.str.s, version->u.str.n);
	ser_buf_str(&need, "\n");
	ser_map_add(r->checked, need.s, need.n, &is_new);
	if (is_new)
		ser_buf_add(&r->checks, need.s, need.n);
	ser_buf_free(&need);
	for (size_t i = 0; files != NULL && files->kind == SER_MAP && i < files->u.map.n; i++)
		if (files->u.map.f[i].val.kind == SER_STR)
			check_file(r, args, &files->u.map.f[i]);
	quote(&r->body, tool->u.str.s, tool->u.str.n);
	for (size_t i = 0; i < args->u.list.n; i++) {
		const char *s = args->u.list.v[i].u.str.s;
		size_t n = args->u.list.v[i].u.str.n;
		if (!operand && n > 0 && s[0] == '-' && (memchr(s, '=', n) == NULL || strncmp(s, "--", 2) != 0)) {
			ser_buf_str(&r->body, " --"); /* what follows is no option, though it begins like one */
			operand = true;
		}
		ser_buf_str(&r->body, " ");
		quote(&r->body, s, n);
	}
	return 0;
}

/* ---- inputs ---- */

/* A further argument of the script, as an operand; by is NULL or the tool that made the stream. */
static void argument(struct replay *r, struct ser_buf *operands, const char *what, const struct ser_val *by)
{
	r->n_arg++;
	if (r->sole) {
		ser_buf_str(operands, " \"$@\"");
		ser_buf_printf(&r->args, "#   $@  %s", what);
	} else {
		ser_buf_printf(operands, " \"${%zu}\"", r->n_arg);
		ser_buf_printf(&r->args, "#   $%zu  %s", r->n_arg, what);
	}
	if (by != NULL) {
		ser_buf_str(&r->args, " ");
		ser_val_json(&r->args, by, false); /* which has no line end */
	}
	ser_buf_str(&r->args, "\n");
}

/* Did the tool read another format? What had made that is told by its file, and is behind us. */
static bool imports(const struct ser_val *entry)
{
	const struct ser_val *args = ser_val_get(entry, "args");
	if (!ser_val_is_str(ser_val_get(entry, "tool"), "ser-cat") || args == NULL || !are_strings(args))
		return false;
	for (size_t i = 0; i < args->u.list.n; i++)
		if (args->u.list.v[i].u.str.n > 7 && memcmp(args->u.list.v[i].u.str.s, "--from=", 7) == 0)
			return true;
	return false;
}

/* Of a list: where to begin, behind tools that are none of ours and at an entry that tells its inputs or had none that are
 * streams. */
static size_t first_of(const struct ser_val *prov)
{
	const struct ser_val *v = prov->u.list.v;
	size_t first = prov->u.list.n;
	while (first > 0 && is_ours(&v[first - 1]) &&
	       (first == prov->u.list.n || (ser_val_get(&v[first], "inputs") == NULL && !imports(&v[first]))))
		first--;
	return first;
}

/* Streams one after another that no tool has read since: ser_header_merge() */
static const struct ser_val *side_by_side(const struct ser_val *prov)
{
	bool one = prov->u.list.n == 1 && ser_val_get(&prov->u.list.v[0], "tool") == NULL;
	return one ? ser_val_get(&prov->u.list.v[0], "inputs") : NULL;
}

static int pipeline(struct replay *r, const struct ser_val *prov, size_t tmp);

/* The streams of these provenances as operands: arguments, and what pipelines leave in files. */
static int inputs_of(struct replay *r, const struct ser_val *inputs, struct ser_buf *operands)
{
	for (size_t k = 0; inputs->kind == SER_LIST && k < inputs->u.list.n; k++) {
		const struct ser_val *p = &inputs->u.list.v[k];
		if (p->kind != SER_LIST)
			return ser_fail(r->e, SER_EDATA, "the provenance of an input is no list");
		if (first_of(p) == p->u.list.n && side_by_side(p) == NULL) {
			argument(r, operands, p->u.list.n > 0 ? "a stream of" : "a stream without provenance",
				 p->u.list.n > 0 ? ser_val_get(&p->u.list.v[p->u.list.n - 1], "tool") : NULL);
			continue;
		}
		size_t tmp = ++r->n_tmp;
		if (pipeline(r, p, tmp) != 0)
			return r->e->code;
		ser_buf_printf(operands, " \"$tmp/%zu\"", tmp);
	}
	return 0;
}

/* What the tool that begins a pipeline reads. */
static int sources(struct replay *r, const struct ser_val *prov, size_t first, struct ser_buf *operands)
{
	const struct ser_val *entry = &prov->u.list.v[first], *inputs = ser_val_get(entry, "inputs");
	const struct ser_val *tool = ser_val_get(entry, "tool");
	if (inputs != NULL)
		return inputs_of(r, inputs, operands);
	if (first > 0 && !imports(entry))
		argument(r, operands, "a stream of", ser_val_get(&prov->u.list.v[first - 1], "tool"));
	else
		argument(r, operands, "what was read by", tool);
	return 0;
}

/* The commands of one list, their output to file `tmp`, 0: standard output. */
static int pipeline(struct replay *r, const struct ser_val *prov, size_t tmp)
{
	size_t first = first_of(prov);
	const struct ser_val *side = side_by_side(prov);
	struct ser_buf operands = {0};
	/* the commands that make its inputs come before it */
	int rc = side != NULL ? inputs_of(r, side, &operands) : sources(r, prov, first, &operands);
	if (rc == 0 && side != NULL) {
		ser_buf_str(&r->body, "ser-cat");
		ser_buf_add(&r->body, operands.s, operands.n);
	}
	for (size_t i = first; i < prov->u.list.n && rc == 0; i++) {
		const struct ser_val *entry = &prov->u.list.v[i];
		ser_buf_str(&r->body, i > first ? " |\n\t" : "");
		rc = command(r, entry);
		if (i == first)
			ser_buf_add(&r->body, operands.s, operands.n);
		if (ser_val_is_str(ser_val_get(entry, "tool"), "ser-join") && ser_val_get(entry, "inputs") == NULL) {
			ser_buf_str(&r->body, i > first ? " -" : "");
			argument(r, &r->body, "the table, or stream of like provenance, that was joined by",
				 ser_val_get(entry, "tool"));
		}
	}
	if (tmp > 0)
		ser_buf_printf(&r->body, " >\"$tmp/%zu\"", tmp);
	ser_buf_str(&r->body, "\n");
	ser_buf_free(&operands);
	return rc;
}

/* ---- the script ---- */

static const char TOOL[] = "tool() { # NAME VERSION: is the tool of the version that it was?\n"
			   "\tcase $(\"$1\" --version) in\n"
			   "\t*\" $2\") ;;\n"
			   "\t*) echo \"replay: $1 was of version $2, this is $(\"$1\" --version)\" >&2; exit 1 ;;\n"
			   "\tesac\n"
			   "}\n";
static const char FILES[] = "file() { # NAME SUM: is the file what it was, by cksum(1)?\n"
			    "\tif [ \"$(cksum <\"$1\")\" != \"$2\" ]; then\n"
			    "\t\techo \"replay: $1 is not the file that was read\" >&2\n"
			    "\t\texit 1\n"
			    "\tfi\n"
			    "}\n";

static void forget(struct replay *r)
{
	ser_buf_free(&r->args);
	ser_buf_free(&r->checks);
	ser_buf_free(&r->body);
	ser_map_free(r->checked);
}

int ser_replay(const struct ser_val *prov, uint64_t n_segment, struct ser_buf *b, struct ser_err *e)
{
	struct ser_err own;
	struct replay r = {.checked = ser_map_new(), .e = e != NULL ? e : &own};
	size_t n = prov->kind == SER_LIST ? prov->u.list.n : 0;
	if (n == 0 || (!is_ours(&prov->u.list.v[n - 1]) && side_by_side(prov) == NULL)) {
		forget(&r);
		return ser_fail(e, SER_EDATA, "its provenance names no tool that could make it again");
	}
	int rc = pipeline(&r, prov, 0);
	if (rc == 0 && r.n_arg == 1) { /* known now: once more */
		forget(&r);
		r = (struct replay){.checked = ser_map_new(), .e = r.e, .sole = true};
		rc = pipeline(&r, prov, 0);
	}
	if (rc == 0) {
		ser_buf_str(b, "#!/bin/sh\n# Makes a stream again, on standard output, by the commands of its "
			       "provenance. They are what the stream says:\n# look at them before they run. "
			       "Arguments:\n");
		ser_buf_add(b, r.args.s, r.args.n);
		if (r.sole)
			ser_buf_str(b, "# It may be several files, with options in front that say where they are.\n");
		if (n_segment > 1 && is_ours(&prov->u.list.v[n - 1]))
			ser_buf_printf(b, "# The stream has %llu segments; this is what ser-cat --merge makes of it.\n",
				       (unsigned long long)n_segment);
		ser_buf_str(b, "set -eu\n");
		ser_buf_printf(
			b, "if [ $# %s %zu ]; then\n\techo \"replay: expected %s%zu argument%s\" >&2\n\texit 2\nfi\n",
			r.sole ? "-lt" : "-ne", r.n_arg, r.sole ? "at least " : "", r.n_arg, ser_s(r.n_arg));
		ser_buf_str(b, TOOL);
		if (strstr(r.checks.s != NULL ? r.checks.s : "", "file ") != NULL)
			ser_buf_str(b, FILES);
		ser_buf_add(b, r.checks.s, r.checks.n);
		if (r.n_tmp > 0)
			ser_buf_str(b, "tmp=$(mktemp -d)\ntrap 'rm -rf \"$tmp\"' EXIT\n");
		ser_buf_add(b, r.body.s, r.body.n);
	}
	forget(&r);
	return rc;
}
