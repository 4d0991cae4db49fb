// Threads ask for more keys than fit. For the thread sanitizer.
#include <fusebox/keyed.hpp>
#include <fusebox/random.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace fusebox;

namespace {

struct policy {
    explicit policy(std::string_view k) : key(k) {}
    std::string key;
    std::atomic<int> uses{0};
};

// Who uses which policy of a key at the moment.
struct in_use {
    std::mutex mutex;
    const policy* which = nullptr;
    int users = 0;
};

}  // namespace

TEST(keyed_threads, a_key_never_has_two_policies_in_use) {
    constexpr unsigned keys = 400;
    keyed<policy> k{[](std::string_view key) { return std::make_shared<policy>(key); }, {.capacity = 256}};
    std::vector<in_use> uses(keys);
    std::atomic<int> doubles{0}, strangers{0};
    {
        std::vector<std::jthread> callers;
        for (std::uint64_t seed = 0; seed < 8; ++seed)
            callers.emplace_back([&, seed] {
                splitmix64 random{seed};
                for (int i = 0; i < 10'000; ++i) {
                    const auto n = random.next() % keys;
                    const std::string key = std::to_string(n);
                    const auto mine = k.get(key);
                    if (mine->key != key) ++strangers;
                    ++mine->uses;
                    {
                        const std::scoped_lock hold(uses[n].mutex);
                        if (uses[n].users++ == 0) uses[n].which = mine.get();
                        else if (uses[n].which != mine.get()) ++doubles;
                    }
                    if (i % 64 == 0) std::this_thread::yield();
                    if (i % 1000 == 0) k.for_each([](std::string_view, const auto& p) { ++p->uses; });
                    const std::scoped_lock hold(uses[n].mutex);
                    --uses[n].users;
                }
            });
    }
    EXPECT_EQ(doubles, 0);
    EXPECT_EQ(strangers, 0);
    EXPECT_GT(k.snapshot().evictions, 1000u);
    EXPECT_LE(k.snapshot().size, 256u + 8u);
}
