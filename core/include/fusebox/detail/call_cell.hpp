// What one thread counts for one breaker while all is well, without touching a shared cache line.
//
// Written by one thread only, read by any: plain loads and stores, no read-modify-write. A breaker's
// count is the sum over the threads' cells.
//
// Successes are told apart by the breaker's generation: `base` is what `successes` was when this
// thread first counted in `generation`. A reader that holds the breaker's lock, and so the generation,
// gets exactly the successes of that generation: a thread that is late with one of an older generation
// writes to a cell that the reader passes over.
#pragma once

#include <atomic>
#include <cstdint>

namespace fusebox::detail {

template <class Platform>
struct call_cell {
    template <class T>
    using atomic = typename Platform::template atomic<T>;

    [[gnu::always_inline]] void add_success(std::uint64_t in_generation) noexcept {
        const std::uint64_t n = successes.load(std::memory_order_relaxed);
        if (generation.load(std::memory_order_relaxed) != in_generation) {
            base.store(n, std::memory_order_relaxed);
            generation.store(in_generation, std::memory_order_release);
        }
        successes.store(n + 1, std::memory_order_relaxed);
    }

    void add_rejection() noexcept {
        rejections.store(rejections.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

    // Acquiring, so that a reader can ask afterwards whether counts have moved meanwhile (thread_cells.hpp).
    std::uint64_t successes_in(std::uint64_t of_generation) const noexcept {
        if (generation.load(std::memory_order_acquire) != of_generation) return 0;
        return successes.load(std::memory_order_acquire) - base.load(std::memory_order_acquire);
    }

    // Takes over what another cell has counted, as if this thread had: of two generations only the successes of the
    // newer one count as that one's. Nobody may be writing to either.
    void inherit(call_cell& other) noexcept {
        const std::uint64_t theirs = other.generation.load(std::memory_order_relaxed);
        const std::uint64_t ours = generation.load(std::memory_order_relaxed);
        const std::uint64_t n = successes.load(std::memory_order_relaxed);
        const std::uint64_t more = other.successes.load(std::memory_order_relaxed);
        const std::uint64_t before = other.base.load(std::memory_order_relaxed);
        const std::uint64_t own_base = base.load(std::memory_order_relaxed);
        base.store(theirs > ours ? n + before : own_base + (theirs == ours ? before : more), std::memory_order_release);
        successes.store(n + more, std::memory_order_release);
        rejections.store(rejections.load(std::memory_order_relaxed) + other.rejections.load(std::memory_order_relaxed),
                         std::memory_order_release);
        if (theirs > ours) generation.store(theirs, std::memory_order_release);
        other.clear();
    }

    bool is_clear() const noexcept {
        return generation.load(std::memory_order_relaxed) == 0 && successes.load(std::memory_order_relaxed) == 0 &&
               rejections.load(std::memory_order_relaxed) == 0;
    }
    void clear() noexcept {
        successes.store(0, std::memory_order_release);
        base.store(0, std::memory_order_release);
        rejections.store(0, std::memory_order_release);
        generation.store(0, std::memory_order_release);
    }

    atomic<std::uint64_t> successes{0};
    atomic<std::uint64_t> generation{0};  // 0 is none: generations start at 1
    atomic<std::uint64_t> base{0};
    atomic<std::uint64_t> rejections{0};
};

}  // namespace fusebox::detail
