/* The only functions of a newer C library than 2.17 that the programs and SQLite need. The older log and pow differ in how
   they set errno and call a handler of SVID errors, which nothing here looks at; fcntl64 is fcntl on a 64-bit machine. */

#include <stdarg.h>

double first_log(double x);
double first_pow(double x, double y);
int first_fcntl(int file, int command, void *argument);
__asm__(".symver first_log, log@GLIBC_2.2.5");
__asm__(".symver first_pow, pow@GLIBC_2.2.5");
__asm__(".symver first_fcntl, fcntl@GLIBC_2.2.5");

double log(double x) { return first_log(x); }
double pow(double x, double y) { return first_pow(x, y); }

int fcntl64(int file, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return first_fcntl(file, command, argument);
}
