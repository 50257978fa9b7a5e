/* reprise: the tool. Finds the command and runs it; each has a file of its own. */
#include "actors/cli/cli.h"

#include <stdio.h>

static const rp_command *const commands[] = {&rp_command_up, &rp_command_ask, &rp_command_status,
    &rp_command_scale, &rp_command_dead_list, &rp_command_dead_show, &rp_command_dead_retry,
    &rp_command_provision, &rp_command_model_list, &rp_command_version, &rp_command_child};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(FILE *out)
{
    fputs("reprise COMMAND [OPTIONS]: runs AI infrastructure on NATS JetStream, and looks into "
          "it\n\n",
        out);
    for (size_t i = 0; i < COMMANDS; i++) {
        if (commands[i]->summary)
            fprintf(out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
    }
    fputs("\nFirst steps:\n"
          "  reprise up --model gemma3=gemma3.gguf     a server, a tokenizer and an executor\n"
          "  reprise ask \"Why is the sky blue?\"        in another terminal\n"
          "  reprise status                            who is alive, what waits where\n"
          "\nThe server is found as the nats tools find it: --server or NATS_URL, --creds, "
          "--tls-ca...\n"
          "Each command takes --json for programs, and tells more with --help.\n",
        out);
}

/* How many words of argv name the command; 0 where they do not. */
static int words_matched(const char *name, int argc, char **argv)
{
    int words = 0;
    for (const char *at = name; *at; words++) {
        size_t len = strcspn(at, " ");
        if (words + 1 >= argc || strlen(argv[words + 1]) != len ||
            memcmp(argv[words + 1], at, len) != 0)
            return 0;
        at += len + (at[len] == ' ');
    }
    return words;
}

/* The command that argv names, and how many of its words; NULL where there is none. */
static const rp_command *find(int argc, char **argv, int *ret_words)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        *ret_words = words_matched(commands[i]->name, argc, argv);
        if (*ret_words > 0)
            return commands[i];
    }
    return NULL;
}

/* There is none of that name; there may be some that begin with it. */
static int unknown(const char *word)
{
    size_t len = strlen(word), count = 0;
    fprintf(stderr, "reprise: there is no command \"%s\"", word);
    for (size_t i = 0; i < COMMANDS && len > 0; i++) {
        if (strncmp(commands[i]->name, word, len) == 0 && commands[i]->name[len] == ' ')
            fprintf(stderr, "%s%s", count++ ? ", " : "; there are: ", commands[i]->name);
    }
    fputs("; reprise --help lists all\n", stderr);
    return RP_EXIT_USAGE;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* `reprise help`, and `reprise help COMMAND`. */
static int help(int argc, char **argv)
{
    char *call[] = {argv[0], "--help", NULL};
    int words = 0;
    const rp_command *command = find(argc - 1, argv + 1, &words);
    if (command)
        return command->run(command, 2, call);
    print_help(stdout);
    return RP_EXIT_OK;
}

int main(int argc, char **argv)
{
    int words = 0;
    if (argc < 2) {
        print_help(stderr);
        return RP_EXIT_USAGE;
    }
    if (asks_for_help(argv[1]))
        return help(argc, argv);
    if (strcmp(argv[1], "--version") == 0)
        argv[1] = "version";
    const rp_command *command = find(argc, argv, &words);
    if (command)
        return command->run(command, argc - words, argv + words);
    return unknown(argv[1]);
}
