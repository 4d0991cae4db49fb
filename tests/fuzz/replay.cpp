// Gives a fuzz target every file of a corpus, without a fuzzer: what was found once stays found.
//
//   request_head_replay FOLDER
#include "oracle.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator{argv[1]}) {
        std::ifstream file{entry.path(), std::ios::binary};
        const std::string bytes{std::istreambuf_iterator<char>{file}, {}};
        std::fprintf(stderr, "%s\n", entry.path().filename().c_str());
        // All of it, and cut off anywhere.
        for (std::size_t size = bytes.size() < 1000 ? 0 : bytes.size(); size <= bytes.size(); ++size) {
            LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), size);
        }
        ++files;
    }
    std::fprintf(stderr, "%d files\n", files);
    return files == 0 ? 1 : 0;
}
