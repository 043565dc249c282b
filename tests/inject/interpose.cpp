// Definitions that stand in the place of libc's and of the allocator's for the whole program, its shared libraries
// included: each asks whether it is to fail, and else does what it is called for.
//
// Calls that only give something back (close, munmap, unlink) do not fail here: nobody could do anything about it.
// Neither do those whose failure is no error but an answer that the tests of the data path give (poll, epoll_wait).
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <new>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "tests/inject/fake_kernel.hpp"
#include "tests/inject/injector.hpp"

using vmq::inject::fails;

namespace vmq::inject {
namespace {

std::atomic<long> mappings{0};
std::atomic<long> blocks{0};

template <typename Function>
Function next(const char* name) noexcept {
    return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

bool is_regular(int fd) noexcept {
    struct stat status {};
    return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

long live_mappings() noexcept { return mappings; }
long live_blocks() noexcept { return blocks; }

}  // namespace vmq::inject

namespace {

namespace fake_kernel = vmq::inject::fake_kernel;
using vmq::inject::next;

void* allocate(std::size_t size, std::size_t alignment) noexcept {
    if (vmq::inject::allocation_fails()) return nullptr;
    const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
    void* const block =
        alignment <= alignof(std::max_align_t) ? std::malloc(size) : std::aligned_alloc(alignment, rounded);
    if (block != nullptr) ++vmq::inject::blocks;
    return block;
}

void* allocate_or_throw(std::size_t size, std::size_t alignment) {
    void* const block = allocate(size, alignment);
    if (block == nullptr) throw std::bad_alloc{};
    return block;
}

void release(void* block) noexcept {
    if (block != nullptr) --vmq::inject::blocks;
    std::free(block);
}

}  // namespace

void* operator new(std::size_t size) { return allocate_or_throw(size, 1); }
void* operator new[](std::size_t size) { return allocate_or_throw(size, 1); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
    return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size, 1); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size, 1); }
void operator delete(void* block) noexcept { release(block); }
void operator delete[](void* block) noexcept { release(block); }
void operator delete(void* block, std::size_t) noexcept { release(block); }
void operator delete[](void* block, std::size_t) noexcept { release(block); }
void operator delete(void* block, std::align_val_t) noexcept { release(block); }
void operator delete[](void* block, std::align_val_t) noexcept { release(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { release(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { release(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { release(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { release(block); }

// VMQ_CALL(result type, name, (parameters), (arguments), errno, failure value): the plain ones.
#define VMQ_CALL(type, name, parameters, arguments, error, failed) \
    extern "C" type name parameters {                              \
        static const auto real = next<type(*) parameters>(#name);  \
        return fails(#name, error) ? failed : real arguments;      \
    }

VMQ_CALL(int, eventfd, (unsigned value, int flags) noexcept, (value, flags), EMFILE, -1)
VMQ_CALL(int, epoll_create1, (int flags) noexcept, (flags), EMFILE, -1)
VMQ_CALL(int, epoll_ctl, (int epoll, int what, int fd, epoll_event* event) noexcept, (epoll, what, fd, event), ENOSPC,
         -1)
VMQ_CALL(int, timerfd_create, (clockid_t clock, int flags) noexcept, (clock, flags), EMFILE, -1)
VMQ_CALL(int, timerfd_settime, (int fd, int flags, const itimerspec* time, itimerspec* old) noexcept,
         (fd, flags, time, old), EINVAL, -1)
VMQ_CALL(int, socket, (int domain, int type, int protocol) noexcept, (domain, type, protocol), EMFILE, -1)
VMQ_CALL(int, bind, (int fd, const sockaddr* address, socklen_t length) noexcept, (fd, address, length), EROFS, -1)
VMQ_CALL(int, listen, (int fd, int backlog) noexcept, (fd, backlog), ENOBUFS, -1)
VMQ_CALL(int, accept4, (int fd, sockaddr* address, socklen_t* length, int flags), (fd, address, length, flags), EMFILE,
         -1)
VMQ_CALL(int, connect, (int fd, const sockaddr* address, socklen_t length), (fd, address, length), ENOBUFS, -1)
VMQ_CALL(ssize_t, sendmsg, (int fd, const msghdr* message, int flags), (fd, message, flags), ENOBUFS, -1)
VMQ_CALL(ssize_t, recvmsg, (int fd, msghdr* message, int flags), (fd, message, flags), ENOBUFS, -1)
VMQ_CALL(ssize_t, send, (int fd, const void* bytes, std::size_t size, int flags), (fd, bytes, size, flags), ENOBUFS, -1)
VMQ_CALL(ssize_t, recv, (int fd, void* bytes, std::size_t size, int flags), (fd, bytes, size, flags), ENOBUFS, -1)
VMQ_CALL(int, memfd_create, (const char* name, unsigned flags) noexcept, (name, flags), EMFILE, -1)
VMQ_CALL(int, ftruncate, (int fd, off_t size) noexcept, (fd, size), EFBIG, -1)
VMQ_CALL(int, madvise, (void* address, std::size_t size, int advice) noexcept, (address, size, advice), ENOMEM, -1)
VMQ_CALL(ssize_t, getrandom, (void* bytes, std::size_t size, unsigned flags), (bytes, size, flags), ENOSYS, -1)
VMQ_CALL(int, mkdir, (const char* path, mode_t mode) noexcept, (path, mode), EROFS, -1)
VMQ_CALL(int, chmod, (const char* path, mode_t mode) noexcept, (path, mode), EROFS, -1)
VMQ_CALL(int, sched_getaffinity, (pid_t thread, std::size_t size, cpu_set_t* set) noexcept, (thread, size, set), ESRCH,
         -1)
VMQ_CALL(int, sched_setaffinity, (pid_t thread, std::size_t size, const cpu_set_t* set) noexcept, (thread, size, set),
         EPERM, -1)
VMQ_CALL(int, fstatat, (int folder, const char* path, struct stat* status, int flags) noexcept,
         (folder, path, status, flags), EACCES, -1)

// Those that name a file, which may be one of the fake kernel's.
#define VMQ_PATH_CALL(type, name, parameters, arguments, error, failed) \
    extern "C" type name parameters {                                   \
        static const auto real = next<type(*) parameters>(#name);       \
        char room[fake_kernel::longest_path];                           \
        path = fake_kernel::path_of(path, room);                        \
        return fails(#name, error) ? failed : real arguments;           \
    }

VMQ_PATH_CALL(FILE*, fopen, (const char* path, const char* mode), (path, mode), EMFILE, nullptr)
VMQ_PATH_CALL(FILE*, fopen64, (const char* path, const char* mode), (path, mode), EMFILE, nullptr)
VMQ_PATH_CALL(DIR*, opendir, (const char* path), (path), EMFILE, nullptr)
VMQ_PATH_CALL(int, stat, (const char* path, struct stat* status) noexcept, (path, status), EACCES, -1)
VMQ_PATH_CALL(int, lstat, (const char* path, struct stat* status) noexcept, (path, status), EACCES, -1)
VMQ_PATH_CALL(ssize_t, readlink, (const char* path, char* text, std::size_t size) noexcept, (path, text, size), EACCES,
              -1)
VMQ_PATH_CALL(char*, realpath, (const char* path, char* resolved) noexcept, (path, resolved), EACCES, nullptr)

extern "C" int open(const char* path, int flags, ...) {
    static const auto real = next<int (*)(const char*, int, ...)>("open");
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    char room[fake_kernel::longest_path];
    if (fails("open", EMFILE)) return -1;
    if (const int fd = fake_kernel::open_device(path); fd >= 0) return fd;
    return real(fake_kernel::path_of(path, room), flags, mode);
}

extern "C" int openat(int folder, const char* path, int flags, ...) {
    static const auto real = next<int (*)(int, const char*, int, ...)>("openat");
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    char room[fake_kernel::longest_path];
    return fails("openat", EMFILE) ? -1 : real(folder, fake_kernel::path_of(path, room), flags, mode);
}

// Sealing is the only use that may fail.
extern "C" int fcntl(int fd, int command, ...) {
    static const auto real = next<int (*)(int, int, ...)>("fcntl");
    va_list rest;
    va_start(rest, command);
    void* const argument = va_arg(rest, void*);
    va_end(rest);
    return command == F_ADD_SEALS && fails("fcntl", EBUSY) ? -1 : real(fd, command, argument);
}

extern "C" int ioctl(int fd, unsigned long request, ...) noexcept {
    static const auto real = next<int (*)(int, unsigned long, ...)>("ioctl");
    va_list rest;
    va_start(rest, request);
    void* const argument = va_arg(rest, void*);
    va_end(rest);
    if (!fake_kernel::gives_back(request, argument) && fails("ioctl", EIO)) return -1;
    return fake_kernel::owns(request) ? fake_kernel::control(request, argument) : real(fd, request, argument);
}

// Those of an eventfd or a timer are not here: they cannot fail.
extern "C" ssize_t read(int fd, void* bytes, std::size_t size) {
    static const auto real = next<ssize_t (*)(int, void*, std::size_t)>("read");
    return vmq::inject::plan_of_this_thread() != 0 && vmq::inject::is_regular(fd) && fails("read", EIO)
               ? -1
               : real(fd, bytes, size);
}

extern "C" ssize_t write(int fd, const void* bytes, std::size_t size) {
    static const auto real = next<ssize_t (*)(int, const void*, std::size_t)>("write");
    return vmq::inject::plan_of_this_thread() != 0 && vmq::inject::is_regular(fd) && fails("write", EIO)
               ? -1
               : real(fd, bytes, size);
}

VMQ_CALL(ssize_t, pread, (int fd, void* bytes, std::size_t size, off_t offset), (fd, bytes, size, offset), EIO, -1)
VMQ_CALL(ssize_t, pwrite, (int fd, const void* bytes, std::size_t size, off_t offset), (fd, bytes, size, offset), EIO,
         -1)

extern "C" void* mmap(void* address, std::size_t size, int protection, int flags, int fd, off_t offset) noexcept {
    static const auto real = next<void* (*)(void*, std::size_t, int, int, int, off_t)>("mmap");
    if (fails("mmap", ENOMEM)) return MAP_FAILED;
    void* const mapped = real(address, size, protection, flags, fd, offset);
    if (mapped != MAP_FAILED) ++vmq::inject::mappings;
    return mapped;
}

extern "C" int munmap(void* address, std::size_t size) noexcept {
    static const auto real = next<int (*)(void*, std::size_t)>("munmap");
    --vmq::inject::mappings;
    return real(address, size);
}

namespace {

struct Start {
    void* (*routine)(void*);
    void* argument;
    unsigned long plan;
};

void* follow(void* given) {
    const Start start = *static_cast<Start*>(given);
    std::free(given);
    vmq::inject::follow_plan(start.plan);
    return start.routine(start.argument);
}

}  // namespace

// The address sanitizer has to know of threads; where it is not there this is null.
extern "C" int __interceptor_pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)
    __attribute__((weak));

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*routine)(void*),
                              void* argument) noexcept {
    static const auto plain =
        next<int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)>("pthread_create");
    const auto real = __interceptor_pthread_create != nullptr ? __interceptor_pthread_create : plain;
    if (fails("pthread_create", EAGAIN)) return EAGAIN;
    auto* const start = static_cast<Start*>(std::malloc(sizeof(Start)));
    *start = {routine, argument, vmq::inject::plan_of_this_thread()};
    const int failed = real(thread, attributes, follow, start);
    if (failed != 0) std::free(start);
    return failed;
}
