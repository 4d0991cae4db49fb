#include "text/request_path.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace fusebox::gateway;

std::string path(std::string_view text, const path_rules& rules) {
    std::string room(text.size(), '\0');
    const auto read = request_path(text, rules, room);
    return read ? std::string(*read) : "refused";
}

TEST(request_path, is_only_normalised_by_default) {
    for (const char* same : {"/a//b", "/a%2Fb", "/a;b=c", "/a%5Cb", "//"}) EXPECT_EQ(path(same, {}), same);
    EXPECT_EQ(path("/%61%2e/../%7e", {}), "/~");
    EXPECT_EQ(path("/..", {}), "refused");
}

TEST(request_path, has_one_slash_for_several_before_dots_are_resolved) {
    const path_rules merge{.merge_slashes = true};
    EXPECT_EQ(path("//admin", merge), "/admin");
    EXPECT_EQ(path("/a//..///b//", merge), "/b/");
    EXPECT_EQ(path("/a//%2e%2E/b", merge), "/b");
    EXPECT_EQ(path("//..", merge), "refused");
    EXPECT_EQ(path("/a%2F%2Fb", merge), "/a%2F%2Fb") << "an escaped slash is none";
}

TEST(request_path, refuses_what_servers_read_differently_where_it_is_told_to) {
    const path_rules strict{.refuse_encoded = true, .refuse_parameters = true};
    for (const char* bad : {"/a%2fb", "/a%2Fb", "/a%5cb", "/%2e%2e/a", "/a%2Eb", "/a;b", "/a;/b", "/a%3bb", "/%41%2F"})
        EXPECT_EQ(path(bad, strict), "refused") << bad;
    for (const char* good : {"/a//b", "/a.b/c%20d", "/%252f"}) EXPECT_EQ(path(good, strict), good);
}

}  // namespace
