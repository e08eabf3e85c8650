/* SPDX-License-Identifier: MIT */
/* What came of a run, by its status, the bytes that it wrote and what it left. */
#include "torture/torture.h"
#include "stream/stream.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const outcome_name[N_OUTCOME] = {"same",    "refused",   "other", "library", "ended", "CRASH",
					     "HANG",    "SANITIZER", "WRONG", "WHOLE",   "HALF",  "LITTER",
					     "CHANGED", "STATUS",    "MUTE",  "AGAIN"};

/* Libraries of others that use memory without asking whether they got it. The tool ends by a signal then, with nothing under a
 * final name, as everywhere; that it has no message is counted in a column of its own. libstdc++ is liblinear's operator new, whose
 * exception cannot be caught in C. */
static const char *const careless[] = {"libsoxr.so.",    "libvorbis.so.", "libvorbisenc.so.", "libogg.so.",
				       "libsndfile.so.", "libfftw3.so.",  "liblinear.so.",    "libstdc++.so."};

static bool is_careless(const char *name)
{
	for (size_t i = 0; i < sizeof careless / sizeof *careless; i++)
		if (strncmp(name, careless[i], strlen(careless[i])) == 0)
			return true;
	return false;
}

bool whole_stream(const char *s, size_t n)
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

enum outcome look_around(struct row *r, const struct run *x, bool well, bool *state)
{
	struct files now;
	enum outcome o = SAME;
	bool loose = x->target != NULL && !x->target->checked, killed = WIFSIGNALED(x->status);
	list_files(&now, here.tmp_dir);
	if (now.n > 0 && !killed)
		o = LITTER;
	for (int i = 0; i < now.n; i++) {
		char *p = join(here.tmp_dir, now.f[i].name);
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

enum outcome judge(struct row *r, const struct run *x, bool *state)
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
