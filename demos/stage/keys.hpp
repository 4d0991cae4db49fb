// What the person at the terminal wants, by key or by signal.
//
// Made before any thread begins: it blocks the signals that it waits for, in every thread that follows,
// so that none of them ends the program half-way. For one thread.
#pragma once

namespace health_check {

enum class wish { nothing, toggle_database, toggle_calls, quit };

class wishes {
public:
    wishes();
    wishes(const wishes&) = delete;
    wishes& operator=(const wishes&) = delete;
    ~wishes();

    // Waits for the next one, a quarter of a second at most. Keys are read only `with_keys`.
    wish next(bool with_keys) const;

private:
    int signals_;
};

}  // namespace health_check
