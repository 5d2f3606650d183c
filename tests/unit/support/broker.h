/*
 * A mosquitto of the test's own, on a free port of the loopback interface. Skips the test where
 * mosquitto is not installed.
 */
#ifndef TESTS_SUPPORT_BROKER_H
#define TESTS_SUPPORT_BROKER_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

struct broker {
    pid_t pid; /* 0: not running */
    int port;
    char directory[64];
    char config[96];
};

static inline void broker_nap(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

/* A listening socket on a free port, which *port receives. */
static inline int broker_listen(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    assert_int_equal(listen(listener, 8), 0);
    *port = ntohs(address.sin_port);
    return listener;
}

static inline bool broker_answers(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected = connect(probe, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(probe);
    return connected;
}

static inline const char *broker_find(void)
{
    static const char *const places[] = {"/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto",
                                         "/usr/bin/mosquitto"};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return NULL;
}

/* Chooses a directory and a port; extra is put into the configuration. Starts nothing. */
static inline void broker_init(struct broker *broker, const char *extra)
{
    FILE *file;

    if (!broker_find())
        skip();
    memset(broker, 0, sizeof(*broker));
    snprintf(broker->directory, sizeof(broker->directory), "/tmp/weir-broker-XXXXXX");
    assert_non_null(mkdtemp(broker->directory));
    close(broker_listen(&broker->port));
    snprintf(broker->config, sizeof(broker->config), "%s/broker.conf", broker->directory);
    file = fopen(broker->config, "w");
    assert_non_null(file);
    fprintf(file, "listener %d 127.0.0.1\n%s", broker->port, extra);
    assert_int_equal(fclose(file), 0);
}

/* In the child: becomes mosquitto, which ends with the test, however that ends. */
static inline _Noreturn void broker_run(const struct broker *broker, pid_t parent)
{
    char *const arguments[] = {"mosquitto", "-c", (char *)broker->config, NULL};
    char *const environment[] = {NULL};
    int nowhere = open("/dev/null", O_WRONLY);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (nowhere < 0 || getppid() != parent)
        _exit(1);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    execve(broker_find(), arguments, environment);
    _exit(1);
}

static inline void broker_start(struct broker *broker)
{
    pid_t parent = getpid();

    broker->pid = fork();
    assert_true(broker->pid >= 0);
    if (broker->pid == 0)
        broker_run(broker, parent);
    for (int i = 0; i < 1000; i++) {
        if (broker_answers(broker->port))
            return;
        if (waitpid(broker->pid, NULL, WNOHANG) != 0) {
            broker->pid = 0;
            break;
        }
        broker_nap(10);
    }
    fail_msg("mosquitto does not come up with %s", broker->config);
}

static inline void broker_stop(struct broker *broker)
{
    if (broker->pid == 0)
        return;
    kill(broker->pid, SIGKILL);
    waitpid(broker->pid, NULL, 0);
    broker->pid = 0;
}

/* A file in the broker's directory. */
static inline void broker_write(const struct broker *broker, const char *name, const char *text,
                                mode_t mode)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", broker->directory, name);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

/* Runs a shell command in the broker's directory; false when it fails. */
static inline bool broker_shell(const struct broker *broker, const char *command)
{
    char line[4096];

    snprintf(line, sizeof(line), "cd %s && { %s; } >/dev/null 2>&1", broker->directory, command);
    return system(line) == 0;
}

static inline void broker_finish(struct broker *broker)
{
    char line[128];

    broker_stop(broker);
    snprintf(line, sizeof(line), "rm -r %s", broker->directory);
    assert_int_equal(system(line), 0);
}

#endif
