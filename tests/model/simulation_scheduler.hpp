// Threads, time and chance, all made of one seed: fibers that give way before each access to shared
// memory, a clock that moves when the scheduler says so. The same seed gives the same history.
//
// Two ways to choose who runs: a random walk, and PCT (Burckhardt et al.: "A Randomized Scheduler with
// Probabilistic Guarantees of Finding Bugs", ASPLOS 2010): random priorities that change at few points.
#pragma once

#include <fusebox/clock.hpp>
#include <fusebox/random.hpp>

#include <ucontext.h>
#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define FUSEBOX_SIMULATION_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FUSEBOX_SIMULATION_ASAN 1
#endif
#endif
#ifdef FUSEBOX_SIMULATION_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace fusebox::simulation {

enum class strategy { random_walk, pct };

class scheduler {
public:
    static constexpr int outside = -1;  // the number of no fiber
    static constexpr long most_steps = 200'000;

    scheduler(std::uint64_t seed, strategy how) : chance_(seed), how_(how) {
        for (long& at : change_points_) at = long(below(600));
        current() = this;
    }
    ~scheduler() { current() = nullptr; }
    scheduler(const scheduler&) = delete;
    scheduler& operator=(const scheduler&) = delete;

    static scheduler*& current() {
        static thread_local scheduler* the_current = nullptr;
        return the_current;
    }

    void spawn(std::function<void()> body) {
        fibers_.push_back(std::make_unique<fiber>());
        fibers_.back()->body = std::move(body);
        fibers_.back()->priority = 1000 + int(below(1000));
    }
    // Is called with the number of each fiber that ends.
    void at_exit(std::function<void(int)> handler) { at_exit_ = std::move(handler); }

    // Runs all fibers to their end, or to the first failure of the kind that cannot go on.
    void run() {
        for (std::size_t i = 0; i < fibers_.size(); ++i) prepare(*fibers_[i], i);
        while (steps_ < most_steps) {
            const int next = choose();
            if (next == outside) return;
            ++steps_;
            if (below(8) == 0)
                now_ += below(10) == 0 ? std::int64_t(below(40'000'000)) : std::int64_t(below(2'000'000));
            running_ = next;
            enter(*fibers_[std::size_t(next)]);
            running_ = outside;
        }
        fail("the threads do not come to an end: a deadlock or a livelock");
    }

    // Gives way. Does nothing outside the fibers.
    void yield() {
        if (running_ != outside) leave(*fibers_[std::size_t(running_)], false);
    }
    // Gives way to whoever holds what this fiber waits for.
    void wait() {
        if (running_ == outside) return;
        fibers_[std::size_t(running_)]->priority = --lowest_priority_;
        yield();
    }

    int running() const noexcept { return running_; }
    time_point now() const noexcept { return time_point{duration{now_}}; }
    void advance(duration by) noexcept { now_ += by.count(); }
    std::uint64_t below(std::uint64_t n) noexcept { return chance_.next() % n; }
    bool percent(unsigned p) noexcept { return below(100) < p; }

    void fail(const std::string& why) {
        if (failure_.empty()) failure_ = why;
    }
    const std::string& failure() const noexcept { return failure_; }
    long steps() const noexcept { return steps_; }

private:
    static constexpr std::size_t stack_size = 256 * 1024;
    struct fiber {
        ucontext_t context{};  // where it begins
        jmp_buf resume{};
        bool begun = false;
        std::function<void()> body{};
        char* stack = nullptr;
        void* sanitizer = nullptr;
        int priority = 0;
        bool done = false;
    };

    int choose() {
        int chosen = outside, alive = 0;
        for (std::size_t i = 0; i < fibers_.size(); ++i) {
            if (fibers_[i]->done) continue;
            ++alive;
            const bool better =
                how_ == strategy::random_walk
                    ? below(std::uint64_t(alive)) == 0
                    : chosen == outside || fibers_[i]->priority > fibers_[std::size_t(chosen)]->priority;
            if (better) chosen = int(i);
        }
        if (how_ == strategy::pct && std::count(change_points_.begin(), change_points_.end(), steps_) != 0 &&
            chosen != outside)
            fibers_[std::size_t(chosen)]->priority = --lowest_priority_;
        return chosen;
    }

    void prepare(fiber& f, std::size_t number) {
        static thread_local std::vector<std::unique_ptr<char[]>> stacks;
        while (stacks.size() <= number) stacks.push_back(std::make_unique_for_overwrite<char[]>(stack_size));
        f.stack = stacks[number].get();
        getcontext(&f.context);
        f.context.uc_stack.ss_sp = f.stack;
        f.context.uc_stack.ss_size = stack_size;
        f.context.uc_link = nullptr;
        makecontext(&f.context, &scheduler::start, 0);
    }
    static void start() {
        scheduler& s = *current();
#ifdef FUSEBOX_SIMULATION_ASAN
        __sanitizer_finish_switch_fiber(nullptr, &s.outer_stack_, &s.outer_size_);
#endif
        fiber& mine = *s.fibers_[std::size_t(s.running_)];
        mine.body();
        if (s.at_exit_) s.at_exit_(s.running_);
        mine.done = true;
        s.leave(mine, true);
    }

    // The sanitizer is told of each change of stack.
    void enter(fiber& f) {
#ifdef FUSEBOX_SIMULATION_ASAN
        __sanitizer_start_switch_fiber(&outer_sanitizer_, f.stack, stack_size);
#endif
        // After the first time by longjmp: swapcontext costs two system calls.
        if (_setjmp(outer_) == 0) {
            if (std::exchange(f.begun, true)) _longjmp(f.resume, 1);
            setcontext(&f.context);
        }
#ifdef FUSEBOX_SIMULATION_ASAN
        __sanitizer_finish_switch_fiber(outer_sanitizer_, nullptr, nullptr);
#endif
    }
    void leave(fiber& f, [[maybe_unused]] bool for_good) {
#ifdef FUSEBOX_SIMULATION_ASAN
        __sanitizer_start_switch_fiber(for_good ? nullptr : &f.sanitizer, outer_stack_, outer_size_);
#endif
        if (_setjmp(f.resume) == 0) _longjmp(outer_, 1);
#ifdef FUSEBOX_SIMULATION_ASAN
        __sanitizer_finish_switch_fiber(f.sanitizer, &outer_stack_, &outer_size_);
#endif
    }

    splitmix64 chance_;
    strategy how_;
    std::array<long, 3> change_points_{};
    std::vector<std::unique_ptr<fiber>> fibers_{};
    std::function<void(int)> at_exit_{};
    jmp_buf outer_{};
    void* outer_sanitizer_ = nullptr;
    const void* outer_stack_ = nullptr;
    std::size_t outer_size_ = 0;
    int running_ = outside;
    int lowest_priority_ = 0;
    long steps_ = 0;
    std::int64_t now_ = 1'000'000'000;
    std::string failure_{};
};

}  // namespace fusebox::simulation
