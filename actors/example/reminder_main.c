#include "actors/example/reminder.h"
#include "runtime/actor/process/process.h"

int main(int argc, char **argv)
{
    return rp_process_main(&rp_reminder, argc, argv);
}
