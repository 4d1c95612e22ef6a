/* Rust's standard library is not instrumented, so ThreadSanitizer does not see how its
 * locks order threads once they have to wait. These stand before the library's own
 * functions, which they call, and declare what those do: each takes or gives up what is
 * protected by the object at its first or second argument.
 *
 * The names are those of the toolchain in use; scripts/tsan finds them and gives them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

typedef uint64_t word;
typedef word function(word, word, word, word, word, word);

static void mark(const char *how, word place)
{
    void (*say)(void *) = (void (*)(void *))dlsym(RTLD_DEFAULT, how);

    if (say != 0)
        say((void *)place);
}

static void acquire(word place) { mark("__tsan_acquire", place); }
static void release(word place) { mark("__tsan_release", place); }

/* All arguments and results of these functions are in registers. */
#define INSTEAD_OF(name, symbol, before, after) \
    word name(word a, word b, word c, word d, word e, word f) __asm__(symbol); \
    word name(word a, word b, word c, word d, word e, word f) \
    { \
        static function *real; \
        word result; \
        if (real == 0) \
            real = (function *)dlsym(RTLD_NEXT, symbol); \
        before; \
        result = real(a, b, c, d, e, f); \
        after; \
        return result; \
    }

INSTEAD_OF(mutex_lock, MUTEX_LOCK, , acquire(a))
INSTEAD_OF(condvar_wait, CONDVAR_WAIT, release(b), acquire(b))
INSTEAD_OF(condvar_wait_timeout, CONDVAR_WAIT_TIMEOUT, release(b), acquire(b))
INSTEAD_OF(rwlock_read, RWLOCK_READ, , acquire(a))
INSTEAD_OF(rwlock_write, RWLOCK_WRITE, , acquire(a))
INSTEAD_OF(once_call, ONCE_CALL, , (acquire(a), release(a)))
/* Its counter is one of the words of the first argument. */
INSTEAD_OF(scope_end, SCOPE_END, (release(a), release(a + 8), release(a + 16)), )
