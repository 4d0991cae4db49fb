// A program run as a child process, behind a pipe or on a terminal of its own.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace e2e {

using variables = std::vector<std::pair<std::string, std::string>>;

class child_program {
public:
    enum class output { pipe, terminal };

    child_program(std::vector<std::string> command, const variables& environment, output kind) {
        int theirs = -1;
        if (kind == output::terminal) {
            if (::openpty(&ours_, &theirs, nullptr, nullptr, nullptr) != 0) throw std::runtime_error("openpty");
        } else {
            int ends[2];
            if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
            ours_ = ends[0];
            theirs = ends[1];
        }
        std::vector<char*> arguments;
        for (auto& word : command) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        pid_ = ::fork();
        if (pid_ == 0) {
            if (kind == output::terminal) {
                ::login_tty(::dup(theirs));
            } else {
                ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
                ::dup2(theirs, STDOUT_FILENO);
                ::dup2(theirs, STDERR_FILENO);
            }
            for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
            ::execv(arguments[0], arguments.data());
            ::_exit(127);
        }
        if (kind == output::terminal) terminal_ = theirs;  // kept open, so that its mode outlives the child
        else ::close(theirs);
    }
    child_program(const child_program&) = delete;
    child_program& operator=(const child_program&) = delete;
    ~child_program() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        ::close(ours_);
        if (terminal_ >= 0) ::close(terminal_);
    }

    void signal(int number) const { ::kill(pid_, number); }
    void type(char key) const { EXPECT_EQ(::write(ours_, &key, 1), 1); }
    pid_t pid() const { return pid_; }

    termios terminal_mode() const {
        termios mode{};
        EXPECT_EQ(::tcgetattr(terminal_, &mode), 0);
        return mode;
    }

    // Reads on until the output since the last call holds `text`; false when it ends or a minute passes.
    bool prints(const std::string& text) {
        for (;;) {
            if (const auto at = output_.find(text, read_); at != output_.npos) {
                read_ = at + text.size();
                return true;
            }
            if (!read_more()) {
                ADD_FAILURE() << "'" << text << "' was not printed. All output:\n" << output_;
                return false;
            }
        }
    }

    // All that was printed. Ends with the program.
    const std::string& all_output() {
        while (read_more()) {}
        return output_;
    }

    // The exit status, or -signal; it must end within a minute.
    int wait() {
        const int watched = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
        pollfd ended{watched, POLLIN, 0};
        const bool in_time = ::poll(&ended, 1, 60'000) == 1;
        ::close(watched);
        EXPECT_TRUE(in_time) << "the program does not end";
        if (!in_time) return -SIGKILL;
        int status = 0;
        ::waitpid(std::exchange(pid_, -1), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }

    const std::string& output_so_far() const { return output_; }

private:
    bool read_more() {
        pollfd readable{ours_, POLLIN, 0};
        if (::poll(&readable, 1, 60'000) != 1) return false;
        char part[4096];
        const auto n = ::read(ours_, part, sizeof part);
        if (n <= 0) return false;
        output_.append(part, static_cast<std::size_t>(n));
        return true;
    }

    pid_t pid_ = -1;
    int ours_ = -1;
    int terminal_ = -1;
    std::string output_;
    std::size_t read_ = 0;
};

}  // namespace e2e
