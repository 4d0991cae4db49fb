// Where the cells of call_cell.hpp live: every thread has a table, every breaker a slot in all of them.
//
// A table's pages are made when its thread first uses them, and never move, so that readers need no
// lock. A thread that ends adds its counts to a table that all ended threads share, the estate, and leaves
// its own, empty, to the next thread that starts: a sum looks at the threads that run and no others, and
// memory is bounded by the most that ever ran at once. While counts move from table to table a version is
// odd, and a sum that saw it change is made anew (a seqlock). A slot's cells are cleared when its breaker
// is destroyed, and then given to another.
//
// Thread-safety: all of it, as described; destroying a slot must not overlap its use.
#pragma once

#include <fusebox/detail/call_cell.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace fusebox::detail {

struct std_atomics {
    template <class T>
    using atomic = std::atomic<T>;
};

class thread_cells {
public:
    using cell = call_cell<std_atomics>;

    thread_cells();
    ~thread_cells();
    thread_cells(const thread_cells&) = delete;
    thread_cells& operator=(const thread_cells&) = delete;

    // The calling thread's cell; null when there is no memory for one, or the thread is ending.
    cell* local() noexcept {
        cell* page = this_thread->pages[page_].load(std::memory_order_relaxed);
        return page != nullptr ? own(page) : make_local();
    }

    // The sum of add(total, cell) over the cells of all threads, those that have ended included, from `Total{}` on.
    template <class Total, class Add>
    Total sum(Add add) const {
        for (;;) {
            const std::uint64_t before = settled_version();
            Total total{};
            for (const table* t = tables.load(std::memory_order_acquire); t != nullptr;
                 t = t->next.load(std::memory_order_acquire))
                if (cell* page = t->pages[page_].load(std::memory_order_acquire)) add(total, *own(page));
            if (version.load(std::memory_order_relaxed) == before) [[likely]]
                return total;
        }
    }

private:
    // Page k holds 64 * 2^k cells, so the 26 pages hold more slots than memory does breakers.
    static constexpr std::uint32_t first_page = 64;
    struct table {
        std::array<std::atomic<cell*>, 26> pages{};
        std::atomic<table*> next{nullptr};
        table* next_free = nullptr;
        bool listed = false;  // among `tables`
    };
    struct resignation;  // gives the table back when the thread ends
    class rearrangement;

    cell* own(cell* page) const noexcept {
        return reinterpret_cast<cell*>(reinterpret_cast<std::byte*>(page) + offset_);
    }
    cell* make_local() noexcept;
    static std::uint64_t settled_version() noexcept;
    static table* adopt() noexcept;
    static void retire(table& ended) noexcept;
    static cell* page_of(table& t, std::size_t k) noexcept;

    static table nobodys;                         // has no pages
    static table estate;                          // of the threads that have ended: the last of `tables`
    static constinit std::atomic<table*> tables;  // that have counts; a reader may stand on one that is taken out
    static constinit std::atomic<std::uint64_t> version;  // odd while tables are rearranged
    static constinit table* unused;                       // left by ended threads. Tables are never freed
    // Inline, so that the compiler of a caller knows where it is.
    static inline constinit thread_local table* this_thread = &nobodys;
    static constinit thread_local bool ending;

    std::uint32_t slot_;
    std::uint32_t page_;
    std::size_t offset_;  // in bytes: spares each call a multiplication
};

}  // namespace fusebox::detail
