#include <fusebox/detail/thread_cells.hpp>

#include <mutex>
#include <new>
#include <thread>
#include <vector>

namespace fusebox::detail {

namespace {

// Hands out the numbers of free slots, the lowest first to be made.
class slot_pool {
public:
    std::uint32_t take() {
        const std::scoped_lock lock(mutex_);
        if (free_.empty()) return next_++;
        const auto slot = free_.back();
        free_.pop_back();
        return slot;
    }
    void give_back(std::uint32_t slot) {
        const std::scoped_lock lock(mutex_);
        free_.push_back(slot);
    }

private:
    std::mutex mutex_;
    std::vector<std::uint32_t> free_;
    std::uint32_t next_ = 0;
};

// Never destroyed: breakers with static storage duration may outlive any static here.
slot_pool& pool() {
    static auto* the_pool = new slot_pool;
    return *the_pool;
}

}  // namespace

constinit thread_cells::table thread_cells::nobodys{};
constinit thread_cells::table thread_cells::estate{};
constinit std::atomic<thread_cells::table*> thread_cells::tables{&estate};
constinit std::atomic<std::uint64_t> thread_cells::version{0};
constinit thread_cells::table* thread_cells::unused = nullptr;
constinit thread_local bool thread_cells::ending = false;

// Behind one lock for all tables: threads and breakers begin and end rarely.
class thread_cells::rearrangement {
public:
    rearrangement() : hold_(mutex()) {}

    // Makes readers wait while `change` runs: a few dozen stores at most.
    template <class Change>
    void apart(Change change) {
        const std::uint64_t v = version.load(std::memory_order_relaxed);
        version.store(v + 1, std::memory_order_release);
        change();
        version.store(v + 2, std::memory_order_release);
    }

private:
    static std::mutex& mutex() {
        static auto* the_mutex = new std::mutex;  // never destroyed, as pool()
        return *the_mutex;
    }
    std::scoped_lock<std::mutex> hold_;
};

std::uint64_t thread_cells::settled_version() noexcept {
    for (;;) {
        const std::uint64_t v = version.load(std::memory_order_acquire);
        if ((v & 1) == 0) return v;
        std::this_thread::yield();
    }
}

struct thread_cells::resignation {
    table* held = nullptr;
    ~resignation() {
        this_thread = &nobodys;
        ending = true;
        if (held != nullptr) retire(*held);
    }
};

thread_cells::thread_cells() : slot_(pool().take()) {
    page_ = static_cast<std::uint32_t>(std::bit_width(slot_ / first_page + 1)) - 1;
    offset_ = (slot_ - first_page * ((1u << page_) - 1)) * sizeof(cell);
}

thread_cells::~thread_cells() {
    {
        const rearrangement hold;
        for (table* t = tables.load(std::memory_order_relaxed); t != nullptr;
             t = t->next.load(std::memory_order_relaxed))
            if (cell* page = t->pages[page_].load(std::memory_order_relaxed)) own(page)->clear();
    }
    pool().give_back(slot_);
}

// A table for the calling thread, among those that are summed up; null when there is no memory.
thread_cells::table* thread_cells::adopt() noexcept {
    rearrangement all;
    table* mine = unused;
    if (mine != nullptr) unused = mine->next_free;
    else mine = new (std::nothrow) table;
    if (mine == nullptr || mine->listed) return mine;
    all.apart([&] {
        mine->next.store(tables.load(std::memory_order_relaxed), std::memory_order_release);
        tables.store(mine, std::memory_order_release);
        mine->listed = true;
    });
    return mine;
}

void thread_cells::retire(table& ended) noexcept {
    rearrangement all;
    ended.next_free = unused;
    unused = &ended;
    // Without memory for the estate the counts stay where they are, and with them the table.
    for (std::size_t k = 0; k < ended.pages.size(); ++k) {
        cell* from = ended.pages[k].load(std::memory_order_relaxed);
        if (from == nullptr) continue;
        cell* to = page_of(estate, k);
        if (to == nullptr) return;
        const std::size_t cells = std::size_t{first_page} << k;
        for (std::size_t i = 0; i < cells; i += first_page)
            all.apart([&] {
                for (std::size_t c = i; c < i + first_page; ++c)
                    if (!from[c].is_clear()) to[c].inherit(from[c]);
            });
    }
    std::atomic<table*>* link = &tables;
    while (link->load(std::memory_order_relaxed) != &ended) link = &link->load(std::memory_order_relaxed)->next;
    // Its own link stays, for a reader that stands on it.
    all.apart([&] { link->store(ended.next.load(std::memory_order_relaxed), std::memory_order_release); });
    ended.listed = false;
}

// Page k of `t`, made if it has none; null when there is no memory.
thread_cells::cell* thread_cells::page_of(table& t, std::size_t k) noexcept {
    cell* page = t.pages[k].load(std::memory_order_relaxed);
    if (page != nullptr) return page;
    // On cache lines of its own: another thread writes to what lies beside it.
    page = new (std::align_val_t{64}, std::nothrow) cell[std::size_t{first_page} << k];
    if (page != nullptr) t.pages[k].store(page, std::memory_order_release);
    return page;
}

thread_cells::cell* thread_cells::make_local() noexcept {
    if (ending) return nullptr;
    static thread_local resignation at_exit;
    if (this_thread == &nobodys) {
        table* mine = adopt();
        if (mine == nullptr) return nullptr;
        at_exit.held = this_thread = mine;
    }
    cell* page = page_of(*this_thread, page_);
    return page != nullptr ? own(page) : nullptr;
}

}  // namespace fusebox::detail
