#include "core/text/added_tokens.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "core/text/unicode.h"
#include "core/text/utf8.h"
#include "core/text/whitespace.h"

namespace rerank {
namespace {

bool ends_with_word(std::string_view text) {
  return !text.empty() && is_rust_word(decode(text, last_code_point(text)).value);
}

bool starts_with_word(std::string_view text) {
  return !text.empty() && is_rust_word(decode(text, 0).value);
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  for (const AddedToken& token : tokens_) {
    if (token.content.empty()) throw std::invalid_argument("an added token is empty");
    if (!is_valid_utf8(token.content))
      throw std::invalid_argument("the added token with id " + std::to_string(token.id) +
                                  " is not UTF-8");
    starts_[static_cast<unsigned char>(token.content[0])] = true;
  }
  std::ranges::stable_sort(tokens_, {}, &AddedToken::content);
  const auto equal = [](const AddedToken& a, const AddedToken& b) {
    return a.content == b.content;
  };
  tokens_.erase(std::unique(tokens_.begin(), tokens_.end(), equal), tokens_.end());
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    std::size_t prefix = i - 1;  // kNone for the first
    while (prefix != kNone && !tokens_[i].content.starts_with(tokens_[prefix].content))
      prefix = prefixes_[prefix];
    prefixes_.push_back(prefix);
  }
}

bool AddedTokens::may_take_spaces() const {
  return std::ranges::any_of(tokens_, [](const AddedToken& token) {
    return token.lstrip || token.rstrip || token.content.find(' ') != std::string::npos;
  });
}

const AddedToken* AddedTokens::longest_at(std::string_view rest) const {
  // Between a prefix of `rest` and `rest` itself only texts with that prefix sort: so the last token
  // that does not sort after `rest` begins with the one that is wanted.
  const auto after = std::ranges::upper_bound(tokens_, rest, {}, &AddedToken::content);
  if (after == tokens_.begin()) return nullptr;
  const std::string_view last = std::prev(after)->content;
  const auto num_shared =
      static_cast<std::size_t>(std::ranges::mismatch(last, rest).in1 - last.begin());
  auto token = static_cast<std::size_t>(after - tokens_.begin()) - 1;
  while (token != kNone && tokens_[token].content.size() > num_shared) token = prefixes_[token];
  return token == kNone ? nullptr : &tokens_[token];
}

std::optional<AddedTokens::Cursor::Match> AddedTokens::Cursor::find() {
  while (searched_ < text_.size()) {
    if (!tokens_.starts_[static_cast<unsigned char>(text_[searched_])]) {
      ++searched_;
      continue;
    }
    const AddedToken* token = tokens_.longest_at(text_.substr(searched_));
    if (token == nullptr) {
      ++searched_;
      continue;
    }
    Match match{searched_, searched_ + token->content.size(), token->id};
    searched_ = match.end;
    const std::string_view before = text_.substr(0, match.begin);
    const std::string_view after = text_.substr(match.end);
    if (token->single_word && (ends_with_word(before) || starts_with_word(after))) continue;
    // Space that was walked over is not walked over again: a token may itself be a space.
    if (token->lstrip && match.begin > done_)
      match.begin = done_ + trim_end(before.substr(done_)).size();
    if (token->rstrip && match.end >= space_end_)
      space_end_ = text_.size() - trim_start(after).size();
    if (token->rstrip) match.end = space_end_;
    return match;
  }
  return std::nullopt;
}

std::optional<Segment> AddedTokens::Cursor::next() {
  if (!waiting_) waiting_ = find();
  const std::size_t end = waiting_ ? waiting_->begin : text_.size();
  if (done_ < end) {
    const std::size_t begin = std::exchange(done_, end);
    return Segment{text_.substr(begin, end - begin), {}};
  }
  if (!waiting_) return std::nullopt;
  const Match match = *waiting_;
  waiting_.reset();
  done_ = match.end;
  return Segment{text_.substr(match.begin, match.end - match.begin), match.id};
}

}  // namespace rerank
