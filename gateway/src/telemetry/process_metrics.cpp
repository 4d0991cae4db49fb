#include "telemetry/process_metrics.hpp"

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

namespace fusebox::gateway {

namespace {

// Of /proc/self/stat, from the third field on: what stands before may hold spaces, in parentheses (proc(5)).
std::vector<double> numbers_of_this_process() {
    std::ifstream file("/proc/self/stat");
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    std::vector<double> numbers;
    for (std::size_t at = text.find(' ', text.rfind(')')); at != std::string::npos;) {
        const char* const begin = text.data() + at + 1;
        double number = 0;
        (void)std::from_chars(begin, text.data() + text.size(), number);  // the state, a letter, is left at 0
        numbers.push_back(number);
        at = text.find(' ', at + 1);
    }
    return numbers;
}

// When the machine started, in seconds of Unix time.
double boot_time() {
    std::ifstream file("/proc/stat");
    for (std::string word; file >> word;)
        if (double seconds = 0; word == "btime" && file >> seconds) return seconds;
    return 0;
}

std::uint64_t open_descriptors() {
    std::error_code failed;
    std::filesystem::directory_iterator all("/proc/self/fd", failed);
    return failed ? 0 : static_cast<std::uint64_t>(std::distance(begin(all), end(all))) - 1;  // less the one for this
}

}  // namespace

void expose_process(metrics::exposition& out) {
    out.family("fusebox_build_info", "gauge", "Always 1; what runs here.");
    out.sample({{"version", FUSEBOX_VERSION}, {"commit", FUSEBOX_COMMIT}}, true);
    // The numbers of the fields are those of proc(5); the first here is 3.
    constexpr std::size_t user_time = 14 - 3, system_time = 15 - 3, threads = 20 - 3, start = 22 - 3, size = 23 - 3,
                          resident = 24 - 3;
    const std::vector<double> is = numbers_of_this_process();
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    const auto one = [&](const char* name, const char* type, const char* help, auto value) {
        out.family(name, type, help);
        out.sample({}, value);
    };
    if (is.size() > resident) {
        one("process_cpu_seconds_total", "counter", "Processor time, of the user and the system.",
            (is[user_time] + is[system_time]) / ticks);
        one("process_threads", "gauge", "Threads.", is[threads]);
        one("process_start_time_seconds", "gauge", "When it started, in seconds of Unix time.",
            boot_time() + is[start] / ticks);
        one("process_virtual_memory_bytes", "gauge", "Virtual memory.", is[size]);
        one("process_resident_memory_bytes", "gauge", "Memory that is really there.",
            is[resident] * static_cast<double>(::sysconf(_SC_PAGESIZE)));
    }
    one("process_open_fds", "gauge", "Open descriptors.", open_descriptors());
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0)
        one("process_max_fds", "gauge", "Descriptors that may be open.", std::uint64_t{files.rlim_cur});
}

}  // namespace fusebox::gateway
