#include "actors/cli/ask/printer.h"

#include "schemas/refusal.h"

#include <stdio.h>

void rp_printer_init(rp_printer *printer, const rp_cli_common *common)
{
    *printer = (rp_printer){.common = common, .exit_status = RP_EXIT_FAILED};
}

static void end_line(rp_printer *printer)
{
    if (printer->mid_line && !printer->common->json)
        fputc('\n', stdout);
    printer->mid_line = false;
    fflush(stdout);
}

static void print_error(const rp_printer *printer, const Rp__Error *error)
{
    const char *code = rp_refusal_code_name(error->code);
    if (printer->common->json) {
        rp_cli_tell_json(code, error->message, error->field, error->limit);
        return;
    }
    fprintf(stderr, "reprise: %s: %s", code, error->message);
    if (error->field)
        fprintf(stderr, " [field %s]", error->field);
    if (error->limit)
        fprintf(stderr, " [limit %s]", error->limit);
    fputc('\n', stderr);
}

static void print_reason(const rp_printer *printer, const char *code, const char *text)
{
    if (printer->common->json)
        rp_cli_tell_json(code, text, NULL, NULL);
    else
        fprintf(stderr, "reprise: %s\n", text);
}

static void print_end(rp_printer *printer, const Rp__Chunk *chunk)
{
    end_line(printer);
    switch (chunk->finish_reason) {
    case RP__CHUNK__FINISH_REASON__ERROR:
        if (chunk->error)
            print_error(printer, chunk->error);
        printer->exit_status = RP_EXIT_FAILED;
        break;
    case RP__CHUNK__FINISH_REASON__CANCELLED:
        print_reason(printer, "cancelled", "cancelled");
        printer->exit_status = RP_EXIT_INTERRUPTED;
        break;
    case RP__CHUNK__FINISH_REASON__DEADLINE:
        print_reason(printer, "deadline", "the deadline ended the answer");
        printer->exit_status = RP_EXIT_FAILED;
        break;
    default:
        printer->exit_status = RP_EXIT_OK;
    }
}

void rp_printer_chunk(void *arg, const Rp__Chunk *chunk, rp_bytes json)
{
    rp_printer *printer = arg;
    if (printer->common->json) {
        fwrite(json.data, 1, json.len, stdout);
        fputc('\n', stdout);
    } else if (chunk->text.len) {
        fwrite(chunk->text.data, 1, chunk->text.len, stdout);
        printer->mid_line = chunk->text.data[chunk->text.len - 1] != '\n';
    }
    fflush(stdout);
    if (chunk->has_finish_reason)
        print_end(printer, chunk);
}

void rp_printer_note(void *arg, const char *text)
{
    rp_printer *printer = arg;
    if (!printer->common->json)
        fprintf(stderr, "%sreprise: %s\n", printer->mid_line ? "\n" : "", text);
}

int rp_printer_done(rp_printer *printer)
{
    end_line(printer);
    return printer->exit_status;
}
