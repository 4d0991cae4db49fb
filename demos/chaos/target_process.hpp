// The target as a child process: started, and at the end, however that comes, ended and reaped.
//
// For one thread, the program's first: the child is ended, too, when that thread dies.
#pragma once

#include <sys/types.h>
#include <string>
#include <vector>

namespace chaos {

class target_process {
public:
    // Starts the command and waits until it prints where it listens: "… http://127.0.0.1:40001". Throws
    // stage::cannot_listen when it ends before that.
    explicit target_process(std::vector<std::string> command);
    target_process(const target_process&) = delete;
    target_process& operator=(const target_process&) = delete;
    ~target_process() { end(); }

    pid_t pid() const noexcept { return pid_; }
    const std::string& url() const noexcept { return url_; }

    // Asks it to end, insists after two seconds, and reaps it. The second time does nothing.
    void end();

private:
    pid_t pid_ = -1;
    int output_ = -1;
    std::string url_;
};

}  // namespace chaos
