/*
 * A stand-in for Windows' bcryptprimitives.dll, only to run tests under a wine that has none (wine before 9.0).
 *
 * Rust's std seeds its hash maps with ProcessPrng, and links that one function from that library; without it no program
 * starts. ProcessPrng fills a buffer of any length and never fails. RtlGenRandom, which every Windows and every wine has in
 * advapi32 (by the name of SystemFunction036), takes lengths of 32 bits and may fail.
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
