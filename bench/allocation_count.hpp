// Counts what the program asks of operator new and aligned_alloc. Link allocation_count.cpp to replace them.
// Thread-safety: any thread; the counts are of the whole program.
#pragma once

#include <cstdint>

namespace bench {

std::uint64_t allocations() noexcept;      // so far
std::uint64_t allocated_bytes() noexcept;  // asked of operator new and not yet given back
std::uint64_t allocator_bytes() noexcept;  // the same, with what malloc adds to each block

}  // namespace bench
