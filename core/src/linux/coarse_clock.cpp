#include <fusebox/detail/linux_coarse_clock.hpp>

#include <dlfcn.h>

namespace fusebox::detail {

constinit std::atomic<clock_reader> read_clock{&::clock_gettime};

namespace {

// The C library's clock_gettime hands the question on to the one that the kernel maps into every process (see
// vdso(7)), and the handing on is a third of what a coarse reading costs. Runs before main(); until then, and where
// one of the two is not to be found, the C library is asked. It is asked too when somebody has put a clock_gettime
// of his own before it, to fake the time or to watch the program: both clocks of clock.hpp must obey him.
[[gnu::constructor]] void ask_the_kernel_itself() noexcept {
    void* const library = ::dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    void* const kernel = ::dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
    if (library == nullptr || kernel == nullptr) return;
    if (::dlsym(RTLD_DEFAULT, "clock_gettime") != ::dlsym(library, "clock_gettime")) return;
    void* direct = ::dlsym(kernel, "__vdso_clock_gettime");
    if (direct == nullptr) direct = ::dlsym(kernel, "__kernel_clock_gettime");  // as it is called on ARM
    if (direct != nullptr) read_clock.store(reinterpret_cast<clock_reader>(direct), std::memory_order_relaxed);
}

}  // namespace

}  // namespace fusebox::detail
