/* SPDX-License-Identifier: MIT */
/* What a report of trouble should say of the machine, and what there is beside the tools. */
#include "cli/private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

static const char libraries[] =
#include "libraries.inc"
	;

/* Of /proc/cpuinfo, where the machine names its processor there */
static void processor(struct ser_buf *b, const char *machine)
{
	char line[400], name[200];
	FILE *f = fopen("/proc/cpuinfo", "r");
	while (f != NULL && b->n == 0 && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "model name%*[ \t:]%199[^\n]", name) == 1 && ser_utf8_ok(name, strlen(name)))
			ser_buf_str(b, name);
	if (f != NULL)
		fclose(f);
	if (b->n == 0)
		ser_buf_str(b, machine);
	ser_buf_printf(b, ", %ld cores, %.1f GiB of memory", sysconf(_SC_NPROCESSORS_ONLN),
		       (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / 0x1p30);
}

static bool in_path(const char *program)
{
	struct ser_buf b = {0};
	bool found = false;
	for (const char *p = getenv("PATH"); p != NULL && !found;
	     p = strchr(p, ':') != NULL ? strchr(p, ':') + 1 : NULL) {
		b.n = 0;
		ser_buf_printf(&b, "%.*s/%s", (int)strcspn(p, ":"), p, program);
		found = access(b.s, X_OK) == 0;
	}
	ser_buf_free(&b);
	return found;
}

static void add(struct ser_arena *a, struct ser_val *map, const char *name, struct ser_buf *b)
{
	ser_val_set(a, map, name, ser_strn(b->n > 0 ? b->s : "", b->n));
	b->n = 0;
}

struct ser_val ser_cli_env(struct ser_arena *a)
{
	static const struct {
		const char *file, *needs;
	} plugins[] = {{"mpi.so", "training in several processes"}, {"rsvg.so", "PDF and PNG"}};
	static const char *const programs[] = {"jq", "parallel", "make", "espeak-ng", "mpirun", "ssh", "rsync"};
	struct ser_val map = ser_val_map();
	struct ser_buf b = {0};
	struct utsname u;
	if (uname(&u) != 0)
		u = (struct utsname){0};
	ser_buf_printf(&b, "%s", SER_VERSION);
	add(a, &map, "version", &b);
	ser_buf_printf(&b, COMPILER "; %s", libraries);
	add(a, &map, "built_with", &b);
	processor(&b, u.machine);
	add(a, &map, "processor", &b);
	ser_buf_printf(&b, "%s %s, %s", u.sysname, u.release, u.machine);
	add(a, &map, "system", &b);
	ser_confine_describe(&b);
	add(a, &map, "confined_by", &b);
	for (size_t i = 0; i < sizeof plugins / sizeof *plugins; i++) {
		bool there = ser_plugin_there(plugins[i].file);
		ser_buf_printf(&b, "%s%s (%s)%s", i > 0 ? "; " : "", plugins[i].file, plugins[i].needs,
			       there ? "" : " not built");
	}
	add(a, &map, "plug_ins", &b);
	for (int found = 1; found >= 0; found--) {
		for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
			if (in_path(programs[i]) == found)
				ser_buf_printf(&b, "%s%s", b.n > 0 ? " " : "", programs[i]);
		add(a, &map, found ? "programs" : "not_found", &b);
	}
	ser_buf_free(&b);
	return map;
}
