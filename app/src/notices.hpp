// What a process that serves says on the standard error, line by line. Nothing is ever waited for: where nobody reads,
// or a pipe or terminal is full, the line is lost. To say something must never stop what is said something about.
//
// Thread-safety: none.
#pragma once

#include <ostream>
#include <streambuf>
#include <string>
#include <string_view>

namespace fusebox::app {

class notices final : private std::streambuf {
public:
    // `fd` stays open and stays the caller's.
    explicit notices(int fd) : fd_(fd) {}
    std::ostream& stream() noexcept { return stream_; }

private:
    int_type overflow(int_type c) override;
    std::streamsize xsputn(const char* text, std::streamsize size) override;
    int sync() override { return 0; }
    void take(std::string_view text);

    const int fd_;
    std::string line_;
    std::ostream stream_{this};
};

}  // namespace fusebox::app
