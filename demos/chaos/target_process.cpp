#include <chaos/target_process.hpp>

#include <stage/server.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace chaos {

namespace {

constexpr int patience_ms = 2000;

// Each caller that waits holds a connection, in both processes.
void allow_many_connections() {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

// The first line that comes, or what came before the end.
std::string read_line(int from) {
    std::string line;
    for (char c; !line.ends_with('\n');) {
        const auto got = ::read(from, &c, 1);
        if (got == 0 || (got < 0 && errno != EINTR)) break;
        if (got > 0) line += c;
    }
    return line;
}

}  // namespace

target_process::target_process(std::vector<std::string> command) {
    allow_many_connections();
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw stage::cannot_listen{std::string{"no pipe: "} + std::strerror(errno)};
    std::vector<char*> arguments;
    for (auto& word : command) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (::getppid() != parent) ::_exit(1);  // it was too late to ask for that
        ::dup2(ends[1], STDOUT_FILENO);
        ::execv(arguments[0], arguments.data());
        ::_exit(127);
    }
    ::close(ends[1]);
    output_ = ends[0];
    const std::string line = pid_ < 0 ? "" : read_line(output_);
    const auto at = line.find("http://");
    if (at == line.npos) {
        end();
        throw stage::cannot_listen{"the target does not start"};
    }
    url_ = line.substr(at, line.find_first_of(" \n", at) - at);
}

void target_process::end() {
    if (const pid_t child = std::exchange(pid_, -1); child > 0) {
        const int watched = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
        pollfd ended{watched, POLLIN, 0};
        ::kill(child, SIGTERM);
        if (::poll(&ended, 1, patience_ms) != 1) ::kill(child, SIGKILL);
        ::close(watched);
        while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {}
    }
    if (const int output = std::exchange(output_, -1); output >= 0) ::close(output);
}

}  // namespace chaos
