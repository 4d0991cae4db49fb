// That the table, the structs' defaults and checks, and the documentation say the same.
#include "config/table.hpp"
#include "corpus.hpp"

#include <gtest/gtest.h>

#include <set>

namespace fusebox::gateway::config {
namespace {

// Calls `seen` for each section, once.
void each_section(const shape& s, std::set<std::string>& known, const std::function<void(const shape&)>& seen) {
    if (s.element) each_section(*s.element, known, seen);
    if (s.what != shape::kind::section || !known.insert(s.type).second) return;
    seen(s);
    for (const key& k : s.keys) each_section(k.value, known, seen);
}

TEST(table, explains_every_key_in_a_sentence) {
    std::set<std::string> known;
    std::size_t keys = 0;
    each_section(table(), known, [&](const shape& s) {
        for (const key& k : s.keys) {
            ++keys;
            EXPECT_FALSE(k.doc.empty()) << s.type << "." << k.name;
            EXPECT_EQ(k.doc.back(), '.') << s.type << "." << k.name;
            EXPECT_FALSE(k.value.type.empty()) << s.type << "." << k.name;
        }
    });
    EXPECT_GT(keys, 120u);
}

TEST(table, reads_back_every_default) {
    std::set<std::string> known;
    each_section(table(), known, [](const shape& s) {
        for (const key& k : s.keys) {
            const void* standard = k.find(s.defaults.get());
            if (standard == nullptr || !k.value.is_single() || k.value.write(standard).empty()) continue;
            const std::string text = k.value.write(standard);
            // Into itself: what is read is what was there.
            const std::string wrong = k.value.read(text, const_cast<void*>(standard));
            EXPECT_EQ(wrong, "") << s.type << "." << k.name;
            EXPECT_EQ(k.value.write(standard), text) << s.type << "." << k.name;
        }
    });
}

// The bounds in the table are for editors and for early answers; those that count are in the options' validate().
TEST(table, has_bounds_that_the_options_accept) {
    struct bound {
        const char* route;
        bool good;
    };
    const bound all[] = {
        {"retry: { max_attempts: 1000000 }", true},
        {"retry: { max_attempts: 0 }", false},
        {"retry: { backoff: { multiplier: 100 } }", true},
        {"retry: { budget: { percent: 100%, min_per_second: 1000000, window: 60s } }", true},
        {"retry: { budget: { window: 61s } }", false},
        {"circuit_breaker: { consecutive_failures: 1000000, failure_count_threshold: 1000000, minimum_calls: 1000000 }",
         true},
        {"circuit_breaker: { failure_rate_threshold: 0% }", false},
        {"circuit_breaker: { half_open_calls: 10000, half_open_concurrency: 10000, half_open_successes: 10000 }", true},
        {"circuit_breaker: { open_multiplier: 100, open_cap: none, open_max: none, open_jitter: 99% }", true},
        {"circuit_breaker: { open_jitter: 100% }", false},
        {"circuit_breaker: { window: 24h }", true},
        {"circuit_breaker: { window: 1000000 calls }", true},
        {"circuit_breaker: { ramp: { shares: [1%, 100%], calls_per_step: 10000 } }", true},
        {"circuit_breaker: { ramp: { shares: [50%, 10%] } }", false},
        {"bulkhead: { max_concurrent: 1000000, queue: 1000000, queue_wait: none }", true},
        {"rate_limit: { rate: 1000000, burst: 1000000, max_wait: 1h }", true},
        {"rate_limit: { rate: 0.001 }", true},
        {"rate_limit: { max_wait: 2h }", false},
        {"rate_limit: { algorithm: fixed_window, limit: 1000000, window: 24h }", true},
        {"throttle: { multiplier: 100 }", true},
        {"hedge: { delay: 0s, quantile: 99.9%, minimum_samples: 1024, max_attempts: 5 }", true},
        {"hedge: { quantile: 40% }", false},
        {"hedge: {}", false},
        {"adaptive_limit: { vegas: { probe_multiplier: 10000, maximum_limit: 1000000 } }", true},
        {"adaptive_limit: { gradient2: { long_window: 1000000, queue_size: 10000 } }", true},
        {"cache: { capacity: 100000000 }", true},
        {"cache: { ttl: 0s }", false},
        {"chaos: { fault_rate: 100%, latency_rate: 100%, latency: 1s, expires_after: none }", true},
        {"chaos: { latency_rate: 1% }", false},
        {"fallback: {}", false},
        {"outcomes: { ok: success, server_error: ignored, protocol: pushback }", true},
        {"outcomes: { server_error: rejected }", false},
        {"outcomes: { client: failure }", false},
    };
    for (const auto& b : all) {
        const std::string text =
            "listen: \":80\"\nupstreams: { a: { endpoints: [\"h:1\"] } }\nroutes:\n  - { upstream: a, " +
            std::string{b.route} + " }\n";
        EXPECT_EQ(complaints(text).empty(), b.good) << b.route << "\n" << complaints(text);
    }
}

TEST(table, is_the_reference_in_the_documentation) {
    const auto page = slurp(FUSEBOX_SOURCE_DIR "/docs/configuration.md");
    const std::string begin = "<!-- reference: made by `fusebox schema --markdown` -->\n\n";
    const auto at = page.find(begin);
    ASSERT_NE(at, std::string::npos);
    EXPECT_EQ(page.substr(at + begin.size()), configuration_reference())
        << "docs/configuration.md is behind the table: put the output of `fusebox schema --markdown` behind its last "
           "comment";
}

}  // namespace
}  // namespace fusebox::gateway::config
