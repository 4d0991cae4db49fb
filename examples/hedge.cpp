// A second attempt when the first takes long: the first answer wins, the other attempt is told to stop.
#include <fusebox/hedge.hpp>
#include <fusebox/pipeline.hpp>

#include <atomic>
#include <iostream>
#include <string>
#include <thread>

using namespace std::chrono_literals;

int main() {
    fusebox::hedge twice{{.delay = 20ms}};
    std::atomic<int> asked{0};
    std::atomic<bool> stopped{false};
    const auto read_value = [&](const fusebox::call_context& call) -> std::string {
        const int replica = ++asked;
        if (replica > 1) return "answer of replica " + std::to_string(replica);
        while (!call.stop_requested()) std::this_thread::sleep_for(1ms);  // replica 1 hangs
        stopped = true;
        return "too late";
    };
    {
        fusebox::pipeline calls{twice};
        std::cout << calls.call(read_value).value() << "\n";
    }  // waits for the attempt that has lost
    const auto seen = twice.snapshot();
    std::cout << seen.launched << " extra attempt sent, " << seen.won << " won\n";
    std::cout << "replica 1 " << (stopped ? "was told to stop" : "still runs") << "\n";
}
