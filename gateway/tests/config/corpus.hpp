// The configuration files of files/, and an environment of the test's own.
#pragma once

#include <fusebox/gateway/configuration_file.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

namespace fusebox::gateway {

inline std::string slurp(const std::filesystem::path& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

inline std::vector<std::filesystem::path> corpus(const std::string& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry :
         std::filesystem::directory_iterator{FUSEBOX_SOURCE_DIR "/gateway/tests/config/files/" + folder})
        if (entry.path().extension() == ".yaml") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

inline environment variables(std::map<std::string, std::string> values = {}) {
    return [values](const std::string& name) -> std::optional<std::string> {
        const auto found = values.find(name);
        return found == values.end() ? std::nullopt : std::optional<std::string>{found->second};
    };
}

inline std::expected<checked_configuration, std::vector<diagnostic>> read(const std::string& text,
                                                                          environment from = variables()) {
    return read_configuration(text, "f.yaml", from);
}

// All that is said of `text`, a line each.
inline std::string complaints(const std::string& text, environment from = variables()) {
    const auto result = read(text, from);
    std::string all;
    if (!result)
        for (const auto& d : result.error()) all += d.text() + "\n";
    return all;
}

}  // namespace fusebox::gateway
