// Base64 (RFC 4648, section 4), as strict as the `base64` crate: padded, and one text per byte string.
#pragma once

#include <string>
#include <string_view>

namespace rerank {

// Throws std::invalid_argument.
std::string decode_base64(std::string_view text);

}  // namespace rerank
