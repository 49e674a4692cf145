#include "core/text/tokenizer.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/text/bert_word_pieces.h"

namespace rerank {
namespace {

// Bytes, at least, that are normalized at once: what is far behind the limit is never looked at.
constexpr std::size_t kChunk = 2048;

constexpr std::size_t kKeptBytes = 1 << 20;  // of a buffer, from text to text

AddedTokens chosen(const TokenizerParts& parts, bool normalized) {
  std::vector<AddedToken> tokens;
  for (const TokenizerParts::Token& added : parts.added_tokens) {
    if (added.normalized != normalized) continue;
    tokens.push_back(added.token);
    if (normalized && parts.normalizer) {
      tokens.back().content.clear();
      parts.normalizer->apply(added.token.content, tokens.back().content);
      if (tokens.back().content.empty())
        throw std::invalid_argument("the added token \"" + added.token.content +
                                    "\" is empty when normalized");
    }
  }
  return AddedTokens(std::move(tokens));
}

bool is_ascii_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// The end of the first chunk: a single space between two ASCII letters or digits belongs to what
// follows, and nothing before it can change by what is behind it.
std::size_t chunk_end(std::string_view text) {
  for (std::size_t at = kChunk; (at = text.find(' ', at)) < text.size(); ++at)
    if (at + 1 < text.size() && is_ascii_alphanumeric(text[at - 1]) &&
        is_ascii_alphanumeric(text[at + 1]))
      return at;
  return text.size();
}

}  // namespace

Tokenizer::Tokenizer(TokenizerParts parts)
    : in_raw_(chosen(parts, false)), in_normalized_(chosen(parts, true)) {
  if (!parts.model) throw std::invalid_argument("a tokenizer needs a model");
  in_chunks_ = parts.splits_at_spaces && !in_normalized_.may_take_spaces();
  normalizer_ = std::move(parts.normalizer);
  pre_tokenizer_ = std::move(parts.pre_tokenizer);
  model_ = std::move(parts.model);
  word_piece_ = dynamic_cast<const WordPiece*>(model_.get());
  if (parts.bert_text && word_piece_ != nullptr && in_normalized_.empty())
    bert_text_.emplace(*parts.bert_text);
}

void Tokenizer::Scratch::trim() {
  if (bert_.word.capacity() > kKeptBytes) bert_ = {};
  if (normalized_.capacity() > kKeptBytes) normalized_ = {};
  if (words_.text.capacity() > kKeptBytes) words_ = {};
}

bool Tokenizer::encode(std::string_view text, std::size_t limit, Scratch& scratch,
                       std::vector<std::int32_t>& ids) const {
  const std::size_t most = ids.size() + std::min(limit, kUnlimited - ids.size());
  AddedTokens::Cursor segments(in_raw_, text);
  while (const std::optional<Segment> segment = segments.next()) {
    const bool first = segment->text.data() == text.data();
    if (segment->token)
      ids.push_back(*segment->token);
    else
      encode_raw(segment->text, first, most, scratch, ids);
    if (ids.size() > most) {
      ids.resize(most);
      return false;
    }
  }
  return true;
}

void Tokenizer::encode_raw(std::string_view text, bool first, std::size_t most, Scratch& scratch,
                           std::vector<std::int32_t>& ids) const {
  if (bert_text_) {
    append_word_pieces(*bert_text_, *word_piece_, text, most, scratch.bert_, ids);
    return;
  }
  while (!text.empty() && ids.size() <= most) {
    const std::string_view chunk = text.substr(0, in_chunks_ ? chunk_end(text) : text.size());
    text.remove_prefix(chunk.size());
    std::string_view normalized = chunk;
    if (normalizer_) {
      scratch.normalized_.clear();
      normalizer_->apply(chunk, scratch.normalized_);
      normalized = scratch.normalized_;
    }
    AddedTokens::Cursor segments(in_normalized_, normalized);
    while (const std::optional<Segment> segment = segments.next()) {
      if (segment->token)
        ids.push_back(*segment->token);
      else
        encode_words(segment->text, first && segment->text.data() == normalized.data(), most,
                     scratch, ids);
    }
    first = false;
  }
}

void Tokenizer::encode_words(std::string_view text, bool first, std::size_t most, Scratch& scratch,
                             std::vector<std::int32_t>& ids) const {
  if (!pre_tokenizer_) {
    model_->tokenize(text, *scratch.model_, ids);
    return;
  }
  Words& words = scratch.words_;
  words.clear();
  pre_tokenizer_->apply(text, first, words);
  for (std::size_t i = 0; i < words.size() && ids.size() <= most; ++i)
    model_->tokenize(words[i], *scratch.model_, ids);
}

}  // namespace rerank
