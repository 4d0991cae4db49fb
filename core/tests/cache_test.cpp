#include <fusebox/cache.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

using namespace fusebox;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

namespace {

constexpr time_point start{};

using names = cache<int, std::string>;

std::string shown(const std::optional<aged<std::string>>& a) {
    return a ? *a->value + "@" + std::to_string(a->age / 1s) : "none";
}

}  // namespace

TEST(last_good, knows_the_newest_value_and_its_age) {
    last_good<std::string> store;
    EXPECT_FALSE(store.get(start));
    store.remember("a", start + 1s);
    store.remember("b", start + 3s);
    store.remember("late", start + 2s);
    EXPECT_EQ(shown(store.get(start + 10s)), "b@7");
    EXPECT_EQ(shown(store.get(start + 10s, 7s)), "b@7");
    EXPECT_EQ(shown(store.get(start + 10s, 6s)), "none");
    EXPECT_EQ(shown(store.get(start)), "b@0") << "an age is never negative";
    store.forget();
    EXPECT_FALSE(store.get(start + 10s));
}

TEST(last_good, a_value_in_use_outlives_its_place) {
    last_good<std::string> store;
    store.remember("first", start);
    const auto held = store.get(start);
    store.remember("second", start);
    EXPECT_EQ(*held->value, "first");
}

TEST(cache, an_answer_is_fresh_for_its_time_and_no_longer) {
    names c{{.ttl = 10s}};
    EXPECT_EQ(shown(c.find(1, start)), "none");
    c.put(1, "one", start);
    EXPECT_EQ(shown(c.find(1, start + 9s)), "one@9");
    EXPECT_EQ(shown(c.find(1, start + 10s)), "none");
    EXPECT_EQ(c.snapshot().hits, 1u);
    EXPECT_EQ(c.snapshot().misses, 2u);
    EXPECT_EQ(c.snapshot().size, 0u) << "what can serve no more is dropped when it is found";
}

TEST(cache, a_stale_answer_serves_when_there_is_no_better_one) {
    names c{{.ttl = 10s, .stale_for = 20s}};
    c.put(1, "one", start);
    EXPECT_EQ(shown(c.find(1, start + 15s)), "none");
    EXPECT_EQ(shown(c.find_stale(1, start + 15s)), "one@15");
    EXPECT_EQ(shown(c.find_stale(1, start + 29s)), "one@29");
    EXPECT_EQ(shown(c.find_stale(1, start + 30s)), "none");
    EXPECT_EQ(shown(c.find_stale(2, start)), "none");
    const auto s = c.snapshot();
    EXPECT_EQ(s.stale, 2u);
    EXPECT_EQ(s.misses, 1u) << "counted once, by find()";
    EXPECT_EQ(s.hits, 0u);
}

TEST(cache, a_new_answer_begins_a_new_time) {
    names c{{.ttl = 10s}};
    c.put(1, "one", start);
    c.put(1, "uno", start + 8s);
    EXPECT_EQ(shown(c.find(1, start + 12s)), "uno@4");
    EXPECT_EQ(c.snapshot().size, 1u);
}

TEST(cache, when_full_the_least_recently_used_answer_goes) {
    names c{{.capacity = 2}};
    c.put(1, "one", start);
    c.put(2, "two", start);
    EXPECT_TRUE(c.find(1, start));
    c.put(3, "three", start);
    EXPECT_FALSE(c.find(2, start));
    EXPECT_TRUE(c.find(1, start));
    EXPECT_TRUE(c.find(3, start));
    c.put(1, "uno", start);  // renewing is using
    c.put(4, "four", start);
    EXPECT_FALSE(c.find(3, start));
    EXPECT_EQ(c.snapshot().evicted, 2u);
    EXPECT_EQ(c.snapshot().size, 2u);
}

TEST(cache, stays_within_its_bound_whatever_the_keys) {
    names c{{.capacity = 100}};
    for (int i = 0; i < 100'000; ++i) c.put(i, "x", start);
    EXPECT_EQ(c.snapshot().size, 100u);
    EXPECT_EQ(c.snapshot().evicted, 99'900u);
}

TEST(cache, answers_can_be_erased_one_by_one_and_all) {
    names c;
    for (int i = 0; i < 3; ++i) c.put(i, "x", start);
    c.erase(1);
    c.erase(7);
    EXPECT_FALSE(c.find(1, start));
    EXPECT_EQ(c.snapshot().size, 2u);
    c.clear();
    EXPECT_EQ(c.snapshot().size, 0u);
    EXPECT_FALSE(c.find(0, start));
}

namespace {
// Asks the cache that holds it how large it is, when it dies.
struct curious {
    cache<int, curious>* home = nullptr;
    std::uint64_t* seen = nullptr;
    curious(cache<int, curious>* c, std::uint64_t* s) : home(c), seen(s) {}
    curious(curious&& o) noexcept : home(std::exchange(o.home, nullptr)), seen(o.seen) {}
    ~curious() {
        if (home) *seen = home->snapshot().size;
    }
};
}  // namespace

TEST(cache, values_die_with_nothing_locked) {
    std::uint64_t seen = 99;
    cache<int, curious> c{{.capacity = 1}};
    c.put(1, {&c, &seen}, start);
    c.put(2, {&c, &seen}, start);
    EXPECT_EQ(seen, 1u) << "evicted";
    seen = 99;
    c.put(2, {&c, &seen}, start);
    EXPECT_EQ(seen, 1u) << "replaced";
    c.erase(2);
    EXPECT_EQ(seen, 0u) << "erased";
}

TEST(cache, refuses_options_that_cannot_be_meant) {
    EXPECT_TRUE(cache_options{}.validate().empty());
    const cache_options bad{.capacity = 0, .ttl = 0s, .stale_for = -1s};
    std::vector<std::string> options;
    for (const auto& e : bad.validate()) options.push_back(e.option);
    EXPECT_THAT(options, ElementsAre("capacity", "ttl", "stale_for"));
    EXPECT_THROW(names{bad}, configuration_error);
}
