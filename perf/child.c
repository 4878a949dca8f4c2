/* SPDX-License-Identifier: MIT */
/*
 * One run in a process of its own. The child writes its figures into memory that it shares with the
 * parent, and the parent believes them only if the child ended well: a crash, an exit in the
 * middle, or no end at all is a failed run with a reason.
 */
#include "child.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "external_process.h"
#include "measure.h"

/* The child's exit codes. Another one is the system's own doing. */
enum { DONE = 0, SAID_WHY = 98 };

struct perf_outcome *perf_outcome_create(void)
{
    void *memory = mmap(NULL, sizeof(struct perf_outcome), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

__attribute__((format(printf, 2, 3))) static void fail(struct perf_outcome *outcome,
                                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    outcome->failed = true;
    vsnprintf(outcome->why, sizeof outcome->why, format, arguments);
    va_end(arguments);
}

/* To the cores asked for as a whole: a library's workers stay on them too. */
static void confine(const struct perf_case *what)
{
    cpu_set_t all;
    CPU_ZERO(&all);
    for (int i = 0; i < what->cpu_count; i++)
        CPU_SET(what->cpus[i], &all);
    if (what->cpu_count > 0)
        sched_setaffinity(0, sizeof all, &all); /* the cores were seen to be allowed */
}

static _Noreturn void in_child(const struct perf_system *system, const struct perf_case *what,
                               pid_t parent, struct perf_outcome *outcome)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(SAID_WHY); /* it died before it was watched */
    signal(SIGPIPE, SIG_DFL);
    confine(what);
    dup2(STDERR_FILENO, STDOUT_FILENO); /* standard output is the table's */
    int error = system->run(what, &outcome->run);
    if (error) {
        fail(outcome, "%s", strerror(-error));
        _exit(SAID_WHY);
    }
    if (!perf_was_measured()) {
        fail(outcome, "the system did not call perf_begin and perf_end");
        _exit(SAID_WHY);
    }
    perf_measured(&outcome->counts);
    _exit(DONE);
}

/*
 * Waits for the process to end, at most `limit` seconds. They are counted in steps of one second
 * in which this process waited: if all of us are stopped for a while, the time does not count.
 */
static bool await_end(pid_t child, int limit)
{
    int file = (int)syscall(SYS_pidfd_open, child, 0);
    for (int waited = 0; waited < limit; waited++) {
        struct pollfd end = {.fd = file, .events = POLLIN};
        siginfo_t info = {0};
        if (file < 0)
            sleep(1);
        else
            poll(&end, 1, 1000);
        if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) {
            if (file >= 0)
                close(file);
            return true;
        }
    }
    if (file >= 0)
        close(file);
    return false;
}

static void in_parent(pid_t child, int limit, struct perf_outcome *outcome)
{
    int status;
    bool ended = await_end(child, limit);

    if (!ended)
        kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (!ended)
        fail(outcome, "no end within %d s, killed", limit);
    else if (WIFSIGNALED(status))
        fail(outcome, "crashed: %s", strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) == SAID_WHY && !outcome->failed)
        fail(outcome, "ended before it began");
    else if (WEXITSTATUS(status) != DONE && WEXITSTATUS(status) != SAID_WHY)
        fail(outcome, "exited with status %d", WEXITSTATUS(status));
    else if (!outcome->failed && outcome->run.ns <= 0)
        fail(outcome, "a time of %lld ns", (long long)outcome->run.ns);
}

void perf_run_once(const struct perf_system *system, const struct perf_case *what, int limit,
                   struct perf_outcome *outcome)
{
    memset(outcome, 0, sizeof *outcome);
    outcome->run.events = what->events;
    outcome->run.latency = &outcome->latency;
    if (system->external) {
        perf_external_run(system, what, limit, outcome);
        return;
    }
    fflush(NULL);
    pid_t parent = getpid(), child = fork();
    if (child == 0)
        in_child(system, what, parent, outcome);
    if (child < 0)
        fail(outcome, "fork: %s", strerror(errno));
    else
        in_parent(child, limit, outcome);
}
