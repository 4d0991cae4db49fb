// Where the lines of a log go: the standard output or error, or a file, which is appended to.
//
// A reader that stands still is waited for, but not for ever: see write().
//
// Thread-safety: none.
#pragma once

#include "telemetry/log_line.hpp"

#include <fusebox/clock.hpp>

#include <atomic>
#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

namespace fusebox::gateway {

class log_output {
public:
    // `target` is stdout, stderr, or the name of a file. Otherwise one sentence that says why not.
    static std::expected<log_output, std::string> open(const std::string& target);
    log_output(log_output&& other) noexcept;
    log_output& operator=(log_output&&) = delete;
    ~log_output();

    // Text for a terminal, JSON for all else.
    log_form form() const noexcept { return form_; }

    // Writes whole lines, and says how many of them were lost: because the disk is full, or because nobody read when
    // `give_up_at` had come.
    std::size_t write(std::string_view lines, const std::atomic<time_point>& give_up_at);

    // Goes on with the file that has the name now: the old one may have been moved away. Where that cannot be opened,
    // and for the standard output and error, all stays as it is.
    void reopen();

private:
    // `file` is the name of what was opened; empty for what was there.
    log_output(int fd, std::string file);
    static int open_file(const std::string& name);
    bool wait_until_writable(const std::atomic<time_point>& give_up_at) const noexcept;

    int fd_;
    bool ours_;
    std::string file_;
    std::size_t at_once_;  // so much can be written when poll() says so
    log_form form_;
    bool torn_ = false;  // the last line that was written has no end
};

}  // namespace fusebox::gateway
