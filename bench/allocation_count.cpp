#include "allocation_count.hpp"

#include <malloc.h>
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::uint64_t> count{0}, asked{0}, taken{0};

// A header in front of each block remembers what was asked for.
constexpr std::size_t header = alignof(std::max_align_t);

std::size_t chunk(void* block) noexcept {
    return malloc_usable_size(block) + sizeof(std::size_t) - header;
}

void* take(std::size_t size) {
    void* block = std::malloc(size + header);
    if (block == nullptr) throw std::bad_alloc{};
    *static_cast<std::size_t*>(block) = size;
    count.fetch_add(1, std::memory_order_relaxed);
    asked.fetch_add(size, std::memory_order_relaxed);
    taken.fetch_add(chunk(block), std::memory_order_relaxed);
    return static_cast<char*>(block) + header;
}

void give_back(void* memory) noexcept {
    if (memory == nullptr) return;
    void* block = static_cast<char*>(memory) - header;
    asked.fetch_sub(*static_cast<std::size_t*>(block), std::memory_order_relaxed);
    taken.fetch_sub(chunk(block), std::memory_order_relaxed);
    std::free(block);
}

}  // namespace

namespace bench {
std::uint64_t allocations() noexcept {
    return count.load(std::memory_order_relaxed);
}
std::uint64_t allocated_bytes() noexcept {
    return asked.load(std::memory_order_relaxed);
}
std::uint64_t allocator_bytes() noexcept {
    return taken.load(std::memory_order_relaxed);
}
}  // namespace bench

// The array, nothrow and sized forms of the standard library come here too.
void* operator new(std::size_t size) {
    return take(size);
}
void operator delete(void* memory) noexcept {
    give_back(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    give_back(memory);
}

// Asio takes its memory from here, past operator new.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    count.fetch_add(1, std::memory_order_relaxed);
    void* block = nullptr;
    return posix_memalign(&block, std::max(alignment, sizeof(void*)), size) == 0 ? block : nullptr;
}
