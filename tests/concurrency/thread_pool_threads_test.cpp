// Threads submit to a pool while it works, and while it ends. For the thread sanitizer.
#include <fusebox/thread_pool.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>
#include <thread>
#include <vector>

using namespace fusebox;

TEST(thread_pool_threads, does_every_accepted_piece_of_work_once) {
    thread_pool pool{{.threads = 4, .queue = 8}};
    std::atomic<int> done{0}, accepted{0}, refused{0};
    {
        std::vector<std::jthread> callers;
        for (int t = 0; t < 6; ++t)
            callers.emplace_back([&] {
                for (int i = 0; i < 2000; ++i) {
                    auto answer = pool.submit([&, i] { return ++done, i; });
                    if (!answer) {
                        ++refused;
                        continue;
                    }
                    ++accepted;
                    if (i % 4 == 0) {
                        EXPECT_EQ(answer->get(), i);
                    }
                }
            });
    }
    while (pool.snapshot().queued + pool.snapshot().running > 0) std::this_thread::yield();
    EXPECT_EQ(done, accepted);
    EXPECT_EQ(accepted + refused, 6 * 2000);
    EXPECT_EQ(pool.snapshot().rejected, static_cast<std::uint64_t>(refused));
}

TEST(thread_pool_threads, at_its_end_every_future_has_an_answer) {
    for (int round = 0; round < 200; ++round) {
        std::vector<std::future<int>> answers;
        std::atomic<int> done{0};
        {
            thread_pool pool{{.threads = 2, .queue = 30}};
            for (int i = 0; i < 20; ++i) answers.push_back(std::move(*pool.submit([&, i] { return ++done, i; })));
        }
        int kept = 0;
        for (auto& a : answers) {
            try {
                a.get();
                ++kept;
            } catch (const std::future_error& e) {
                EXPECT_EQ(e.code(), std::future_errc::broken_promise);
            }
        }
        EXPECT_EQ(kept, done);
    }
}
