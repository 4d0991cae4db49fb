// A PostgreSQL server of the test's own: a fresh cluster below /tmp, on a Unix socket, as an unprivileged user, gone
// with the test. FUSEBOX_POSTGRES is the folder of its programs.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace e2e {

class postgres_cluster {
public:
    postgres_cluster() {
        char name[] = "/tmp/fusebox-postgres-XXXXXX";
        if (!::mkdtemp(name)) throw std::runtime_error("mkdtemp");
        folder_ = name;
        if (::geteuid() == 0) {  // whom PostgreSQL refuses to serve
            const passwd* const nobody = ::getpwnam("nobody");
            if (!nobody) throw std::runtime_error("there is no user nobody");
            user_ = nobody->pw_uid;
            group_ = nobody->pw_gid;
            if (::chown(name, user_, group_) != 0) throw std::runtime_error("chown");
        }
        const pid_t made = run(
            {program("initdb"), "-D", data(), "-A", "trust", "-U", "orders", "-E", "UTF8", "--no-locale", "--no-sync"});
        int status = 0;
        ::waitpid(made, &status, 0);
        if (status != 0) throw std::runtime_error("initdb failed; see " + folder_ + "/log");
        start();
    }
    postgres_cluster(const postgres_cluster&) = delete;
    postgres_cluster& operator=(const postgres_cluster&) = delete;
    ~postgres_cluster() {
        stop();
        std::filesystem::remove_all(folder_);
    }

    // Returns at once; it can be connected to a moment later.
    void start() { server_ = run({program("postgres"), "-D", data(), "-k", folder_, "-h", "", "-F"}); }
    void stop() {
        ::kill(server_, SIGQUIT);
        ::waitpid(std::exchange(server_, -1), nullptr, 0);
    }
    std::string url() const { return "postgresql://orders@/postgres?host=" + folder_; }

private:
    static std::string program(const std::string& name) { return FUSEBOX_POSTGRES "/" + name; }
    std::string data() const { return folder_ + "/data"; }

    pid_t run(std::vector<std::string> command) const {
        std::vector<char*> arguments;
        for (auto& word : command) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        const std::string log = folder_ + "/log";
        const pid_t child = ::fork();
        if (child != 0) return child;
        if (user_ != 0 && (::setgid(group_) != 0 || ::setuid(user_) != 0)) ::_exit(126);
        ::prctl(PR_SET_PDEATHSIG, SIGQUIT);  // a killed test takes it along
        const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::dup2(out, STDOUT_FILENO);
        ::dup2(out, STDERR_FILENO);
        if (::chdir(folder_.c_str()) != 0) ::_exit(126);
        ::execv(arguments[0], arguments.data());
        ::_exit(127);
    }

    std::string folder_;
    uid_t user_ = 0;
    gid_t group_ = 0;
    pid_t server_ = -1;
};

}  // namespace e2e
