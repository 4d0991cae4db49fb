// The operation that is protected: as small as a call can be, and opaque to the optimizer.
#pragma once

namespace bench {

[[gnu::noinline]] inline int work(int x) noexcept {
    asm volatile("" : "+r"(x));
    return x;
}

}  // namespace bench
