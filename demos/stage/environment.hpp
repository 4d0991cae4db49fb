// Settings from environment variables, and from a file `.env` where the program was started, whose lines stand behind
// the variables. One that is empty counts as not set. Checked as they are read: what is not understood is never
// replaced by a default, it is refused, with the variable, its value and what it must be.
//
// Thread-safety: none.
#pragma once

#include <fusebox/clock.hpp>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

namespace stage {

class environment {
public:
    // `lookup` answers null for a variable that is not set.
    explicit environment(std::function<const char*(const char*)> lookup);
    // The process's variables, and those of `./.env`.
    static environment of_process();
    // "NAME=value" in each line, or "# a remark", which may also follow a value after a blank. As in shells and
    // Compose, "export" may stand before the name, and quotes around the value. Other lines are left out, as the file
    // may be somebody else's, too: warning() says which.
    void add_file(const std::string& text);
    // A sentence, with the first such line; empty when all lines were understood.
    std::string warning() const;

    std::string text(const char* name, std::string otherwise);
    double probability(const char* name, double otherwise);
    fusebox::duration seconds(const char* name, fusebox::duration otherwise, fusebox::duration at_least);
    std::uint64_t whole_number(const char* name, std::uint64_t otherwise, std::uint64_t at_least,
                               std::uint64_t at_most);
    std::string url(const char* name, std::string otherwise);

    // Of variables that mean the same, the one that is set, or else the first.
    const char* one_of(std::initializer_list<const char*> names) const;

    void refuse(const std::string& sentence) { refused_.push_back(sentence); }
    // "HEALTH_FAIL_RATE=2 must be a number from 0 to 1"; empty when all was understood.
    const std::vector<std::string>& refused() const { return refused_; }
    // Throws std::invalid_argument with all that was refused.
    void check() const;

private:
    const char* find(const char* name) const;

    std::function<const char*(const char*)> lookup_;
    std::map<std::string, std::string> file_;
    std::vector<int> left_out_;  // lines of the file, from 1
    std::vector<std::string> refused_;
};

}  // namespace stage
