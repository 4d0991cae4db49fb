// The world of breaker_engine.hpp, simulated: atomics that give way before each access, cells for each
// fiber, and the scheduler's clock. And the same world with one thing broken, to see that it is noticed.
#pragma once

#include "simulation_ledger.hpp"
#include "simulation_scheduler.hpp"

#include <fusebox/detail/call_cell.hpp>

#include <atomic>
#include <deque>
#include <type_traits>

namespace fusebox::simulation {

enum class defect {
    none,
    lock_that_does_nothing,
    word_shown_last,      // the state becomes visible after its deadline
    clock_that_stands,    // a thread's second reading is its first
    cells_without_tag,    // successes of all generations are taken for the present one's
    one_cell_for_all,     // threads write to the same cell
    cell_taken_last,      // adopted from an ended thread after the word was read
    results_of_any_time,  // a permit is settled as if it were of the present generation (see world)
    settling_twice,       // the second settling is not ignored (see world)
};

inline void give_way() {
    if (auto* s = scheduler::current()) s->yield();
}

template <defect Defect>
struct platform {
    // The engine's atomics are known by their type and order: the first 64-bit word is the published one,
    // the first signed one its deadline, the only 32-bit one the lock.
    template <class T>
    class atomic {
    public:
        atomic(T value = T{}) : value_(value), role_(ledger::current()->role_of_next(std::is_signed_v<T>, sizeof(T))) {}

        T load(std::memory_order) const {
            give_way();
            return value_;
        }
        void store(T value, std::memory_order) {
            give_way();
            if constexpr (Defect == defect::word_shown_last) {
                ledger& l = *ledger::current();
                if (role_ == ledger::role::word) {
                    l.kept_back = [this, value] { write(value); };
                    return;
                }
                if (role_ == ledger::role::lock && l.kept_back) std::exchange(l.kept_back, nullptr)();
            }
            write(value);
        }
        T exchange(T value, std::memory_order) {
            give_way();
            const T old = std::exchange(value_, value);
            if (Defect == defect::lock_that_does_nothing) return T{};
            if (old == T{}) ledger::current()->locked();
            return old;
        }

    private:
        void write(T value) {
            ledger::current()->stored(role_, std::uint64_t(value_), std::uint64_t(value));
            value_ = value;
        }
        T value_;
        ledger::role role_;
    };

    static void relax(unsigned) noexcept {
        if (auto* s = scheduler::current()) s->wait();
    }

    static unsigned& deliveries() { return ledger::current()->deliveries[scheduler::current()->running()]; }

    class cells;
    struct cell : detail::call_cell<platform> {
        using base = detail::call_cell<platform>;
        std::uint64_t successes_in(std::uint64_t of_generation) const noexcept {
            if (Defect == defect::cells_without_tag) return this->successes.load(std::memory_order_relaxed);
            return base::successes_in(of_generation);
        }
        void add_success(std::uint64_t in_generation) noexcept {
            if (promised_by != nullptr) return promised_by->own().base::add_success(in_generation);
            base::add_success(in_generation);
        }
        void add_rejection() noexcept {
            if (promised_by != nullptr) return promised_by->own().base::add_rejection();
            base::add_rejection();
        }
        cells* promised_by = nullptr;  // a cell yet to be taken, for cell_taken_last
    };

    // As thread_cells: a fiber takes its table at the first use, a new one or one that an ended fiber left.
    class cells {
    public:
        cells() {
            promise_.promised_by = this;
            scheduler::current()->at_exit([this](int fiber) {
                for (table& t : tables_)
                    if (t.owner == fiber) t.owner = scheduler::outside;
            });
        }

        cell* local() noexcept {
            if (!enough_memory_) return nullptr;
            return Defect == defect::cell_taken_last ? &promise_ : &own();
        }
        template <class Total, class Add>
        Total sum(Add add) const {
            Total total{};
            for (std::size_t i = 0; i < tables_.size(); ++i) add(total, tables_[i].own);
            return total;
        }

        cell& own() {
            const int me = scheduler::current()->running();
            if (Defect == defect::one_cell_for_all && !tables_.empty()) return tables_.front().own;
            for (table& t : tables_)
                if (t.owner == me && me != scheduler::outside) return t.own;
            give_way();
            for (table& t : tables_)
                if (t.owner == scheduler::outside) {
                    t.owner = me;
                    return t.own;
                }
            tables_.emplace_back().owner = me;
            return tables_.back().own;
        }

    private:
        struct table {
            cell own{};
            int owner = scheduler::outside;
        };
        cell promise_{};
        std::deque<table> tables_{};
        bool enough_memory_ = !scheduler::current()->percent(5);
    };

    class time {
    public:
        time_point now() const {
            give_way();
            scheduler& s = *scheduler::current();
            if constexpr (Defect == defect::clock_that_stands) {
                auto& first = ledger::current()->first_readings;
                return first.try_emplace(s.running(), s.now()).first->second;
            }
            return s.now();
        }
        // As the kernel's: of the last tick.
        time_point coarse_now() const {
            const duration since = now().time_since_epoch();
            return time_point{since - since % tick};
        }
    };
};

}  // namespace fusebox::simulation
