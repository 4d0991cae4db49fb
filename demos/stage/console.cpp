#include <stage/console.hpp>

#include <fmt/chrono.h>

#include <sys/ioctl.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <ctime>

namespace stage {

namespace {

constexpr const char* clear_line = "\r\x1b[2K";

// A line that wraps could not be cleared again.
std::string fitting(std::string line) {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && line.size() >= size.ws_col)
        line.resize(size.ws_col - 1u);
    return line;
}

}  // namespace

console::console() {
    // A program in the background must not touch the terminal's mode.
    if (!::isatty(STDOUT_FILENO) || !::isatty(STDIN_FILENO) || ::tcgetpgrp(STDIN_FILENO) != ::getpgrp()) return;
    termios mode;
    if (::tcgetattr(STDIN_FILENO, &mode) != 0) return;
    restore_ = mode;
    mode.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    ::tcsetattr(STDIN_FILENO, TCSANOW, &mode);
}

console::~console() {
    if (!restore_) return;
    set_status("");
    std::signal(SIGTTOU, SIG_IGN);  // the program may have been put into the background meanwhile
    ::tcsetattr(STDIN_FILENO, TCSANOW, &*restore_);
}

void console::print(const std::string& line) {
    show(fmt::format("{:%H:%M:%S}  {}\n", fmt::localtime(std::time(nullptr)), line));
}

void console::show(const std::string& text) {
    const std::lock_guard lock{mutex_};
    write(text);
}

void console::set_status(const std::string& status) {
    if (!is_interactive()) return;
    const std::lock_guard lock{mutex_};
    if (status == status_) return;
    status_ = status;
    write("");
}

void console::write(const std::string& text) {
    const std::string all = is_interactive() ? clear_line + text + fitting(status_) : text;
    std::fwrite(all.data(), 1, all.size(), stdout);
    std::fflush(stdout);
}

}  // namespace stage
