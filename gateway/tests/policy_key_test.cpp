#include "text/policy_key.hpp"

#include <gtest/gtest.h>

#include <set>

namespace fusebox::gateway {

TEST(policy_key, a_short_text_is_its_own_key) {
    EXPECT_EQ(policy_key{""}.text(), "");
    EXPECT_EQ(policy_key{"acme"}.text(), "acme");
    const std::string just(policy_key::longest, 'x');
    EXPECT_EQ(policy_key{just}.text(), just);
}

TEST(policy_key, a_long_text_keeps_its_beginning_and_what_tells_it_apart) {
    const std::string begin(20'000, 'x');
    std::set<std::string> keys;
    for (int i = 0; i < 1000; ++i) {
        const std::string text = begin + std::to_string(i);
        const policy_key key{text};
        EXPECT_EQ(key.text().size(), policy_key::longest + 1);
        EXPECT_TRUE(key.text().starts_with("xxxxxxxx"));
        keys.insert(std::string{key.text()});
    }
    EXPECT_EQ(keys.size(), 1000u);
}

TEST(policy_key, a_name_is_printable_and_different_keys_have_different_names) {
    EXPECT_EQ(printable("acme-7"), "acme-7");
    EXPECT_EQ(printable("a b"), "a%20b");
    EXPECT_EQ(printable("100%"), "100%25");
    EXPECT_EQ(printable("\xc3\xa9\n"), "%c3%a9%0a");
}

}  // namespace fusebox::gateway
