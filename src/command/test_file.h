/*
 * A file of tests for a configuration, in the notation that configurations have; weir-test(5) tells
 * its settings. What is wrong with it is told as what is wrong with a configuration: everything at
 * once, each with its place.
 */
#ifndef WEIR_COMMAND_TEST_FILE_H
#define WEIR_COMMAND_TEST_FILE_H

#include "command/test_case.h"

/* Tests of a file: those of every rule that a configuration may have, twice. */
#define WEIR_TEST_COUNT_MAX 512

struct weir_test_file {
    struct weir_config *config;
    struct weir_test *tests;
    uint32_t test_count;
    /* private */
    struct weir_source source;
};

/*
 * Reads the file at path, and the configuration that it names, relative to itself; config_path, if
 * not NULL, is read in its place. What is wrong with the file is added to problems, under its
 * order; what is wrong with the configuration is told on stderr. False: one of both. The file is to be
 * released either way, and stays where it is.
 */
bool weir_test_file_load(struct weir_test_file *file, const char *path, uint32_t order,
                         const char *config_path, struct weir_problems *problems);

void weir_test_file_release(struct weir_test_file *file);

#endif
