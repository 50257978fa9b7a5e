/* Files and folders of a test, where TMPDIR says or in /tmp; the test removes them.
 *
 *     char path[TEMPORARY_BYTES];
 *     int fd = temporary_file("nkey", path);
 */
#ifndef TESTS_UNIT_SUPPORT_TEMPORARY_H
#define TESTS_UNIT_SUPPORT_TEMPORARY_H

enum { TEMPORARY_BYTES = 512 };

/* A new, empty file, open to read and write. Ends the program where there is none to be had. */
int temporary_file(const char *name, char path[TEMPORARY_BYTES]);

/* A new, empty folder. Likewise. */
void temporary_folder(const char *name, char path[TEMPORARY_BYTES]);

#endif
