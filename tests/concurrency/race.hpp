// Small races, run very often: the actors of a round do one thing each at the same time, and the outcome of
// each round is noted. After jcstress (OpenJDK).
#pragma once

#include <fusebox/random.hpp>

#include <atomic>
#include <barrier>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace fusebox::testing {

// So many rounds of each race; FUSEBOX_RACES sets others.
inline int rounds() {
    const char* text = std::getenv("FUSEBOX_RACES");
    return text != nullptr ? std::atoi(text) : 2000;
}

// How often each outcome was seen. A `Round` is made anew for each; it has `actors` of them, act(i) and outcome().
//
// Rounds are made by the hundred, and the actors go through them side by side, waiting for each other before
// each: threads that sleep and wake would hardly ever meet.
template <class Round>
std::map<std::string, int> race() {
    struct place {
        Round round;
        std::atomic<int> here{0};
    };
    constexpr int batch = 100;
    std::map<std::string, int> seen;
    std::vector<std::unique_ptr<place>> places(batch);
    std::barrier<> meet{Round::actors};
    const int batches = (rounds() + batch - 1) / batch;
    const auto run = [&](int me) {
        splitmix64 chance{std::uint64_t(me) + 1};
        for (int b = 0; b < batches; ++b) {
            if (me == 0)
                for (auto& p : places) p = std::make_unique<place>();
            meet.arrive_and_wait();
            for (auto& p : places) {
                p->here.fetch_add(1);
                for (int spins = 0; p->here.load() < Round::actors; ++spins)
                    if (spins > 5000) std::this_thread::yield();
                // Together, and yet not always the same one first.
                for (auto n = chance.next() % 200; n > 0; --n) std::atomic_signal_fence(std::memory_order_seq_cst);
                p->round.act(me);
            }
            meet.arrive_and_wait();
            if (me == 0)
                for (auto& p : places) ++seen[p->round.outcome()];
        }
    };
    std::vector<std::jthread> threads;
    for (int i = 1; i < Round::actors; ++i) threads.emplace_back(run, i);
    run(0);
    threads.clear();
    return seen;
}

}  // namespace fusebox::testing
