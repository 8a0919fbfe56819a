/* This library interrupts a program's system calls. .ci/interrupted preloads it (LD_PRELOAD). It gives
 * every thread a timer that sends the thread a signal a thousand times a second, to a handler without
 * SA_RESTART. So a call that waits ends with EINTR, and a call that moves bytes may end after some of
 * them.
 *
 * A timer of the process is not enough, because the kernel prefers the main thread for its signals, and
 * the tests run on other threads.
 *
 * INTERRUPT_BELOW names the folder of the programs that are interrupted: the tests and the examples, but
 * not the shells and tools that they start. INTERRUPT_TALLY names a file. Each program appends a line at
 * its end with the number of signals handled, and of system calls that they ended with EINTR (counted
 * on x86-64 only). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* No test uses this signal. */
#define SIGNAL (SIGRTMIN + 7)

enum { PERIOD_NS = 1000 * 1000 };

static int active;
static unsigned long handled, interrupted;

static void handle(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    __atomic_add_fetch(&handled, 1, __ATOMIC_RELAXED);
#ifdef __x86_64__
    /* The signal came after a `syscall` instruction whose result is EINTR. The program receives it next. */
    const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *next = (const unsigned char *)registers[REG_RIP];
    if (registers[REG_RAX] == -EINTR && next[-2] == 0x0f && next[-1] == 0x05)
        __atomic_add_fetch(&interrupted, 1, __ATOMIC_RELAXED);
#else
    (void)context;
#endif
}

/* Starts the calling thread's timer. */
static int start(timer_t *timer) {
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL};
    event.sigev_notify_thread_id = gettid();
    struct itimerspec period = {{0, PERIOD_NS}, {0, PERIOD_NS}};
    return timer_create(CLOCK_MONOTONIC, &event, timer) == 0 && timer_settime(*timer, 0, &period, NULL) == 0;
}

struct beginning {
    void *(*routine)(void *);
    void *argument;
};

static void *begin(void *argument) {
    struct beginning beginning = *(struct beginning *)argument;
    free(argument);
    timer_t timer;
    int started = start(&timer);
    void *result = beginning.routine(beginning.argument);
    if (started)
        timer_delete(timer);
    return result;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *argument) {
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, "pthread_create");
    struct beginning *beginning = active ? malloc(sizeof *beginning) : NULL;
    if (!beginning)
        return real(thread, attributes, routine, argument);
    *beginning = (struct beginning){routine, argument};
    int error = real(thread, attributes, begin, beginning);
    if (error)
        free(beginning);
    return error;
}

__attribute__((constructor)) static void load(void) {
    const char *below = getenv("INTERRUPT_BELOW");
    char program[4096];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (!below || length < 0)
        return;
    program[length] = 0;
    if (strncmp(program, below, strlen(below)) != 0)
        return;
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
    timer_t timer;
    active = sigaction(SIGNAL, &action, NULL) == 0 && start(&timer);
}

__attribute__((destructor)) static void unload(void) {
    const char *tally = getenv("INTERRUPT_TALLY");
    if (!active || !tally)
        return;
    int file = open(tally, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file < 0)
        return;
    /* One write keeps the lines of programs that end together apart. An interrupted write is repeated. */
    char line[64];
    int length = snprintf(line, sizeof line, "%lu %lu\n", handled, interrupted);
    while (write(file, line, length) < 0 && errno == EINTR)
        ;
    close(file);
}
