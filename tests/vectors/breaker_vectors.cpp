// breaker_vectors FILE…: runs vector files, prints each failing id with what it got, and closes with
// "N passed, M failed". Exit status 0 when all passed, 1 when some failed, 2 when a file cannot be read.
#include "case.hpp"

#include <fstream>
#include <iostream>
#include <iterator>

int main(int argc, char** argv) {
    if (argc < 2) {
        std::cerr << "usage: breaker_vectors FILE...\n";
        return 2;
    }
    int passed = 0, failed = 0;
    for (int i = 1; i < argc; ++i) {
        std::ifstream file(argv[i], std::ios::binary);
        if (!file) {
            std::cerr << argv[i] << ": cannot be opened\n";
            return 2;
        }
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        const auto cases = vectors::parse_file(text);
        if (!cases) {
            std::cerr << argv[i] << ": " << cases.error() << '\n';
            return 2;
        }
        for (const auto& c : *cases) {
            const std::string wrong = vectors::run(c);
            ++(wrong.empty() ? passed : failed);
            if (!wrong.empty()) std::cout << c.id << ": " << wrong << '\n';
        }
    }
    std::cout << passed << " passed, " << failed << " failed\n";
    return failed == 0 ? 0 : 1;
}
