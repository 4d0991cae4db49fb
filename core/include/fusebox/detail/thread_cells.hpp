// Where the cells of call_cell.hpp live: every thread has a table, every breaker a slot in all of them.
//
// A table's pages are made when its thread first uses them, and never move, so that readers need no
// lock. A thread that ends leaves its table, counts and all, to the next thread that starts; memory is
// bounded by the most threads that ever ran at once. A slot's cells are cleared when its breaker is
// destroyed, and then given to another.
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

    // Calls visit(cell) for the cell of each thread that has one.
    template <class Visit>
    void for_each(Visit visit) const {
        for (const table* t = tables.load(std::memory_order_acquire); t != nullptr; t = t->next)
            if (cell* page = t->pages[page_].load(std::memory_order_acquire)) visit(*own(page));
    }

private:
    // Page k holds 64 * 2^k cells, so the 26 pages hold more slots than memory does breakers.
    static constexpr std::uint32_t first_page = 64;
    struct table {
        std::array<std::atomic<cell*>, 26> pages{};
        table* next = nullptr;
        std::atomic<bool> adopted{true};
    };
    struct resignation;  // gives the table back when the thread ends

    cell* own(cell* page) const noexcept {
        return reinterpret_cast<cell*>(reinterpret_cast<std::byte*>(page) + offset_);
    }
    cell* make_local() noexcept;

    static table nobodys;                         // has no pages
    static constinit std::atomic<table*> tables;  // of all threads; tables are never freed
    // Inline, so that the compiler of a caller knows where it is.
    static inline constinit thread_local table* this_thread = &nobodys;
    static constinit thread_local bool ending;

    std::uint32_t slot_;
    std::uint32_t page_;
    std::size_t offset_;  // in bytes: spares each call a multiplication
};

}  // namespace fusebox::detail
