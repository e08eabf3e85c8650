/* SPDX-License-Identifier: MIT */
/* What a tool can do after ser_cli_begin(), tried in a process of its own. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

static char top[] = "/tmp/ser-confine.XXXXXX";

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED 1
#elif defined __has_feature
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED 0
#endif

/* What is tried, as bits of the exit status: set when it was refused with the errno that it should have. */
enum {
	READ_OPERAND = 1,
	READ_OTHER = 2,
	WRITE_OUTPUT = 4,
	WRITE_OTHER = 8,
	RUN = 16,
	SOCKET = 32,
	TEMPORARY = 64,
	CHANGE = 128
};

static int refused(int fd, int with)
{
	return fd < 0 && errno == with;
}

static int attempt(unsigned common, bool confine_late)
{
	const char *log = NULL;
	const struct ser_option opts[] = {
		{"log", "a file that is written", SER_OPT_STR(&log, "FILE"), .flags = SER_OPTION_WRITE}, {0}};
	const struct ser_tool tool = {"ser-try", "Try.", "[FILE]...", opts, NULL, common};
	char *argv[] = {"ser-try", "--log", "out/log.tsv", "in/named", NULL};
	struct ser_cli c;
	int got = 0;
	ser_cli_begin(&c, &tool, 4, argv);
	if (confine_late)
		ser_cli_confine(&c);
	got |= READ_OPERAND * refused(open("in/named", O_RDONLY), EACCES);
	got |= READ_OTHER * refused(open("in/other", O_RDONLY), EACCES);
	got |= WRITE_OUTPUT * (refused(open("out/log.tsv.tmp", O_WRONLY | O_CREAT, 0666), EACCES) ||
			       refused(rename("out/log.tsv.tmp", "out/log.tsv"), EACCES));
	got |= WRITE_OTHER * (refused(open("in/new", O_WRONLY | O_CREAT, 0666), EACCES) &&
			      refused(open("in/other", O_WRONLY), EACCES) && refused(unlink("in/named"), EACCES) &&
			      refused(open("tmp/other", O_RDWR), EACCES) &&
			      refused(open("tmp/new", O_WRONLY | O_CREAT, 0666), EACCES) &&
			      refused(unlink("tmp/other"), EACCES));
	struct ser_err e;
	got |= TEMPORARY * (ser_tmpfile("x", &e) < 0);
	got |= SOCKET *
	       (refused(socket(AF_INET, SOCK_STREAM, 0), EPERM) && refused(socket(AF_UNIX, SOCK_DGRAM, 0), EPERM));
	int fd = open("in/named", O_RDONLY);
	got |= CHANGE *
	       (refused(chmod("in/named", 0777), EPERM) && refused(chown("in/named", getuid(), getgid()), EPERM) &&
		refused(lchown("in/named", getuid(), getgid()), EPERM) &&
		refused(fchownat(AT_FDCWD, "in/named", getuid(), getgid(), 0), EPERM) &&
		refused(fchmod(fd, 0777), EPERM) && refused(fchmodat(AT_FDCWD, "in/named", 0777, 0), EPERM) &&
		refused((int)syscall(452 /* fchmodat2 */, AT_FDCWD, "in/named", 0777, 0), EPERM) &&
		refused(utimensat(AT_FDCWD, "in/named", NULL, 0), EPERM) &&
		refused(setxattr("in/named", "user.x", "y", 1, 0), EPERM) &&
		refused(lsetxattr("in/named", "user.x", "y", 1, 0), EPERM) &&
		refused(fsetxattr(fd, "user.x", "y", 1, 0), EPERM) &&
		refused(removexattr("in/named", "user.x"), EPERM) &&
		refused(lremovexattr("in/named", "user.x"), EPERM) && refused(fremovexattr(fd, "user.x"), EPERM) &&
		refused((int)syscall(463 /* setxattrat */, AT_FDCWD, "in/named", 0, "user.x", NULL, 0), EPERM) &&
		refused((int)syscall(466 /* removexattrat */, AT_FDCWD, "in/named", 0, "user.x"), EPERM) &&
		refused((int)syscall(469 /* file_setattr */, AT_FDCWD, "in/named", NULL, 0, 0), EPERM) &&
		refused(fchown(fd, getuid(), getgid()), EPERM) &&
		refused(ioctl(fd, FS_IOC_SETFLAGS, &(int){0}), EPERM) && refused(ioctl(fd, TIOCSTI, "x"), EPERM) &&
		!refused(ioctl(fd, TIOCGWINSZ, &(struct winsize){0}), EPERM));
	close(fd);
	char *none[] = {NULL};
	got |= RUN * refused(execve("/bin/true", none, none), EPERM);
	ser_outfile_abort_all();
	got |= TEMPORARY * (ser_tmpdir_private() == NULL || access(ser_tmpdir_private(), F_OK) == 0);
	return got;
}

static int attempted(unsigned common, bool confine_late)
{
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		_exit(attempt(common, confine_late));
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* What this kernel and this build can refuse at all. */
static int possible(void)
{
	int can = 0;
#if !SANITIZED
	if (syscall(444, NULL, 0, 1) >= 1) /* Landlock's version */
		can |= READ_OTHER | WRITE_OTHER;
	if (prctl(PR_GET_SECCOMP) == 0)
		can |= RUN | SOCKET | CHANGE;
#endif
	return can;
}

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0666);
	assert_true(fd >= 0);
	close(fd);
}

static int set_up(void **state)
{
	(void)state;
	if (mkdtemp(top) == NULL || chdir(top) != 0 || setenv("TMPDIR", "tmp", 1) != 0)
		return -1;
	mkdir("in", 0777);
	mkdir("out", 0777);
	mkdir("tmp", 0777);
	touch("in/named");
	touch("in/other");
	touch("tmp/other");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	static const char *const files[] = {"in/named",  "in/other", "in/new", "out/log.tsv", "out/log.tsv.tmp",
					    "tmp/other", "tmp/new",  "in",     "out",         "tmp"};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		remove(files[i]);
	return chdir("/") != 0 || rmdir(top) != 0;
}

static void only_what_is_named(void **state)
{
	(void)state;
	if (possible() == 0)
		skip();
	assert_int_equal(attempted(0, false), possible());
}

static void all_can_be_read(void **state)
{
	(void)state;
	if (possible() == 0)
		skip();
	assert_int_equal(attempted(SER_CLI_READ_ALL, false), possible() & ~READ_OTHER);
}

static void later(void **state)
{
	(void)state;
	if (possible() == 0)
		skip();
	assert_int_equal(attempted(SER_CLI_LOOSE, true), possible());
	assert_int_equal(attempted(SER_CLI_LOOSE, false), 0); /* becomes /bin/true */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_named),
		cmocka_unit_test(all_can_be_read),
		cmocka_unit_test(later),
	};
	return cmocka_run_group_tests_name("confine", tests, set_up, tear_down);
}
