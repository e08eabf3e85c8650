/* SPDX-License-Identifier: MIT */
/* The rows of the tables, and what each is compared with: its files, and its clean run. */
#include "torture/torture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct row row[MAX_ROW];
int n_row;

/* ---- tables ---- */

/* A row's fields, parted by tabs; those that are missing are empty. */
static void add_row(const char *line)
{
	char *field[7];
	const char *s = line;
	for (int i = 0; i < 7; i++) {
		size_t n = i < 6 ? strcspn(s, "\t") : strlen(s);
		field[i] = ser_strndup(s, n);
		s += n + (s[n] == '\t');
	}
	if (n_row == MAX_ROW)
		die("too many rows", NULL);
	int again = 1;
	for (int i = 0; i < n_row; i++)
		again += strncmp(row[i].name, field[0], strlen(field[0])) == 0 &&
			 strchr("~", row[i].name[strlen(field[0])]) != NULL;
	struct row *r = &row[n_row++];
	struct ser_buf b = {0};
	ser_buf_str(&b, field[0]);
	if (again > 1)
		ser_buf_printf(&b, "~%d", again);
	*r = (struct row){.name = b.s,
			  .tool = ser_strndup(field[0], strcspn(field[0], " ")),
			  .in = field[1],
			  .state = strchr(field[2], ':') != NULL ? strchr(field[2], ':') + 1 : NULL,
			  .fail = field[3][0] == '2' ? 2 : 1,
			  .args = field[5],
			  .setup = field[6]};
	free(field[4]);
}

static void read_table(const char *path)
{
	char *s;
	size_t n;
	slurp(path, &s, &n);
	for (char *line = s, *nl; (nl = strchr(line, '\n')) != NULL; line = nl + 1) {
		*nl = '\0';
		if (*line != '#' && *line != '\0')
			add_row(line);
	}
	free(s);
}

/* Tools that the first table, of n_first rows, leaves out take a stream and no arguments, unless they have modes. */
static void add_plain_tools(const char *bindir, int n_first)
{
	DIR *d = opendir(bindir);
	if (d == NULL)
		die("cannot open", bindir);
	for (struct dirent *de; (de = readdir(d)) != NULL;) {
		bool there = strncmp(de->d_name, "ser-", 4) != 0;
		for (int i = 0; i < n_row && !there; i++)
			there = strcmp(row[i].tool, de->d_name) == 0 &&
				(i < n_first || strchr(row[i].name, ' ') != NULL);
		if (there)
			continue;
		struct ser_buf b = {0};
		ser_buf_printf(&b, "%s\tstream\tstdout\t1\t-\t", de->d_name);
		add_row(b.s);
		ser_buf_free(&b);
	}
	closedir(d);
}

static int rows_by_name(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->name, ((const struct row *)b)->name);
}

void rows_read(const char *bindir, char *const *table, int n_table)
{
	int n_first = 0;
	for (int i = 0; i < n_table; i++) {
		read_table(table[i]);
		n_first = i == 0 ? n_row : n_first;
	}
	add_plain_tools(bindir, n_first);
	qsort(row, (size_t)n_row, sizeof row[0], rows_by_name);
}

/* ---- preparing a row ---- */

void tidy(struct row *r)
{
	struct files now;
	list_files(&now, r->dir);
	for (int i = now.n; i-- > 0;)
		if (file_find(&r->before, now.f[i].name) == NULL) {
			char *p = join(r->dir, now.f[i].name);
			remove(p);
			free(p);
		}
	files_free(&now);
}

static char *shell(const char *dir, const char *script, const char *log)
{
	char *to = join(here.work, log), *s = NULL;
	size_t n;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0666), null = open("/dev/null", O_RDWR);
		if (fd < 0 || null < 0 || dup2(null, 0) < 0 || dup2(fd, 1) < 0 || dup2(null, 2) < 0 || chdir(dir) != 0)
			_exit(126);
		execlp("bash", "bash", "-euo", "pipefail", "-c", script, (char *)NULL);
		_exit(127);
	}
	int status;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		slurp(to, &s, &n);
	free(to);
	return s;
}

static void add_target(struct row *r, const char *name, const char *path)
{
	struct stat st;
	if (r->n_target == MAX_TARGET || stat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return;
	for (int i = 0; i < r->n_target; i++)
		if (strcmp(r->target[i].name, name) == 0)
			return;
	struct target *t = &r->target[r->n_target++];
	*t = (struct target){.name = ser_strdup(name), .path = ser_strdup(path), .time = {st.st_atim, st.st_mtim}};
	slurp(path, &t->s, &t->n);
	size_t dot = strlen(name);
	t->checked = whole_stream(t->s, t->n) || (dot > 3 && strcmp(name + dot - 3, ".st") == 0);
}

/* Its directory, with what its set-up makes in it, and its command. */
static bool set_up(struct row *r)
{
	struct ser_buf b = {0};
	r->dir = join(here.work, "row");
	if (mkdir(r->dir, 0777) != 0)
		die("cannot make", r->dir);
	ser_buf_printf(&b,
		       "small='-n 8 --speakers 2 --frames 3 --bins 1'\n"
		       "mkstream $small >good.ser; mkstream $small --seed 2 >other.ser\n%s\n"
		       "[ -e good.in ] || cp good.ser good.in\n"
		       "for f in *.ser good.in; do if ser-cat \"$f\" >re 2>/dev/null; then mv re \"$f\"; else rm re; "
		       "fi; done\n"
		       "argv=(%s)\nprintf '%%s\\n' \"${argv[@]}\"",
		       r->setup, r->args);
	char *words = shell(r->dir, b.s, "setup");
	ser_buf_free(&b);
	if (words == NULL)
		return false;
	r->argv = ser_calloc(strlen(words) + 4, sizeof *r->argv);
	r->argv[r->n_arg++] = r->tool;
	char *mode = strchr(r->name, ' ');
	if (mode != NULL)
		r->argv[r->n_arg++] = ser_strndup(mode + 1, strcspn(mode + 1, "~"));
	for (char *s = words, *nl; (nl = strchr(s, '\n')) != NULL; s = nl + 1) {
		*nl = '\0';
		if (*s != '\0')
			r->argv[r->n_arg++] = s;
	}
	list_files(&r->before, r->dir);
	return true;
}

/* Standard input, what the command line names, and the sounds of a manifest. */
static void find_targets(struct row *r)
{
	if (strcmp(r->in, "none") != 0) {
		char *p = join(r->dir, "good.in");
		add_target(r, "-", p);
		free(p);
	}
	for (int i = 0; i < r->before.n; i++) {
		const char *name = r->before.f[i].name;
		char *p = join(r->dir, name);
		bool audio = strcmp(r->in, "text") == 0 && strstr(name, ".wav") != NULL;
		for (size_t a = 1; a < r->n_arg; a++) {
			size_t len = strlen(r->argv[a]);
			if (strcmp(r->argv[a], name) == 0 ||
			    (strncmp(r->argv[a], name, len) == 0 && name[len] == '/') || audio)
				add_target(r, name, p);
		}
		free(p);
	}
}

/* What the command gives when it is left alone: all cases are held against that. */
static bool run_clean(struct row *r)
{
	struct run x = {.clean = true};
	struct files now;
	run(r, &x);
	r->status = WIFEXITED(x.status) ? WEXITSTATUS(x.status) : -1;
	memcpy(r->n_call, x.n_call, sizeof r->n_call);
	r->n_alloc = here.shim->n_alloc;
	r->stdout_s = x.out;
	r->stdout_n = x.out_n;
	r->stdout_stream = whole_stream(x.out, x.out_n);
	bool ok = r->status == 0 || (r->fail == 2 && r->status == 1);
	if (!ok || opt.verbose)
		printf("%s %s: undisturbed: status %d, %zu bytes: %.*s\n", r->name, r->args, r->status, r->stdout_n,
		       (int)strcspn(x.err, "\n"), x.err);
	list_files(&now, r->dir);
	for (int i = 0; i < now.n; i++)
		if (file_find(&r->before, now.f[i].name) == NULL) {
			struct file *f = &r->made.f[r->made.n++];
			*f = (struct file){.name = ser_strdup(now.f[i].name), .st = now.f[i].st};
			char *p = join(r->dir, f->name);
			if (S_ISREG(f->st.st_mode))
				slurp(p, &f->s, &f->n);
			free(p);
		}
	files_free(&now);
	tidy(r);
	free(x.err);
	return ok;
}

/* Does it give the same again? */
static bool run_twice(struct row *r)
{
	struct run x = {.clean = true};
	bool state;
	run(r, &x);
	enum outcome o = judge(r, &x, &state);
	if (o != SAME)
		printf("%s: the clean run, again: %s\n", r->name, outcome_name[o]);
	tidy(r);
	run_free(&x);
	return o == SAME;
}

bool prepare(struct row *r)
{
	if (!set_up(r))
		return false;
	find_targets(r);
	return run_clean(r) && run_twice(r);
}
