#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"

/*
 * What can be completed is read from the help texts when it is asked for: there is no second list
 * of verbs and options, and a script that was printed by another version still fits.
 */
static const char bash_script[] =
    "# Completion of weir's command line in bash.\n"
    "\n"
    "_weir_verbs() {\n"
    "    \"$1\" --help 2>/dev/null | sed -n 's/^    \\([a-z]*\\)  .*/\\1/p'\n"
    "}\n"
    "\n"
    "_weir_options() {\n"
    "    \"$1\" \"$2\" --help 2>/dev/null |\n"
    "        sed -n 's/^  \\(-., \\|    \\)\\(--[a-z-]*\\).*/\\2/p'\n"
    "}\n"
    "\n"
    "# What the usage has as WORD a|b|c.\n"
    "_weir_choices() {\n"
    "    \"$1\" \"$2\" --help 2>/dev/null | grep -oE -- \"[[ ]$3 [a-z]+(\\|[a-z]+)+\" |\n"
    "        sed 's/.* //; y/|/ /; q'\n"
    "}\n"
    "\n"
    "_weir() {\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local verb=${COMP_WORDS[1]} words\n"
    "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
    "        words=$(_weir_verbs \"$1\")\n"
    "    elif [[ $current == -* ]]; then\n"
    "        words=$(_weir_options \"$1\" \"$verb\")\n"
    "    else\n"
    "        words=$(_weir_choices \"$1\" \"$verb\" \"$before\")\n"
    "    fi\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
    "}\n"
    "\n"
    "# Where nothing fits: files.\n"
    "complete -o default -F _weir weir\n";

static void print_usage(FILE *file)
{
    fputs("usage: weir completion bash\n"
          "\n"
          "Prints what has bash complete verbs, options and their values. For this shell:\n"
          "\n"
          "    source <(weir completion bash)\n"
          "\n"
          "      --help  this text\n",
          file);
}

int weir_command_completion(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option = getopt_long(argc, argv, "", options, NULL);

    if (option == 'h') {
        print_usage(stdout);
        return WEIR_EXIT_DONE;
    }
    if (option != -1 || optind + 1 != argc || strcmp(argv[optind], "bash") != 0) {
        print_usage(stderr);
        return WEIR_EXIT_USAGE;
    }
    fputs(bash_script, stdout);
    return WEIR_EXIT_DONE;
}
