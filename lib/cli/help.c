/* SPDX-License-Identifier: MIT */
/* What a tool's rows of options say: to people, and as JSON to programs. */
#include "cli/private.h"

#include <math.h>
#include <string.h>

/* ---- for people ---- */

static void print_option(FILE *f, const struct ser_option *o)
{
	static const char *const types[] = {[SER_OPTION_INT] = "int",
					    [SER_OPTION_I64] = "int",
					    [SER_OPTION_COUNT] = "int",
					    [SER_OPTION_REAL] = "real",
					    [SER_OPTION_SECONDS] = "seconds, or with s, ms or min behind",
					    [SER_OPTION_SIZE] = "bytes"};
	struct ser_buf left = {0}, note = {0}, dflt = {0};
	if (o->help == NULL) /* an old name */
		return;
	if (o->letter != 0)
		ser_buf_printf(&left, "  -%c, --%s", o->letter, o->name);
	else
		ser_buf_printf(&left, "      --%s", o->name);
	if (o->type != SER_OPTION_FLAG)
		ser_buf_printf(&left, " %s", o->arg != NULL ? o->arg : "NAME");
	if (o->type == SER_OPTION_CHOICE)
		for (const char *const *s = o->choices; *s != NULL; s++)
			ser_buf_printf(&note, "%s%s", s == o->choices ? "" : "|", *s);
	else if (o->known != NULL)
		for (size_t i = 0; o->known(i) != NULL; i++)
			ser_buf_printf(&note, "%s%s", i == 0 ? "" : "|", o->known(i));
	else if (o->type != SER_OPTION_FLAG && o->type != SER_OPTION_STR && o->type != SER_OPTION_LIST)
		ser_buf_str(&note, types[o->type]);
	if (o->type == SER_OPTION_LIST)
		ser_buf_str(&note, "may be repeated");
	if (o->lo != 0 || o->hi != 0) {
		char lo[32], hi[32];
		ser_buf_printf(&note, ", %s <= %s", ser_format_real(o->lo, lo), o->arg != NULL ? o->arg : "x");
		if (o->hi > o->lo)
			ser_buf_printf(&note, " <= %s", ser_format_real(o->hi, hi));
	}
	if (o->type != SER_OPTION_LIST && (o->type != SER_OPTION_FLAG || (o->var != NULL && *(bool *)o->var)))
		ser_option_text(o, NULL, &dflt);
	if (left.n < 30)
		fprintf(f, "%-30s%s", left.s, o->help);
	else
		fprintf(f, "%s\n%-30s%s", left.s, "", o->help);
	if (o->flags & SER_OPTION_NEEDED)
		ser_buf_printf(&note, "%sneeded", note.n > 0 ? "; " : "");
	if (dflt.n > 0)
		ser_buf_printf(&note, "%sdefault %s", note.n > 0 ? "; " : "", dflt.s);
	if (note.n > 0)
		fprintf(f, " (%s)", note.s[0] == ',' ? note.s + 2 : note.s);
	fputc('\n', f);
	ser_buf_free(&left);
	ser_buf_free(&note);
	ser_buf_free(&dflt);
}

static void usage_line(FILE *f, const struct ser_cli *c, int mode)
{
	const struct ser_tool *t = c->tool;
	const char *operands = t->operands;
	if (mode >= 0 && t->modes != NULL && t->modes[mode].operands != NULL)
		operands = t->modes[mode].operands;
	fprintf(f, "usage: %s%s%s [OPTION]...%s%s\n", t->name, t->modes != NULL ? " " : "",
		t->modes == NULL ? ""
		: mode >= 0      ? t->modes[mode].name
				 : "MODE",
		*operands != '\0' ? " " : "", operands);
}

void ser_cli_help(struct ser_cli *c, int mode)
{
	struct rows t;
	const struct ser_tool *tool = c->tool;
	usage_line(stdout, c, mode);
	printf("%s\n", mode >= 0 && tool->modes != NULL ? tool->modes[mode].summary : tool->summary);
	if (tool->modes != NULL && mode < 0) {
		printf("\nmodes (%s MODE --help for the options of one):\n", tool->name);
		for (const struct ser_mode *m = tool->modes; m->name != NULL; m++)
			printf("  %-14s%s\n", m->name, m->summary);
	}
	printf("\noptions:\n");
	ser_cli_collect(&t, c, mode);
	for (size_t i = 0; i < t.n; i++)
		print_option(stdout, &t.opt[i]);
	printf("\nSee %s(1).\n", tool->name);
}

void ser_cli_help_part(struct ser_cli *c, int mode, const struct rows *t)
{
	printf("usage: %s %s [OPTION]... + %s [OPTION]...\n%s\n\noptions of a further part:\n", c->tool->name,
	       c->tool->modes[c->mode].name, c->tool->modes[mode].name, c->tool->modes[mode].summary);
	for (size_t i = 0; i < t->n_own; i++)
		print_option(stdout, &t->opt[i]);
}

/* ---- for programs ---- */

static struct ser_val default_of(struct ser_arena *a, const struct ser_option *o)
{
	struct ser_buf b = {0};
	struct ser_val v = ser_nil();
	switch (o->type) {
	case SER_OPTION_FLAG:
		return ser_bool(o->var != NULL && *(const bool *)o->var);
	case SER_OPTION_INT:
		return ser_int(*(const int *)o->var);
	case SER_OPTION_I64:
		return ser_int(*(const int64_t *)o->var);
	case SER_OPTION_COUNT:
	case SER_OPTION_SIZE:
		return ser_int((int64_t) * (const size_t *)o->var);
	case SER_OPTION_REAL:
	case SER_OPTION_SECONDS:
		return ser_real(*(const double *)o->var); /* null where it is not finite */
	case SER_OPTION_LIST:
		return ser_val_list();
	case SER_OPTION_STR:
	case SER_OPTION_CHOICE:
		ser_option_text(o, NULL, &b);
		if (b.n > 0)
			v = ser_str(ser_arena_strndup(a, b.s, b.n));
		ser_buf_free(&b);
	}
	return v;
}

static struct ser_val option_val(struct ser_arena *a, const struct ser_option *o)
{
	static const char *const types[] = {
		[SER_OPTION_FLAG] = "flag",      [SER_OPTION_INT] = "int",   [SER_OPTION_I64] = "int",
		[SER_OPTION_COUNT] = "int",      [SER_OPTION_REAL] = "real", [SER_OPTION_STR] = "string",
		[SER_OPTION_LIST] = "list",      [SER_OPTION_SIZE] = "size", [SER_OPTION_CHOICE] = "choice",
		[SER_OPTION_SECONDS] = "seconds"};
	struct ser_val v = ser_val_map(), values = ser_val_list();
	ser_val_set(a, &v, "name", ser_str(o->name));
	if (o->letter != 0)
		ser_val_set(a, &v, "letter", ser_strn(&o->letter, 1));
	ser_val_set(a, &v, "type", ser_str(types[o->type]));
	if (o->type != SER_OPTION_FLAG)
		ser_val_set(a, &v, "arg", ser_str(o->arg != NULL ? o->arg : "NAME"));
	ser_val_set(a, &v, "help", ser_str(o->help));
	for (const char *const *s = o->choices; s != NULL && *s != NULL; s++)
		ser_val_push(a, &values, ser_str(*s));
	for (size_t i = 0; o->known != NULL && o->known(i) != NULL; i++)
		ser_val_push(a, &values, ser_str(o->known(i)));
	if (values.u.list.n > 0)
		ser_val_set(a, &v, "values", values);
	bool whole = o->type == SER_OPTION_INT || o->type == SER_OPTION_I64 || o->type == SER_OPTION_COUNT ||
		     o->type == SER_OPTION_SIZE;
	if (o->lo != 0 || o->hi != 0)
		ser_val_set(a, &v, "min", whole ? ser_int((int64_t)o->lo) : ser_real(o->lo));
	if (o->hi > o->lo)
		ser_val_set(a, &v, "max", whole ? ser_int((int64_t)o->hi) : ser_real(o->hi));
	ser_val_set(a, &v, "default", default_of(a, o));
	ser_val_set(a, &v, "needed", ser_bool(o->flags & SER_OPTION_NEEDED));
	ser_val_set(a, &v, "changes_output", ser_bool(!(o->flags & SER_OPTION_SILENT)));
	return v;
}

static struct ser_val options_val(struct ser_arena *a, struct ser_cli *c, int mode)
{
	struct rows t;
	struct ser_val list = ser_val_list();
	ser_cli_collect(&t, c, mode);
	for (size_t i = 0; i < t.n; i++)
		if (t.opt[i].help != NULL)
			ser_val_push(a, &list, option_val(a, &t.opt[i]));
	return list;
}

void ser_cli_help_json(struct ser_cli *c, int mode)
{
	const struct ser_tool *tool = c->tool;
	const struct ser_mode *one = mode >= 0 ? &tool->modes[mode] : NULL;
	struct ser_arena a = {0};
	struct ser_buf b = {0};
	struct ser_val all = ser_val_map(), modes = ser_val_list();
	ser_val_set(&a, &all, "tool", ser_str(tool->name));
	ser_val_set(&a, &all, "version", ser_str(SER_VERSION));
	if (one != NULL)
		ser_val_set(&a, &all, "mode", ser_str(one->name));
	ser_val_set(&a, &all, "summary", ser_str(one != NULL ? one->summary : tool->summary));
	ser_val_set(&a, &all, "operands",
		    ser_str(one != NULL && one->operands != NULL ? one->operands : tool->operands));
	for (const struct ser_mode *m = tool->modes; one == NULL && m != NULL && m->name != NULL; m++) {
		struct ser_val v = ser_val_map();
		ser_val_set(&a, &v, "name", ser_str(m->name));
		ser_val_set(&a, &v, "summary", ser_str(m->summary));
		ser_val_push(&a, &modes, v);
	}
	if (modes.u.list.n > 0)
		ser_val_set(&a, &all, "modes", modes);
	ser_val_set(&a, &all, "options", options_val(&a, c, mode));
	ser_val_json(&b, &all, false);
	printf("%s\n", b.s);
	ser_buf_free(&b);
	ser_arena_free(&a);
}
