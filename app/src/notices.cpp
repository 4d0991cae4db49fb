#include "notices.hpp"

#include <algorithm>
#include <climits>
#include <string_view>

#include <poll.h>
#include <unistd.h>

namespace fusebox::app {

namespace {

// A pipe or a terminal that is writable takes at least so much without making us wait.
void write_at_once(int fd, std::string_view line) {
    pollfd room{fd, POLLOUT, 0};
    if (::poll(&room, 1, 0) == 1 && (room.revents & POLLOUT) != 0)
        (void)!::write(fd, line.data(), std::min<std::size_t>(line.size(), PIPE_BUF));
}

}  // namespace

notices::int_type notices::overflow(int_type c) {
    const char one = traits_type::to_char_type(c);
    take({&one, 1});
    return c;
}

std::streamsize notices::xsputn(const char* text, std::streamsize size) {
    take({text, static_cast<std::size_t>(size)});
    return size;
}

void notices::take(std::string_view text) {
    line_ += text;
    for (std::size_t at; (at = line_.find('\n')) != std::string::npos; line_.erase(0, at + 1))
        write_at_once(fd_, std::string_view{line_}.substr(0, at + 1));
}

}  // namespace fusebox::app
