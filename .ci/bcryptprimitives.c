/*
 * Replaces Windows' bcryptprimitives.dll, only to run tests under a wine without it (wine before 9.0).
 *
 * Rust's std seeds its hash maps with ProcessPrng, and links only this function from the library.
 * Without the function no program starts. ProcessPrng fills a buffer of any length and never fails.
 * RtlGenRandom takes lengths of 32 bits and may fail. Every Windows and every wine has it in advapi32,
 * by the name of SystemFunction036.
 */
#include <limits.h>
#include <stddef.h>

__declspec(dllimport) unsigned char __stdcall SystemFunction036(void *buffer, unsigned long length);

__declspec(dllexport) int __stdcall ProcessPrng(unsigned char *buffer, size_t length)
{
    while (length > 0) {
        unsigned long part = length < ULONG_MAX ? (unsigned long)length : ULONG_MAX;
        if (!SystemFunction036(buffer, part))
            return 0;
        buffer += part;
        length -= part;
    }
    return 1;
}
