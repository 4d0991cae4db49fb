// Via, X-Forwarded-* and Forwarded, from strangers and from those whom we trust.
#include "messages/forwarding.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace {

using namespace fusebox::gateway;

using lines = std::vector<std::pair<std::string, std::string>>;

struct message final : field_source {
    lines head;
    explicit message(lines l) : head(std::move(l)) {}
    std::optional<std::string_view> line(std::string_view name, std::size_t n) const override {
        for (const auto& [key, value] : head)
            if (key == name && n-- == 0) return value;
        return std::nullopt;
    }
};

struct collected final : field_sink {
    lines head;
    void add(std::string_view name, std::string_view value) override { head.emplace_back(name, value); }
};

lines forwarded(const lines& request, const request_origin& from, const forwarding_options& options = {}) {
    collected out;
    std::string scratch;
    add_forwarding(message(request), from, options, out, scratch);
    return out.head;
}

TEST(forwarding, line_25_adds_itself_to_via_and_knows_itself_again) {
    collected out;
    std::string scratch;
    add_via(out, "1.0", "fusebox-7", scratch);
    EXPECT_EQ(out.head, (lines{{"Via", "1.0 fusebox-7"}}));
    EXPECT_TRUE(has_been_at(message(lines{{"via", "1.0 fusebox-7"}}), "fusebox-7"));
    EXPECT_TRUE(has_been_at(message(lines{{"via", "1.1 a, HTTP/1.1   FUSEBOX-7 (v1)"}}), "fusebox-7"));
    EXPECT_TRUE(has_been_at(message(lines{{"via", "1.1 a"}, {"via", "1.1 b,1.1 fusebox-7"}}), "fusebox-7"));
    EXPECT_FALSE(
        has_been_at(message(lines{{"via", "1.1 fusebox-77, 1.1 x (1.1 fusebox-7, 1.1 fusebox-7)"}}), "fusebox-7"));
    EXPECT_FALSE(has_been_at(message(lines{{"via", "fusebox-7, , "}}), "fusebox-7"));
    EXPECT_FALSE(has_been_at(message(lines{}), "fusebox-7"));
}

const lines claims = {{"x-forwarded-for", "1.2.3.4"},
                      {"x-forwarded-for", "5.6.7.8, 9.9.9.9"},
                      {"x-forwarded-proto", "https"},
                      {"x-forwarded-host", "shop.example"},
                      {"forwarded", "for=1.2.3.4;by=_x"}};

TEST(forwarding, line_26_overwrites_what_strangers_claim) {
    EXPECT_EQ(forwarded(claims, {.peer = "192.0.2.7", .protocol = "http", .host = "h"}),
              (lines{{"X-Forwarded-For", "192.0.2.7"},
                     {"X-Forwarded-Proto", "http"},
                     {"Forwarded", "for=192.0.2.7;host=h;proto=http;by=_fusebox"}}));
    EXPECT_EQ(forwarded({}, {.peer = "192.0.2.7", .protocol = "http", .host = "h"}),
              (lines{{"X-Forwarded-For", "192.0.2.7"}, {"X-Forwarded-Proto", "http"}}));
}

TEST(forwarding, line_26_appends_to_what_trusted_peers_say) {
    EXPECT_EQ(forwarded(claims, {.peer = "10.0.0.1", .peer_trusted = true, .protocol = "http", .host = "h"}),
              (lines{{"X-Forwarded-For", "1.2.3.4, 5.6.7.8, 9.9.9.9, 10.0.0.1"},
                     {"X-Forwarded-Proto", "https"},
                     {"X-Forwarded-Host", "shop.example"},
                     {"Forwarded", "for=1.2.3.4;by=_x, for=10.0.0.1;host=h;proto=http;by=_fusebox"}}));
    EXPECT_EQ(forwarded({}, {.peer = "10.0.0.1", .peer_trusted = true, .protocol = "http", .host = "h"}),
              (lines{{"X-Forwarded-For", "10.0.0.1"}, {"X-Forwarded-Proto", "http"}}));
}

TEST(forwarding, line_21_tells_the_original_host_when_it_is_rewritten) {
    const auto out =
        forwarded({}, {.peer = "192.0.2.7", .protocol = "http", .host = "shop.example:8080"}, {.host_rewritten = true});
    EXPECT_EQ(out.back(), (std::pair<std::string, std::string>{"X-Forwarded-Host", "shop.example:8080"}));
}

TEST(forwarding, quotes_in_forwarded_what_is_no_token) {
    const auto out =
        forwarded(claims, {.peer = "2001:db8::1", .protocol = "https", .host = "h\"\\:80"}, {.pseudonym = "edge"});
    EXPECT_EQ(out.back().second, R"(for="[2001:db8::1]";host="h\"\\:80";proto=https;by=_edge)");
}

address_range range(const char* base, std::uint8_t prefix) {
    return {*parse_ip(base), prefix};
}

TEST(client_address, is_the_last_one_that_a_trusted_peer_does_not_vouch_for) {
    const std::vector<address_range> trusted{range("10.0.0.0", 96 + 8), range("2001:db8::", 32)};
    const auto client = [&](const lines& head, std::string_view peer) {
        const message m(head);
        return std::string(client_address(m, peer, trusted));
    };
    EXPECT_EQ(client({}, "192.0.2.7"), "192.0.2.7");
    EXPECT_EQ(client({{"x-forwarded-for", "1.1.1.1"}}, "192.0.2.7"), "192.0.2.7");
    EXPECT_EQ(client({{"x-forwarded-for", "6.6.6.6, 1.1.1.1"}}, "10.1.2.3"), "1.1.1.1");
    EXPECT_EQ(
        client({{"x-forwarded-for", "6.6.6.6, 1.1.1.1,10.9.9.9"}, {"x-forwarded-for", " 2001:db8::5 "}}, "10.1.2.3"),
        "1.1.1.1");
    EXPECT_EQ(client({{"x-forwarded-for", "10.0.0.2"}}, "10.1.2.3"), "10.0.0.2");
    EXPECT_EQ(client({{"x-forwarded-for", "1.1.1.1, unknown"}}, "10.1.2.3"), "10.1.2.3");
    EXPECT_EQ(client({{"x-forwarded-for", "1.1.1.1, "}}, "::ffff:10.1.2.3"), "1.1.1.1");
}

TEST(client_address, is_found_beside_ports_and_empty_elements) {
    const std::vector<address_range> trusted{range("10.0.0.0", 96 + 8)};
    const auto client = [&](const char* said) {
        const message m(lines{{"x-forwarded-for", said}});
        return std::string(client_address(m, "10.1.2.3", trusted));
    };
    EXPECT_EQ(client("9.9.8.1:41"), "9.9.8.1");
    EXPECT_EQ(client("[2001:db8::1]:443"), "2001:db8::1");
    EXPECT_EQ(client("[2001:db8::1]"), "2001:db8::1");
    EXPECT_EQ(client("2001:db8::1"), "2001:db8::1");
    EXPECT_EQ(client("9.9.8.1, ,, 10.0.0.2:80,"), "9.9.8.1");
    EXPECT_EQ(client(", ,"), "10.1.2.3");
    for (const char* odd : {"9.9.8.1:", "9.9.8.1:x", "9.9.8.1:123456", "[9.9.8.1]:1", "[2001:db8::1", "[]:1", "[",
                            ":41", "[2001:db8::1]x"})
        EXPECT_EQ(client(odd), "10.1.2.3") << odd;
}

TEST(forwarding, believes_no_stranger_under_any_spelling) {
    for (const char* name :
         {"x_forwarded_for", "X_Forwarded_Proto", "X-Forwarded_Host", "x-forwarded-anything", "Content_Length",
          "TRANSFER_ENCODING", "Transfer_encoding", "X_Request_Id", "x_real_ip", "X-Real-IP", "True-Client-IP",
          "true_client-ip", "CF-Connecting-IP", "Client_IP", "X-Original-URL", "proxy_authorization", "Max_Forwards"}) {
        EXPECT_TRUE(is_for_proxies(name)) << name;
        EXPECT_TRUE(is_for_proxies_or_odd(name)) << name;
    }
    for (const char* name : {"x_tenant", "my_field_that_is_longer_than_all_that_are_known"}) {
        EXPECT_FALSE(is_for_proxies(name)) << name;
        EXPECT_TRUE(is_for_proxies_or_odd(name)) << name;
    }
    for (const char* name : {"X-Tenant", "Accept", "X-Real-Estate", "Content-Length"})
        EXPECT_FALSE(is_for_proxies_or_odd(name)) << name;
}

TEST(address_range, holds_what_begins_with_its_bits) {
    EXPECT_TRUE(range("10.1.0.0", 96 + 16).contains(*parse_ip("10.1.255.1")));
    EXPECT_FALSE(range("10.1.0.0", 96 + 16).contains(*parse_ip("10.2.0.0")));
    EXPECT_TRUE(range("10.1.2.4", 96 + 30).contains(*parse_ip("10.1.2.7")));
    EXPECT_FALSE(range("10.1.2.4", 96 + 30).contains(*parse_ip("10.1.2.8")));
    EXPECT_TRUE(range("::1", 128).contains(*parse_ip("::1")));
    EXPECT_TRUE(range("::", 0).contains(*parse_ip("255.255.255.255")));
    EXPECT_EQ(parse_ip("::ffff:10.0.0.1"), parse_ip("10.0.0.1"));
    for (const char* wrong : {"", "10.0.0", "10.0.0.256", "1.2.3.4:80", "[::1]", "fe80::1%eth0", "localhost",
                              "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa"})
        EXPECT_FALSE(parse_ip(wrong)) << wrong;
    EXPECT_FALSE(parse_ip(std::string_view("1.2.3.4\0x", 9)));
}

}  // namespace
