// Counts what the program asks of operator new. Link allocation_count.cpp to replace it.
// Thread-safety: any thread; the counts are of the whole program.
#pragma once

#include <cstdint>

namespace bench {

std::uint64_t allocations() noexcept;      // calls of operator new so far
std::uint64_t allocated_bytes() noexcept;  // asked for and not yet given back
std::uint64_t allocator_bytes() noexcept;  // the same, with what malloc adds to each block

}  // namespace bench
