/* SPDX-License-Identifier: MIT */
/* torture: every tool under every fault. Reads tables as tests/cli/contract.tab has them (see there), prepares each row in a
 * directory of its own, runs its command once undisturbed, then once for each case, and judges what came of it by the status, the
 * bytes written and what is left in the directory. PATH has the tools and mkstream, ROOT is the top of the source tree. */
#include "torture/torture.h"
#include "stream/stream.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char *const kind_name[N_KIND] = {"cut",        "flip",        "closed",     "full",        "write-error",
				       "read-error", "interrupted", "short-read", "short-write", "no-open",
				       "no-map",     "alloc-once",  "alloc",      "kill"};
const char *const outcome_name[N_OUTCOME] = {"same",    "refused",   "other", "library", "ended", "CRASH",
					     "HANG",    "SANITIZER", "WRONG", "WHOLE",   "HALF",  "LITTER",
					     "CHANGED", "STATUS",    "MUTE",  "AGAIN"};

enum { MAX_ROW = 128, MAX_TARGET = 24, MAX_FILE = 256, LONG = 2048, EDGE = 256, ALL_BITS = 24 };

/* ---- files ---- */

struct file {
	char *name; /* below the row's directory */
	char *s;    /* its bytes, of what a command wrote; NULL for what was there before */
	size_t n;
	struct stat st;
};
struct files {
	struct file f[MAX_FILE];
	int n;
};

/* An input that is cut or changed. */
struct target {
	char *name; /* "-": standard input */
	char *path;
	char *s;
	size_t n;
	struct timespec time[2];
	bool checked; /* has a checksum over all of it: no damage may pass */
};

struct row {
	char *name; /* tool and mode, and ~N from the second of that name */
	char *tool;
	char *in, *args, *setup;
	char *state; /* files, parted by commas, that a command which fails may leave for the next */
	int fail;
	char *dir;
	char **argv;
	struct target target[MAX_TARGET];
	int n_target;
	struct files before, made; /* what was there, and what the clean run added */
	char *stdout_s;            /* of the clean run */
	size_t stdout_n;
	bool stdout_stream;
	int status;
	uint64_t n_call[N_CALL], n_alloc;
};

/* What all workers share. */
struct tally {
	_Atomic uint64_t n[MAX_ROW][N_KIND][N_OUTCOME];
	_Atomic int next_row, n_broken;
};

static struct row row[MAX_ROW];
static int n_row;
static struct tally *tally;
static const char *shim_path;
static char *work, *shim_file, *tmp_dir; /* of the row at hand */
static struct shim *shim;
static uint64_t per_group; /* cases of a kind on one target at most; 0: all */
static uint64_t seed = 1;
static int seconds = 20;
static const char *only;
static bool verbose, can_trace;
static unsigned kinds = (1u << N_KIND) - 1;

_Noreturn static void die(const char *what, const char *which)
{
	fprintf(stderr, "torture: %s%s%s\n", what, which != NULL ? ": " : "", which != NULL ? which : "");
	exit(2);
}

static void slurp(const char *path, char **s, size_t *n)
{
	struct ser_err e;
	if (ser_read_file(path, SIZE_MAX / 2, s, n, &e) != 0)
		die(e.msg, NULL);
}

static void spill(const char *path, const char *s, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, s, n) != (ssize_t)n || close(fd) != 0)
		die("cannot write", path);
}

static char *join(const char *a, const char *b)
{
	struct ser_buf p = {0};
	ser_buf_printf(&p, "%s/%s", a, b);
	return p.s;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static void list_below(struct files *l, const char *top, const char *sub)
{
	char *path = *sub != '\0' ? join(top, sub) : ser_strdup(top);
	DIR *d = opendir(path);
	struct dirent *de;
	while (d != NULL && (de = readdir(d)) != NULL) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		char *name = *sub != '\0' ? join(sub, de->d_name) : ser_strdup(de->d_name), *full = join(top, name);
		struct stat st;
		if (lstat(full, &st) == 0) {
			if (l->n == MAX_FILE)
				die("too many files", path);
			l->f[l->n++] = (struct file){.name = name, .st = st};
			if (S_ISDIR(st.st_mode))
				list_below(l, top, name);
		}
		free(full);
	}
	if (d != NULL)
		closedir(d);
	free(path);
}

static void list_files(struct files *l, const char *top)
{
	l->n = 0;
	list_below(l, top, "");
	qsort(l->f, (size_t)l->n, sizeof l->f[0], by_name);
}

static void files_free(struct files *l)
{
	for (int i = 0; i < l->n; i++) {
		free(l->f[i].name);
		free(l->f[i].s);
	}
	l->n = 0;
}

static struct file *file_find(struct files *l, const char *name)
{
	struct file key = {.name = (char *)(uintptr_t)name};
	return bsearch(&key, l->f, (size_t)l->n, sizeof l->f[0], by_name);
}

/* Remove what was not there before. */
static void tidy(struct row *r)
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

/* ---- one run ---- */

struct run {
	enum kind kind;
	uint64_t at;
	const struct target *target; /* whose bytes are these instead, or NULL */
	const char *s;
	size_t n;
	bool clean; /* no fault at all */

	int status; /* as waitpid has it */
	bool hang;
	char *out, *err;
	size_t out_n, err_n;
	uint64_t n_call[N_CALL];
	char asked[sizeof(((struct shim *)0)->asked)];
};

/* Libraries of others that use memory without asking whether they got it. The tool ends by a signal then, with nothing under a
 * final name, as everywhere; that it has no message is counted in a column of its own. */
static const char *const careless[] = {"libsoxr.so.", "libvorbis.so.",  "libvorbisenc.so.",
				       "libogg.so.",  "libsndfile.so.", "liblinear.so."};

static bool is_careless(const char *name)
{
	for (size_t i = 0; i < sizeof careless / sizeof *careless; i++)
		if (strncmp(name, careless[i], strlen(careless[i])) == 0)
			return true;
	return false;
}

static volatile sig_atomic_t child, expired;

static void on_alarm(int sig)
{
	(void)sig;
	expired = 1;
	if (child > 0)
		kill((pid_t)child, SIGKILL);
}

static void in_child(const struct row *r, const struct run *x, const char *in, const char *out, const char *err,
		     bool traced, bool shimmed)
{
	const struct rlimit no_core = {0, 0};
	setrlimit(RLIMIT_CORE, &no_core);
	int fd[3] = {open(in, O_RDONLY), open(out, O_WRONLY | O_TRUNC | O_CREAT, 0666),
		     open(err, O_WRONLY | O_TRUNC | O_CREAT, 0666)};
	if (!x->clean && x->kind == CLOSED) {
		int p[2];
		if (pipe(p) != 0)
			_exit(126);
		close(p[0]);
		dup2(p[1], fd[1]);
		close(p[1]);
		signal(SIGPIPE, x->at == 1 ? SIG_DFL : SIG_IGN);
	}
	for (int i = 0; i < 3; i++)
		if (dup2(fd[i], i) < 0)
			_exit(126);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	if (chdir(r->dir) != 0)
		_exit(126);
	setenv("TMPDIR", tmp_dir, 1);
	if (traced || shimmed) {
		setenv("LD_PRELOAD", shim_path, 1);
		setenv("SER_SHIM", shim_file, 1);
	}
	if (traced)
		trace_me();
	execvp(r->argv[0], r->argv);
	_exit(127);
}

static void run(const struct row *r, struct run *x)
{
	char *in = x->target != NULL && strcmp(x->target->name, "-") == 0 ? join(work, "in") : NULL;
	char *out = join(work, "out"), *err = join(work, "err");
	bool traced = can_trace && (x->clean || kind_traced(x->kind)), shimmed = !x->clean && kind_shimmed(x->kind);
	if (x->target != NULL)
		spill(in != NULL ? in : x->target->path, x->s, x->n);
	if (in == NULL)
		in = strcmp(r->in, "none") == 0 ? ser_strdup("/dev/null") : join(r->dir, "good.in");
	*shim = (struct shim){.fail_at = shimmed ? x->at : 0, .for_good = x->kind == ALLOC};
	expired = 0;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		in_child(r, x, in, out, err, traced, shimmed);
	if (pid < 0)
		die("cannot fork", strerror(errno));
	child = pid;
	alarm((unsigned)seconds);
	if (traced)
		x->status = trace_run(pid, x->clean ? N_KIND : x->kind, x->at, x->n_call);
	else
		while (waitpid(pid, &x->status, 0) < 0 && errno == EINTR)
			;
	alarm(0);
	child = 0;
	memcpy(x->asked, shim->asked, sizeof x->asked);
	x->hang = expired;
	if (x->target != NULL && strcmp(x->target->name, "-") != 0) {
		spill(x->target->path, x->target->s, x->target->n);
		utimensat(AT_FDCWD, x->target->path, x->target->time, 0);
	}
	slurp(out, &x->out, &x->out_n);
	slurp(err, &x->err, &x->err_n);
	free(in);
	free(out);
	free(err);
}

static void run_free(struct run *x)
{
	free(x->out);
	free(x->err);
	x->out = x->err = NULL;
}

/* ---- the verdict ---- */

/* Is it a whole stream, or several, to the last byte? */
static bool whole_stream(const char *s, size_t n)
{
	struct ser_err e;
	if (n == 0 || !ser_stream_begins((unsigned char)s[0]))
		return false;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), rc = -1;
	struct ser_reader *rd = ser_reader_new_after(s, n, fd, "output", 0, &e);
	struct ser_record rec = {0};
	while (rd != NULL && (rc = ser_reader_next(rd, &rec, NULL, &e)) > 0)
		;
	ser_record_free(&rec);
	ser_reader_free(rd);
	close(fd);
	return rc == 0;
}

static bool is_state(const struct row *r, const char *name)
{
	size_t n = strlen(name);
	for (const char *s = r->state; s != NULL; s = strchr(s, ',') != NULL ? strchr(s, ',') + 1 : NULL)
		if (strncmp(s, name, n) == 0 && (s[n] == ',' || s[n] == '\0'))
			return true;
	return false;
}

/* What is in the row's directory, and in that of temporary files, after a run that ended well (the clean run's status) or not. */
static enum outcome look_around(struct row *r, const struct run *x, bool well, bool *state)
{
	struct files now;
	enum outcome o = SAME;
	bool loose = x->target != NULL && !x->target->checked, killed = WIFSIGNALED(x->status);
	list_files(&now, tmp_dir);
	if (now.n > 0 && !killed)
		o = LITTER;
	for (int i = 0; i < now.n; i++) {
		char *p = join(tmp_dir, now.f[i].name);
		remove(p);
		free(p);
	}
	files_free(&now);
	list_files(&now, r->dir);
	for (int i = 0; i < r->before.n; i++) {
		const struct file *f = &r->before.f[i], *g = file_find(&now, f->name);
		bool mine = x->target != NULL && strcmp(x->target->name, f->name) == 0;
		if (g == NULL || (S_ISREG(f->st.st_mode) && !mine &&
				  (g->st.st_size != f->st.st_size || g->st.st_mtim.tv_nsec != f->st.st_mtim.tv_nsec ||
				   g->st.st_mtim.tv_sec != f->st.st_mtim.tv_sec)))
			o = CHANGED;
	}
	for (int i = 0; i < r->made.n && well; i++)
		if (file_find(&now, r->made.f[i].name) == NULL)
			o = WRONG;
	for (int i = 0; i < now.n; i++) {
		if (file_find(&r->before, now.f[i].name) != NULL)
			continue;
		const struct file *f = file_find(&r->made, now.f[i].name);
		if (f == NULL) {
			if (!killed && !(loose && well))
				o = o == SAME || o == OTHER ? LITTER : o;
			continue;
		}
		if (!S_ISREG(now.f[i].st.st_mode))
			continue;
		char *p = join(r->dir, f->name), *s;
		size_t n;
		slurp(p, &s, &n);
		bool other = n != f->n || memcmp(s, f->s, n) != 0;
		if (!well && is_state(r, f->name))
			*state = true;
		else if (other)
			o = !well ? HALF : loose ? OTHER : WRONG;
		free(p);
		free(s);
	}
	files_free(&now);
	return o;
}

/* state: something is left that the same command goes on from. */
static enum outcome judge(struct row *r, const struct run *x, bool *state)
{
	bool exited = WIFEXITED(x->status), well = exited && WEXITSTATUS(x->status) == r->status;
	bool loose = x->target != NULL && !x->target->checked;
	enum outcome files = look_around(r, x, well, state);
	if (x->hang)
		return HANG;
	if (strstr(x->err, "Sanitizer") != NULL || strstr(x->err, "runtime error:") != NULL)
		return SANITIZER;
	if (files != SAME && files != OTHER)
		return files;
	if (!exited)
		return (x->kind == KILL && WTERMSIG(x->status) == SIGKILL) ||
				       (x->kind == CLOSED && WTERMSIG(x->status) == SIGPIPE)
			       ? ENDED
		       : kind_shimmed(x->kind) && is_careless(x->asked) ? LIBRARY
									: CRASH;
	if (well) {
		if (x->kind == CLOSED && !x->clean)
			return r->stdout_n > 0 ? WRONG : SAME;
		if (x->out_n != r->stdout_n || memcmp(x->out, r->stdout_s, x->out_n) != 0)
			return loose ? OTHER : WRONG;
		return files;
	}
	int status = WEXITSTATUS(x->status);
	if (loose && status < r->fail) /* a comparison of what is another valid input */
		return OTHER;
	if (status != r->fail && status != 2 && status != 3)
		return STATUS;
	size_t n = strlen(r->tool);
	if (strncmp(x->err, r->tool, n) != 0 || x->err[n] != ':')
		return MUTE;
	if (r->stdout_stream && whole_stream(x->out, x->out_n) &&
	    (x->out_n != r->stdout_n || memcmp(x->out, r->stdout_s, x->out_n) != 0))
		return WHOLE;
	return REFUSED;
}

static bool wanted(const char *id)
{
	if (only == NULL)
		return true;
	size_t n = strlen(only);
	return strncmp(id, only, n) == 0 &&
	       (id[n] == '\0' || id[n] == ':' || id[n] == '~' || id[n] == ' ' || only[n - 1] == ':');
}

/* The same command, undisturbed, where the first has ended: `o` when it gives what the clean run gave. */
static enum outcome again(struct row *r, enum outcome o)
{
	struct run y = {.clean = true};
	const struct run killed = {.status = SIGKILL}; /* what it left under temporary names may still be there */
	bool state;
	run(r, &y);
	if (!WIFEXITED(y.status) || WEXITSTATUS(y.status) != r->status || y.out_n != r->stdout_n ||
	    memcmp(y.out, r->stdout_s, y.out_n) != 0 || look_around(r, &killed, true, &state) != SAME)
		o = AGAIN;
	run_free(&y);
	return o;
}

static void one_case(struct row *r, enum kind k, const struct target *t, uint64_t at)
{
	char id[256];
	struct run x = {.kind = k, .at = at, .target = t};
	snprintf(id, sizeof id, "%s:%s:%s:%llu", r->name, kind_name[k], t != NULL ? t->name : "",
		 (unsigned long long)at);
	if (!wanted(id))
		return;
	char *copy = NULL;
	if (k == CUT) {
		x.s = t->s;
		x.n = (size_t)at;
	} else if (k == FLIP) {
		copy = ser_malloc(t->n, 1);
		memcpy(copy, t->s, t->n);
		copy[at / 8] = (char)(copy[at / 8] ^ 1 << at % 8);
		x.s = copy;
		x.n = t->n;
	}
	bool state = false;
	run(r, &x);
	enum outcome o = judge(r, &x, &state);
	if (o == ENDED ? k == KILL : o < CRASH && state)
		o = again(r, o);
	tidy(r);
	tally->n[r - row][k][o]++;
	if (o >= CRASH || verbose) {
		bool exited = WIFEXITED(x.status);
		printf("%-9s '%s'  %s %d: %.*s\n", outcome_name[o], id, exited ? "status" : "signal",
		       exited ? WEXITSTATUS(x.status) : WTERMSIG(x.status), (int)strcspn(x.err, "\n"), x.err);
		if (!exited && kind_shimmed(k))
			printf("          %s asked for memory\n", x.asked);
		fflush(stdout);
	}
	run_free(&x);
	free(copy);
}

/* ---- the cases of a row ---- */

/* `n` places for a fault, of which at most per_group are tried, evenly and at random. */
static void spread(struct row *r, enum kind k, const struct target *t, const uint64_t *at, size_t n)
{
	struct ser_rng g;
	char key[256];
	int len = snprintf(key, sizeof key, "%s:%d:%s", r->name, (int)k, t != NULL ? t->name : "");
	ser_rng_seed_key(&g, seed, key, (size_t)len);
	size_t m = per_group > 0 && per_group < n ? (size_t)per_group : n;
	for (size_t i = 0; i < m; i++) {
		size_t lo = i * n / m, hi = (i + 1) * n / m;
		one_case(r, k, t, at[lo + (m < n ? (size_t)ser_rng_below(&g, hi - lo) : 0)]);
	}
}

static void counted(struct row *r, enum kind k, uint64_t n)
{
	uint64_t *at = ser_calloc((size_t)n + 1, sizeof *at);
	for (uint64_t i = 0; i < n; i++)
		at[i] = i + 1;
	if (kinds >> k & 1)
		spread(r, k, NULL, at, (size_t)n);
	free(at);
}

/* Byte positions: all of a short input; of a long one its beginning, its end and a sample between. */
static size_t places(size_t n, uint64_t *at)
{
	size_t m = 0;
	struct ser_rng g;
	ser_rng_seed(&g, seed);
	for (size_t i = 0; i < n; i++)
		if (n <= LONG || i < EDGE || i + EDGE >= n || ser_rng_below(&g, n) < 2 * EDGE)
			at[m++] = i;
	return m;
}

static void damage(struct row *r, const struct target *t)
{
	uint64_t *at = ser_calloc(t->n + 1, sizeof *at), *bit = ser_calloc(t->n + 1, 8 * sizeof *bit);
	size_t m = places(t->n, at), n_bit = 0;
	struct ser_rng g;
	ser_rng_seed_key(&g, seed, r->name, strlen(r->name));
	for (size_t i = 0; i < m; i++) {
		bool edge = at[i] < ALL_BITS || at[i] + ALL_BITS >= t->n;
		unsigned one = (unsigned)ser_rng_below(&g, 8);
		for (unsigned b = 0; b < 8; b++)
			if (edge || b == one)
				bit[n_bit++] = 8 * at[i] + b;
	}
	if (kinds >> CUT & 1)
		spread(r, CUT, t, at, m);
	if (kinds >> FLIP & 1)
		spread(r, FLIP, t, bit, n_bit);
	free(at);
	free(bit);
}

static void torture(struct row *r)
{
	static const uint64_t lengths[] = {1, 2, 3, 7, 64, 1000};
	for (int i = 0; i < r->n_target; i++)
		damage(r, &r->target[i]);
	if (r->stdout_n > 0)
		counted(r, CLOSED, 2);
	if (can_trace) {
		counted(r, FULL, r->n_call[CALL_CHANGE]);
		counted(r, WRITE_ERROR, r->n_call[CALL_CHANGE]);
		counted(r, READ_ERROR, r->n_call[CALL_READ]);
		counted(r, INTERRUPTED, r->n_call[CALL_READ] + r->n_call[CALL_WRITE]);
		counted(r, NO_OPEN, r->n_call[CALL_OPEN]);
		counted(r, NO_MAP, r->n_call[CALL_MAP]);
		counted(r, KILL, r->n_call[CALL_CHANGE]);
		for (int k = SHORT_READ; k <= SHORT_WRITE; k++)
			if (kinds >> k & 1)
				spread(r, (enum kind)k, NULL, lengths, sizeof lengths / sizeof *lengths);
	}
	counted(r, ALLOC_ONCE, r->n_alloc);
	counted(r, ALLOC, r->n_alloc);
}

/* ---- preparing a row ---- */

static char *shell(const char *dir, const char *script, const char *log)
{
	char *to = join(work, log), *s = NULL;
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

static bool prepare(struct row *r)
{
	struct ser_buf b = {0};
	r->dir = join(work, "row");
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
	size_t n = 1;
	r->argv = ser_calloc(strlen(words) + 4, sizeof *r->argv);
	r->argv[0] = r->tool;
	char *mode = strchr(r->name, ' ');
	if (mode != NULL)
		r->argv[n++] = ser_strndup(mode + 1, strcspn(mode + 1, "~"));
	for (char *s = words, *nl; (nl = strchr(s, '\n')) != NULL; s = nl + 1) {
		*nl = '\0';
		if (*s != '\0')
			r->argv[n++] = s;
	}
	list_files(&r->before, r->dir);
	if (strcmp(r->in, "none") != 0) {
		char *p = join(r->dir, "good.in");
		add_target(r, "-", p);
		free(p);
	}
	for (int i = 0; i < r->before.n; i++) {
		const char *name = r->before.f[i].name;
		char *p = join(r->dir, name);
		bool audio = strcmp(r->in, "text") == 0 && strstr(name, ".wav") != NULL;
		for (size_t a = 1; a < n; a++) {
			size_t len = strlen(r->argv[a]);
			if (strcmp(r->argv[a], name) == 0 ||
			    (strncmp(r->argv[a], name, len) == 0 && name[len] == '/') || audio)
				add_target(r, name, p);
		}
		free(p);
	}
	struct run clean = {.clean = true}, twice = {.clean = true};
	run(r, &clean);
	r->status = WIFEXITED(clean.status) ? WEXITSTATUS(clean.status) : -1;
	memcpy(r->n_call, clean.n_call, sizeof r->n_call);
	r->n_alloc = shim->n_alloc;
	r->stdout_s = clean.out;
	r->stdout_n = clean.out_n;
	r->stdout_stream = whole_stream(clean.out, clean.out_n);
	bool ok = r->status == 0 || (r->fail == 2 && r->status == 1);
	if (!ok || verbose)
		printf("%s %s: undisturbed: status %d, %zu bytes: %.*s\n", r->name, r->args, r->status, r->stdout_n,
		       (int)strcspn(clean.err, "\n"), clean.err);
	struct files now;
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
	if (ok) {
		run(r, &twice);
		bool state;
		enum outcome o = judge(r, &twice, &state);
		if (o != SAME) {
			printf("%s: the clean run, again: %s\n", r->name, outcome_name[o]);
			ok = false;
		}
		tidy(r);
		run_free(&twice);
	}
	free(clean.err);
	return ok;
}

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

/* ---- workers ---- */

static void worker(void)
{
	struct sigaction a = {.sa_handler = on_alarm};
	sigaction(SIGALRM, &a, NULL);
	for (int i; (i = atomic_fetch_add(&tally->next_row, 1)) < n_row;) {
		struct row *r = &row[i];
		size_t n = only != NULL ? strcspn(only, ":") : 0;
		if (only != NULL && !(strlen(r->name) >= n && strncmp(r->name, only, n) == 0 &&
				      (r->name[n] == '\0' || r->name[n] == ' ' || r->name[n] == '~')))
			continue;
		struct ser_buf dir = {0};
		ser_buf_printf(&dir, "%s/%d", getenv("TORTURE_DIR"), i);
		work = dir.s;
		tmp_dir = join(work, "tmp");
		shim_file = join(work, "shim");
		if (mkdir(work, 0777) != 0 || mkdir(tmp_dir, 0777) != 0)
			die("cannot make", work);
		spill(shim_file, (const char *)&(struct shim){0}, sizeof *shim);
		int fd = open(shim_file, O_RDWR | O_CLOEXEC);
		shim = mmap(NULL, sizeof *shim, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
		if (shim == MAP_FAILED)
			die("cannot map", shim_file);
		if (!prepare(r)) {
			printf("%s: its set-up or its clean run fails: see tests/cli/contract.bats\n", r->name);
			tally->n_broken++;
			continue;
		}
		torture(r);
		fflush(stdout);
	}
}

/* ---- the tables that are printed ---- */

static uint64_t sum(int r, int k, int o)
{
	uint64_t n = 0;
	for (int i = r < 0 ? 0 : r; i < (r < 0 ? n_row : r + 1); i++)
		for (int j = k < 0 ? 0 : k; j < (k < 0 ? N_KIND : k + 1); j++)
			for (int l = o < 0 ? 0 : o; l < (o < 0 ? N_OUTCOME : o + 1); l++)
				n += tally->n[i][j][l];
	return n;
}

static uint64_t findings(int r, int k)
{
	uint64_t n = 0;
	for (int o = CRASH; o < N_OUTCOME; o++)
		n += sum(r, k, o);
	return n;
}

static void line(const char *name, int r, int k, const char *args)
{
	static const enum outcome columns[] = {SAME, REFUSED, OTHER, ENDED, LIBRARY};
	if (sum(r, k, -1) == 0)
		return;
	printf("%-24s %9llu", name, (unsigned long long)sum(r, k, -1));
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
		printf(" %9llu", (unsigned long long)sum(r, k, (int)columns[i]));
	printf(" %9llu%s%.60s\n", (unsigned long long)findings(r, k), *args != '\0' ? "  " : "", args);
}

static void report(void)
{
	printf("\n%-24s %9s %9s %9s %9s %9s %9s %9s\n", "", "cases", "same", "refused", "other", "ended", "library",
	       "findings");
	for (int k = 0; k < N_KIND; k++)
		line(kind_name[k], -1, k, "");
	printf("\n");
	for (int i = 0; i < n_row; i++)
		line(row[i].name, i, -1, row[i].args);
	line("all", -1, -1, "");
	for (int o = CRASH; o < N_OUTCOME; o++)
		if (sum(-1, -1, o) > 0)
			printf("%s: %llu\n", outcome_name[o], (unsigned long long)sum(-1, -1, o));
}

static const char usage[] =
	"usage: torture [-j WORKERS] [-n CASES] [-s SEED] [-t SECONDS] [-k KIND,...] [-o CASE] [-v] SHIM BINDIR "
	"TABLE...\n"
	"  -n  at most so many cases of a kind on one row and input; 0: all\n"
	"  -o  only the cases whose name begins so:  'ser-head', 'ser-head:cut', 'ser-head:cut:-:17'\n";

int main(int argc, char **argv)
{
	int n_worker = 1, c;
	while ((c = getopt(argc, argv, "j:n:s:t:k:o:v")) != -1) {
		if (c == 'j') {
			n_worker = (int)strtol(optarg, NULL, 10);
		} else if (c == 'n') {
			per_group = strtoull(optarg, NULL, 10);
		} else if (c == 's') {
			seed = strtoull(optarg, NULL, 10);
		} else if (c == 't') {
			seconds = (int)strtol(optarg, NULL, 10);
		} else if (c == 'o') {
			only = optarg;
		} else if (c == 'v') {
			verbose = true;
		} else if (c == 'k') {
			kinds = 0;
			for (int k = 0; k < N_KIND; k++) {
				struct ser_buf list = {0}, one = {0};
				ser_buf_printf(&list, ",%s,", optarg);
				ser_buf_printf(&one, ",%s,", kind_name[k]);
				kinds |= (unsigned)(strstr(list.s, one.s) != NULL) << k;
				ser_buf_free(&list);
				ser_buf_free(&one);
			}
		} else {
			fputs(usage, stderr);
			return 2;
		}
	}
	if (argc - optind < 3 || getenv("TORTURE_DIR") == NULL) {
		fputs(usage, stderr);
		return 2;
	}
	shim_path = argv[optind];
	int n_first = 0;
	for (int i = optind + 2; i < argc; i++) {
		read_table(argv[i]);
		n_first = i == optind + 2 ? n_row : n_first;
	}
	add_plain_tools(argv[optind + 1], n_first);
	qsort(row, (size_t)n_row, sizeof row[0], rows_by_name);
	can_trace = trace_here();
	if (!can_trace)
		printf("torture: cannot trace processes here: no faults of the operating system\n");
	tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED)
		die("no memory", NULL);
	fflush(stdout);
	for (int w = 0; w < n_worker; w++)
		if (fork() == 0) {
			worker();
			fflush(stdout);
			_exit(0);
		}
	int status, bad = 0;
	while (wait(&status) > 0)
		bad += status != 0;
	report();
	if (bad > 0 || tally->n_broken > 0)
		printf("torture: %d workers and %d rows failed\n", bad, (int)tally->n_broken);
	return bad > 0 || tally->n_broken > 0 || findings(-1, -1) > 0 || sum(-1, -1, -1) == 0;
}
