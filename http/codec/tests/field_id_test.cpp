#include <fusebox/http/field_id.hpp>
#include <fusebox/http/parse_error.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace fusebox::http {

TEST(field_id, every_known_name_is_found_in_any_case) {
    for (unsigned i = 1; i < field_id_count; ++i) {
        const auto id = static_cast<field_id>(i);
        std::string name{name_of(id)};
        ASSERT_FALSE(name.empty());
        EXPECT_EQ(identify(name), id) << name;
        for (char& c : name) c = static_cast<char>(std::toupper(c));
        EXPECT_EQ(identify(name), id) << name;
    }
}

TEST(field_id, a_name_that_differs_in_any_byte_is_another) {
    for (unsigned i = 1; i < field_id_count; ++i) {
        const std::string name{name_of(static_cast<field_id>(i))};
        for (std::size_t at = 0; at < name.size(); ++at) {
            for (int c = 0; c < 256; ++c) {
                std::string other = name;
                other[at] = static_cast<char>(c);
                const bool same = equal_names(other, name);
                const field_id found = identify(other);
                EXPECT_EQ(found == static_cast<field_id>(i), same) << other;
                EXPECT_TRUE(found == field_id::other || equal_names(name_of(found), other)) << other;
            }
        }
        EXPECT_EQ(identify(name + "x"), field_id::other);
    }
    EXPECT_EQ(identify(""), field_id::other);
    EXPECT_EQ(identify(std::string(1000, 'a')), field_id::other);
}

TEST(field_set, holds_what_was_put_in) {
    field_set set{field_id::host, field_id::x_request_id};
    EXPECT_TRUE(set.contains(field_id::host));
    EXPECT_TRUE(set.contains(field_id::x_request_id));
    EXPECT_FALSE(set.contains(field_id::other));
    set.insert(field_id::via);
    EXPECT_TRUE(set.contains(field_id::via));
}

TEST(parse_errc, each_has_a_sentence_of_its_own_and_a_status) {
    std::set<std::string_view> sentences;
    for (int i = 0; i <= static_cast<int>(parse_errc::body_truncated); ++i) {
        const auto e = static_cast<parse_errc>(i);
        EXPECT_FALSE(sentence(e).empty()) << i;
        EXPECT_TRUE(sentences.insert(sentence(e)).second) << sentence(e);
        EXPECT_GE(answer_status(e), 400);
    }
}

}  // namespace fusebox::http
