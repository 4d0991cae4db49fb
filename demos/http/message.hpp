// A request and a response of the demos' small HTTP engine. Plain values.
#pragma once

#include <map>
#include <stop_token>
#include <string>

namespace demo::http {

struct request {
    std::string method{};
    std::string path{};                            // without the query
    std::map<std::string, std::string> headers{};  // names in lower case
    std::stop_token stopping{};                    // asked to stop when the server is: answer soon

    // The header's value, or an empty string. `name` in lower case.
    const std::string& header(const std::string& name) const {
        static const std::string none;
        const auto found = headers.find(name);
        return found == headers.end() ? none : found->second;
    }
};

struct response {
    int status = 200;
    std::string body{};
    std::string content_type = "application/json";
    std::map<std::string, std::string> headers{};
};

}  // namespace demo::http
