#include <fusebox/detail/thread_cells.hpp>

#include <mutex>
#include <new>
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
constinit std::atomic<thread_cells::table*> thread_cells::tables{nullptr};
constinit thread_local bool thread_cells::ending = false;

struct thread_cells::resignation {
    table* held = nullptr;
    ~resignation() {
        this_thread = &nobodys;
        ending = true;
        if (held != nullptr) held->adopted.store(false, std::memory_order_release);
    }
};

thread_cells::thread_cells() : slot_(pool().take()) {
    page_ = static_cast<std::uint32_t>(std::bit_width(slot_ / first_page + 1)) - 1;
    offset_ = (slot_ - first_page * ((1u << page_) - 1)) * sizeof(cell);
}

thread_cells::~thread_cells() {
    for_each([](cell& c) { c.clear(); });
    pool().give_back(slot_);
}

thread_cells::cell* thread_cells::make_local() noexcept {
    if (ending) return nullptr;
    static thread_local resignation at_exit;
    if (this_thread == &nobodys) {
        table* mine = tables.load(std::memory_order_acquire);
        bool free = false;
        while (mine != nullptr && !mine->adopted.compare_exchange_strong(free, true, std::memory_order_acq_rel)) {
            mine = mine->next;
            free = false;
        }
        if (mine == nullptr) {
            mine = new (std::nothrow) table;
            if (mine == nullptr) return nullptr;
            mine->next = tables.load(std::memory_order_relaxed);
            while (!tables.compare_exchange_weak(mine->next, mine, std::memory_order_release)) {}
        }
        at_exit.held = this_thread = mine;
    }
    cell* page = this_thread->pages[page_].load(std::memory_order_relaxed);
    if (page == nullptr) {
        // On cache lines of its own: another thread writes to what lies beside it.
        page = new (std::align_val_t{64}, std::nothrow) cell[std::size_t{first_page} << page_];
        if (page == nullptr) return nullptr;
        this_thread->pages[page_].store(page, std::memory_order_release);
    }
    return own(page);
}

}  // namespace fusebox::detail
