// The text that Prometheus reads.
#include <fusebox/metrics/exposition.hpp>

#include <gtest/gtest.h>

using fusebox::metrics::exposition;

namespace {

TEST(exposition, has_a_family_with_its_samples) {
    exposition out;
    out.family("requests_total", "counter", "Requests.");
    out.sample({{"service", "orders"}, {"code", "5xx"}}, std::uint64_t{3});
    out.sample({}, 0.5);
    EXPECT_EQ(out.take(),
              "# HELP requests_total Requests.\n# TYPE requests_total counter\n"
              "requests_total{service=\"orders\",code=\"5xx\"} 3\nrequests_total 0.5\n");
}

TEST(exposition, escapes_what_would_end_a_label) {
    exposition out;
    out.family("up", "gauge", "Up.");
    out.sample({{"service", "a\"b\\c\nd"}}, true);
    EXPECT_TRUE(out.take().ends_with("up{service=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

}  // namespace
