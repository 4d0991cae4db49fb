#include "telemetry/log_output.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <climits>

namespace fusebox::gateway {

log_output::log_output(int fd, std::string file) : fd_(fd), ours_(!file.empty()), file_(std::move(file)) {
    struct stat about{};
    const bool known = ::fstat(fd, &about) == 0;
    // A pipe or a terminal that is writable takes at least so much without making us wait.
    at_once_ = known && S_ISREG(about.st_mode) ? std::numeric_limits<std::size_t>::max() : PIPE_BUF;
    form_ = ::isatty(fd) == 1 ? log_form::text : log_form::json;
}

log_output::log_output(log_output&& other) noexcept
    : fd_(other.fd_),
      ours_(std::exchange(other.ours_, false)),
      file_(std::move(other.file_)),
      at_once_(other.at_once_),
      form_(other.form_),
      torn_(other.torn_) {}

log_output::~log_output() {
    if (ours_) ::close(fd_);
}

std::expected<log_output, std::string> log_output::open(const std::string& target) {
    if (target == "stdout") return log_output{STDOUT_FILENO, {}};
    if (target == "stderr") return log_output{STDERR_FILENO, {}};
    const int fd = open_file(target);
    if (fd < 0)
        return std::unexpected("cannot write the log " + target + ": " +
                               std::error_code{errno, std::generic_category()}.message());
    return log_output{fd, target};
}

// A FIFO is opened for reading too: without it, who opens one waits for a reader, and who writes to one whose reader
// has gone loses the line.
int log_output::open_file(const std::string& name) {
    struct stat about{};
    const bool fifo = ::stat(name.c_str(), &about) == 0 && S_ISFIFO(about.st_mode);
    const int how = fifo ? O_RDWR : O_WRONLY | O_CREAT | O_APPEND;
    return ::open(name.c_str(), how | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
}

void log_output::reopen() {
    if (!ours_) return;
    const int fd = open_file(file_);
    if (fd < 0) return;
    ::close(std::exchange(fd_, fd));
    torn_ = false;
}

bool log_output::wait_until_writable(const std::atomic<time_point>& give_up_at) const noexcept {
    constexpr int look_again_ms = 20;  // whether it is time to give up
    for (;;) {
        pollfd p{fd_, POLLOUT, 0};
        if (::poll(&p, 1, look_again_ms) > 0) return true;
        if (steady_now() >= give_up_at.load(std::memory_order_relaxed)) return false;
    }
}

std::size_t log_output::write(std::string_view lines, const std::atomic<time_point>& give_up_at) {
    bool lost = false;
    bool mending = torn_;
    while (!lost && (mending || !lines.empty())) {
        const std::string_view now = mending ? std::string_view{"\n"} : lines.substr(0, at_once_);
        if (!wait_until_writable(give_up_at)) break;
        const ssize_t n = ::write(fd_, now.data(), now.size());
        if (n < 0) {
            lost = errno != EINTR && errno != EAGAIN;
        } else if (mending) {
            mending = torn_ = false;
        } else {
            torn_ = n > 0 ? lines[std::size_t(n) - 1] != '\n' : torn_;
            lines.remove_prefix(std::size_t(n));
        }
    }
    return static_cast<std::size_t>(std::ranges::count(lines, '\n'));
}

}  // namespace fusebox::gateway
