// Options of the preset `sanitize`, part of every one of its programs; ASAN_OPTIONS in the environment adds
// to them.
//
// LLVM's headers poison the free memory of their arenas when they are compiled with AddressSanitizer.
// Debian's libLLVM and libMLIR are not, and hand out memory of the same arenas without unpoisoning it: every
// such report would be false.
extern "C" const char *__asan_default_options() { return "allow_user_poisoning=0"; }

extern "C" const char *__ubsan_default_options() { return "print_stacktrace=1"; }
