// What the person at the terminal wants: keys, and the signals that stand for some of them.
//
// Made before any thread begins: it blocks the signals that it waits for, in every thread that follows,
// so that none of them ends the program half-way. For one thread.
#pragma once

namespace stage {

class keys {
public:
    static constexpr char none = '\0';
    static constexpr char quit = 'q';         // also SIGINT, SIGTERM, SIGHUP, and a terminal that is gone
    static constexpr char main_switch = 's';  // also SIGUSR1: what a demo has to break and to mend

    keys();
    keys(const keys&) = delete;
    keys& operator=(const keys&) = delete;
    ~keys();

    // Waits for the next one, a quarter of a second at most. The terminal is read only when `from_terminal`.
    char next(bool from_terminal) const;

    // From now on a signal that means quit ends the program at once: for what leaves nothing behind, and never asks.
    void end_at_once() const;

private:
    int signals_;
};

}  // namespace stage
