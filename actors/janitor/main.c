#include "actors/janitor/janitor.h"
#include "runtime/actor/process/process.h"

int main(int argc, char **argv)
{
    return rp_process_main(&rp_janitor, argc, argv);
}
