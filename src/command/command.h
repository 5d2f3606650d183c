/*
 * The verbs of the command line: a file each, called with the arguments after the verb. Each
 * returns the process' exit status.
 */
#ifndef WEIR_COMMAND_COMMAND_H
#define WEIR_COMMAND_COMMAND_H

enum weir_exit {
    WEIR_EXIT_DONE = 0,
    WEIR_EXIT_FAILED = 1,   /* failed while running */
    WEIR_EXIT_USAGE = 2,    /* wrong usage */
    WEIR_EXIT_REFUSED = 78, /* the configuration is refused (sysexits' EX_CONFIG) */
};

#define WEIR_CONFIG_PATH_DEFAULT "/etc/weir/weir.conf"

/* argv[0] is what messages about the usage begin with: "weir" and the verb. */
int weir_command_run(int argc, char **argv);
int weir_command_check(int argc, char **argv);
int weir_command_replay(int argc, char **argv);
int weir_command_decode(int argc, char **argv);
int weir_command_collect(int argc, char **argv);
int weir_command_journal(int argc, char **argv);
int weir_command_explain(int argc, char **argv);
int weir_command_ack(int argc, char **argv);
int weir_command_shelve(int argc, char **argv);
int weir_command_unshelve(int argc, char **argv);
int weir_command_schema(int argc, char **argv);
int weir_command_test(int argc, char **argv);
int weir_command_completion(int argc, char **argv);
int weir_command_version(int argc, char **argv);

#endif
