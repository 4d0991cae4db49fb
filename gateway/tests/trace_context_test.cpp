// Line 30: W3C trace context, a new span for each try.
#include "messages/trace_context.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace fusebox::gateway;

std::string text(const auto& characters) {
    return {characters.begin(), characters.end()};
}

constexpr const char* example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(trace_context, reads_and_writes_a_parent) {
    const auto parent = parse_trace_parent(example);
    ASSERT_TRUE(parent);
    EXPECT_EQ(text(parent->trace_id), "4bf92f3577b34da6a3ce929d0e0e4736");
    EXPECT_EQ(text(parent->span_id), "00f067aa0ba902b7");
    EXPECT_TRUE(parent->sampled);
    EXPECT_EQ(text(to_text(*parent)), example);
}

TEST(trace_context, leaves_out_flags_that_it_does_not_know) {
    EXPECT_FALSE(parse_trace_parent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fe")->sampled);
    EXPECT_EQ(text(to_text(*parse_trace_parent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff"))), example);
}

TEST(trace_context, reads_of_a_later_version_what_it_knows) {
    EXPECT_TRUE(parse_trace_parent("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    EXPECT_TRUE(parse_trace_parent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-brings"));
    EXPECT_FALSE(parse_trace_parent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what"));
}

TEST(trace_context, ignores_an_invalid_parent) {
    for (const char* wrong : {"", "00", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                              "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                              "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                              "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                              "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
                              "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
                              "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
                              "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                              "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01"})
        EXPECT_FALSE(parse_trace_parent(wrong)) << wrong;
}

TEST(trace_context, gives_every_try_a_span_of_its_own_in_the_same_trace) {
    const auto from = *parse_trace_parent(example);
    const auto first = child_of(from, 0x1234), second = child_of(from, 0x1235);
    EXPECT_EQ(first.trace_id, from.trace_id);
    EXPECT_TRUE(first.sampled);
    EXPECT_EQ(text(first.span_id), "0000000000001234");
    EXPECT_NE(first.span_id, second.span_id);
    EXPECT_NE(text(child_of(from, 0).span_id), "0000000000000000");
    EXPECT_NE(child_of(from, 0x00f067aa0ba902b7).span_id, from.span_id);
}

TEST(trace_context, begins_a_trace_that_is_valid_whatever_the_dice_say) {
    EXPECT_TRUE(parse_trace_parent(text(to_text(new_trace(false, {0, 0, 0})))));
    EXPECT_EQ(text(to_text(new_trace(true, {1, 2, 3}))), "00-00000000000000010000000000000002-0000000000000003-01");
}

TEST(trace_context, checks_trace_state) {
    const auto valid = [](const std::string& line) {
        unsigned members = 0;
        return valid_trace_state(line, members);
    };
    EXPECT_TRUE(valid("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
    EXPECT_TRUE(valid(" a=1 ,\t,fw529a3039@dt=FfAx "));
    EXPECT_TRUE(valid(""));
    EXPECT_FALSE(valid("a=1,a=2"));
    EXPECT_FALSE(valid("A=1"));
    EXPECT_FALSE(valid("a"));
    EXPECT_FALSE(valid("a="));
    EXPECT_FALSE(valid("a=b=c"));
    EXPECT_FALSE(valid("a@b@c=1"));
    EXPECT_FALSE(valid("@b=1"));
    EXPECT_FALSE(valid("_a=1"));
    EXPECT_FALSE(valid("a=\x7f"));
    EXPECT_FALSE(valid("a=" + std::string(257, 'x')));

    unsigned members = 0;
    std::string many;
    for (int i = 0; i < 32; ++i) many += "k" + std::to_string(i) + "=v,";
    EXPECT_TRUE(valid_trace_state(many, members));
    EXPECT_EQ(members, 32u);
    EXPECT_FALSE(valid_trace_state("one=more", members));
}

TEST(request_id, is_kept_when_it_is_harmless_and_made_otherwise) {
    EXPECT_TRUE(valid_request_id("7b2d-A_z.~:/+=@"));
    EXPECT_FALSE(valid_request_id(""));
    EXPECT_FALSE(valid_request_id("a b"));
    EXPECT_FALSE(valid_request_id("a\r\nb"));
    EXPECT_FALSE(valid_request_id("<script>"));
    EXPECT_FALSE(valid_request_id(std::string(129, 'a')));
    EXPECT_EQ(text(new_request_id(0xabc, 1)), "0000000000000abc0000000000000001");
}

}  // namespace
