// The one spelling of a path that routes see, and the parts of an authority.
#include <fusebox/http/authority.hpp>
#include <fusebox/http/path.hpp>

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>

namespace fusebox::http {

namespace {
std::expected<std::string, path_errc> normal(std::string_view path) {
    std::array<char, 256> buffer;
    const auto found = normalise_path(path, buffer);
    if (!found) return std::unexpected(found.error());
    return std::string{*found};
}
}  // namespace

TEST(correct_proxying, line_20_routes_are_matched_on_the_normal_spelling) {
    const std::pair<const char*, const char*> spellings[] = {{"/", "/"},
                                                             {"/a/b", "/a/b"},
                                                             {"/%61%2D%7e%5F%2e%41%39", "/a-~_.A9"},
                                                             {"/a%2fb%c3%a9", "/a%2Fb%C3%A9"},
                                                             {"/%2525", "/%2525"},
                                                             {"/.", "/"},
                                                             {"/./", "/"},
                                                             {"/a/.", "/a/"},
                                                             {"/a/./b", "/a/b"},
                                                             {"/a/..", "/"},
                                                             {"/a/../", "/"},
                                                             {"/a/../b", "/b"},
                                                             {"/a/b/../../c", "/c"},
                                                             {"/a/b/..", "/a/"},
                                                             {"/a/%2e%2E/b", "/b"},
                                                             {"/a/%2e/b", "/a/b"},
                                                             {"//a", "//a"},
                                                             {"/a//../b", "/a/b"},
                                                             {"/a//", "/a//"},
                                                             {"/.a/..b/...", "/.a/..b/..."},
                                                             {"/a/.%2e/.", "/"},
                                                             {"/a%2e%2e", "/a.."},
                                                             {"/a%2fb/../c", "/c"},
                                                             {"/a;x=1/../b", "/b"},
                                                             {"/a%5Cb", "/a%5Cb"},
                                                             {"/[a]|^", "/[a]|^"}};
    for (const auto& [given, wanted] : spellings) EXPECT_EQ(normal(given), wanted) << given;
}

TEST(correct_proxying, line_20_nul_escapes_above_the_root_and_fragments_are_refused) {
    using enum path_errc;
    const std::pair<const char*, path_errc> refused[] = {{"/a%00", nul},
                                                         {"/%00/b", nul},
                                                         {"/..", above_root},
                                                         {"/../a", above_root},
                                                         {"/a/../..", above_root},
                                                         {"/%2e%2e/a", above_root},
                                                         {"/./..", above_root},
                                                         {"/a/../../b", above_root},
                                                         {"/a#b", fragment},
                                                         {"/%", escape_malformed},
                                                         {"/%4", escape_malformed},
                                                         {"/%4/", escape_malformed},
                                                         {"/%zz", escape_malformed},
                                                         {"/%%41", escape_malformed},
                                                         {"", not_absolute},
                                                         {"a/b", not_absolute},
                                                         {"*", not_absolute},
                                                         {"/a b", character_refused},
                                                         {"/a\\b", character_refused},
                                                         {"/a?b", character_refused},
                                                         {"/\x80", character_refused},
                                                         {"/a/..%2fb", hidden_dot_segment},
                                                         {"/a%2f../b", hidden_dot_segment},
                                                         {"/a/..%5Cb", hidden_dot_segment},
                                                         {"/a%5c..", hidden_dot_segment},
                                                         {"/a%2f%2e%2e%2Fb", hidden_dot_segment}};
    for (const auto& [given, why] : refused) {
        const auto found = normal(given);
        ASSERT_FALSE(found) << given << " became " << *found;
        EXPECT_EQ(sentence(found.error()), sentence(why)) << given;
    }
}

TEST(normalise_path, does_not_look_behind_the_end_for_the_rest_of_an_escape) {
    for (const std::size_t size : {2U, 3U}) {
        std::array<char, 8> buffer;
        const auto found = normalise_path(std::string_view{"/%41"}.substr(0, size), buffer);
        ASSERT_FALSE(found);
        EXPECT_EQ(found.error(), path_errc::escape_malformed);
    }
}

TEST(normalise_path, gives_a_normal_path_back_without_a_copy) {
    const std::string_view path = "/a/b";
    const auto found = normalise_path(path, {});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->data(), path.data());
}

TEST(normalise_path, refuses_a_buffer_that_is_smaller_than_the_path) {
    std::array<char, 6> buffer;
    EXPECT_EQ(normalise_path("/%61/bc", buffer).error(), path_errc::buffer_too_small);
    EXPECT_TRUE(normalise_path("/%61/b", buffer));
}

TEST(parse_authority, tells_host_port_and_kind) {
    const auto name = parse_authority("a-b.example:8080");
    ASSERT_TRUE(name);
    EXPECT_EQ(name->kind, authority::name);
    EXPECT_EQ(name->host, "a-b.example");
    EXPECT_EQ(name->port, 8080);
    const auto v4 = parse_authority("192.0.2.255");
    ASSERT_TRUE(v4);
    EXPECT_EQ(v4->kind, authority::ipv4);
    EXPECT_EQ(v4->port, std::nullopt);
    const auto v6 = parse_authority("[2001:db8::7]:");
    ASSERT_TRUE(v6);
    EXPECT_EQ(v6->kind, authority::ipv6);
    EXPECT_EQ(v6->host, "2001:db8::7");
    EXPECT_EQ(v6->port, std::nullopt);
    EXPECT_EQ(parse_authority("256.1.1.1")->kind, authority::name);
    EXPECT_EQ(parse_authority("01.1.1.1")->kind, authority::name);
}

TEST(parse_authority, knows_ipv6_addresses) {
    for (const char* good : {"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "fe80::1:2",
                             "::ffff:1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "ABCD:ef01::", "1::8"}) {
        EXPECT_TRUE(parse_authority("[" + std::string{good} + "]")) << good;
    }
    for (const char* bad : {"",
                            ":",
                            ":::",
                            "1",
                            "1:2:3:4:5:6:7",
                            "1:2:3:4:5:6:7:8:9",
                            "::1::",
                            "1:",
                            ":1",
                            "12345::",
                            "g::",
                            "1.2.3.4",
                            "::1.2.3",
                            "::1.2.3.4:5",
                            "1:2:3:4:5:6:7:1.2.3.4",
                            "::1.2.3.256",
                            "fe80::1%eth0",
                            "1:2:3:4:5:6:7:8::",
                            "1:::2",
                            "::1:2:3:4:5:6:7:8",
                            "1.2.3.4::"}) {
        EXPECT_FALSE(parse_authority("[" + std::string{bad} + "]")) << bad;
    }
}

}  // namespace fusebox::http
