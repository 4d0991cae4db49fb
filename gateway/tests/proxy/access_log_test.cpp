// The log itself: its queue, its lines, and outputs that do not take them.
#include "telemetry/access_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

namespace fusebox::gateway {

namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string line_of(const access_entry& e, log_form form = log_form::json) {
    std::string out;
    write_access_line(out, form, e);
    return out;
}

std::size_t lines_in(const std::string& text) {
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

// A pipe of two pages.
struct small_pipe {
    int ends[2];
    small_pipe() {
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        EXPECT_GE(::fcntl(ends[1], F_SETPIPE_SZ, 8192), 8192);
    }
    ~small_pipe() {
        ::close(ends[0]);
        ::close(ends[1]);
    }
    log_output output() const { return std::move(*log_output::open("/proc/self/fd/" + std::to_string(ends[1]))); }
    std::string take() const {
        std::string got(65536, '\0');
        ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
        const ssize_t n = ::read(ends[0], got.data(), got.size());
        got.resize(n > 0 ? std::size_t(n) : 0);
        return got;
    }
};

class temporary_file {
public:
    temporary_file() { ::close(::mkstemp(name_.data())); }
    ~temporary_file() { ::unlink(name_.c_str()); }
    const std::string& name() const { return name_; }
    std::string text() const {
        std::ostringstream all;
        all << std::ifstream(name_).rdbuf();
        return all.str();
    }

private:
    std::string name_ = ::testing::TempDir() + "fusebox-log-XXXXXX";
};

TEST(log_ring, keeps_order_through_many_turns_between_two_threads) {
    log_ring ring{256};
    constexpr int records = 20000;
    std::jthread writer([&] {
        for (int i = 0; i < records;) {
            const std::string number = std::to_string(i), tail(std::size_t(i) % 40, 'x');
            const std::array<std::string_view, 2> parts{number, tail};
            if (ring.push(parts) != log_ring::pushed::dropped) ++i;
            else std::this_thread::yield();
        }
    });
    for (int i = 0; i < records;) {
        const std::string_view got = ring.front();
        if (got.data() == nullptr) {
            std::this_thread::yield();
            continue;
        }
        ASSERT_EQ(got, std::to_string(i) + std::string(std::size_t(i) % 40, 'x'));
        ring.pop();
        ++i;
    }
}

TEST(log_ring, drops_what_finds_no_room_and_counts_it) {
    log_ring ring{128};
    const std::array<std::string_view, 1> record{"twenty-four bytes long.."}, huge{std::string_view{"", 0}};
    EXPECT_EQ(ring.push(record), log_ring::pushed::stored);
    EXPECT_EQ(ring.push(record), log_ring::pushed::stored);
    EXPECT_EQ(ring.push(record), log_ring::pushed::stored_past_half) << "the reader is to hurry, once";
    EXPECT_EQ(ring.push(record), log_ring::pushed::stored);
    EXPECT_EQ(ring.push(record), log_ring::pushed::dropped);
    EXPECT_EQ(ring.push(huge), log_ring::pushed::dropped) << "not even an empty one";
    EXPECT_EQ(ring.dropped(), 2u);
    EXPECT_EQ(ring.front(), record[0]);
    ring.pop();
    EXPECT_EQ(ring.push(record), log_ring::pushed::stored);
}

TEST(access_line, whatever_a_client_sends_is_one_line_of_ascii_and_valid_json) {
    std::string all;
    for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
    const std::string hostile[] = {all,
                                   "/x\r\n{\"status\":200}",
                                   "/\x1b[31mred\x7f",
                                   "/\"\\\"",
                                   "/\xc3\xa9\xe2\x80\xae\xf0\x9f\x92\xa3",  // é, an override of the direction, a bomb
                                   "/\xc0\xaf\xed\xa0\x80\xf8\x88\x80\x80\x80\xff",
                                   "/\xe2\x80",
                                   std::string("/\0x", 3)};
    for (const std::string& h : hostile) {
        for (const log_form form : {log_form::json, log_form::text}) {
            const std::string line = line_of({.status = 200, .method = h, .target = h, .request_id = h}, form);
            EXPECT_EQ(lines_in(line), 1u);
            EXPECT_THAT(line, EndsWith("\n"));
            EXPECT_TRUE(std::all_of(line.begin(), line.end() - 1, [](char c) { return c >= ' ' && c < 0x7f; })) << line;
        }
        const auto parsed = nlohmann::json::parse(line_of({.status = 200, .target = h}), nullptr, false);
        ASSERT_FALSE(parsed.is_discarded()) << line_of({.target = h});
        EXPECT_EQ(parsed["status"], 200);
        EXPECT_EQ(parsed.size(), 8u) << "no key can be smuggled in";
    }
    EXPECT_EQ(nlohmann::json::parse(line_of({.target = hostile[4]}))["target"], hostile[4]) << "no text is lost";
    EXPECT_EQ(nlohmann::json::parse(line_of({.target = hostile[6]}))["target"], "/\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(access_line, is_made_for_people_on_a_terminal) {
    const access_entry e{.ended = 1'700'000'000'123'000'000,
                         .took = 1500us,
                         .tries = 2,
                         .status = 503,
                         .what = incident::circuit_open,
                         .breaker = circuit_state::open,
                         .method = "GET",
                         .target = "/a b",
                         .route = "all",
                         .upstream = "orders"};
    EXPECT_EQ(
        line_of(e, log_form::text),
        "2023-11-14T22:13:20.123Z warning request method=GET target=\"/a b\" status=503 duration_seconds=0.001500 "
        "request_bytes=0 response_bytes=0 route=all service=orders tries=2 circuit_state=open "
        "incident=circuit_open\n");
}

TEST(access_log, all_that_was_added_is_in_the_file_when_it_ends) {
    const temporary_file file;
    {
        access_log log{std::move(*log_output::open(file.name())), 2};
        for (int i = 0; i < 1000; ++i) log.add(unsigned(i) % 2, {.status = 200, .target = "/x"});
    }
    const std::string text = file.text();
    EXPECT_EQ(lines_in(text), 1000u);
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) EXPECT_EQ(nlohmann::json::parse(line)["target"], "/x");
}

TEST(access_log, who_does_not_read_costs_lines_and_nothing_else) {
    const small_pipe pipe;
    constexpr std::uint64_t added = 2000;
    std::uint64_t dropped = 0, written = 0;
    std::string shown;
    {
        access_log log{pipe.output(), 1, 4096, 10ms};
        for (std::uint64_t i = 0; i < added; ++i) log.add(0, {.status = 200, .target = "/x"});
        EXPECT_GT(log.dropped(), 0u);
        dropped = log.dropped();
        written = log.written();
        metrics::exposition out;
        log.expose(out);
        shown = out.take();
    }
    EXPECT_LT(written + dropped, added + 1);
    EXPECT_THAT(shown, HasSubstr("fusebox_access_log_lines_total{result=\"dropped\"} "));
    const std::string got = pipe.take();
    EXPECT_LE(got.size(), 8192u);
    EXPECT_THAT(got, StartsWith("{\"ts\":"));
}

TEST(access_log, a_full_disk_costs_lines_and_nothing_else) {
    if (const auto full = log_output::open("/dev/full")) {
        std::atomic<time_point> never{time_point::max()};
        EXPECT_EQ(log_output::open("/dev/full")->write("a\nb\n", never), 2u);
    }
}

TEST(access_log, a_file_that_cannot_be_opened_is_refused_by_name) {
    const auto none = log_output::open("/no/such/folder/access.log");
    ASSERT_FALSE(none);
    EXPECT_THAT(none.error(), HasSubstr("/no/such/folder/access.log: No such file or directory"));
}

TEST(log_output, a_line_that_was_torn_does_not_spoil_the_next) {
    const small_pipe pipe;
    log_output out = pipe.output();
    const std::atomic<time_point> at_once{time_point::min()}, never{time_point::max()};
    EXPECT_EQ(out.write(std::string(10000, 'x') + "\nshort\n", at_once), 2u);
    EXPECT_EQ(pipe.take(), std::string(8192, 'x'));
    EXPECT_EQ(out.write("next\n", never), 0u);
    EXPECT_EQ(pipe.take(), "\nnext\n");
}

}  // namespace

}  // namespace fusebox::gateway
