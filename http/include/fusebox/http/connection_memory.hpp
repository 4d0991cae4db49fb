// The memory that the connections of one thread share. An idle connection holds none of it.
#pragma once

#include <fusebox/http/block_pool.hpp>
#include <fusebox/http/field_section.hpp>
#include <fusebox/http/request_head.hpp>
#include <fusebox/http/response_head.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>

namespace fusebox::http {

class connection_memory {
public:
    // Room beside a head of full size, for the body's first bytes or its trailer fields.
    static constexpr std::size_t beside_head = 8192;

    explicit connection_memory(const head_limits& limits = {}, std::size_t scratch_bytes = 131072)
        : messages(limits.bytes + beside_head + std::max(sizeof(request_head), sizeof(response_head))),
          unsent(16384),
          scratch_(std::make_unique_for_overwrite<char[]>(scratch_bytes)),
          scratch_bytes_(scratch_bytes) {}

    // Where a read goes whose bytes are sent on before anybody else reads.
    std::span<char> scratch() noexcept { return {scratch_.get(), scratch_bytes_}; }

    block_pool messages;  // a head that is being read or served, and what came with it
    block_pool unsent;    // bytes that a peer did not take yet

private:
    std::unique_ptr<char[]> scratch_;
    std::size_t scratch_bytes_;
};

}  // namespace fusebox::http
