// The terminal of the demo: lines of a log, one status line below them, and single key presses.
//
// On a terminal the status line is rewritten in place and keys work without Enter; its mode is given back
// by the destructor. Elsewhere (a pipe, a file) there are only the lines. print() is thread-safe; the rest
// belongs to one thread.
#pragma once

#include <termios.h>
#include <mutex>
#include <optional>
#include <string>

namespace stage {

class console {
public:
    console();
    console(const console&) = delete;
    console& operator=(const console&) = delete;
    ~console();

    // True when a person sits there: output goes to a terminal, and keys come from it.
    bool is_interactive() const { return restore_.has_value(); }

    // Prints a line of the log, with the time in front.
    void print(const std::string& line);
    // Prints text as it is.
    void show(const std::string& text);
    // Replaces the status line, which is ASCII and cut where the terminal ends; an empty one takes it away.
    // Nothing happens where there is no terminal.
    void set_status(const std::string& status);

private:
    void write(const std::string& text);

    std::mutex mutex_;
    std::string status_;
    std::optional<termios> restore_;  // the terminal's mode as it was found
};

}  // namespace stage
