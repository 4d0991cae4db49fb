#include "config/notation.hpp"

#include "config/near_miss.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fusebox::gateway::config {
namespace {

using namespace std::chrono_literals;

TEST(notation, reads_a_duration_in_every_unit) {
    EXPECT_EQ(read_duration("250ms"), duration{250ms});
    EXPECT_EQ(read_duration("1.5s"), duration{1500ms});
    EXPECT_EQ(read_duration("5m"), duration{5min});
    EXPECT_EQ(read_duration("1h"), duration{1h});
    EXPECT_EQ(read_duration("2d"), duration{48h});
    EXPECT_EQ(read_duration("7us"), duration{7us});
    EXPECT_EQ(read_duration("9ns"), duration{9ns});
    EXPECT_EQ(read_duration("0s"), duration{0});
}

TEST(notation, says_how_to_write_a_duration) {
    EXPECT_EQ(read_duration("10").error(), "\"10\" has no unit; write 10s for seconds, or 10ms for milliseconds");
    EXPECT_EQ(read_duration("10 s").error(), "\"10 s\" has an unknown unit; there are ns, us, ms, s, m, h and d");
    EXPECT_EQ(read_duration("-1s").error(),
              "\"-1s\" is not a duration; write a number with a unit, such as 250ms, 10s, 5m or 1h");
    EXPECT_EQ(read_duration("300000d").error(), "\"300000d\" is longer than 292 years; write none for no limit");
    EXPECT_EQ(read_duration("0.1ns").error(), "\"0.1ns\" is shorter than a nanosecond; write 0s for none at all");
}

TEST(notation, reads_back_the_durations_it_writes) {
    for (const duration d :
         {duration{1ns}, duration{1500us}, duration{90s}, duration{61min}, duration{25h}, duration{0}})
        EXPECT_EQ(read_duration(write_duration(d)), d) << write_duration(d);
    EXPECT_EQ(write_duration(90s), "90s");
    EXPECT_EQ(write_duration(2h), "2h");
    EXPECT_EQ(write_duration(duration::max()), "none");
}

TEST(notation, wants_a_percent_sign) {
    EXPECT_DOUBLE_EQ(read_percentage("12.5%").value(), 0.125);
    EXPECT_EQ(read_percentage("50").error(), "\"50\" has no percent sign; write 50%");
    EXPECT_EQ(read_percentage("0.5").error(), "\"0.5\" has no percent sign; write 50%");
    EXPECT_EQ(read_percentage("101%").error(), "\"101%\" must be between 0% and 100%");
    for (int i = 0; i <= 100; ++i) EXPECT_EQ(write_percentage(i / 100.0), std::to_string(i) + "%");
}

TEST(notation, reads_sizes) {
    EXPECT_EQ(read_size("64KiB"), 65536u);
    EXPECT_EQ(read_size("1.5MiB"), 1572864u);
    EXPECT_EQ(read_size("2MB"), 2'000'000u);
    EXPECT_EQ(read_size("64").error(), "\"64\" has no unit; write 64B for bytes, or 64KiB");
    EXPECT_EQ(read_size("0.3B").error(), "\"0.3B\" is not a whole number of bytes");
    for (const std::uint64_t n : {0ull, 1ull, 1024ull, 1500ull, 1ull << 30}) EXPECT_EQ(read_size(write_size(n)), n);
}

TEST(notation, takes_no_octal_number_for_a_decimal_one) {
    EXPECT_EQ(read_integer("10"), 10u);
    EXPECT_EQ(read_integer("0"), 0u);
    EXPECT_EQ(read_integer("010").error(), "\"010\" has a leading zero, which some take for octal; write it without");
    EXPECT_EQ(read_integer("0x10").error(), "\"0x10\" is not a whole number; write digits only, such as 20");
    EXPECT_EQ(read_integer("99999999999999999999").error(), "\"99999999999999999999\" is too large");
    EXPECT_FALSE(read_integer(""));
    EXPECT_FALSE(read_integer("-1"));
    EXPECT_FALSE(read_number("1e3"));
}

TEST(notation, reads_addresses) {
    EXPECT_EQ(read_address(":8080"), (socket_address{"", 8080}));
    EXPECT_EQ(read_address("orders.local:80"), (socket_address{"orders.local", 80}));
    EXPECT_EQ(read_address("[::1]:80"), (socket_address{"::1", 80}));
    EXPECT_EQ(write_address({"::1", 80}), "[::1]:80");
    for (const char* bad :
         {"", "80", "a", "a:", "a:65536", "a:080", "::1:80", "[x]:80", "[::1]", "a b:80", "a:80:81", "[]:1"})
        EXPECT_FALSE(read_address(bad)) << bad;
}

TEST(notation, refuses_addresses_that_are_read_in_different_ways) {
    for (const char* bad : {"127.0.0.010:80", "127.8:80", "0x7f000008:80", "2130706433:80", "127.0.0.0x8:80",
                            "1.2.3.4.5:80", "256.0.0.1:80", "127.0.0.08:80", "010.0.0.1.:80", "a.0x:80"})
        EXPECT_FALSE(read_address(bad)) << bad;
    for (const char* good : {"127.0.0.8:80", "0.0.0.0:80", "10a:80", "a.1b:80", "1.2.3.com:80", "orders-1:80"})
        EXPECT_TRUE(read_address(good)) << good;
}

TEST(notation, says_what_to_write_instead_of_a_url) {
    const auto said = [](const char* text) { return read_address(text).error(); };
    EXPECT_EQ(said("http://orders.local:8080/x?y"),
              "\"http://orders.local:8080/x?y\" is a URL; write host and port alone: \"orders.local:8080\"");
    EXPECT_THAT(said("http://orders.local"), testing::HasSubstr("alone: \"orders.local:80\""));
    EXPECT_THAT(said("http://u:p@[::1]/"), testing::HasSubstr("alone: \"[::1]:80\""));
    EXPECT_THAT(said("https://orders.local"), testing::HasSubstr("\"orders.local:443\", where TLS is not spoken"));
}

TEST(notation, refuses_path_patterns_that_no_request_can_match) {
    for (const char* bad : {"", "a", "/api/*", "/*", "/a/**/b", "/*.png", "/a b", "/a?b", "/a#b", "/../a", "/100%",
                            "/%zz", "/%00", "/caf\xc3\xa9", "/a\\b", "/{id}", "/a%2f.."})
        EXPECT_FALSE(read_path_pattern(bad)) << bad;
    EXPECT_EQ(read_path_pattern("/a*b%2f%7e"), "/a*b%2F~");
}

TEST(notation, knows_loopback_addresses) {
    for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "localhost"}) EXPECT_TRUE(is_loopback({host, 1})) << host;
    for (const char* host : {"", "0.0.0.0", "::", "10.0.0.1", "example.com"})
        EXPECT_FALSE(is_loopback({host, 1})) << host;
}

address_range::bytes v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
    return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d};
}

TEST(notation, knows_which_addresses_a_range_holds) {
    const auto ten = read_range("10.0.0.0/9").value();
    EXPECT_TRUE(ten.contains(v4(10, 127, 255, 255)));
    EXPECT_FALSE(ten.contains(v4(10, 128, 0, 0)));
    EXPECT_FALSE(ten.contains(v4(11, 0, 0, 0)));
    EXPECT_TRUE(read_range("192.168.1.7").value().contains(v4(192, 168, 1, 7)));
    EXPECT_FALSE(read_range("192.168.1.7").value().contains(v4(192, 168, 1, 6)));
    EXPECT_TRUE(read_range("0.0.0.0/0").value().contains(v4(1, 2, 3, 4)));
    EXPECT_FALSE(read_range("fd00::/8").value().contains(v4(1, 2, 3, 4)));
    EXPECT_EQ(read_range("10.0.0.1/8").error(), "\"10.0.0.1/8\" has bits set behind its prefix; write 10.0.0.0/8");
    EXPECT_FALSE(read_range("10.0.0.0/33"));
    EXPECT_FALSE(read_range("example.com"));
    for (const char* text : {"10.0.0.0/8", "192.168.1.7/32", "fd00::/8", "::/0", "0.0.0.0/0"})
        EXPECT_EQ(write_range(read_range(text).value()), text);
}

TEST(notation, reads_a_window_of_time_or_of_calls) {
    EXPECT_EQ(read_window("10s"), (window_options{time_window{10, 1s}}));
    EXPECT_EQ(read_window("100 calls"), (window_options{count_window{100}}));
    EXPECT_EQ(read_window("10").error(), "\"10\" has no unit; write 10s for a time, or 10 calls for the last so many");
    EXPECT_EQ(read_window("50ms").error(), "\"50ms\" must be between 100ms and 24h");
    EXPECT_FALSE(read_window("0 calls"));
    EXPECT_EQ(write_window(time_window{12, 5s}), "1m");
}

TEST(notation, reads_statuses_and_their_classes) {
    EXPECT_EQ(read_status("503"), (status_range{503, 503}));
    EXPECT_EQ(read_status("5xx"), (status_range{500, 599}));
    for (const char* bad : {"", "99", "600", "6xx", "5x", "abc", "5000"}) EXPECT_FALSE(read_status(bad)) << bad;
}

TEST(notation, reads_keys_and_scopes) {
    EXPECT_EQ(read_request_key("header:X-Tenant"), (request_key{request_key::source::header, "X-Tenant"}));
    EXPECT_EQ(read_request_key("client_ip"), (request_key{.v6_prefix = 64}));
    EXPECT_EQ(read_request_key("client_ip/56"), (request_key{.v6_prefix = 56}));
    EXPECT_EQ(write_request_key({.v6_prefix = 128}), "client_ip/128");
    for (const char* bad : {"client_ip/", "client_ip/0", "client_ip/129", "client_ip/064", "client_ip/x"})
        EXPECT_FALSE(read_request_key(bad)) << bad;
    EXPECT_FALSE(read_request_key("header:"));
    EXPECT_FALSE(read_request_key("header:a b"));
    EXPECT_EQ(read_scope("endpoint"), (breaker_scope{breaker_scope::kind::endpoint}));
    EXPECT_EQ(read_scope("global").error(), "\"global\" must be route, upstream, endpoint or header:NAME");
}

TEST(near_miss, counts_edits) {
    EXPECT_EQ(edit_distance("", "abc"), 3u);
    EXPECT_EQ(edit_distance("retry", "retry"), 0u);
    EXPECT_EQ(edit_distance("rerty", "retry"), 1u);  // two neighbours swapped
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(near_miss, suggests_what_is_near_and_lists_the_rest) {
    const std::vector<std::string> known{"retry", "timeout", "hedge"};
    EXPECT_EQ(suggestion("rety", known), "; did you mean \"retry\"?");
    EXPECT_EQ(suggestion("xyz", known), "; there are: retry, timeout, hedge");
    EXPECT_EQ(suggestion("xyz", {}), "");
}

}  // namespace
}  // namespace fusebox::gateway::config
