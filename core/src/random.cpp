#include <fusebox/random.hpp>

#include <atomic>
#include <random>

namespace fusebox {

std::uint64_t fresh_seed() noexcept {
    static const std::uint64_t origin = [] {
        try {
            std::random_device entropy;
            return std::uint64_t{entropy()} << 32 | entropy();
        } catch (...) {  // no entropy source: distinct seeds within the process are still guaranteed
            return std::uint64_t{0x66757365626f78};
        }
    }();
    static std::atomic<std::uint64_t> count{0};
    return splitmix64{origin + count.fetch_add(1, std::memory_order_relaxed)}.next();
}

}  // namespace fusebox
