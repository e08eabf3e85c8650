/* SPDX-License-Identifier: MIT */
/* What a tool gives up when its options are read: the rest of its run handles bytes that may be hostile. Landlock (Linux 5.13) takes
 * the file system, and network addresses where it knows them; a seccomp filter takes the calls that start programs, open sockets or
 * reach into other processes. A kernel without either is no error. */
#include "cli/private.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The sanitizers start a process of their own to look for leaks, and one to name functions. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined __linux__ && !defined SANITIZED

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* ---- Landlock, as linux/landlock.h has it; written out, for that header may be older than the kernel ---- */

enum {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_DIR = 1 << 7,
	FS_MAKE_REG = 1 << 8,
	FS_V1 = (1 << 13) - 1,
	FS_REFER = 1 << 13,
	FS_TRUNCATE = 1 << 14,
	NET_BIND_TCP = 1 << 0,
	NET_CONNECT_TCP = 1 << 1,
	SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0,
	SCOPE_SIGNAL = 1 << 1,

	READ = FS_READ_FILE | FS_READ_DIR,
	/* Files that get their names when they are whole: made, written, renamed beside each other; directories of them, too. */
	WRITE = READ | FS_WRITE_FILE | FS_TRUNCATE | FS_MAKE_REG | FS_REMOVE_FILE | FS_MAKE_DIR | FS_REMOVE_DIR,
	OF_A_FILE = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE
};

struct ruleset {
	uint64_t fs, net, scoped;
};
struct beneath {
	uint64_t access;
	int32_t fd;
} __attribute__((packed));

enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446, GET_VERSION = 1, RULE_BENEATH = 1 };

/* Allow this under the path, if it is there; false: it could not be opened. */
static bool allow(int rules, uint64_t handled, const char *path, uint64_t access)
{
	struct stat st;
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0) {
		if (!S_ISDIR(st.st_mode))
			access &= OF_A_FILE;
		struct beneath b = {access & handled, fd};
		syscall(ADD_RULE, rules, RULE_BENEATH, &b, 0); /* refused for pipes, which need no leave */
	}
	close(fd);
	return true;
}

/* The folder in which a name, or a pattern with %, gets its files. */
static void allow_output(int rules, uint64_t handled, const char *name)
{
	char *head = ser_strndup(name, strcspn(name, "%")), *dir = ser_outfile_target(head);
	size_t n = strlen(dir);
	while (n > 1 && dir[n - 1] == '/' && strchr(name, '%') == NULL)
		dir[--n] = '\0'; /* "dir/" is made beside others like "dir" */
	char *slash = strrchr(dir, '/');
	if (slash != NULL)
		slash[slash == dir] = '\0';
	allow(rules, handled, slash != NULL ? dir : ".", WRITE);
	allow(rules, handled, name,
	      FS_WRITE_FILE); /* what is no regular file is written where it is, through a link, too */
	free(head);
	free(dir);
}

static void landlock(const struct ser_strs *read, const struct ser_strs *write, bool read_all, const char *tmp)
{
	long version = syscall(CREATE_RULESET, NULL, 0, GET_VERSION);
	if (version < 1)
		return;
	struct ruleset r = {FS_V1, 0, 0};
	size_t size = sizeof r.fs;
	if (version >= 2)
		r.fs |= FS_REFER;
	if (version >= 3)
		r.fs |= FS_TRUNCATE;
	if (version >= 4) {
		r.net = NET_BIND_TCP | NET_CONNECT_TCP;
		size = offsetof(struct ruleset, scoped);
	}
	if (version >= 6) {
		r.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
		size = sizeof r;
	}
	int rules = (int)syscall(CREATE_RULESET, &r, size, 0);
	if (rules < 0)
		return;
	if (read_all)
		allow(rules, r.fs, "/", READ);
	for (size_t i = 0; i < read->n; i++)
		allow(rules, r.fs, read->s[i], READ);
	for (size_t i = 0; i < write->n; i++)
		allow_output(rules, r.fs, write->s[i]);
	bool leave = true;
	if (tmp != NULL) {
		char *above = ser_strndup(tmp, (size_t)(strrchr(tmp, '/') + 1 - tmp));
		leave = allow(rules, r.fs, tmp, WRITE) && allow(rules, r.fs, above, FS_REMOVE_DIR);
		free(above);
	}
	if (leave) /* to take that folder away at the end, too: without leave nothing could */
		syscall(RESTRICT_SELF, rules, 0);
	close(rules);
}

/* ---- seccomp ---- */

#if defined __x86_64__
#define MACHINE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define MACHINE AUDIT_ARCH_AARCH64
#elif defined __riscv && __riscv_xlen == 64
#define MACHINE AUDIT_ARCH_RISCV64
#elif defined __s390x__
#define MACHINE AUDIT_ARCH_S390X
#endif

#ifdef MACHINE
static const int refused[] = {
	SYS_execve,
	SYS_execveat,
	SYS_socket,
	SYS_socketpair,
	SYS_connect,
	SYS_bind,
	SYS_listen,
#ifdef SYS_accept
	SYS_accept,
#endif
#ifdef SYS_socketcall
	SYS_socketcall,
#endif
	SYS_accept4,
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_unshare,
	SYS_setns,
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_chroot,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_keyctl,
	SYS_add_key,
	SYS_request_key,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_reboot,
	SYS_swapon,
	SYS_swapoff,
	SYS_setuid,
	SYS_setgid,
	SYS_setreuid,
	SYS_setregid,
	SYS_setresuid,
	SYS_setresgid,
	SYS_setgroups,
	SYS_capset,
	SYS_personality,
	SYS_open_by_handle_at,
	SYS_acct,
	SYS_quotactl,
	SYS_syslog,
#ifdef SYS_chmod
	SYS_chmod,
	SYS_chown,
	SYS_lchown,
	SYS_utime,
	SYS_utimes,
	SYS_futimesat,
#endif
	SYS_fchmod,
	SYS_fchmodat,
	SYS_fchownat,
	SYS_utimensat,
	SYS_setxattr,
	SYS_lsetxattr,
	SYS_fsetxattr,
	SYS_removexattr,
	SYS_lremovexattr,
	SYS_fremovexattr,
	425 /* io_uring_setup */,
	434 /* pidfd_open */,
	438 /* pidfd_getfd */,
	452 /* fchmodat2 */,
	463 /* setxattrat */,
	466 /* removexattrat */,
	469 /* file_setattr */,
	SYS_fchown, /* the last: left out where an output is to keep its owner */
};

/* What ioctl() must not do: change a file's flags, type into the terminal for whoever reads it next. */
static const unsigned refused_ioctl[] = {FS_IOC_SETFLAGS, FS_IOC32_SETFLAGS, FS_IOC_FSSETXATTR, TIOCSTI, TIOCLINUX};
#endif

/* An output that is there, or a pattern of them, may be another's. */
static bool keeps_an_owner(const struct ser_strs *write)
{
	struct stat st;
	for (size_t i = 0; i < write->n; i++)
		if (strchr(write->s[i], '%') != NULL || (stat(write->s[i], &st) == 0 && ser_outfile_keeps_owner(&st)))
			return true;
	return false;
}

/* Every thread that there is gets the filter: those of the linear algebra began before main(). */
static void seccomp(bool may_chown)
{
#ifdef MACHINE
	enum {
		N = sizeof refused / sizeof *refused,
		M = sizeof refused_ioctl / sizeof *refused_ioctl,
		SIZE = N + M + 8
	};
	struct sock_filter f[SIZE];
	unsigned n = 0, n_call = N - may_chown;
#define LOAD(at)                  (f[n] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at), n++)
#define JUMP(how, value, yes, no) (f[n] = (struct sock_filter)BPF_JUMP(BPF_JMP | (how) | BPF_K, value, yes, no), n++)
#define END                       ((unsigned char)(n_call + M + 7 - n - 1)) /* from here to the last statement, which refuses */
	LOAD(offsetof(struct seccomp_data, arch));
	JUMP(BPF_JEQ, MACHINE, 0, END); /* another machine's calls */
	LOAD(offsetof(struct seccomp_data, nr));
	JUMP(BPF_JGE, 0x40000000, END, 0); /* x32's */
	for (unsigned i = 0; i < n_call; i++)
		JUMP(BPF_JEQ, (unsigned)refused[i], END, 0);
	JUMP(BPF_JEQ, SYS_ioctl, 0, M + 1);
	LOAD(offsetof(struct seccomp_data, args[1]) + (SER_BIG_ENDIAN ? 4 : 0));
	for (unsigned i = 0; i < M; i++)
		JUMP(BPF_JEQ, refused_ioctl[i], END, 0);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
#undef END
#undef JUMP
#undef LOAD
	struct sock_fprog p = {(unsigned short)n, f};
	syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &p);
#else
	(void)may_chown;
#endif
}

void ser_confine_describe(struct ser_buf *b)
{
	long version = syscall(CREATE_RULESET, NULL, 0, GET_VERSION);
	ser_buf_printf(b, version > 0 ? "Landlock %ld" : "no Landlock", version);
#ifdef MACHINE
	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &(uint32_t){SECCOMP_RET_ERRNO}) == 0) {
		ser_buf_str(b, ", seccomp");
		return;
	}
#endif
	ser_buf_str(b, ", no seccomp");
}

void ser_confine(const struct ser_strs *read, const struct ser_strs *write, bool read_all, const char *tmp)
{
	int before = errno;
	bool may_chown = keeps_an_owner(write);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) { /* both are refused without */
		landlock(read, write, read_all, tmp);
		seccomp(may_chown);
	}
	errno = before;
}

#else

void ser_confine(const struct ser_strs *read, const struct ser_strs *write, bool read_all, const char *tmp)
{
	(void)read, (void)write, (void)read_all, (void)tmp;
}

void ser_confine_describe(struct ser_buf *b)
{
	ser_buf_str(b, "nothing");
}

#endif
