// The words of a status.
#include <fusebox/http/server_connection.hpp>

#include <gtest/gtest.h>

using fusebox::http::reason_phrase;

TEST(reason_phrase, is_there_for_every_status_that_may_be_kept_or_answered) {
    EXPECT_EQ(reason_phrase(203), "Non-Authoritative Information");
    EXPECT_EQ(reason_phrase(300), "Multiple Choices");
    EXPECT_EQ(reason_phrase(410), "Gone");
    EXPECT_EQ(reason_phrase(428), "Precondition Required");
    EXPECT_EQ(reason_phrase(299), "");
    EXPECT_EQ(reason_phrase(499), "Error");
}
